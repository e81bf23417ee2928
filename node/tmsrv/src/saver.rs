//! Writing soft state behind, and once more when a player leaves.

use crate::host::Order;
use crate::journal;
use crate::node::Node;
use crate::session::{Note, Session};
use model::calls::database::{SaveCharacter, SaveCharacters, SaveOutcome};
use model::{SoftState, ZoneId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use world::{Keeper, Snapshot};

/// Characters of one call.
const BATCH: usize = 256;
/// How often and how long a last state is tried to be saved.
const TRIES: u32 = 40;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// An answer that comes later does not come at once.
const SOON: Duration = Duration::from_millis(250);

/// What came of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// The store has it.
    Written,
    /// Somebody else has the character.
    Stale,
    /// The store did not answer; it may or may not be written.
    Unavailable,
}

/// Collects who changed: every second a share of the players, so that everybody is saved once in the period.
pub(crate) async fn run(node: Arc<Node>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut second = 0_u64;
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let of = node.settings.get().save_every_seconds.max(1);
        for host in &node.hosts {
            drop(host.send(Order::Collect { share: second % of, of }).await);
        }
        second += 1;
    }
}

/// Writes states behind.
pub(crate) async fn save(node: Arc<Node>, changed: Vec<(ZoneId, Snapshot)>) {
    for part in changed.chunks(BATCH) {
        save_part(&node, part).await;
    }
}

async fn save_part(node: &Arc<Node>, part: &[(ZoneId, Snapshot)]) {
    let mut sessions = Vec::new();
    let mut saves = Vec::new();
    let mut writing = Vec::new();
    let mut later = Vec::new();
    for (zone, snapshot) in part {
        let Some(session) = node.sessions.get(snapshot.session) else { continue };
        let Ok(guard) = Arc::clone(&session.writing).try_lock_owned() else {
            // who leaves is being written with a newer state, who pays goes on
            later.push((*zone, session.id));
            continue;
        };
        if session.parting.load(Ordering::SeqCst) || session.place.lock().is_none() {
            continue;
        }
        if session.paid.lock().unknown_to(snapshot).is_some() {
            later.push((*zone, session.id)); // what it paid for wrote a newer state
            continue;
        }
        let Some(save) = request(&session, snapshot.number, snapshot.soft.clone(), false) else { continue };
        saves.push(save);
        sessions.push((*zone, session));
        writing.push(guard);
    }
    for (zone, session) in later {
        node.order(zone, Order::NotWritten(Keeper::Store, zone, session)).await;
    }
    if saves.is_empty() {
        return;
    }
    let outcomes = write(node, saves).await;
    drop(writing);
    for ((zone, session), outcome) in sessions.into_iter().zip(outcomes) {
        match outcome {
            SaveOutcome::Saved => {}
            SaveOutcome::Stale => {
                session.note(Note::Fenced);
            }
            SaveOutcome::Unavailable => {
                node.order(zone, Order::NotWritten(Keeper::Store, zone, session.id)).await;
            }
        }
    }
}

/// Saves a state and gives the character up, with one try. Nothing is written behind after it, unless the
/// caller says that the session goes on. When the store does not answer at once the journal has it meanwhile: the player
/// may be in no zone any more.
pub(crate) async fn save_and_release(node: &Node, session: &Session, snapshot: &Snapshot) -> Saved {
    let saving = give_up(node, session, snapshot);
    tokio::pin!(saving);
    if let Ok(saved) = tokio::time::timeout(SOON, &mut saving).await {
        return saved;
    }
    let keeping = journal::keep_last(node, session, snapshot);
    tokio::pin!(keeping);
    tokio::select! {
        biased;
        saved = &mut saving => {
            if saved == Saved::Unavailable {
                keeping.await; // nobody else has it
            }
            saved
        }
        () = &mut keeping => saving.await,
    }
}

async fn give_up(node: &Node, session: &Session, snapshot: &Snapshot) -> Saved {
    let _writing = session.writing.lock().await;
    session.parting.store(true, Ordering::SeqCst);
    let mut soft = snapshot.soft.clone();
    // it was taken out before it could go where it had just paid to go
    soft.tile = session.paid.lock().unknown_to(snapshot).unwrap_or(soft.tile);
    let Some(save) = request(session, snapshot.number, soft, true) else { return Saved::Stale };
    match write(node, vec![save]).await.first() {
        Some(SaveOutcome::Saved) => Saved::Written,
        Some(SaveOutcome::Stale) => Saved::Stale,
        Some(SaveOutcome::Unavailable) | None => Saved::Unavailable,
    }
}

/// The same, again and again until the store answers.
pub(crate) async fn save_last(node: &Node, session: &Session, snapshot: &Snapshot) -> Saved {
    let mut pause = PAUSE_MIN;
    for _ in 0..TRIES {
        let saved = save_and_release(node, session, snapshot).await;
        if saved != Saved::Unavailable {
            return saved;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
    tracing::error!(session = %session.id, "the last state of a player could not be saved");
    Saved::Unavailable
}

fn request(session: &Session, number: u64, soft: SoftState, release: bool) -> Option<SaveCharacter> {
    let epoch = *session.epoch.get()?;
    let (account, character) = (session.account, session.character);
    Some(SaveCharacter { account, character, epoch, number, soft, release })
}

async fn write(node: &Node, saves: Vec<SaveCharacter>) -> Vec<SaveOutcome> {
    let count = saves.len();
    let permit = node.store_permits.acquire().await;
    let answer = node.store.save_characters(SaveCharacters { saves }).await;
    drop(permit);
    let outcomes = match answer {
        Ok(outcomes) if outcomes.len() == count => outcomes,
        Ok(_) => vec![SaveOutcome::Unavailable; count],
        Err(failure) => {
            tracing::warn!(characters = count, %failure, "characters could not be saved");
            vec![SaveOutcome::Unavailable; count]
        }
    };
    for outcome in &outcomes {
        let label = match outcome {
            SaveOutcome::Saved => "saved",
            SaveOutcome::Stale => "stale",
            SaveOutcome::Unavailable => "unavailable",
        };
        node.metrics.saves.with_label_values(&[label]).inc();
    }
    outcomes
}
