//! Players through a relay: they play as over TCP, a listener reads nothing, and another address loses nobody.
#![allow(clippy::unwrap_used)]

use bot::protocol::profile::Profile;
use e2e::{
    Cluster, Identity, Options, Player, Recording, TcpTap, UdpTap, free_port, metric, signal, wait_for,
};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TEXT: &str = "quem escuta na linha";
const SOON: Duration = Duration::from_secs(20);
/// Packets that hold a name or a line are no longer than this.
const PACKET_MAX: usize = 200;

/// `wydbr relay`; killed when dropped.
struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Relay {
    fn start(edge: SocketAddr, fingerprint: &str) -> Self {
        let mut child = Command::new(e2e::wydbr_binary())
            .args([
                "relay",
                "--listen",
                "127.0.0.1:0",
                "--edge",
                &edge.to_string(),
                "--fingerprint",
                fingerprint,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.find(|line| line.starts_with("ready: ")).expect("the relay is ready");
        let address = ready.rsplit(' ').next().unwrap().parse().unwrap();
        std::thread::spawn(move || lines.for_each(|line| println!("   relay: {line}")));
        Self { child, address }
    }

    fn stop(&mut self) {
        signal(self.child.id(), "TERM");
        let status = wait_for("the relay stops", SOON, || self.child.try_wait().unwrap());
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// True when a packet of the client protocol with this text stands anywhere in what passed: the obfuscation of
/// that protocol hides nothing from whoever has a client.
fn holds_packet_with(recording: &Recording, text: &str) -> bool {
    let all = recording.pieces().concat();
    (0..all.len()).any(|start| {
        let Some([low, high]) = all.get(start..start + 2) else { return false };
        let size = usize::from(u16::from_le_bytes([*low, *high]));
        let Some(frame) = all.get(start..start + size).filter(|_| (12..=PACKET_MAX).contains(&size)) else {
            return false;
        };
        let mut plain = frame.to_vec();
        wire::codec::decode_in_place(&mut plain).is_ok()
            && plain.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn bots_play_through_a_relay_nobody_listens_and_a_change_of_address_keeps_them() {
    let quic = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let settings = vec![("Edge", format!("[quic]\nlisten = \"{quic}\"\n"))];
    let mut cluster = Cluster::start(Options { nodes: 2, tls: true, settings, ..Options::default() });
    let fingerprint = fs::read_to_string(cluster.data().join("quic/edge-1.fingerprint")).unwrap();
    let (direct, http) = (cluster.edge_port, cluster.process("edge-1").http);
    let udp = UdpTap::before(quic);
    let mut relay = Relay::start(udp.address, fingerprint.trim());
    let tcp = TcpTap::before(relay.address);
    cluster.edge_port = tcp.address.port();

    let identities = ["escutada", "ouvinte"].map(|name| Identity::sign_up(&cluster, Profile::V759, name));
    let [mut ana, mut bia] = identities.each_ref().map(|identity| Player::enter(&cluster, identity));
    ana.until_sees(&bia.identity.character);
    ana.say_to(&mut bia, TEXT);
    let bots = cluster.start_bots(&["--players", "8", "--for", "25", "--profile", "mixed", "--seed", "6"]);
    let first = udp.seen_by_the_server();
    for round in 0..3 {
        udp.change_address();
        let text = format!("ainda aqui {round}");
        ana.say_to(&mut bia, &text);
        bia.whisper_to(&mut ana, &text);
    }
    assert_ne!(udp.seen_by_the_server(), first);
    assert_eq!(metric(&http, "wydbr_edge_relays_count"), Some(1.0), "all on one connection");
    // over TCP, side by side, on the same edge
    cluster.edge_port = direct;
    let third = Identity::sign_up(&cluster, Profile::V769, "diretamente");
    Player::enter(&cluster, &third).leave();
    let (report, content) = bots.finish();
    assert!(content, "{report:#}");
    udp.change_address();
    ana.say_to(&mut bia, "depois de tudo");
    for player in [&mut ana, &mut bia] {
        player.assert_content();
    }

    assert!(udp.recording.bytes() > 50_000, "the tap saw {} bytes", udp.recording.bytes());
    for text in [TEXT, identities[0].account.as_str()] {
        assert!(holds_packet_with(&tcp.recording, text), "`{text}` is readable before the relay");
        assert!(!holds_packet_with(&udp.recording, text), "`{text}` is readable behind the relay");
        assert!(!udp.recording.saw(text.as_bytes()), "`{text}` is readable behind the relay");
    }
    relay.stop();
    wait_for("the edge has no relay any more", SOON, || {
        (metric(&http, "wydbr_edge_relays_count") == Some(0.0)).then_some(())
    });
    for player in [&mut ana, &mut bia] {
        player.until_closed();
    }
    assert_eq!(cluster.process("edge-1").restarts, 0);
    assert_eq!(cluster.stop(), Some(0));
}
