//! One trade with another player, from the first offer to its end.
//!
//! ```text
//!   asked ──► open ──► offers change ──► checked ──► (a late change) ──► closed: done, or as before
//!                └──────────── somebody quits, walks off, or it takes too long ───────────┘
//! ```

use crate::client::Belongings;
use crate::protocol::incoming::{ItemSeen, OfferSeen, Told};
use crate::protocol::outgoing;
use crate::protocol::slot::Container;
use rand::Rng;
use rand::rngs::StdRng;
use std::time::{Duration, Instant};

/// How long a trade may take in all.
const TRADE_MAX: Duration = Duration::from_secs(20);
/// How long somebody may think about an invitation.
const INVITATION_MAX: Duration = Duration::from_secs(4);
/// How soon a trade ends that is to end.
const SOON: Duration = Duration::from_secs(2);
/// The least share of its patience that a bot in haste has.
const PATIENCE_LEAST: f64 = 0.25;
/// Most items that a bot offers.
const ITEMS: usize = 3;

/// How a trade ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both gave and got what was agreed.
    Done,
    /// Nobody gave anything.
    AsBefore,
    /// Neither of the two, but something else came in between: nobody can tell.
    Unclear,
    /// Neither of the two, in words.
    Neither(String),
}

/// A trade as one side sees it.
#[derive(Debug)]
pub struct Barter {
    mine: OfferSeen,
    /// Own offers that were agreed to: a change may come too late to count.
    consents: Vec<OfferSeen>,
    theirs: Option<OfferSeen>,
    before: Belongings,
    due: Instant,
    ends_at: Instant,
    pace: f64,
    changes: u8,
    quits: bool,
    late_change: bool,
    closing: bool,
    disturbed: bool,
}

impl Barter {
    /// With a partner; the first packet is to be sent at once.
    pub fn new(partner: u16, before: Belongings, rng: &mut StdRng, now: Instant) -> Barter {
        Barter {
            mine: OfferSeen { partner, ..OfferSeen::default() },
            consents: Vec::new(),
            theirs: None,
            before,
            due: now,
            ends_at: now + TRADE_MAX,
            pace: 1.0,
            changes: rng.random_range(1..4),
            quits: rng.random_bool(0.12),
            late_change: rng.random_bool(0.15),
            closing: false,
            disturbed: false,
        }
    }

    /// With a factor on its pauses.
    #[must_use]
    pub fn at_pace(self, pace: f64) -> Barter {
        Barter { pace, ..self }
    }

    /// When there may be something to do.
    pub fn due(&self) -> Instant {
        self.due.min(self.ends_at)
    }

    /// True when it should be over, and the server never said so.
    pub fn is_lost(&self, now: Instant) -> bool {
        self.closing && now >= self.ends_at
    }

    /// Something else may change what is shown meanwhile: an answer that comes late.
    pub fn disturb(&mut self) {
        self.disturbed = true;
    }

    /// How long it waits, with its pace.
    fn patient(&self, time: Duration) -> Duration {
        time.mul_f64(self.pace.clamp(PATIENCE_LEAST, 1.0))
    }

    /// True before the other side answered.
    pub fn is_invitation(&self) -> bool {
        self.theirs.is_none()
    }

    /// It shall come to its end soon.
    pub fn hurry(&mut self, now: Instant) {
        if !self.closing {
            self.ends_at = self.ends_at.min(now + self.patient(SOON));
        }
    }

    /// What to send now, if anything. `spare` are the items that can be given, with their slots.
    pub fn act(
        &mut self,
        id: u16,
        spare: &[(u8, ItemSeen)],
        gold: i32,
        rng: &mut StdRng,
        now: Instant,
    ) -> Option<Vec<u8>> {
        if now >= self.ends_at && !self.closing {
            return Some(self.quit(id, now));
        }
        if now < self.due || self.closing {
            return None;
        }
        self.due = now + Duration::from_millis(rng.random_range(60..500)).mul_f64(self.pace);
        let asked = self.mine.gold == 0 && self.mine.items.is_empty() && self.theirs.is_none();
        if asked {
            self.ends_at = now + self.patient(INVITATION_MAX);
            self.due = self.ends_at;
            return Some(outgoing::offer(id, &self.mine));
        }
        self.theirs.as_ref()?;
        if self.changes > 0 {
            self.changes -= 1;
            self.change(spare, gold, rng);
        } else if self.quits {
            return Some(self.quit(id, now));
        } else if !self.mine.checked {
            self.mine.checked = true;
            self.consents.push(self.mine.clone());
        } else if std::mem::take(&mut self.late_change) {
            self.change(spare, gold, rng);
        } else {
            return None;
        }
        Some(outgoing::offer(id, &self.mine))
    }

    fn quit(&mut self, id: u16, now: Instant) -> Vec<u8> {
        self.closing = true;
        self.ends_at = now + Duration::from_secs(5);
        outgoing::quit_trade(id)
    }

    fn change(&mut self, spare: &[(u8, ItemSeen)], gold: i32, rng: &mut StdRng) {
        self.mine.checked = false;
        let offered = |slot: u8| self.mine.items.iter().any(|(_, offered, _)| *offered == slot);
        let free: Vec<_> = spare.iter().filter(|(slot, _)| !offered(*slot)).collect();
        if !free.is_empty() && self.mine.items.len() < ITEMS && rng.random_bool(0.7) {
            let (slot, item) = *free[rng.random_range(0..free.len())];
            let position = self.mine.items.len() as u8;
            self.mine.items.push((position, slot, item));
        } else {
            self.mine.gold = rng.random_range(0..=(gold / 20).max(1)).min(gold);
        }
    }

    /// Takes in what the server says; how it ended, if it did.
    pub fn hears(&mut self, told: &Told, now_shown: &Belongings, now: Instant) -> Option<Ending> {
        self.disturbed |= comes_from_elsewhere(told);
        match told {
            Told::Offer(offer) if offer.partner == self.mine.partner => {
                let before = self.theirs.replace(offer.clone());
                if before.is_none() {
                    self.ends_at = now + TRADE_MAX;
                }
                // who changes an offer takes back both consents
                let same =
                    before.is_some_and(|before| (before.gold, &before.items) == (offer.gold, &offer.items));
                self.mine.checked &= same;
                self.due = self.due.min(now + Duration::from_millis(150).mul_f64(self.pace));
                None
            }
            Told::TradeClosed => Some(self.ending(now_shown)),
            _ => None,
        }
    }

    fn ending(&self, now_shown: &Belongings) -> Ending {
        let (was, is) = (self.before.census(), now_shown.census());
        if was == is && self.before.all_gold() == now_shown.all_gold() {
            return Ending::AsBefore;
        }
        let done = self.consents.iter().rev().any(|mine| self.is_exchange(mine, now_shown));
        if done {
            return Ending::Done;
        }
        if self.disturbed {
            return Ending::Unclear;
        }
        let differences = self.before.differences(now_shown).join(", ");
        let (consents, theirs) = (&self.consents, &self.theirs);
        Ending::Neither(format!("agreed to give {consents:?} for {theirs:?}, and is shown {differences}"))
    }

    /// True when exactly one's own offer went and that of the other side came.
    fn is_exchange(&self, mine: &OfferSeen, now_shown: &Belongings) -> bool {
        let theirs = self.theirs.clone().unwrap_or_default();
        let mut agreed = self.before.census();
        for (_, _, item) in &theirs.items {
            *agreed.entry(*item).or_default() += 1;
        }
        for (_, _, item) in &mine.items {
            if let Some(count) = agreed.get_mut(item) {
                *count = count.saturating_sub(1);
            }
        }
        agreed.retain(|_, count| *count > 0);
        let gold = self.before.all_gold() - i64::from(mine.gold) + i64::from(theirs.gold);
        agreed == now_shown.census() && gold == now_shown.all_gold()
    }
}

/// True for what no trade tells: late answers, and proceeds that come into the bank.
fn comes_from_elsewhere(told: &Told) -> bool {
    match told {
        Told::Slot(slot, _) => slot.container != Container::Carry,
        Told::PickedUp(..) | Told::Dropped(..) | Told::Bought(..) | Told::Sold(_) | Told::Moved(..) => true,
        Told::CargoGold(_) | Told::Deposited(_) | Told::Withdrew(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
