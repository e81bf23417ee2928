//! What players type in words, and what the panel says to it.

use crate::Player;
use bot::client::Event;
use std::time::{Duration, Instant};

/// How long an answer may take, whoever dies meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one is waited for before it is said again.
const AGAIN: Duration = Duration::from_secs(4);

/// Says something to the server.
pub fn says(player: &mut Player, word: &str, text: &str) {
    player.run("words", async |client| client.whisper(word, text).await);
}

/// True when a line holds all of these.
fn holds(line: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| line.contains(part))
}

/// Waits for a line that holds all of these.
pub fn is_told(player: &mut Player, what: &str, parts: &[&str]) -> String {
    player.expect(what, PATIENCE, |_, event| match event {
        Event::Panel(text) if holds(text, parts) => Some(text.clone()),
        _ => None,
    })
}

/// Says something again and again until the wanted line comes: who was killed meanwhile could not answer.
///
/// # Panics
/// When it does not come in a minute.
pub fn insists(player: &mut Player, word: &str, text: &str, parts: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        says(player, word, text);
        let wait = Instant::now() + AGAIN;
        while let Ok(Some(event)) = player.next(wait) {
            if matches!(event, Event::Panel(line) if holds(&line, parts)) {
                return;
            }
        }
        assert!(Instant::now() < deadline, "{word} {text}: nobody tells {parts:?}");
    }
}
