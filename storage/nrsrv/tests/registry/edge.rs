//! A fake edge: real calls, a real push stream, and its own list of what it holds.

use crate::stage::{PASSWORD, Running};
use link::{Client, Sender, open_stream};
use model::calls::registry::{
    FromEdge, HeldSession, KickReason, Login, LoginRefusal, PinOutcome, Reply, Request, ToEdge,
};
use model::membership::ProcessName;
use model::social::{Party, PartyAsk, Persona, SocialRefusal};
use model::{AccountId, AccountName, Character, CharacterId, CharacterName, Class, Secret, SessionId};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{SOON, credentials, until};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

static SESSIONS: AtomicU64 = AtomicU64::new(1);

pub struct Edge {
    pub name: ProcessName,
    client: Client<Request, Reply>,
    sender: Sender<FromEdge>,
    pushed: mpsc::Receiver<ToEdge>,
    /// Every player is told which friends are there when it comes: most tests are not about that.
    pub hears_of_friends: bool,
    reader: JoinHandle<()>,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.reader.abort(); // closes the stream
    }
}

/// From a player at an address of the documentation range.
pub fn address(last: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, last])
}

pub fn new_session() -> SessionId {
    SessionId(SESSIONS.fetch_add(1, Ordering::Relaxed) | 1 << 63) // ids need all 64 bits
}

impl Edge {
    /// Connects and reports what it holds; returns when NRSrv has heard it.
    pub async fn connect(name: &str, nrsrv: &Running, held: Vec<HeldSession>) -> Self {
        Self::connect_with(name, nrsrv, held, Vec::new()).await
    }

    /// The same with the copies of parties that it keeps.
    pub async fn connect_with(
        name: &str,
        nrsrv: &Running,
        held: Vec<HeldSession>,
        parties: Vec<Party>,
    ) -> Self {
        let own = credentials(name);
        let stream = open_stream::<ToEdge, FromEdge>(&own, &nrsrv.target).await.unwrap();
        let (sender, mut receiver) = stream.split();
        let (queue, pushed) = mpsc::channel(256);
        let reader = tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                queue.send(message).await.ok();
            }
        });
        let client = Client::fixed(own.clone(), nrsrv.target.clone());
        let edge = Self { name: own.name, client, sender, pushed, hears_of_friends: false, reader };
        edge.hello(held, parties).await;
        let (registry, name) = (Arc::clone(&nrsrv.registry), edge.name.clone());
        until("NRSrv hears the edge", || async { registry.is_connected(&name) }).await;
        edge
    }

    pub async fn hello(&self, sessions: Vec<HeldSession>, parties: Vec<Party>) {
        self.sender.send(&FromEdge::Hello { edge: self.name.clone(), sessions, parties }).await.unwrap();
    }

    pub async fn call(&self, request: Request) -> Reply {
        self.client.call(&request, SOON).await.unwrap()
    }

    pub async fn try_login(&self, login: Login) -> Result<AccountId, LoginRefusal> {
        match self.call(Request::Login(login)).await {
            Reply::LoggedIn(outcome) => outcome.map(|(account, _)| account),
            other => panic!("login answered with {other:?}"),
        }
    }

    /// A login attempt of a new session.
    pub fn attempt(&self, name: &str, password: &str) -> Login {
        Login {
            session: new_session(),
            edge: self.name.clone(),
            name: name.to_owned(),
            password: Secret::new(password),
            force: false,
            address: address(1),
        }
    }

    /// Logs in with the usual password.
    pub async fn login(&self, name: &str) -> Result<SessionId, LoginRefusal> {
        let login = self.attempt(name, PASSWORD);
        let session = login.session;
        self.try_login(login).await.map(|_| session)
    }

    pub async fn force(&self, name: &str) -> Result<SessionId, LoginRefusal> {
        let login = Login { force: true, ..self.attempt(name, PASSWORD) };
        let session = login.session;
        self.try_login(login).await.map(|_| session)
    }

    pub async fn logout(&self, session: SessionId) {
        assert_eq!(self.call(Request::Logout { session }).await, Reply::Done);
    }

    pub async fn pin(&self, session: SessionId, pin: &str, change: bool) -> PinOutcome {
        match self.call(Request::Pin { session, pin: Secret::new(pin), change }).await {
            Reply::Pin(outcome) => outcome,
            other => panic!("PIN answered with {other:?}"),
        }
    }

    /// True while NRSrv knows the session.
    pub async fn is_known(&self, session: SessionId) -> bool {
        match self.call(Request::Characters { session }).await {
            Reply::Characters(_) => true,
            Reply::NoSuchSession => false,
            other => panic!("list answered with {other:?}"),
        }
    }

    pub async fn create(&self, session: SessionId, slot: u8, name: &str) -> Vec<Character> {
        let request =
            Request::CreateCharacter { session, slot, name: name.to_owned(), class: Class::BeastMaster };
        match self.call(request).await {
            Reply::Characters(list) => list,
            other => panic!("creation of {name} answered with {other:?}"),
        }
    }

    pub async fn play(&self, session: SessionId, character: Option<(u64, &str)>) {
        let character = character.map(|(id, name)| (CharacterId(id), CharacterName::new(name).unwrap()));
        assert_eq!(self.call(Request::Playing { session, character }).await, Reply::Done);
    }

    /// Plays a character of a guild and a kingdom.
    pub async fn play_as(&self, session: SessionId, id: u64, name: &str, guild: u16, clan: u8) {
        self.play(session, Some((id, name))).await;
        let persona = persona(guild, clan);
        assert_eq!(self.call(Request::Describe { session, persona }).await, Reply::Done);
    }

    /// Asks something of a party.
    pub async fn party(&self, session: SessionId, ask: PartyAsk) -> Result<(), SocialRefusal> {
        match self.call(Request::Party { session, ask }).await {
            Reply::Party(outcome) => outcome,
            other => panic!("the party answered with {other:?}"),
        }
    }

    /// The next party that a session is told, as character ids.
    pub async fn told_party(&mut self, session: SessionId) -> Option<Party> {
        match self.pushed().await {
            ToEdge::Party { session: to, party } if to == session => party,
            other => panic!("{session}: {other:?}"),
        }
    }

    /// The next message from NRSrv.
    pub async fn pushed(&mut self) -> ToEdge {
        loop {
            let message = tokio::time::timeout(SOON, self.pushed.recv()).await.expect("a message in time");
            let message = message.expect("the stream is open");
            if self.hears(&message) {
                return message;
            }
        }
    }

    fn hears(&self, message: &ToEdge) -> bool {
        self.hears_of_friends || !matches!(message, ToEdge::Friends { .. })
    }

    /// Expects a kick and does what an edge does then.
    pub async fn obeys_kick(&mut self, session: SessionId, reason: KickReason) {
        assert_eq!(self.pushed().await, ToEdge::Kick { session, reason });
        self.logout(session).await;
    }

    pub fn has_nothing_pushed(&mut self) -> bool {
        while let Ok(message) = self.pushed.try_recv() {
            if self.hears(&message) {
                return false;
            }
        }
        true
    }
}

/// What somebody is like.
pub fn persona(guild: u16, clan: u8) -> Persona {
    Persona { class: Class::BeastMaster, level: 4, hp: 40, hp_max: 50, clan, guild, guild_rank: guild as u8 }
}

/// What an edge reports.
pub fn held(session: SessionId, account: AccountId, name: &str) -> HeldSession {
    let account_name = AccountName::new(name).unwrap();
    HeldSession { session, account, account_name, character: None, persona: None, party: None, friends: None }
}
