//! A connection goes to the edge that succeeds this one: what is known of it is packed there, and it goes on here.
//!
//! Nothing is under way when a session is packed: no call, no answer of a node. Its node keeps what there is to tell
//! until the next edge adopts it, and what the client sends meanwhile waits in its socket.

use super::Session;
use super::bank::Bank;
use super::parked::MovedPlace;
use super::play::World;
use super::requests::Parcels;
use super::social::Social;
use crate::phase::Phase;
use crate::sessions::Kill;
use crate::shared::Shared;
use model::calls::registry::HeldSession;
use model::friend::Here;
use model::social::Party;
use model::{AccountId, AccountName, Character, SessionId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::mpsc;
use wire::Profile;

/// A session between two edges. Times are those of the clock that both go by.
#[derive(Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) address: IpAddr,
    id: Option<SessionId>,
    held: Option<HeldSession>,
    party: Option<Party>,
    friends: Option<Vec<Here>>,
    social: Social,
    phase: Phase,
    /// Column of the client's version.
    profile: usize,
    connected_ms: u64,
    login_until_ms: u64,
    last_packet_ms: u64,
    account: Option<(AccountId, AccountName)>,
    characters: Vec<Character>,
    bank: Bank,
    parcels: Parcels,
    pin_tries: u32,
    own_number: Option<u16>,
    place: Option<MovedPlace>,
    world: Option<World>,
    fenced_ms: Vec<u64>,
}

impl Session {
    /// The connection is to go: as soon as nothing is under way.
    pub(crate) fn prepare_to_move(&mut self) {
        self.park();
    }

    /// The connection stays after all.
    pub(crate) fn stay(&mut self) {
        self.unpark();
    }

    /// True when it can be packed.
    pub(crate) fn is_movable(&self) -> bool {
        let rests = match self.phase {
            Phase::Connected | Phase::Pin | Phase::Selecting => true,
            Phase::Playing => self.is_settled(),
            Phase::LoggingIn | Phase::Working | Phase::Entering | Phase::Leaving | Phase::Closing => false,
        };
        rests && self.closing.is_none() && self.work.is_empty()
    }

    /// Packs it. What is left here says nothing to anybody any more.
    pub(crate) fn pack(&mut self) -> Moved {
        let handle = self.handle.take();
        let held = handle.as_ref().and_then(|handle| handle.held());
        let party = handle.as_ref().and_then(|handle| handle.party());
        let friends = handle.and_then(|handle| handle.friends());
        let id = self.end();
        self.inbox = None;
        let place = self.pack_place();
        let world = self.world.take();
        let own_number = self.own_number.take();
        {
            let mut numbers = self.shared.numbers.lock();
            if let Some(world) = &world {
                numbers.leave(world.entity, world.own);
            }
            if let Some(own) = own_number {
                numbers.give_back(own);
            }
        }
        Moved {
            address: self.address,
            id,
            held,
            party,
            friends,
            social: std::mem::take(&mut self.social),
            phase: self.phase,
            profile: self.profile.index(),
            connected_ms: self.connected_ms,
            login_until_ms: self.login_until_ms,
            last_packet_ms: self.last_packet_ms,
            account: self.account.take(),
            characters: std::mem::take(&mut self.characters),
            bank: std::mem::take(&mut self.bank),
            parcels: std::mem::take(&mut self.parcels),
            pin_tries: self.pin_tries,
            own_number,
            place,
            world,
            fenced_ms: std::mem::take(&mut self.fenced_ms),
        }
    }

    /// Goes on with a session that was packed, here or by the edge before this one. What guards against too much
    /// begins anew.
    pub(crate) fn unpack(shared: Arc<Shared>, moved: Moved, number: u64, kill: Arc<Kill>) -> Self {
        let mut session = Self::new(shared, moved.address, number, kill);
        session.profile = Profile::ALL.get(moved.profile).copied().unwrap_or(session.profile);
        session.connected_ms = moved.connected_ms;
        session.login_until_ms = moved.login_until_ms;
        session.last_packet_ms = moved.last_packet_ms;
        session.account = moved.account;
        session.characters = moved.characters;
        session.bank = moved.bank;
        session.parcels = moved.parcels;
        session.pin_tries = moved.pin_tries;
        session.own_number = moved.own_number;
        session.fenced_ms = moved.fenced_ms;
        session.social = moved.social;
        if let Some(id) = moved.id {
            let queued = session.settings().connections.events_queued.max(1);
            let (sender, receiver) = mpsc::channel(queued);
            let handle = session.shared.sessions.add(id, Arc::clone(&session.kill), sender);
            handle.hold(|held| *held = moved.held);
            handle.set_party(moved.party);
            handle.set_friends(moved.friends);
            (session.id, session.inbox, session.handle) = (Some(id), Some(receiver), Some(handle));
        }
        {
            let mut numbers = session.shared.numbers.lock();
            if let Some(own) = session.own_number {
                numbers.claim(own);
            }
            if let Some(world) = &moved.world {
                numbers.enter(world.entity, world.own);
            }
        }
        session.world = moved.world;
        session.set_phase(moved.phase);
        if let Some(place) = moved.place {
            session.unpack_place(place);
        }
        session
    }
}
