//! The journal of a node: who keeps what and who is asked is production code (`cluster::journal`); its rounds are a model of
//! `node/tmsrv/src/journal.rs`.

use super::node::Node;
use super::talk::ToNode;
use crate::{held, net};
use ::cluster::journal::{DEADLINE, EVERY, EVERYBODY_EVERY, Loading, RECALL, buddy_of};
use ::store::planted::{self, Bug};
use model::SoftState;
use model::calls::database::LoadedCharacter;
use model::calls::node::AttachReason;
use model::calls::sibling::{Journalled, Reply, Request};
use model::id::{CharacterId, Incarnation};
use model::membership::{Member, ProcessName};
use std::rc::Rc;
use tokio::task::spawn_local;
use tokio::time::{Instant, MissedTickBehavior, interval};

impl Node {
    /// Sends what changed to the buddy, round after round.
    pub async fn journal(self: Rc<Self>) {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut buddy: Option<(ProcessName, Incarnation)> = None;
        let mut last_whole = Instant::now();
        loop {
            every.tick().await;
            let view = self.cluster.view();
            let now = buddy_of(&self.name, &view).map(|member| (member.name.clone(), member.incarnation));
            self.kept.forget_old();
            let is_other = now != buddy && !planted::is(Bug::BuddyChangeMissed);
            if is_other || last_whole.elapsed() >= EVERYBODY_EVERY {
                self.everybody.set(true);
            }
            buddy = now;
            if buddy.is_none() {
                continue;
            }
            let everybody = self.everybody.replace(false);
            if everybody {
                last_whole = Instant::now();
            }
            let all: Vec<_> = self.lodgers.borrow().values().cloned().collect();
            if everybody {
                all.iter().for_each(|lodger| lodger.for_buddy.set(true));
            }
            let states: Vec<Journalled> = all.iter().filter_map(|lodger| lodger.state_for_buddy()).collect();
            if !states.is_empty() {
                spawn_local(Rc::clone(&self).sends(states));
            }
        }
    }

    async fn sends(self: Rc<Self>, states: Vec<Journalled>) {
        if !self.hands_over(states).await {
            self.everybody.set(true);
        }
    }

    /// Sends the last state of a player who leaves.
    pub async fn keeps_last(&self, state: Journalled) {
        self.hands_over(vec![state]).await;
    }

    async fn hands_over(&self, states: Vec<Journalled>) -> bool {
        let view = self.cluster.view();
        let Some(buddy) = buddy_of(&self.name, &view) else { return false };
        let keep = ToNode::Sibling(Request::Keep(states));
        let answer = net::ask_within::<_, Reply>(buddy.name.as_str(), &keep, DEADLINE).await;
        answer.ok() == Some(Reply::Kept)
    }

    /// Answers a sibling.
    pub fn answers(&self, request: Request) -> Reply {
        match request {
            Request::Ping { .. } => Reply::Alive,
            Request::Keep(states) => {
                let reply = self.kept.keep(states.clone(), Instant::now());
                if reply == Reply::Kept {
                    held(&self.board).softs.keeps(&self.name, &states);
                }
                reply
            }
            Request::Recall(character) => Reply::Recalled(self.kept.recall(character)),
            Request::Sights { .. }
            | Request::Costs
            | Request::Populations { .. }
            | Request::Come { .. }
            | Request::Guests { .. } => Reply::Refused,
        }
    }

    /// Where a character stands that was loaded: as it is stored, or as a journal has it.
    pub async fn takes_up(&self, loaded: &LoadedCharacter, reason: AttachReason) -> SoftState {
        let character = loaded.character.id;
        let view = self.cluster.view();
        let expected = held(&self.board).softs.expected(&self.name, character);
        let former = loaded.former_owner.as_ref();
        let loading = Loading { character, stored: loaded.soft_from, former, reason };
        let own = self.kept.recall(character);
        let newest = match planted::is(Bug::JournalNotAsked) {
            true => None,
            false => loading.newest(&self.name, &view, own, |sibling| asks(sibling, character)).await,
        };
        let is_newer = newest.is_some();
        let soft = newest.map_or_else(|| loaded.character.soft.clone(), |newest| newest.soft);
        let mut board = held(&self.board);
        board.note(&self.name, format_args!("takes {character:?} up with {} gestures, {is_newer}", soft.mp));
        let wrong = board.softs.takes_up(&expected, soft.mp, is_newer);
        wrong.into_iter().for_each(|wrong| board.finds(wrong));
        soft
    }
}

fn asks(sibling: &Member, character: CharacterId) -> impl Future<Output = Option<Journalled>> + use<> {
    let name = sibling.name.clone();
    async move {
        let ask = ToNode::Sibling(Request::Recall(character));
        match net::ask_within(name.as_str(), &ask, RECALL).await {
            Ok(Reply::Recalled(found)) => found,
            _ => None,
        }
    }
}
