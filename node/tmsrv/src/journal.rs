//! The journal of soft states: what a node knows of its players and the store does not yet, kept by another node.
//!
//! Each node sends the states that changed to its buddy, the next node by name, twice a second. When it dies, whoever
//! loads one of its characters asks all others where the character stood last. Nothing waits for the journal but that, and
//! that only for a moment: without it the state is the stored one.
//!
//! | what happens | what the journal does |
//! |---|---|
//! | another buddy, or it runs anew | gets the states of everybody with the next round |
//! | the buddy does not answer | the same, until it does |
//! | a player leaves and the store does not answer at once | gets its last state |
//! | a player left and was saved | what is kept of it is older than the store's, and forgotten after [`cluster::journal::KEPT_FOR`] |
//! | node and buddy die at the same time | the state is the stored one, up to `save_every_seconds` old |
//!
//! Who keeps what and who is asked is decided by [`cluster::journal`].

use crate::host::Order;
use crate::node::Node;
use crate::session::Session;
use cluster::journal::{DEADLINE, EVERY, EVERYBODY_EVERY, Kept, Loading, RECALL, buddy_of};
use model::calls::sibling::{Journalled, KEEP_MAX, Reply, Request};
use model::character::SoftMark;
use model::membership::{Member, ProcessName};
use model::{CharacterId, Incarnation, SoftState, ZoneId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::{Instant, MissedTickBehavior, interval};
use world::{Keeper, Snapshot};

/// What is kept for other nodes.
pub(crate) struct Journal {
    pub(crate) kept: Kept,
    /// The next round goes to everybody's states.
    everybody: AtomicBool,
}

impl Journal {
    pub(crate) fn new(players_max: usize) -> Self {
        // the own players, once more those of a node that died, and some that have left
        let kept = Kept::new(players_max.saturating_mul(4));
        Self { kept, everybody: AtomicBool::new(true) }
    }
}

/// Asks the game threads for what changed, round after round, until the process stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buddy: Option<(ProcessName, Incarnation)> = None;
    let mut last_whole = Instant::now();
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let view = node.cluster.view();
        let now = buddy_of(&node.name, &view).map(|member| (member.name.clone(), member.incarnation));
        node.siblings.forget_gone(&view);
        node.journal.kept.forget_old();
        node.metrics.journal_kept.set(node.journal.kept.count() as i64);
        if now != buddy || last_whole.elapsed() >= EVERYBODY_EVERY {
            node.journal.everybody.store(true, Ordering::SeqCst);
        }
        buddy = now;
        if buddy.is_none() {
            continue;
        }
        let everybody = node.journal.everybody.swap(false, Ordering::SeqCst);
        if everybody {
            last_whole = Instant::now();
        }
        for host in &node.hosts {
            drop(host.send(Order::Journal { everybody }).await);
        }
    }
}

/// Sends states to the buddy.
pub(crate) async fn send(node: Arc<Node>, states: Vec<(ZoneId, Snapshot)>) {
    let mut journalled = Vec::with_capacity(states.len());
    for (zone, snapshot) in &states {
        let Some(session) = node.sessions.get(snapshot.session) else { continue };
        if session.paid.lock().unknown_to(snapshot).is_some() {
            // the store has a newer state than its zone
            node.order(*zone, Order::NotWritten(Keeper::Buddy, *zone, session.id)).await;
            continue;
        }
        journalled.extend(entry(&session, snapshot));
    }
    if !hand_over(&node, &journalled).await {
        node.journal.everybody.store(true, Ordering::SeqCst);
    }
}

/// Sends the last state of a player who leaves to the buddy.
pub(crate) async fn keep_last(node: &Node, session: &Session, snapshot: &Snapshot) {
    let is_newest = session.paid.lock().unknown_to(snapshot).is_none();
    if let Some(entry) = entry(session, snapshot).filter(|_| is_newest) {
        hand_over(node, &[entry]).await;
    }
}

fn entry(session: &Session, snapshot: &Snapshot) -> Option<Journalled> {
    let mark = SoftMark { epoch: *session.epoch.get()?, number: snapshot.number };
    Some(Journalled { character: session.character, mark, soft: snapshot.soft.clone() })
}

async fn hand_over(node: &Node, journalled: &[Journalled]) -> bool {
    let view = node.cluster.view();
    let Some(buddy) = buddy_of(&node.name, &view) else { return false };
    let client = node.siblings.client(buddy);
    for part in journalled.chunks(KEEP_MAX) {
        let answer = client.call(&Request::Keep(part.to_vec()), DEADLINE).await;
        let is_kept = matches!(answer, Ok(Reply::Kept));
        let label = if is_kept { "kept" } else { "not_kept" };
        node.metrics.journalled.with_label_values(&[label]).inc_by(part.len() as u64);
        if !is_kept {
            tracing::debug!(buddy = %buddy.name, ?answer, "the buddy does not keep the journal");
            return false;
        }
    }
    true
}

/// What other nodes know of a character beyond what is stored: `None` when that is nothing.
pub(crate) async fn recall(node: &Node, loading: &Loading<'_>) -> Option<SoftState> {
    if !loading.may_be_older() {
        return None;
    }
    let view = node.cluster.view();
    let own = node.journal.kept.recall(loading.character);
    let newest =
        loading.newest(&node.name, &view, own, |sibling| ask(node, sibling, loading.character)).await;
    let label = if newest.is_some() { "newer" } else { "nothing" };
    node.metrics.recalls.with_label_values(&[label]).inc();
    newest.map(|newest| newest.soft)
}

fn ask(
    node: &Node,
    sibling: &Member,
    character: CharacterId,
) -> impl Future<Output = Option<Journalled>> + use<> {
    let (client, name) = (node.siblings.client(sibling), sibling.name.clone());
    async move {
        match client.call(&Request::Recall(character), RECALL).await {
            Ok(Reply::Recalled(found)) => found,
            other => {
                tracing::debug!(sibling = %name, ?other, "no answer from a journal");
                None
            }
        }
    }
}
