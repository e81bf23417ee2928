//! A session at a node: one task each, which does in order what the session needs from the store and from its zone.
//!
//! A model of `node/tmsrv/src/session.rs`, `attach.rs` and `jobs.rs`, state by state: in the place of the world stands one body, a tile
//! and a count of gestures.

use super::deeds::Fate;
use super::node::{Edge, Node};
use super::talk::{Event, Told, Wanted, What};
use crate::held;
use ::store::planted::{self, Bug};
use model::calls::database::{
    LoadCharacter, SaveCharacter, SaveCharacters, SaveOutcome, Transfer, TransferRefusal,
};
use model::calls::node::{Attach, AttachRefusal, DropReason};
use model::id::{AccountId, CharacterId, Epoch, OperationId, SessionId, TransferId, ZoneId};
use model::ledger::{Actor, GoldAccount};
use model::transfer::{Fence, GoldLocation, Move};
use model::{SoftState, Tile};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::task::spawn_local;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Notes that may wait for one session.
const NOTES_MAX: usize = 32;
/// Commands that wait while a player waits to be handed over.
const WAITING_MAX: usize = 32;
/// How often and how long what must be written is tried.
const TRIES: u32 = 40;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What a session's task is told; as in production.
#[derive(Clone, Copy, Debug)]
pub enum Note {
    /// The player waits to be handed over to that zone, where it will stand there.
    Crossing(ZoneId, Tile),
    /// The zone is not played here any more; the last state if the player was in it.
    ZoneGone(Option<Body>),
    /// The edge asks for the end.
    Detach,
    /// The stream of the edge is closed.
    EdgeGone,
    /// The edge attached the session again.
    Replaced,
    /// The store says that somebody else has the character.
    Fenced,
    /// The node stops.
    Stop,
}

/// A player in a zone.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    tile: Tile,
    gestures: i32,
    /// Commands of this attach that were obeyed.
    obeyed: u32,
    /// It waits to be handed over and obeys nothing.
    frozen: bool,
}

/// One session of a node.
pub struct Lodger {
    /// Which.
    pub id: SessionId,
    account: AccountId,
    character: CharacterId,
    /// Where it is told.
    pub edge: Edge,
    /// The epoch of its character, once it is loaded.
    pub epoch: Cell<Epoch>,
    /// Held while its character is being written.
    pub writing: Arc<Mutex<()>>,
    /// Its last state is being written or was.
    pub parting: Cell<bool>,
    leaving: Cell<bool>,
    zone: Cell<Option<ZoneId>>,
    body: RefCell<Option<Body>>,
    waiting: RefCell<VecDeque<Wanted>>,
    states: Cell<u64>,
    notes: mpsc::Sender<Note>,
    /// Its task is over.
    pub ended: CancellationToken,
}

/// What came of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saved {
    Written,
    Stale,
    Unavailable,
}

/// Why a session ends, and what its edge is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    Refused(AttachRefusal),
    Detached,
    HandedOver(ZoneId, u32),
    Dropped(DropReason, Option<u32>),
    Silent,
}

/// Begins a session. An older one of the same id is ended and saved first.
pub fn begin(node: &Rc<Node>, edge: &Edge, attach: Attach) {
    let (notes, inbox) = mpsc::channel(NOTES_MAX);
    let lodger = Rc::new(Lodger {
        id: attach.session,
        account: attach.account,
        character: attach.character,
        edge: edge.clone(),
        epoch: Cell::new(Epoch(0)),
        writing: Arc::default(),
        parting: Cell::new(false),
        leaving: Cell::new(false),
        zone: Cell::new(None),
        body: RefCell::default(),
        waiting: RefCell::default(),
        states: Cell::new(0),
        notes,
        ended: CancellationToken::new(),
    });
    let older = node.lodgers.borrow_mut().insert(attach.session, Rc::clone(&lodger));
    spawn_local(live(Rc::clone(node), lodger, attach, older, inbox));
}

async fn live(
    node: Rc<Node>,
    lodger: Rc<Lodger>,
    attach: Attach,
    older: Option<Rc<Lodger>>,
    mut inbox: mpsc::Receiver<Note>,
) {
    if let Some(older) = older {
        older.note(Note::Replaced);
        older.ended.cancelled().await;
    }
    let farewell = play(&node, &lodger, &attach, &mut inbox).await;
    lodger.zone.set(None);
    {
        let mut all = node.lodgers.borrow_mut();
        if all.get(&lodger.id).is_some_and(|present| Rc::ptr_eq(present, &lodger)) {
            all.remove(&lodger.id);
            if let Some(playing) = held(&node.board).playing.get_mut(&node.name) {
                playing.remove(&lodger.id);
            }
        }
    }
    held(&node.board).note(&node.name, format_args!("parts from {:?}: {farewell:?}", lodger.id));
    let message = match farewell {
        Farewell::Refused(refusal) => Some(Told::Refused(refusal)),
        Farewell::Detached => Some(Told::Detached),
        Farewell::HandedOver(zone, obeyed) => {
            let transfer = TransferId(held(&node.board).number().into());
            Some(Told::Handover { transfer, zone, obeyed })
        }
        Farewell::Dropped(reason, obeyed) => Some(Told::Dropped(reason, obeyed)),
        Farewell::Silent => None,
    };
    message.into_iter().for_each(|message| lodger.edge.tell(lodger.id, message));
    lodger.ended.cancel();
}

async fn play(
    node: &Rc<Node>,
    lodger: &Rc<Lodger>,
    attach: &Attach,
    inbox: &mut mpsc::Receiver<Note>,
) -> Farewell {
    if let Err(refusal) = admit(node, lodger, attach).await {
        return Farewell::Refused(refusal);
    }
    loop {
        let Some(note) = inbox.recv().await else { return Farewell::Silent };
        let farewell = match note {
            Note::Crossing(zone, tile) => match cross(node, lodger, zone, tile, inbox).await {
                Some(farewell) => return farewell,
                None => continue,
            },
            Note::ZoneGone(last) => {
                let obeyed = last.as_ref().map(|last| last.obeyed);
                lodger.release(node, last).await;
                return Farewell::Dropped(DropReason::ZoneGone, obeyed);
            }
            Note::Fenced => {
                lodger.take_out();
                return Farewell::Dropped(DropReason::Fenced, None);
            }
            Note::Detach => Farewell::Detached,
            Note::Stop => Farewell::Dropped(DropReason::ZoneGone, None),
            Note::EdgeGone | Note::Replaced => Farewell::Silent,
        };
        let last = lodger.last_state(inbox);
        let obeyed = last.as_ref().map(|last| last.obeyed);
        return match (lodger.release(node, last).await, farewell) {
            (_, Farewell::Silent) => Farewell::Silent,
            (Some(Saved::Stale), _) => Farewell::Dropped(DropReason::Fenced, None),
            (_, Farewell::Dropped(reason, _)) => Farewell::Dropped(reason, obeyed),
            (_, other) => other,
        };
    }
}

/// Loads the character under a new epoch and checks that it belongs into the zone.
async fn admit(node: &Rc<Node>, lodger: &Rc<Lodger>, attach: &Attach) -> Result<(), AttachRefusal> {
    if node.closing.is_cancelled() || !node.owns(attach.zone, attach.zone_epoch) {
        return Err(AttachRefusal::NotOwner);
    }
    let (account, character) = (attach.account, attach.character);
    let request = LoadCharacter { account, character, owner: node.name.clone() };
    let loaded = match node.store.load_character(request).await {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(_)) => return Err(AttachRefusal::NoSuchCharacter),
        Err(_) => return Err(AttachRefusal::StoreUnavailable),
    };
    lodger.epoch.set(loaded.epoch);
    let soft = loaded.character.soft;
    let body = Body { tile: soft.tile, gestures: soft.mp, obeyed: 0, frozen: false };
    let zone = node.table.borrow().zone_at(soft.tile);
    if zone != attach.zone || !node.owns(attach.zone, attach.zone_epoch) {
        // the character is given back as it is; the edge asks again, there or here
        lodger.save_and_release(node, &body).await;
        return Err(if zone == attach.zone {
            AttachRefusal::NotOwner
        } else {
            AttachRefusal::OtherZone(zone)
        });
    }
    lodger.zone.set(Some(zone));
    lodger.body.replace(Some(body));
    lodger.states.set(1);
    let mut board = held(&node.board);
    board.note(
        &node.name,
        format_args!(
            "lets {:?} in at {soft_tile:?} under {:?}",
            lodger.id,
            loaded.epoch,
            soft_tile = soft.tile
        ),
    );
    board.playing.entry(node.name.clone()).or_default().insert(lodger.id, loaded.epoch);
    drop(board);
    node.tells(
        lodger,
        Event::Entered { tile: soft.tile, gold: loaded.character.hard.gold, gestures: soft.mp },
    );
    Ok(())
}

/// Hands a player over to another zone; `None` when it has to stay for the moment.
async fn cross(
    node: &Rc<Node>,
    lodger: &Rc<Lodger>,
    zone: ZoneId,
    tile: Tile,
    inbox: &mut mpsc::Receiver<Note>,
) -> Option<Farewell> {
    let crossing = (*lodger.body.borrow()).map(|body| Body { tile, ..body })?;
    let reachable = node.cluster.view().owner(zone).is_some() && !node.closing.is_cancelled();
    if planted::is(Bug::HandedOverUnsaved) && reachable {
        let obeyed = lodger.take_out().map_or(0, |last| last.obeyed);
        let (node, lodger) = (Rc::clone(node), Rc::clone(lodger));
        spawn_local(async move { lodger.save_and_release(&node, &crossing).await });
        return Some(Farewell::HandedOver(zone, obeyed));
    }
    let saved = match reachable {
        true => lodger.save_and_release(node, &crossing).await,
        false => Saved::Unavailable,
    };
    match saved {
        Saved::Written => {}
        Saved::Stale => {
            lodger.take_out();
            return Some(Farewell::Dropped(DropReason::Fenced, None));
        }
        Saved::Unavailable => {
            lodger.parting.set(false);
            lodger.turns_back(node);
            return None;
        }
    }
    let obeyed = lodger.last_state(inbox).map_or(crossing.obeyed, |last| last.obeyed);
    // what the edge wanted in the meantime counts more than where the player went
    while let Ok(note) = inbox.try_recv() {
        match note {
            Note::Detach => return Some(Farewell::Detached),
            Note::EdgeGone | Note::Replaced => return Some(Farewell::Silent),
            Note::Crossing(..) | Note::ZoneGone(_) | Note::Fenced | Note::Stop => {}
        }
    }
    Some(Farewell::HandedOver(zone, obeyed))
}

impl Lodger {
    /// Tells its task something.
    pub fn note(&self, note: Note) {
        // a task that is over, or is told more than it looks at, is on its way out
        let _ = self.notes.try_send(note);
    }

    /// True when its player stands in that zone.
    pub fn is_in(&self, zone: ZoneId) -> bool {
        self.zone.get() == Some(zone)
    }

    /// Takes the player out of its zone: its last state, if it was in one.
    pub fn take_out(&self) -> Option<Body> {
        self.leaving.set(true);
        self.zone.set(None);
        self.body.take()
    }

    /// The same; when the zone was closed in this very moment its closing brings the last state.
    fn last_state(&self, inbox: &mut mpsc::Receiver<Note>) -> Option<Body> {
        self.take_out().or_else(|| {
            loop {
                match inbox.try_recv() {
                    Ok(Note::ZoneGone(last)) => return last,
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        })
    }

    /// A command of its player.
    pub fn obeys(self: &Rc<Self>, node: &Rc<Node>, wanted: Wanted) {
        let mut place = self.body.borrow_mut();
        let Some(body) = place.as_mut() else { return };
        if body.frozen {
            return self.waits(node, body, wanted);
        }
        let Wanted { number, what } = wanted;
        body.obeyed += 1;
        {
            let mut board = held(&node.board);
            let wrong = board.deeds.obeys(self.id, number, self.epoch.get());
            wrong.into_iter().for_each(|wrong| board.finds(wrong));
        }
        body.gestures += i32::from(what == What::Gesture);
        node.tells(self, Event::Obeyed(number, body.gestures));
        match what {
            What::Gesture => {}
            What::Walk(tile) => {
                let zone = node.table.borrow().zone_at(tile);
                if self.is_in(zone) {
                    body.tile = tile;
                    node.tells(self, Event::Stands(tile));
                } else {
                    body.frozen = true;
                    self.note(Note::Crossing(zone, tile));
                }
            }
            What::Earn => {
                spawn_local(Rc::clone(self).earns(Rc::clone(node), number));
            }
        }
    }

    /// A command of a player who waits to be handed over: the next zone obeys it, or this one when the player stays. The oldest of too many is lost.
    fn waits(&self, node: &Node, body: &mut Body, wanted: Wanted) {
        let mut waiting = self.waiting.borrow_mut();
        let mut lost = None;
        if waiting.len() < WAITING_MAX {
            waiting.push_back(wanted);
        } else if planted::is(Bug::TooMuchNotCounted) {
            lost = Some(wanted);
        } else {
            lost = waiting.pop_front();
            waiting.push_back(wanted);
            // its edge counts as well
            body.obeyed += 1;
        }
        if let Some(lost) = lost {
            let mut board = held(&node.board);
            let wrong = board.deeds.learns(self.id, lost.number, Fate::Dropped);
            wrong.into_iter().for_each(|wrong| board.finds(wrong));
        }
    }

    /// A crossing could not be done: the player goes on here.
    fn turns_back(self: &Rc<Self>, node: &Rc<Node>) {
        let back = self.body.borrow_mut().as_mut().map(|body| {
            body.frozen = false;
            body.tile
        });
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        back.into_iter().for_each(|tile| node.tells(self, Event::Stands(tile)));
        waiting.into_iter().for_each(|wanted| self.obeys(node, wanted));
    }

    /// A job of its player: repeated until the store says what came of it.
    async fn earns(self: Rc<Self>, node: Rc<Node>, number: u64) {
        let _writing = self.writing.lock().await;
        if self.parting.get() {
            return;
        }
        let (account, character) = (self.account, self.character);
        let gold = |account_of| GoldLocation { home: account, account: account_of };
        let transfer = Transfer {
            operation: OperationId((u128::from(self.id.0) << 64) | u128::from(number)),
            actor: Actor::Player(account),
            reason: "sim".to_owned(),
            fences: vec![Fence { account, character, epoch: self.epoch.get() }],
            moves: vec![Move::Gold {
                amount: 1,
                from: gold(GoldAccount::Mint("sim".to_owned())),
                to: gold(GoldAccount::Character(character)),
            }],
            records: Vec::new(),
            softs: Vec::new(),
            standings: Vec::new(),
        };
        let (mut pause, mut left) = (PAUSE_MIN, TRIES);
        loop {
            match node.store.transfer(transfer.clone()).await {
                Ok(Ok(transferred)) => {
                    let balance = transferred.balance(&GoldAccount::Character(character));
                    return node.tells(&self, Event::Gold(number, balance.unwrap_or_default()));
                }
                Ok(Err(TransferRefusal::Stale(_))) => return self.note(Note::Fenced),
                Ok(Err(refusal)) => {
                    return held(&node.board).finds(format!("a piece of gold was refused: {refusal}"));
                }
                Err(_) => {
                    left -= u32::from(self.leaving.get() || node.closing.is_cancelled());
                    if left == 0 {
                        return self.note(Note::Fenced);
                    }
                    sleep(pause).await;
                    pause = (2 * pause).min(PAUSE_MAX);
                }
            }
        }
    }

    /// The state that it is in now, to be written behind.
    pub fn state(&self, release: bool) -> Option<SaveCharacter> {
        let body = (*self.body.borrow())?;
        Some(self.save(&body, release))
    }

    fn save(&self, body: &Body, release: bool) -> SaveCharacter {
        // nothing is counted before it is let in: it is given back as it was loaded
        let number = self.states.get();
        self.states.set(number + u64::from(number > 0));
        let soft = SoftState::fresh(body.tile, 0, 1, body.gestures);
        SaveCharacter {
            account: self.account,
            character: self.character,
            epoch: self.epoch.get(),
            number,
            soft,
            release,
        }
    }

    /// Saves a state and gives the character up, with one try.
    async fn save_and_release(&self, node: &Node, body: &Body) -> Saved {
        let _writing = self.writing.lock().await;
        self.parting.set(true);
        let saves = vec![self.save(body, true)];
        match node.store.save_characters(SaveCharacters { saves }).await.as_deref() {
            Ok([SaveOutcome::Saved]) => Saved::Written,
            Ok([SaveOutcome::Stale]) => Saved::Stale,
            _ => Saved::Unavailable,
        }
    }

    /// Saves and releases, as long as it takes.
    async fn release(&self, node: &Node, last: Option<Body>) -> Option<Saved> {
        self.leaving.set(true);
        self.zone.set(None);
        let last = last?;
        let mut pause = PAUSE_MIN;
        for _ in 0..TRIES {
            let saved = self.save_and_release(node, &last).await;
            if saved != Saved::Unavailable {
                return Some(saved);
            }
            sleep(pause).await;
            pause = (2 * pause).min(PAUSE_MAX);
        }
        Some(Saved::Unavailable)
    }
}
