//! What a bot makes of what it sees.

use super::acts::NOBODY;
use super::{End, Kind, Player};
use crate::client::{Anomaly, Client, Event};
use std::time::{Duration, Instant};

/// Entities that have to be near before silence is suspicious.
const LIVELY: usize = 4;
/// Silence that is not excused even while faults are being made.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Shorter silences are not worth a look.
const GAP_NOTED: Duration = Duration::from_millis(200);
/// Who heard nothing for so long and is shown where it is was held.
const HELD_FROM: Duration = Duration::from_millis(250);
/// All that is shown anew comes within so long.
const SHOWN_ANEW: Duration = Duration::from_millis(500);
/// A correction this long after the end of a walk still belongs to it.
const BLAME_WINDOW: Duration = Duration::from_secs(2);

/// True when so many are near that silence means something.
fn is_lively(client: &Client) -> bool {
    client.world().entities().filter(|entity| entity.is_player()).count() >= LIVELY
}

impl Player {
    pub(super) async fn on_event(&mut self, client: &mut Client, event: Event, at: Instant) -> Option<End> {
        if is_of_the_world(&event) {
            let heard_last = std::mem::replace(&mut self.heard_at, at);
            let gap = at.saturating_duration_since(heard_last);
            self.silence_told = false;
            self.note_gap(client, gap);
            if gap >= HELD_FROM && is_lively(client) {
                self.silence = Some((heard_last, at));
            }
        }
        if let Event::OwnPlaced { to, .. } = &event
            && let Some((heard_last, over)) = self.silence.take()
            && at.saturating_duration_since(over) < SHOWN_ANEW
        {
            self.shared.ledger.resumed(self.index, *to, heard_last, at);
        }
        let end = self.deal_with(client, &event, at).await;
        if end.is_some() {
            return end;
        }
        let ledger = &self.shared.ledger;
        match event {
            Event::Said { name: Some(name), text, .. } => {
                if let Some(token) = token_of(&text) {
                    ledger.heard(self.index, token, &name, at);
                }
            }
            Event::Whispered { from, text } => {
                if let Some(token) = token_of(&text) {
                    ledger.heard(self.index, token, &from, at);
                }
            }
            Event::Walked { name: Some(name), track, created_at, .. } => {
                ledger.saw_walk(self.index, &name, &track, created_at, at);
            }
            Event::Walked { id, name: None, .. } | Event::Said { id, name: None, .. } => {
                return client.ask_who(id).await.err().map(|_| End::ThrownOut("closed"));
            }
            Event::Panel(_) => self.panel_due = None,
            Event::OwnPlaced { to, corrected: true, .. } => {
                if let Some(walk) = self.last_walk.take().filter(|walk| at < walk.over_at() + BLAME_WINDOW) {
                    self.shared.ground.refused(walk.from, &walk.steps, to, at);
                }
                ledger.placed(self.index, to, at);
                self.target = None;
            }
            Event::LoggedOut => return Some(End::ThrownOut("sent back to the selection")),
            _ => {}
        }
        None
    }

    pub(super) fn note_gap(&mut self, client: &Client, gap: Duration) {
        if gap < GAP_NOTED || !is_lively(client) {
            return;
        }
        let ms = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
        self.shared.ledger.count(|counts| counts.longest_gap_ms = counts.longest_gap_ms.max(ms));
        if gap > SILENCE_MAX && !std::mem::replace(&mut self.silence_told, true) {
            let name = self.name();
            self.shared.ledger.violation(Kind::Late, || format!("late: {name} heard nothing for {ms} ms"));
        }
    }

    pub(super) fn look(&mut self, client: &mut Client, now: Instant) {
        if self.panel_due.is_some_and(|due| now > due) {
            self.panel_due = None;
            let name = self.identity.character.clone();
            self.shared.ledger.violation_unless_fault(Kind::Missing, || {
                format!("missing: {name} got no answer about {NOBODY}")
            });
        }
        self.note_gap(client, now.saturating_duration_since(self.heard_at));
        self.check_entry(client);
        client.look_for_stale(now);
        let doubts = self.shared.ledger.inspect(self.index, client.world(), now);
        for doubt in &doubts {
            let again = self.doubts.iter().any(|old| old.name == doubt.name && old.kind == doubt.kind);
            if again {
                self.shared.ledger.violation_unless_fault(doubt.kind, || doubt.text.clone());
            }
        }
        self.doubts = doubts;
    }

    /// Once, at the first look around: all that a screen needs must have come.
    pub(super) fn check_entry(&mut self, client: &Client) {
        if std::mem::replace(&mut self.fully_entered, true) {
            return;
        }
        for opcode in client.still_wanted() {
            let (name, profile) = (self.name(), self.identity.profile);
            self.shared.ledger.violation(Kind::Missing, || {
                format!("missing: {name} ({profile}) was not sent packet {opcode:#05x} on entering")
            });
        }
    }

    pub(super) fn report_anomalies(&self, client: &mut Client) {
        for anomaly in client.take_anomalies() {
            let name = self.name();
            let (kind, excusable) = judge_anomaly(&anomaly);
            let text = || format!("{anomaly} (seen by {name})");
            if excusable {
                self.shared.ledger.violation_unless_fault(kind, text);
            } else {
                self.shared.ledger.violation(kind, text);
            }
        }
    }

    /// After faults everybody must be there exactly once.
    pub(super) fn judge_last_view(&self, client: &Client) {
        let mut names: Vec<&str> = client
            .world()
            .entities()
            .filter(|entity| entity.is_player())
            .map(|entity| &*entity.name)
            .collect();
        names.push(self.name());
        names.sort_unstable();
        for pair in names.windows(2) {
            if pair[0] == pair[1] {
                let name = self.name();
                self.shared.ledger.violation(Kind::Doubled, || {
                    format!("doubled: {name} sees {} twice at the end", pair[0])
                });
            }
        }
    }
}

/// True for what others do: answers to one's own questions come from other processes than the world does.
fn is_of_the_world(event: &Event) -> bool {
    matches!(
        event,
        Event::Said { .. }
            | Event::Walked { .. }
            | Event::Stopped { .. }
            | Event::Placed { .. }
            | Event::Motion { .. }
            | Event::Appeared { .. }
            | Event::Disappeared { .. }
    )
}

fn judge_anomaly(anomaly: &Anomaly) -> (Kind, bool) {
    match anomaly {
        Anomaly::Doubled { .. } | Anomaly::TwoIds { .. } | Anomaly::OwnDoubled { .. } => {
            (Kind::Doubled, true)
        }
        Anomaly::IdReused { .. } => (Kind::Doubled, true),
        Anomaly::OwnRemoved | Anomaly::UnknownId { .. } => (Kind::Wrong, true),
        Anomaly::Stale { .. } => (Kind::Misplaced, true),
        Anomaly::OffMap { .. } => (Kind::Misplaced, false),
        Anomaly::UnknownOpcode { .. } | Anomaly::WrongSize { .. } | Anomaly::KeyQueue => (Kind::Wrong, false),
        Anomaly::ImpossibleGold { .. } | Anomaly::NoSuchSlot { .. } | Anomaly::Nonsense { .. } => {
            (Kind::Wrong, false)
        }
        Anomaly::NothingThere { .. } | Anomaly::SlotTaken { .. } => (Kind::Changed, false),
        Anomaly::GroundReused { .. } => (Kind::Doubled, true),
    }
}

fn token_of(text: &str) -> Option<u64> {
    text.strip_prefix('#')?.split(' ').next()?.parse().ok()
}
