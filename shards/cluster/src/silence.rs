//! The time after the arbiter was silent: who may still be alive.

use crate::{LEASE, RENEW_EVERY};
use model::membership::{ClusterView, Member};
use tokio::time::Instant;

/// Judges the arbiter's lists of members by how long it was silent before.
///
/// Leases are renewed through the arbiter. While it is away all of them end, and its first lists name only those who
/// were quickest to come back; whoever believed them would give away the zones of nodes that are well. So a member
/// of before stays one until it had a lease's time to renew.
///
/// ```text
/// answer ... answer  - - silence - -  answer ............. answer
///                                     |<- LEASE: forgiven ->|
/// ```
#[derive(Debug)]
pub(crate) struct Silence {
    heard: Instant,
    forgiven_until: Option<Instant>,
}

impl Silence {
    /// Nothing was heard of the arbiter before `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: now, forgiven_until: None }
    }

    /// The arbiter answered: completes its list by those members of `before` whose leases may have ended only because
    /// nobody could renew them.
    pub(crate) fn ends(&mut self, now: Instant, before: &[Member], mut stored: ClusterView) -> ClusterView {
        // a renewal that just missed the last answer comes a second later
        if now.duration_since(self.heard) > RENEW_EVERY {
            self.forgiven_until = Some(now + LEASE);
        }
        self.heard = now;
        if self.forgiven_until.is_some_and(|until| now < until) {
            let known = stored.members.len();
            let late =
                |member: &&Member| !stored.members[..known].iter().any(|here| here.name == member.name);
            let late: Vec<Member> = before.iter().filter(late).cloned().collect();
            stored.members.extend(late);
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Incarnation;
    use model::membership::{ProcessName, Role, SlotTable};
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
        ClusterView { members: members.to_vec(), table: SlotTable::default() }
    }

    #[test]
    fn who_is_late_after_a_silence_is_forgiven_for_a_lease() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let (one, two, newer) = (member(1, 1), member(2, 1), member(2, 2));
        let both = [one.clone(), two.clone()];
        let mut silence = Silence::new(began);
        // while the arbiter answers, it is believed
        assert_eq!(silence.ends(at(250), &both, list(&both)).members, both);
        assert_eq!(silence.ends(at(500), &both, list(&both[..1])).members, both[..1]);
        // nobody was heard for long
        assert_eq!(silence.ends(at(6_500), &both, list(&[])).members, both);
        assert_eq!(silence.ends(at(6_750), &both, list(&both[..1])).members, both);
        let replaced = [one.clone(), newer.clone()];
        assert_eq!(silence.ends(at(7_000), &both, list(&replaced)).members, replaced);
        // the time to renew is over
        assert_eq!(silence.ends(at(7_900), &both, list(&both[..1])).members, both);
        assert_eq!(silence.ends(at(8_800), &both, list(&both[..1])).members, both);
        assert_eq!(silence.ends(at(9_500), &both, list(&both[..1])).members, both[..1]);
    }
}
