//! Players through a relay: they play as over TCP, a listener reads nothing, and neither another address, nor a line that is
//! cut, nor another program of the edge loses anybody.
#![allow(clippy::unwrap_used)]

use bot::protocol::profile::Profile;
use e2e::{
    Cluster, Identity, Options, Player, Recording, TcpTap, UdpTap, free_port, metric, metric_with, rolling,
    signal, wait_for,
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

/// A cluster, and a relay before its edge that everybody plays through.
struct Stage {
    cluster: Cluster,
    relay: Relay,
    udp: UdpTap,
    tcp: TcpTap,
    http: String,
}

impl Stage {
    fn start(nodes: u16) -> Self {
        let quic = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let settings = vec![("Edge", format!("[quic]\nlisten = \"{quic}\"\n"))];
        let mut cluster = Cluster::start(Options { nodes, settings, ..Options::default() });
        let fingerprint = fs::read_to_string(cluster.data().join("quic/edge-1.fingerprint")).unwrap();
        let http = cluster.process("edge-1").http;
        let udp = UdpTap::before(quic);
        let relay = Relay::start(udp.address, fingerprint.trim());
        let tcp = TcpTap::before(relay.address);
        cluster.edge_port = tcp.address.port();
        Self { cluster, relay, udp, tcp, http }
    }

    fn resumed(&self) -> f64 {
        metric_with(&self.http, "wydbr_edge_relayed_total", "outcome=\"resumed\"").unwrap_or(0.0)
    }

    /// Bytes of players in one direction, as their clients have them and as QUIC carries them.
    fn bytes(&self, direction: &str) -> [f64; 2] {
        ["whole", "packed"].map(|form| {
            let label = format!("direction=\"{direction}\",form=\"{form}\"");
            metric_with(&self.http, "wydbr_edge_relayed_bytes_total", &label).unwrap()
        })
    }
}

#[test]
fn players_behind_a_relay_outlive_the_program_of_their_edge_and_a_line_that_is_cut() {
    let mut stage = Stage::start(2);
    let identities = ["mudada", "cortada"].map(|name| Identity::sign_up(&stage.cluster, Profile::V759, name));
    let [mut ana, mut bia] = identities.each_ref().map(|identity| Player::enter(&stage.cluster, identity));
    ana.until_sees(&bia.identity.character);
    ana.say_to(&mut bia, "antes");
    let bots =
        stage.cluster.start_bots(&["--players", "8", "--for", "30", "--profile", "mixed", "--seed", "8"]);
    wait_for("the bots play", SOON, || {
        (metric_with(&stage.http, "wydbr_edge_sessions_count", "phase=\"playing\"") == Some(10.0))
            .then_some(())
    });
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("wydbr");
    fs::copy(e2e::wydbr_binary(), &program).unwrap();
    rolling::upgrade(&stage.cluster, &program, &["edge-1".to_owned()]).unwrap();
    wait_for("the edge runs the new program", SOON, || {
        (rolling::on_program(&stage.cluster, &program) == ["edge-1"]).then_some(())
    });
    stage.http = stage.cluster.process("edge-1").http;
    ana.say_to(&mut bia, "depois da troca");
    bia.whisper_to(&mut ana, "nem notei");
    wait_for("all have come back", SOON, || (stage.resumed() >= 10.0).then_some(()));
    let (report, _) = bots.finish();
    // when things happen again is not what this is about, and the machine may be busy
    for none in ["dropped", "reentered", "missing", "doubled"] {
        assert_eq!(report[none], 0, "{none}: {report:#}");
    }
    println!("bots over the upgrade: longest gap {} ms", report["longest_gap_ms"]);

    wait_for("the bots have left", SOON, || {
        (metric(&stage.http, "wydbr_edge_connections_count") == Some(2.0)).then_some(())
    });
    let before = stage.resumed();
    stage.udp.cut();
    wait_for("the edge has lost the relay", SOON, || {
        let relays = metric(&stage.http, "wydbr_edge_relays_count");
        let waiting = metric(&stage.http, "wydbr_edge_relayed_waiting_count");
        (relays == Some(0.0) && waiting == Some(2.0)).then_some(())
    });
    stage.udp.change_address();
    stage.udp.mend();
    ana.say_to(&mut bia, "a linha voltou");
    bia.say_to(&mut ana, "voltou mesmo");
    assert_eq!(stage.resumed(), before + 2.0);
    assert_eq!(metric(&stage.http, "wydbr_edge_relayed_waiting_count"), Some(0.0));
    for player in [&mut ana, &mut bia] {
        player.assert_content();
    }
    stage.relay.stop();
    for player in [&mut ana, &mut bia] {
        player.until_closed();
    }
    assert_eq!(stage.cluster.stop(), Some(0));
}

#[test]
fn a_crowd_behind_a_relay_takes_less_than_its_clients_hear() {
    let mut stage = Stage::start(1);
    let players = ["--crowd", "--players", "48", "--for", "20", "--profile", "mixed", "--seed", "9"];
    let (report, _) = stage.cluster.bots(&players);
    assert!(report["entered"] == 48 && report["dropped"] == 0, "{report:#}");
    let [up, down] = ["in", "out"].map(|direction| stage.bytes(direction));
    println!(
        "48 bots: {:.0} bytes up became {:.0} ({:.0} %), {:.0} bytes down became {:.0} ({:.0} %)",
        up[0],
        up[1],
        100.0 * up[1] / up[0],
        down[0],
        down[1],
        100.0 * down[1] / down[0]
    );
    println!(
        "TCP {} bytes, UDP {} bytes, both ways",
        stage.tcp.recording.bytes(),
        stage.udp.recording.bytes()
    );
    assert!(down[1] < down[0] / 2.0, "towards the clients: {down:?}");
    assert!(up[1] < up[0], "from the clients: {up:?}");
    stage.relay.stop();
    assert_eq!(stage.cluster.stop(), Some(0));
}
