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

    /// What other nodes know of the character beyond what is stored: `None` when that is nothing. `own` is what the node `me`
    /// keeps of it itself; `ask` asks another one, within [`RECALL`].
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
        let first = self.former.and_then(|former| buddy_of(former, view)).filter(|first| first.name != *me);
        let mut found: Vec<Journalled> = own.into_iter().collect();
        if let Some(first) = first {
            found.extend(ask(first).await);
        }
        if !found.iter().any(|one| one.mark > self.stored) {
            // the buddy of that time may be another one than now, and the former owner may have died before it wrote anything:
            // then the buddy of the one before it has the newest
            let is_other =
                |member: &&Member| member.name != *me && first.is_none_or(|first| first.name != member.name);
            let others = view.members_of(Role::TmSrv).filter(is_other);
            let answers = futures::future::join_all(others.map(&ask)).await;
            found.extend(answers.into_iter().flatten());
        }
        found.into_iter().max_by_key(|one| one.mark).filter(|newest| newest.mark > self.stored)
    }
}
