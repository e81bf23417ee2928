//! Servers that remember what they were asked and answer in the simplest way.

use super::{TOWN, host};
use async_trait::async_trait;
use link::{Peer, Sender, Stream};
use model::account::AccountName;
use model::calls::{bank, node, registry};
use model::character::{Affect, Character, CharacterName, Class, Unspent};
use model::event::{Appearance, Arrival, EquipLook, Notice, NoticeKey, Sheet, Walk};
use model::friend::{Asker, FriendAsk, FriendLine, FriendPage, FriendRow};
use model::item::{CARGO_SLOTS, EQUIP_SLOTS, Effect, Item, ItemKind};
use model::membership::ProcessName;
use model::{
    AccountId, Addressed, CharacterId, Command, EntityId, Epoch, Event, ItemId, MoveMark, Score, SessionId,
    Tile, ZoneId,
};
use node::{AttachRefusal, ToEdge, ToNode};
use registry::{Reply, Request};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// One account `name` with the password `secret`, the PIN 1234 and one character `Nname`.
#[derive(Default)]
pub struct FakeRegistry {
    pub calls: Mutex<Vec<Request>>,
    sessions: Mutex<HashMap<SessionId, String>>,
    stream: Mutex<Option<Sender<registry::ToEdge>>>,
    reported: Mutex<Vec<SessionId>>,
    parties: Mutex<Vec<model::social::Party>>,
    friends: Mutex<HashMap<SessionId, Option<Vec<CharacterId>>>>,
    /// Who asks everybody to be a friend, the newest last.
    pub askers: Mutex<Vec<String>>,
    /// So many answers to those are given, and nobody hears of it.
    pub loses: AtomicUsize,
}

pub fn account_id(name: &str) -> AccountId {
    AccountId(name.bytes().fold(7, |sum, b| sum * 31 + u64::from(b)))
}

pub fn character_id(name: &str) -> CharacterId {
    CharacterId(account_id(name).0 & 0xffff_ffff)
}

pub fn character(name: &str) -> Character {
    let item = Item {
        id: ItemId(5),
        kind: ItemKind(1104),
        effects: [Effect { code: 43, value: 3 }, Effect::default(), Effect::default()],
    };
    let mut character = ::support::character(account_id(name), character_id(name), &format!("N{name}"), TOWN);
    character.class = Class::Foema;
    character.equip[1] = Some(item);
    character
}

impl FakeRegistry {
    pub fn is_connected(&self) -> bool {
        self.stream.lock().unwrap().is_some()
    }

    pub fn session_of(&self, name: &str) -> Option<SessionId> {
        let sessions = self.sessions.lock().unwrap();
        sessions.iter().find(|(_, held)| *held == name).map(|(session, _)| *session)
    }

    /// The sessions that the edge named when it connected.
    pub fn reported(&self) -> Vec<SessionId> {
        self.reported.lock().unwrap().clone()
    }

    /// The friends of which the edge said when it connected that this session was told of them.
    pub fn told_friends(&self, session: SessionId) -> Option<Vec<CharacterId>> {
        self.friends.lock().unwrap().get(&session).cloned().flatten()
    }

    /// The parties that the edge told when it connected.
    pub fn parties(&self) -> Vec<model::social::Party> {
        self.parties.lock().unwrap().clone()
    }

    /// Hears of a session again.
    pub fn remember(&self, session: SessionId, name: &str) {
        self.sessions.lock().unwrap().insert(session, name.to_owned());
    }

    /// Forgets a session, as if another one had the account.
    pub fn forget(&self, session: SessionId) {
        self.sessions.lock().unwrap().remove(&session);
    }

    pub fn has_logged_out(&self, session: SessionId) -> bool {
        self.calls.lock().unwrap().contains(&Request::Logout { session })
    }

    pub async fn push(&self, message: registry::ToEdge) {
        let stream = self.stream.lock().unwrap().clone().unwrap();
        stream.send(&message).await.unwrap();
    }

    fn answer(&self, whom: &Asker) -> Reply {
        let mut askers = self.askers.lock().unwrap();
        let before = askers.len();
        askers.retain(|name| *whom != asker(name));
        let is_lost = |lost: usize| lost.checked_sub(1);
        match self.loses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_lost) {
            Ok(_) => Reply::Unavailable,
            Err(_) if askers.len() < before => friend_line(FriendLine::Friends, &whom.name),
            Err(_) => friend_line(FriendLine::Already, &whom.name),
        }
    }

    fn log_in(&self, login: &registry::Login) -> Reply {
        if login.password.expose() != "secret" {
            return Reply::LoggedIn(Err(registry::LoginRefusal::WrongNameOrPassword));
        }
        let mut sessions = self.sessions.lock().unwrap();
        if !login.force && sessions.values().any(|held| *held == login.name) {
            return Reply::LoggedIn(Err(registry::LoginRefusal::AlreadyPlaying));
        }
        sessions.insert(login.session, login.name.clone());
        let name = AccountName::new(&login.name).unwrap();
        Reply::LoggedIn(Ok((account_id(&login.name), name)))
    }
}

#[async_trait]
impl link::Service for FakeRegistry {
    type Request = Request;
    type Reply = Reply;
    type In = registry::FromEdge;
    type Out = registry::ToEdge;

    async fn call(&self, _: &Peer, request: Request) -> Reply {
        self.calls.lock().unwrap().push(request.clone());
        match request {
            Request::Login(login) => self.log_in(&login),
            Request::Logout { session } => {
                self.sessions.lock().unwrap().remove(&session);
                Reply::Done
            }
            Request::Playing { session, .. } | Request::Pin { session, .. }
                if !self.sessions.lock().unwrap().contains_key(&session) =>
            {
                Reply::NoSuchSession
            }
            Request::Pin { pin, .. } if pin.expose() == "1234" => Reply::Pin(registry::PinOutcome::Accepted),
            Request::Pin { .. } => Reply::Pin(registry::PinOutcome::Wrong),
            Request::Characters { session } => match self.sessions.lock().unwrap().get(&session) {
                Some(name) => Reply::Characters(vec![character(name)]),
                None => Reply::NoSuchSession,
            },
            Request::CreateCharacter { session, slot, name, class } => {
                let account = self.sessions.lock().unwrap().get(&session).cloned().unwrap_or_default();
                match CharacterName::new(&name) {
                    Ok(name) => Reply::Characters(vec![
                        character(&account),
                        Character { slot, name, class, id: CharacterId(99), ..character(&account) },
                    ]),
                    Err(bad) => Reply::CreateRefused(registry::CreateRefusal::BadName(bad)),
                }
            }
            Request::DeleteCharacter { .. } => Reply::DeleteRefused(registry::DeleteRefusal::WrongPassword),
            Request::Whisper { to, .. } => Reply::Whispered(to == "Somebody"),
            Request::Party { .. } => Reply::Party(Ok(())),
            Request::Speak { .. } => Reply::Spoken(Ok(())),
            Request::Who { names } => {
                let found = names.iter().filter_map(|name| CharacterName::new(name).ok()).collect();
                Reply::Who { playing: 7, found }
            }
            Request::Friend { ask: FriendAsk::Add(name), .. } => friend_line(FriendLine::Asked, &name),
            Request::Friend { ask: FriendAsk::Accept(asker) | FriendAsk::Refuse(asker), .. } => {
                self.answer(&asker)
            }
            Request::NewestAsker { .. } => match self.askers.lock().unwrap().last() {
                Some(name) => Reply::NewestAsker(asker(name)),
                None => friend_line(FriendLine::NobodyAsks, ""),
            },
            Request::Friends { .. } => Reply::Friends(Box::new(friend_page())),
            Request::CreateAccount { name, .. } if name == "taken" => {
                Reply::AccountCreated(Err(registry::SignUpRefusal::NameTaken))
            }
            Request::CreateAccount { .. } => Reply::AccountCreated(Ok(AccountId(1))),
            _ => Reply::Done,
        }
    }

    async fn stream(&self, _: Peer, stream: Stream<registry::FromEdge, registry::ToEdge>) {
        let (sender, mut receiver) = stream.split();
        let Some(registry::FromEdge::Hello { sessions, parties, .. }) = receiver.recv().await else { return };
        *self.reported.lock().unwrap() = sessions.iter().map(|held| held.session).collect();
        *self.friends.lock().unwrap() =
            sessions.into_iter().map(|held| (held.session, held.friends)).collect();
        *self.parties.lock().unwrap() = parties;
        *self.stream.lock().unwrap() = Some(sender);
        while receiver.recv().await.is_some() {}
        *self.stream.lock().unwrap() = None;
    }
}

/// Somebody who asks, as the directory says who it is.
fn asker(name: &str) -> Asker {
    Asker { character: Some(character_id(name)), name: name.to_owned() }
}

fn friend_line(line: FriendLine, word: &str) -> Reply {
    Reply::Friend(Notice::Catalogue { key: NoticeKey::Friend(line), arguments: vec![word.to_owned()] })
}

/// Three friends, of whom one plays, and six requests.
fn friend_page() -> FriendPage {
    let row = |name: &str, level, away_s| FriendRow { name: name.to_owned(), level, away_s };
    FriendPage {
        friends: 3,
        playing: 1,
        page: 1,
        pages: 1,
        rows: vec![row("Nbenn", Some(4), None), row("Ncidd", None, Some(7_300)), row("Ndora", None, None)],
        asking: ["A", "B", "C", "D", "E"].map(str::to_owned).to_vec(),
        asked: vec!["F".to_owned()],
    }
}

/// A bank in which everybody has the same: 555 gold at first.
pub struct FakeBank {
    pub cargo: Mutex<bank::Cargo>,
    /// An item that waits in a parcel; `None`: parcels cannot be delivered at the moment.
    pub parcel: Mutex<Option<Item>>,
    pub calls: Mutex<Vec<bank::Request>>,
}

impl Default for FakeBank {
    fn default() -> Self {
        Self {
            cargo: Mutex::new(bank::Cargo { items: vec![None; CARGO_SLOTS], gold: 555 }),
            parcel: Mutex::default(),
            calls: Mutex::default(),
        }
    }
}

#[async_trait]
impl link::Service for FakeBank {
    type Request = bank::Request;
    type Reply = bank::Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _: &Peer, request: bank::Request) -> bank::Reply {
        self.calls.lock().unwrap().push(request.clone());
        let mut cargo = self.cargo.lock().unwrap();
        if let bank::Request::DeliverParcels(_) = request {
            let Some(item) = self.parcel.lock().unwrap().take() else { return bank::Reply::Unavailable };
            cargo.items[0] = Some(item);
            return bank::Reply::Delivered { parcels: Vec::new(), waiting: 0, cargo: cargo.clone() };
        }
        bank::Reply::Cargo(cargo.clone())
    }

    async fn stream(&self, _: Peer, _: Stream<(), ()>) {}
}

/// A node that lets everybody in, shows them to each other, and relays what they do.
pub struct FakeNode {
    name: &'static str,
    pub heard: Mutex<Vec<ToNode>>,
    pub refuse_next: Mutex<Option<AttachRefusal>>,
    /// The next attach is left without an answer.
    pub silent_next: AtomicBool,
    players: Mutex<Vec<(SessionId, CharacterId)>>,
    movements: AtomicU64,
    stream: Mutex<Option<Sender<ToEdge>>>,
    /// Who is parked is told by the test.
    pub parks_late: AtomicBool,
    /// Streams that were opened so far.
    streams: AtomicUsize,
    running: Mutex<Option<(SocketAddr, CancellationToken)>>,
}

struct Hosted(std::sync::Arc<FakeNode>);

impl FakeNode {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            heard: Mutex::default(),
            refuse_next: Mutex::default(),
            silent_next: AtomicBool::default(),
            players: Mutex::default(),
            movements: AtomicU64::new(1),
            stream: Mutex::default(),
            parks_late: AtomicBool::new(false),
            streams: AtomicUsize::new(0),
            running: Mutex::default(),
        }
    }

    pub async fn start(self: &std::sync::Arc<Self>) {
        let stop = CancellationToken::new();
        let target = host(self.name, std::sync::Arc::new(Hosted(std::sync::Arc::clone(self))), &stop).await;
        *self.running.lock().unwrap() = Some((target.address, stop));
    }

    /// Dies: its streams close at once.
    pub fn stop(&self) {
        if let Some((_, stop)) = self.running.lock().unwrap().take() {
            stop.cancel();
        }
        *self.stream.lock().unwrap() = None;
    }

    pub fn name(&self) -> ProcessName {
        ProcessName(self.name.to_owned())
    }

    pub fn address(&self) -> SocketAddr {
        self.running.lock().unwrap().as_ref().map_or(SocketAddr::from(([127, 0, 0, 1], 1)), |(a, _)| *a)
    }

    pub fn is_running(&self) -> bool {
        self.running.lock().unwrap().is_some()
    }

    pub fn is_connected(&self) -> bool {
        self.stream.lock().unwrap().is_some()
    }

    pub async fn send(&self, message: ToEdge) {
        let stream = self.stream.lock().unwrap().clone().unwrap();
        stream.send(&message).await.unwrap();
    }

    pub async fn tell(&self, to: SessionId, event: Event) {
        self.send(ToEdge::Events(vec![Addressed { to: vec![to], event }])).await;
    }

    /// It has this player.
    pub fn remember(&self, session: SessionId, character: CharacterId) {
        self.players.lock().unwrap().push((session, character));
    }

    pub fn commands(&self) -> Vec<Command> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter_map(|message| match message {
                ToNode::Command { command, .. } => Some(command.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn attaches(&self) -> Vec<node::Attach> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter_map(|message| match message {
                ToNode::Attach(attach) => Some(attach.clone()),
                _ => None,
            })
            .collect()
    }

    /// How many sessions it was asked to park, and how many were adopted.
    pub fn parked_and_adopted(&self) -> (usize, usize) {
        let heard = self.heard.lock().unwrap();
        let count = |is: fn(&ToNode) -> bool| heard.iter().filter(|message| is(message)).count();
        (count(|m| matches!(m, ToNode::Park { .. })), count(|m| matches!(m, ToNode::Adopt { .. })))
    }

    pub fn was_told_to_detach(&self, session: SessionId) -> bool {
        self.heard.lock().unwrap().contains(&ToNode::Detach { session })
    }

    fn answer(&self, message: &ToNode) -> Vec<ToEdge> {
        let mut players = self.players.lock().unwrap();
        match message {
            ToNode::Hello(_) | ToNode::Unreachable { .. } => Vec::new(),
            ToNode::Attach(attach) => {
                if let Some(refusal) = self.refuse_next.lock().unwrap().take() {
                    return vec![ToEdge::AttachRefused { session: attach.session, refusal }];
                }
                if self.silent_next.swap(false, Ordering::SeqCst) {
                    return Vec::new();
                }
                let mut events = vec![Addressed {
                    to: vec![attach.session],
                    event: Event::Entered(Box::new(sheet(attach.character))),
                }];
                for (other, character) in players.iter() {
                    events.push(Addressed { to: vec![attach.session], event: appeared(player(*character)) });
                    events.push(Addressed { to: vec![*other], event: appeared(player(attach.character)) });
                }
                events.push(Addressed { to: vec![attach.session], event: appeared(merchant(attach.zone)) });
                events.push(Addressed { to: vec![attach.session], event: Event::ViewComplete });
                players.push((attach.session, attach.character));
                vec![ToEdge::Events(events)]
            }
            ToNode::Command { session, command } => {
                let Some((_, who)) = players.iter().find(|(held, _)| held == session) else {
                    return Vec::new();
                };
                let entity = EntityId::of_character(*who);
                let event = match command {
                    Command::Walk { from, route, to, speed } => {
                        let walk = Walk { from: *from, route: route.clone(), to: *to, speed: *speed };
                        let number = self.movements.fetch_add(1, Ordering::SeqCst);
                        let mark = MoveMark { number, ..MoveMark::first(Epoch(1)) };
                        Event::Walked { entity, walk, mark }
                    }
                    Command::Say { text } => {
                        Event::Said { entity, text: text.clone(), number: rand::random() }
                    }
                    _ => return Vec::new(),
                };
                let to = players.iter().map(|(held, _)| *held).filter(|held| held != session).collect();
                vec![ToEdge::Events(vec![Addressed { to, event }])]
            }
            ToNode::Park { .. } if self.parks_late.load(Ordering::SeqCst) => Vec::new(),
            ToNode::Park { session } => vec![ToEdge::Parked { session: *session }],
            ToNode::Adopt { .. } => Vec::new(),
            ToNode::Detach { session } => {
                players.retain(|(held, _)| held != session);
                vec![ToEdge::Detached { session: *session }]
            }
        }
    }
}

#[async_trait]
impl link::Service for Hosted {
    type Request = ();
    type Reply = ();
    type In = ToNode;
    type Out = ToEdge;

    async fn call(&self, _: &Peer, _: ()) {}

    async fn stream(&self, _: Peer, stream: Stream<ToNode, ToEdge>) {
        let node = &self.0;
        let (sender, mut receiver) = stream.split();
        let number = node.streams.fetch_add(1, Ordering::SeqCst) + 1;
        *node.stream.lock().unwrap() = Some(sender.clone());
        while let Some(message) = receiver.recv().await {
            let answers = node.answer(&message);
            node.heard.lock().unwrap().push(message);
            for answer in answers {
                if sender.send(&answer).await.is_err() {
                    return;
                }
            }
        }
        if node.streams.load(Ordering::SeqCst) == number {
            node.players.lock().unwrap().clear();
        }
    }
}

pub fn score() -> Score {
    Score {
        level: 4,
        defence: 42,
        attack: 10,
        facing: 2,
        run_speed: 3,
        hp_max: 82,
        mp_max: 45,
        hp: 80,
        mp: 45,
        ..Score::default()
    }
}

pub fn sheet(character: CharacterId) -> Sheet {
    let mut look = [EquipLook::default(); EQUIP_SLOTS];
    look[1] = EquipLook { kind: 1104, refine: 3, color: 0 };
    Sheet {
        entity: EntityId::of_character(character),
        epoch: model::Epoch(1),
        slot: 0,
        name: CharacterName::new("Hero").unwrap(),
        class: Class::Foema,
        clan: 0,
        guild: 0,
        guild_rank: 0,
        gold: 1234,
        experience: 777,
        tile: TOWN,
        home_city: 1,
        base: score(),
        score: score(),
        equip: Character::no_equip(),
        look,
        carry: Character::no_carry(),
        learned: [0b11, 0],
        unspent: Unspent { stat: 5, mastery: 6, skill: 7 },
        critical: 1,
        save_mana: 2,
        magic: 3,
        regen: (4, 5),
        resist: [1, 2, 3, 4],
        skill_bar: [0xFF; 20],
        affects: vec![Affect { kind: 9, level: 1, value: 10, time: 450 }],
        chaos: 75,
        weather: 1,
    }
}

pub fn player(character: CharacterId) -> Appearance {
    Appearance {
        entity: EntityId::of_character(character),
        tile: Tile::new(TOWN.x + 2, TOWN.y),
        name: "Other".to_owned(),
        equip: [EquipLook::default(); EQUIP_SLOTS],
        affects: vec![(9, 200)],
        guild: 0,
        guild_rank: 0,
        score: score(),
        chaos: 75,
        title: String::new(),
        walk: None,
        mark: MoveMark::first(Epoch(1)),
        stall: None,
    }
}

pub fn merchant(zone: ZoneId) -> Appearance {
    Appearance {
        entity: EntityId::of_creature(zone, model::Epoch(1), 1),
        name: "Merchant".to_owned(),
        score: Score { merchant: 3, ..score() },
        ..player(CharacterId(1))
    }
}

pub fn appeared(look: Appearance) -> Event {
    Event::Appeared { look: Box::new(look), arrival: Arrival::Plain }
}
