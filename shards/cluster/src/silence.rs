//! The time after the arbiter was silent: who may still be alive.

use crate::{LEASE, RENEW_EVERY};
use model::membership::{ClusterView, Member, ProcessName};
use std::collections::HashMap;
use store::planted::{self, Bug};
use tokio::time::Instant;

/// Judges the arbiter's lists of members by how long it was silent before.
///
/// Leases are renewed through the arbiter. While it is away all of them end, and its first lists name only those who
/// were quickest to come back; whoever believed them would give away the zones of nodes that are well. So a member
/// of before stays one until it had a lease's time to renew, once: further silences give it no more.
///
/// ```text
/// answer ... answer  - - silence - -  answer ............. answer
///                                     |<- LEASE: forgiven ->|
/// ```
#[derive(Debug)]
pub(crate) struct Silence {
    heard: Instant,
    /// When the arbiter was heard for the first time.
    heard_first: Option<Instant>,
    forgiving_until: Option<Instant>,
    /// Who is not in the list, and until when it is one of the members all the same.
    late: HashMap<ProcessName, Instant>,
}

/// What the arbiter says, as far as it is believed.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Its list, with those who are forgiven. Of those whose lease has ended there are only those left who may be late: who owns zones,
    /// which nobody has given away yet; and all of them for a lease's time after it was heard first, since nobody knows how long it
    /// was silent before.
    pub(crate) stored: ClusterView,
    /// True when somebody is late: no time to give zones away, or to such a one.
    pub(crate) forgives: bool,
}

impl Silence {
    /// Nothing was heard of the arbiter before `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: now, heard_first: None, forgiving_until: None, late: HashMap::new() }
    }

    /// The arbiter answered: completes its list by those members of `before` whose leases may have ended only because
    /// nobody could renew them.
    pub(crate) fn ends(&mut self, now: Instant, before: &[Member], mut stored: ClusterView) -> Heard {
        // a renewal that just missed the last answer comes a second later
        if now.duration_since(self.heard) > RENEW_EVERY && !planted::is(Bug::LateTakenForDead) {
            self.forgiving_until = Some(now + LEASE);
        }
        self.heard = now;
        let is_new = now < *self.heard_first.get_or_insert(now) + LEASE;
        let missing =
            before.iter().filter(|member| stored.members.iter().all(|here| here.name != member.name));
        let missing: Vec<&Member> = missing.collect();
        self.late.retain(|name, _| missing.iter().any(|member| member.name == *name));
        let until = self.forgiving_until.filter(|until| now < *until);
        let is_forgiven = |member: &&Member| match (self.late.get(&member.name).copied(), until) {
            (Some(its_end), _) => now < its_end,
            (None, Some(until)) => {
                self.late.insert(member.name.clone(), until);
                true
            }
            (None, None) => false,
        };
        let forgiven: Vec<Member> = missing.into_iter().filter(is_forgiven).cloned().collect();
        let forgives = !forgiven.is_empty();
        stored.members.extend(forgiven);
        let ClusterView { members, lapsed, table } = &mut stored;
        let owns = |member: &Member| table.slots.iter().any(|slot| slot.owner.as_ref() == Some(&member.name));
        let is_forgiven = |member: &Member| members.iter().any(|here| here.name == member.name);
        lapsed.retain(|member| (is_new || owns(member)) && !is_forgiven(member));
        Heard { stored, forgives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::membership::{Role, Slot, SlotTable};
    use model::{Epoch, Incarnation, ZoneId};
    use std::net::SocketAddr;
    use std::time::Duration;

    fn member(index: usize, incarnation: u64) -> Member {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        Member {
            name: ProcessName::numbered(Role::TmSrv, index),
            role: Role::TmSrv,
            incarnation: Incarnation(incarnation),
            link: nowhere,
            http: nowhere,
            weight: 1,
            content_hash: 7,
        }
    }

    fn list(members: &[Member]) -> ClusterView {
        ClusterView { members: members.to_vec(), ..ClusterView::default() }
    }

    #[test]
    fn who_is_late_after_a_silence_is_forgiven_for_a_lease() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let (one, two, newer) = (member(1, 1), member(2, 1), member(2, 2));
        let both = [one.clone(), two.clone()];
        let mut silence = Silence::new(began);
        let mut told = |ms, members: &[Member]| {
            let heard = silence.ends(at(ms), &both, list(members));
            assert_eq!(heard.forgives, heard.stored.members.len() > members.len());
            heard.stored.members
        };
        // while the arbiter answers, it is believed
        assert_eq!(told(250, &both), both);
        assert_eq!(told(500, &both[..1]), both[..1]);
        // nobody was heard for long
        assert_eq!(told(6_500, &[]), both);
        assert_eq!(told(6_750, &both[..1]), both);
        let replaced = [one.clone(), newer.clone()];
        assert_eq!(told(7_000, &replaced), replaced);
        // the time to renew is over
        assert_eq!(told(7_900, &both[..1]), both);
        assert_eq!(told(8_800, &both[..1]), both);
        assert_eq!(told(9_500, &both[..1]), both[..1]);
    }

    #[test]
    fn who_has_just_heard_the_arbiter_or_owns_zones_is_late_and_not_dead() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let (one, two, three) = (member(1, 1), member(2, 1), member(3, 1));
        let slot = Slot { zone: ZoneId(1), owner: Some(three.name.clone()), epoch: Epoch(1) };
        let table = SlotTable { slots: vec![slot], ..SlotTable::default() };
        let lapsed = vec![two.clone(), three.clone()];
        let stored = ClusterView { members: vec![one.clone()], lapsed, table };
        let mut silence = Silence::new(began);
        let mut told = |ms, before: &[Member]| silence.ends(at(ms), before, stored.clone());
        // how long it was silent before nobody knows: they may be late, and are no members for that
        let heard = told(100, &[]);
        assert_eq!((heard.stored.members, heard.forgives), (vec![one.clone()], false));
        assert_eq!(heard.stored.lapsed, [two.clone(), three.clone()]);
        for ms in (200..3_000).step_by(200) {
            assert_eq!(
                told(ms, std::slice::from_ref(&one)).stored.lapsed,
                [two.clone(), three.clone()],
                "{ms}"
            );
        }
        // they have had their time; what one owns is not given away yet
        assert_eq!(told(3_200, std::slice::from_ref(&one)).stored.lapsed, std::slice::from_ref(&three));
        // who is forgiven is a member, and not twice
        let heard = told(9_000, &[one, two.clone(), three]);
        assert_eq!((heard.stored.members.len(), heard.stored.lapsed), (3, vec![]));
    }

    #[test]
    fn an_arbiter_that_is_silent_again_and_again_does_not_keep_the_dead_alive() {
        let began = Instant::now();
        let both = [member(1, 1), member(2, 1)];
        let mut silence = Silence::new(began);
        let mut before = both.to_vec();
        let mut gone_after = None;
        for ms in (5_000..35_000).step_by(1_200) {
            before =
                silence.ends(began + Duration::from_millis(ms), &before, list(&both[..1])).stored.members;
            if before.len() == 1 {
                gone_after = gone_after.or(Some(ms - 5_000));
            }
        }
        assert!(gone_after.is_some_and(|ms| ms <= 3_600), "{gone_after:?}");
    }
}
