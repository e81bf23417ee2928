//! Edges that connect, report what they hold, and go away.

use crate::directory::{Entry, Push};
use crate::presence::Told;
use crate::registry::Registry;
use crate::sessions::{Hold, PinState, Record};
use model::calls::registry::{HeldSession, KickReason, ToEdge};
use model::membership::ProcessName;
use model::social::Party;
use model::{PartyId, SessionId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often edges that were away too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// How often everything that the edges hold is written down again: well within the life of a session.
const REPORT_EVERY: Duration = Duration::from_secs(3);

impl Registry {
    /// A number for a new stream, so that a closed old one does not end a newer one.
    pub fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }

    /// An edge reports every session that it holds; `push` leads to it from here on. Sessions of this edge
    /// that it does not name are gone.
    pub async fn hello(
        &self,
        edge: &ProcessName,
        stream: u64,
        push: Arc<dyn Fn(&ToEdge) -> bool + Send + Sync>,
        held: Vec<HeldSession>,
        parties: Vec<Party>,
    ) {
        let told: HashMap<SessionId, Option<PartyId>> =
            held.iter().map(|held| (held.session, held.party)).collect();
        let (records, gone) = self.adopt(edge, stream, push, held);
        self.adopt_parties(&told, parties);
        tracing::info!(%edge, sessions = records.len(), gone = gone.len(), "an edge reported");
        for entry in &gone {
            self.release(entry).await;
        }
        self.report(&records).await;
        self.changed();
    }

    /// The stream of an edge is closed.
    pub fn goodbye(&self, edge: &ProcessName, stream: u64) {
        self.directory.lock().disconnect(edge, stream, Instant::now());
    }

    fn adopt(
        &self,
        edge: &ProcessName,
        stream: u64,
        push: Push,
        held: Vec<HeldSession>,
    ) -> (Vec<Record>, Vec<Entry>) {
        let named: HashSet<_> = held.iter().map(|held| held.session).collect();
        let now = Instant::now();
        let mut directory = self.directory.lock();
        directory.connect(edge.clone(), stream, push);
        let mut gone = directory.of_edge(edge);
        gone.retain(|entry| !named.contains(&entry.record.session));
        for entry in &gone {
            directory.remove(entry.record.session);
        }
        let mut records = Vec::with_capacity(held.len());
        for held in held {
            let known = directory.get(held.session).filter(|entry| entry.record.account == held.account);
            let mut record = known.map_or_else(
                || Record {
                    account: held.account,
                    account_name: held.account_name,
                    session: held.session,
                    edge: edge.clone(),
                    by_login: false,
                    pin: PinState::default(),
                },
                |entry| entry.record.clone(),
            );
            record.edge = edge.clone();
            records.push(record.clone());
            let HeldSession { character, persona, friends, .. } = held;
            directory.adopt(Entry { record, character, persona }, Told::Reported(friends), now);
        }
        (records, gone)
    }

    /// Takes over what an edge knows of parties, and tells its sessions what they do not know.
    fn adopt_parties(&self, told: &HashMap<SessionId, Option<PartyId>>, parties: Vec<Party>) {
        let versions: HashMap<PartyId, u64> = parties.iter().map(|copy| (copy.id, copy.version)).collect();
        let mut directory = self.directory.lock();
        let mut concerned: BTreeSet<SessionId> = told.keys().copied().collect();
        for copy in parties {
            concerned.extend(directory.adopt_party(copy));
        }
        for session in concerned {
            let now = directory.get(session).and_then(|entry| entry.character.as_ref());
            let now =
                now.and_then(|(id, _)| directory.parties().of(*id)).map(|party| (party.id, party.version));
            let told =
                told.get(&session).map(|told| told.map(|id| (id, versions.get(&id).copied().unwrap_or(0))));
            if told != Some(now) {
                directory.tell_party(session);
            }
        }
    }

    /// Writes down who holds what, and ends what another session has.
    async fn report(&self, records: &[Record]) {
        let outcomes = match self.sessions.hold(records).await {
            Ok(outcomes) => outcomes,
            Err(unanswered) => {
                tracing::warn!(%unanswered, "sessions are not written down; trying again soon");
                return;
            }
        };
        for (record, outcome) in records.iter().zip(outcomes) {
            match outcome {
                Hold::Kept(kept) => self.remember_pin(record, &kept),
                Hold::Lost(_) => self.end(record),
                Hold::Replaced(other) => self.end(&other),
            }
        }
    }

    /// After a restart the session store may know more of a session than its edge.
    fn remember_pin(&self, record: &Record, kept: &Record) {
        if !record.by_login && kept.pin != record.pin {
            self.directory.lock().set_pin(record.session, kept.pin);
        }
    }

    fn end(&self, record: &Record) {
        tracing::warn!(session = %record.session, edge = %record.edge, "another session has the account");
        self.kick(&record.edge, record.session, KickReason::Replaced);
        self.directory.lock().remove(record.session);
        self.changed();
    }

    async fn release(&self, entry: &Entry) {
        let record = &entry.record;
        if let Err(unanswered) = self.sessions.release(record.account, record.session).await {
            tracing::warn!(%unanswered, session = %record.session, "a session that ended is still written down");
        }
    }

    /// Drops the sessions of edges that were away too long, and writes the others down again and again,
    /// so that a session store that was emptied knows them. Runs until stopped.
    pub async fn maintain(&self, stop: CancellationToken) {
        tokio::join!(
            self.maintain_sessions(stop.clone()),
            self.mind_guilds(stop.clone()),
            self.mind_friends(stop)
        );
    }

    async fn maintain_sessions(&self, stop: CancellationToken) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut report = tokio::time::interval(REPORT_EVERY);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = sweep.tick() => self.sweep().await,
                _ = report.tick() => self.report_all().await,
            }
        }
    }

    /// Drops the sessions of edges that were away too long.
    pub async fn sweep(&self) {
        let linger = Duration::from_millis(self.settings().linger_ms);
        let dropped = {
            let mut directory = self.directory.lock();
            let dropped = directory.expire(linger, Instant::now());
            directory.mind_parties(linger, Instant::now());
            directory.mind_presence(linger, Instant::now());
            self.metrics.parties.set(i64::try_from(directory.parties().len()).unwrap_or(i64::MAX));
            dropped
        };
        if dropped.is_empty() {
            return;
        }
        tracing::warn!(sessions = dropped.len(), "an edge stayed away; its sessions are dropped");
        for entry in dropped.iter().filter(|entry| !self.may_be_elsewhere(&entry.record.edge)) {
            self.release(entry).await;
        }
        self.changed();
    }

    /// True when an edge may be connected to another NRSrv now: what is written down of its sessions is that
    /// one's business then, and goes by itself when there is none.
    fn may_be_elsewhere(&self, edge: &ProcessName) -> bool {
        !self.sessions.forgets() && (self.known_edges)().is_none_or(|edges| edges.contains(edge))
    }

    /// Writes down again who holds what.
    pub async fn report_all(&self) {
        if self.sessions.forgets() {
            return; // it lives as long as the directory itself
        }
        let records: Vec<Record> =
            self.directory.lock().all().into_iter().map(|entry| entry.record).collect();
        self.report(&records).await;
    }
}
