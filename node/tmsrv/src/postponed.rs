//! Mail and listings while a game thread is overloaded: they wait, a few at a time are done, and all when it is over.

use model::ZoneId;
use std::collections::VecDeque;
use world::{BankWork, Job, JobId, MarketWork, Tick, Work};

/// Most that wait on one thread; what comes more is not done.
const WAITING_MAX: usize = 512;
/// Ticks between two that are done while it goes on.
const EVERY: u64 = Tick::PER_SECOND / 4;
/// Done in one tick once it is over.
const AT_ONCE: usize = 16;

/// True for work that nobody has to have now.
fn can_wait(job: &Job) -> bool {
    match &job.work {
        Work::Market(MarketWork::Words { .. }) => true,
        Work::Bank(work) => matches!(
            work,
            BankWork::SendParcel { .. }
                | BankWork::Parcels
                | BankWork::TakeParcels
                | BankWork::TakeParcel { .. }
                | BankWork::ReturnParcel { .. }
                | BankWork::GuildBank { .. }
                | BankWork::GuildLog { .. }
        ),
        Work::Market(_) | Work::Transfer(_) => false,
    }
}

/// What becomes of a job.
#[derive(Debug, PartialEq)]
pub(crate) enum Sorted {
    /// It is done now.
    Now(Job),
    /// It waits.
    Waits,
    /// It could wait, but too much does.
    TooMany(JobId),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Postponed {
    waiting: VecDeque<(ZoneId, Job)>,
    next: Tick,
}

impl Postponed {
    /// Says what becomes of a job, and keeps it when it has to wait.
    pub(crate) fn sort(&mut self, zone: ZoneId, job: Job, overloaded: bool) -> Sorted {
        if !overloaded || !can_wait(&job) {
            return Sorted::Now(job);
        }
        if self.waiting.len() >= WAITING_MAX {
            return Sorted::TooMany(job.id);
        }
        self.waiting.push_back((zone, job));
        Sorted::Waits
    }

    /// What is to be done now.
    pub(crate) fn take(&mut self, now: Tick, overloaded: bool) -> Vec<(ZoneId, Job)> {
        let count = match overloaded {
            false => AT_ONCE,
            true if now >= self.next => 1,
            true => 0,
        };
        if count > 0 && !self.waiting.is_empty() {
            self.next = now.plus(EVERY);
        }
        self.waiting.drain(..count.min(self.waiting.len())).collect()
    }

    /// When something is done next.
    pub(crate) fn next_due(&self, overloaded: bool) -> Option<Tick> {
        let due = if overloaded { self.next } else { Tick(0) };
        (!self.waiting.is_empty()).then_some(due)
    }

    /// A zone is not played here any more: nobody waits for its work.
    pub(crate) fn forget(&mut self, zone: ZoneId) {
        self.waiting.retain(|(of, _)| *of != zone);
    }

    /// How much waits.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(number: u64) -> Job {
        Job { id: JobId(number), who: None, work: Work::Bank(BankWork::Parcels) }
    }

    #[test]
    fn mail_can_wait_and_what_moves_gold_over_the_counter_cannot() {
        assert!(can_wait(&mail(1)));
        let deposit = Job { work: Work::Bank(BankWork::Deposit { amount: 5 }), ..mail(2) };
        let shop = MarketWork::CloseStall { owner: model::CharacterId(1) };
        assert!(!can_wait(&deposit) && !can_wait(&Job { work: Work::Market(shop), ..mail(3) }));
    }

    #[test]
    fn it_trickles_while_overloaded_and_flows_after_in_order() {
        let mut postponed = Postponed::default();
        for number in 0..40 {
            assert_eq!(postponed.sort(ZoneId(1), mail(number), true), Sorted::Waits);
        }
        assert_eq!(postponed.sort(ZoneId(1), mail(99), false), Sorted::Now(mail(99)));
        let ids = |taken: Vec<(ZoneId, Job)>| taken.iter().map(|(_, job)| job.id.0).collect::<Vec<_>>();
        let mut now = Tick(100);
        assert_eq!(ids(postponed.take(now, true)), [0]);
        assert_eq!(postponed.next_due(true), Some(now.plus(EVERY)));
        assert_eq!(ids(postponed.take(now.plus(1), true)), [0; 0]);
        now = now.plus(EVERY);
        assert_eq!(ids(postponed.take(now, true)), [1]);
        assert_eq!(ids(postponed.take(now.plus(1), false)), (2..18).collect::<Vec<_>>());
        postponed.forget(ZoneId(1));
        assert_eq!((postponed.len(), postponed.next_due(false)), (0, None));
    }

    #[test]
    fn what_comes_more_than_it_holds_is_not_done() {
        let mut postponed = Postponed::default();
        for number in 0..WAITING_MAX as u64 {
            postponed.sort(ZoneId(1), mail(number), true);
        }
        assert_eq!(postponed.sort(ZoneId(1), mail(9_999), true), Sorted::TooMany(JobId(9_999)));
    }
}
