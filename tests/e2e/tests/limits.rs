//! Settings edited while the cluster runs, and logs that survive the death of their keeper.
#![allow(clippy::unwrap_used)]

use bot::client::Event;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, wait_for};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// Appends to the edge's settings as an operator's editor does: the whole file is replaced.
fn edit(cluster: &Cluster, original: &str, addition: &str) {
    let file = cluster.data().join("config/Edge.conf");
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, format!("{addition}\n{original}")).unwrap();
    std::fs::rename(&fresh, &file).unwrap();
}

fn original(cluster: &Cluster) -> String {
    std::fs::read_to_string(cluster.data().join("config/Edge.conf")).unwrap()
}

/// What `wydbr logs` shows of a text.
fn logged(cluster: &Cluster, text: &str) -> Vec<String> {
    let output = cluster.with_data(&["logs", "--last", "200", "--grep", text], None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn until_logged(cluster: &Cluster, text: &str, times: usize) -> Vec<String> {
    wait_for(&format!("`{text}` is logged {times} times"), PATIENCE, || {
        Some(logged(cluster, text)).filter(|lines| lines.len() >= times)
    })
}

/// Says lines at once; how many of them the neighbour hears.
fn chatter(speaker: &mut Player, neighbour: &mut Player, word: &str, lines: usize) -> usize {
    for number in 0..lines {
        let line = format!("{word} {number}");
        speaker.run("chat", async |client| client.say(&line).await);
    }
    // an emote is not counted as chat: when it is seen, every line before it was judged
    speaker.run("an emote", async |client| client.emote(14).await);
    let name = speaker.identity.character.clone();
    let mut heard = 0;
    neighbour.expect("the emote after the lines", PATIENCE, |_, event| match event {
        Event::Said { text, .. } if text.starts_with(word) => {
            heard += 1;
            None
        }
        Event::Motion { name: Some(seen), .. } if **seen == *name => Some(()),
        _ => None,
    });
    heard
}

#[test]
fn an_edited_limit_counts_at_once_and_a_bad_edit_is_logged_and_ignored() {
    let cluster = Cluster::start(Options::default());
    let settings = original(&cluster);
    let identities = ["falador", "ouvinte"].map(|name| Identity::sign_up(&cluster, Profile::V759, name));
    let [mut speaker, mut neighbour] =
        identities.each_ref().map(|identity| Player::enter(&cluster, identity));
    neighbour.until_sees("Falador");
    assert_eq!(chatter(&mut speaker, &mut neighbour, "livre", 6), 6);

    edit(&cluster, &settings, "budgets.chat = { per_second = 0.01, burst = 2.0 }");
    until_logged(&cluster, "settings reloaded", 1);
    let heard = chatter(&mut speaker, &mut neighbour, "pouco", 6);
    assert!(heard <= 2, "{heard} lines of a budget of 2");

    edit(&cluster, &settings, "budgets.chat = \"muito\"");
    let lines = until_logged(&cluster, "not reloaded", 1);
    assert!(lines[0].contains("Edge.conf") && lines[0].contains("budgets.chat"), "{lines:?}");
    assert_eq!(chatter(&mut speaker, &mut neighbour, "ainda", 6), 0, "the last good settings stay");

    edit(&cluster, &settings, "");
    until_logged(&cluster, "settings reloaded", 2);
    let mut heard = 0;
    wait_for("the budget is the default again", PATIENCE, || {
        heard += chatter(&mut speaker, &mut neighbour, "de novo", 1);
        speaker.listen(Instant::now() + Duration::from_millis(500)); // a budget of 0.01 a second takes longer
        (heard >= 3).then_some(())
    });

    neighbour.run("a sign of life", async |client| client.ping().await);
    edit(&cluster, &settings, "deadlines.idle_ms = 2000");
    let silent_since = Instant::now();
    neighbour.until_closed();
    assert!(silent_since.elapsed() < Duration::from_secs(10), "closed after {:?}", silent_since.elapsed());
    assert!(cluster.ps().iter().all(|row| row.restarts == 0));
}

#[test]
fn lines_that_were_logged_while_logsrv_was_dead_arrive_once() {
    let cluster = Cluster::start(Options::default());
    let identity = Identity::sign_up(&cluster, Profile::V759, "anotado");
    Player::enter(&cluster, &identity).leave();
    until_logged(&cluster, "entered the world", 1);
    let mut expected = 1;
    for _ in 0..3 {
        let before = cluster.process("logsrv-1");
        e2e::signal(before.pid, "KILL");
        for _ in 0..3 {
            Player::enter(&cluster, &identity).leave();
            expected += 1;
        }
        wait_for("LogSrv runs again", PATIENCE, || {
            let now = cluster.process("logsrv-1");
            (now.pid != before.pid && now.state == "running").then_some(())
        });
        until_logged(&cluster, "entered the world", expected);
    }
    assert_eq!(logged(&cluster, "entered the world").len(), expected, "no line twice");
    let folder = cluster.data().join("logs/edge-1");
    let files = std::fs::read_dir(&folder).unwrap().flatten();
    let texts: String = files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect();
    assert_eq!(texts.lines().filter(|line| line.contains("entered the world")).count(), expected);
}
