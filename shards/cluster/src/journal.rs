//! The journal of soft states, as far as it is about who: which node keeps what of another one, and whom a loader asks.
//!
//! How states come out of the world, and how nodes call each other, is the business of TMSrv; the simulation has both in its own way.

mod kept;

pub use kept::{KEPT_FOR, Kept};

use crate::view::View;
use model::CharacterId;
use model::calls::node::AttachReason;
use model::calls::sibling::Journalled;
use model::character::SoftMark;
use model::membership::{Member, ProcessName, Role};
use std::time::Duration;
use store::planted::{self, Bug};

/// Between two rounds, in which a node sends what changed to its buddy.
pub const EVERY: Duration = Duration::from_millis(500);
/// Between two rounds with everybody, so that the buddy knows who still plays.
pub const EVERYBODY_EVERY: Duration = Duration::from_secs(60);
/// How long a round waits for the buddy: the next one has newer states.
pub const DEADLINE: Duration = Duration::from_millis(500);
/// How long a loading waits for one answer. When a node dies, all its players ask at once, and to give up puts one back by
/// up to the time between two saves.
pub const RECALL: Duration = Duration::from_millis(600);

/// The node that keeps the journal of another one: the next by name, around the circle.
pub fn buddy_of<'a>(name: &ProcessName, view: &'a View) -> Option<&'a Member> {
    // members are ordered by name
    let others = || view.members_of(Role::TmSrv).filter(|member| member.name != *name);
    others().find(|member| member.name > *name).or_else(|| others().next())
}

/// What somebody loads, and what is known of where that stood.
#[derive(Clone, Debug)]
pub struct Loading<'a> {
    /// Which character.
    pub character: CharacterId,
    /// Of its stored state.
    pub stored: SoftMark,
    /// The owner that did not give it up, as far as the store knows.
    pub former: Option<&'a ProcessName>,
    /// Why it is loaded.
    pub reason: AttachReason,
}

impl Loading<'_> {
    /// True when a journal may have more than the store. Only a handover proves that the former owner knows that it has given the
    /// character up: a release that was done and not answered leaves no owner in the store, while its node plays on.
    pub fn may_be_older(&self) -> bool {
        let is_handed_over = matches!(self.reason, AttachReason::Handover(_));
        self.former.is_some() || !(is_handed_over || planted::is(Bug::ReleaseBelieved))
    }

    /// The newest that any node knows of the character beyond what is stored: `None` when that is nothing. `own` is what the node
    /// `me` keeps of it itself; `ask` asks another one, within [`RECALL`], all of them at once.
    pub async fn newest<A>(
        &self,
        me: &ProcessName,
        view: &View,
        own: Option<Journalled>,
        ask: impl Fn(&Member) -> A,
    ) -> Option<Journalled>
    where
        A: Future<Output = Option<Journalled>>,
    {
        if !self.may_be_older() {
            return None;
        }
        // not its buddy alone: that of its time may be another one than now, with an older state of it, and the former owner may have
        // died before it wrote anything; then the buddy of the one before it has the newest
        let others = view.keepers().filter(|member| member.name != *me);
        let answers = futures::future::join_all(others.map(&ask)).await;
        let found = own.into_iter().chain(answers.into_iter().flatten());
        found.max_by_key(|one| one.mark).filter(|newest| newest.mark > self.stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::membership::{ClusterView, SlotTable};
    use model::{Epoch, Incarnation, SoftState, Tile, TransferId};
    use std::cell::RefCell;
    use std::net::SocketAddr;

    fn node(index: usize) -> ProcessName {
        ProcessName::numbered(Role::TmSrv, index)
    }

    fn view(nodes: &[usize]) -> View {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let member = |index: &usize| Member {
            name: node(*index),
            role: Role::TmSrv,
            incarnation: Incarnation(1),
            link: nowhere,
            http: nowhere,
            weight: 1,
            content_hash: 0,
        };
        let table = SlotTable { version: 1, named_zones: Vec::new(), slots: Vec::new() };
        View::new(ClusterView {
            members: nodes.iter().map(member).collect(),
            table,
            ..ClusterView::default()
        })
    }

    fn state(number: u64) -> Journalled {
        let mark = SoftMark { epoch: Epoch(3), number };
        Journalled { character: CharacterId(7), mark, soft: SoftState::fresh(Tile::new(5, 5), 0, 1, 1) }
    }

    /// Who is asked by node 1, of those that keep these states, and the number of the one that it goes on with.
    async fn loads(
        former: Option<usize>,
        reason: AttachReason,
        own: Option<u64>,
        kept: &[(usize, Option<u64>)],
    ) -> (Vec<ProcessName>, Option<u64>) {
        let nodes: Vec<usize> = std::iter::once(1).chain(kept.iter().map(|(index, _)| *index)).collect();
        let former = former.map(node);
        let stored = SoftMark { epoch: Epoch(3), number: 10 };
        let loading = Loading { character: CharacterId(7), stored, former: former.as_ref(), reason };
        let asked = RefCell::default();
        let ask = |member: &Member| {
            RefCell::<Vec<ProcessName>>::borrow_mut(&asked).push(member.name.clone());
            let found = kept.iter().find(|(index, _)| node(*index) == member.name);
            std::future::ready(found.and_then(|(_, number)| *number).map(state))
        };
        let newest = loading.newest(&node(1), &view(&nodes), own.map(state), ask).await;
        (asked.into_inner(), newest.map(|newest| newest.mark.number))
    }

    #[test]
    fn the_buddy_is_the_next_by_name_around_the_circle() {
        let view = view(&[1, 2, 4]);
        let buddy = |index| buddy_of(&node(index), &view).map(|member| member.name.clone());
        assert_eq!([1, 2, 3, 4].map(buddy), [2, 4, 4, 1].map(|index| Some(node(index))));
        assert!(buddy_of(&node(1), &self::view(&[1])).is_none());
    }

    #[tokio::test]
    async fn of_all_that_nodes_keep_the_newest_counts_when_it_is_newer_than_what_is_stored() {
        let resume = AttachReason::Resume;
        let kept = [(2, Some(11)), (3, Some(12)), (4, None)];
        let (asked, newest) = loads(Some(4), resume, Some(9), &kept).await;
        assert_eq!(
            (asked, newest),
            (vec![node(2), node(3), node(4)], Some(12)),
            "not of its buddy now alone"
        );
        assert_eq!(loads(Some(4), resume, Some(15), &kept).await.1, Some(15), "its own as well");
        assert_eq!(loads(Some(4), resume, Some(9), &[(2, Some(10))]).await.1, None, "that is stored");
    }

    #[tokio::test]
    async fn only_a_handover_proves_that_a_character_was_given_up() {
        let kept = [(2, Some(11))];
        let handover = AttachReason::Handover(TransferId(1));
        assert_eq!(loads(None, handover, Some(12), &kept).await, (vec![], None));
        for reason in [AttachReason::Resume, AttachReason::Login] {
            // a release that was done and not answered: the node played on
            assert_eq!(loads(None, reason, None, &kept).await, (vec![node(2)], Some(11)), "{reason:?}");
        }
        let lost = loads(Some(3), handover, None, &kept).await;
        assert_eq!(lost, (vec![node(2)], Some(11)), "who was to get it died with it");
    }
}
