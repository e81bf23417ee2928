//! What players type in secret stays secret, and what they type for others is fit to be shown.

use bot::client::{Event, LoginOutcome, PinOutcome};
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, post_json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Words that stand nowhere else.
const PASSWORD: &str = "Xq7Zw9Kp2Lm";
const WRONG_PASSWORD: &str = "Vb4Nh8Rt6Yc";
const NEW_PASSWORD: &str = "Jd3Fs5Gw1Qz";
const PIN: &str = "73915086421937";
const WRONG_PIN: &str = "60482915730264";
const PATIENCE: Duration = Duration::from_secs(20);

fn one_node() -> Cluster {
    Cluster::start(Options { nodes: 1, ..Options::default() })
}

fn sign_up(cluster: &Cluster, account: &str, character: &str) -> Identity {
    let body = serde_json::json!({ "username": account, "password": PASSWORD }).to_string();
    assert_eq!(post_json(&cluster.signup(), &body).expect("the sign-up answers").status, 201);
    Identity {
        profile: Profile::V759,
        account: account.to_owned(),
        password: PASSWORD.to_owned(),
        pin: PIN.to_owned(),
        character: character.to_owned(),
        class: 1,
    }
}

/// Everything below a folder that is no link.
fn everything(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match entry.file_type().expect("its type") {
            kind if kind.is_symlink() => continue,
            kind if kind.is_dir() => everything(&path, found),
            _ => {}
        }
        found.push(path);
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A player who logs in wrongly and rightly, with all the secrets there are.
fn tell_all(cluster: &Cluster, identity: &Identity) {
    let mistaken = Identity { password: WRONG_PASSWORD.to_owned(), ..identity.clone() };
    let refused = Player::connect(cluster, &mistaken).try_login(true);
    assert!(matches!(refused, LoginOutcome::Panel(_)), "{refused:?}");
    drop(Player::enter(cluster, identity));
    let mut player = Player::connect(cluster, identity);
    player.log_in(true);
    assert!(matches!(player.pin(WRONG_PIN), PinOutcome::Wrong));
    let changed = cluster
        .with_data(&["account", "password", &identity.account, "--password-stdin"], Some(NEW_PASSWORD));
    assert!(changed.status.success(), "{changed:?}");
}

#[test]
fn passwords_and_pins_are_in_no_file_and_no_command_line_and_no_file_is_for_others() {
    let mut cluster = one_node();
    assert_eq!(cluster.stop(), Some(0));
    let key = fs::read_to_string(cluster.data().join("cluster.key")).expect("the key");
    for file in fs::read_dir(cluster.data().join("config")).expect("the settings").flatten() {
        let text =
            fs::read_to_string(file.path()).expect("settings") + "\n[process]\nlog_level = \"debug\"\n";
        fs::write(file.path(), text).expect("settings");
    }
    cluster.up();
    tell_all(&cluster, &sign_up(&cluster, "quieta", "Quieta"));
    for pid in cluster.pids() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).expect("a process");
        assert!(!line.is_empty() && !holds(&line, key.trim()), "the key is on a command line");
    }
    assert_eq!(cluster.stop(), Some(0));
    let mut found = Vec::new();
    everything(&cluster.data(), &mut found);
    assert!(found.iter().any(|path| path.ends_with("logs/edge-1/edge-1.jsonl")), "{found:?}");
    for path in &found {
        let mode = fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
        let Ok(bytes) = fs::read(path) else { continue };
        for secret in [PASSWORD, WRONG_PASSWORD, NEW_PASSWORD, PIN, WRONG_PIN] {
            assert!(!holds(&bytes, secret), "{secret} is in {}", path.display());
        }
        assert!(
            path.ends_with("cluster.key") || !holds(&bytes, key.trim()),
            "the key is in {}",
            path.display()
        );
    }
}

#[test]
fn what_a_player_says_reaches_others_without_control_characters() {
    let cluster = one_node();
    let identity = sign_up(&cluster, "falante", "Falante");
    let mut speaker = Player::enter(&cluster, &identity);
    let mut neighbour = Player::enter(&cluster, &sign_up(&cluster, "ouvinte", "Ouvinte"));
    neighbour.until_sees("Falante");
    speaker.until_sees("Ouvinte");
    speaker.run("chat", async |client| client.say("a\u{1}b\r\n\u{1b}[2J%n%s\u{7f}\u{81} olá").await);
    let said = neighbour.expect("the line", PATIENCE, |_, event| match event {
        Event::Said { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(said, "ab[2J%n%s olá");
    speaker.run("a whisper", async |client| client.whisper("Ouvinte", "x\u{8}\t{0}\u{1b}y").await);
    let (from, whispered) = neighbour.expect("the whisper", PATIENCE, |_, event| match event {
        Event::Whispered { from, text } => Some((from.clone(), text.clone())),
        _ => None,
    });
    assert_eq!((from.as_str(), whispered.as_str()), ("Falante", "x{0}y"));
    speaker.run("a whisper to nobody", async |client| client.whisper("\u{1b}{0}\n%n", "x").await);
    let line = speaker.expect("an answer", PATIENCE, |_, event| match event {
        Event::Panel(text) => Some(text.clone()),
        _ => None,
    });
    assert!(line.contains("{0}%n") && !line.chars().any(char::is_control), "{line:?}");
}
