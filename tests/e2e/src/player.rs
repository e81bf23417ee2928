//! One player for a story: a bot's client that is told what to do step by step.
//!
//! Every call waits for its own outcome, with a deadline, and panics with what was missing.

use crate::{Cluster, post_json};
use bot::client::{
    Anomaly, Client, ClientError, EnterOutcome, Event, LoginOutcome, PinOutcome, SelectionOutcome, World,
};
use bot::protocol::incoming::{CharList, Snapshot};
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long anything may take that a player waits for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much later than by the own clock a walk may end on the server.
const LAG: Duration = Duration::from_millis(300);
/// Least time between two walks of a client.
const BETWEEN_WALKS: Duration = Duration::from_millis(1_000);

/// Who a player is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Client version.
    pub profile: Profile,
    /// Account.
    pub account: String,
    /// Its password.
    pub password: String,
    /// PIN of the clients that ask for one.
    pub pin: String,
    /// Character.
    pub character: String,
    /// Its class.
    pub class: u8,
}

impl Identity {
    /// Makes the account through the sign-up. The character is called as the account, with a capital.
    pub fn sign_up(cluster: &Cluster, profile: Profile, account: &str) -> Self {
        let identity = Self::of(profile, account);
        let body = serde_json::json!({ "username": account, "password": identity.password }).to_string();
        let answer = post_json(&cluster.signup(), &body).expect("the sign-up answers");
        assert_eq!(answer.status, 201, "sign-up of {account}: {}", answer.body);
        identity
    }

    /// Who somebody with this account is, whether or not it is there.
    pub fn of(profile: Profile, account: &str) -> Self {
        let mut character = account.to_owned();
        character[..1].make_ascii_uppercase();
        let class = account.bytes().map(|byte| byte % 4).fold(0, |sum, byte| (sum + byte) % 4);
        let (password, pin) = ("segredo1".to_owned(), "258014".to_owned());
        Self { profile, account: account.to_owned(), password, pin, character, class }
    }
}

/// A player with a connection of its own.
pub struct Player {
    runtime: Runtime,
    client: Client,
    /// Who it is.
    pub identity: Identity,
    events: Vec<Event>,
}

impl Player {
    /// Connects and does nothing yet.
    pub fn connect(cluster: &Cluster, identity: &Identity) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client =
            runtime.block_on(Client::connect(identity.profile, &cluster.edge())).expect("the edge listens");
        Self { runtime, client, identity: identity.clone(), events: Vec::new() }
    }

    /// From nothing to standing in the world; a new account gets its PIN and its character on the way.
    pub fn enter(cluster: &Cluster, identity: &Identity) -> Self {
        let mut player = Self::connect(cluster, identity);
        let list = player.log_in(true);
        player.choose(&list);
        player
    }

    /// Logs in and lets the server answer as it likes.
    pub fn try_login(&mut self, force: bool) -> LoginOutcome {
        let Identity { account, password, .. } = self.identity.clone();
        self.run("the login", async |client| client.login(&account, &password, force).await)
    }

    /// Logs in, and gives the PIN where the client has one.
    pub fn log_in(&mut self, force: bool) -> CharList {
        let list = match self.try_login(force) {
            LoginOutcome::CharList(list) => list,
            other => panic!("login of {}: {other:?}", self.identity.account),
        };
        if self.identity.profile.has_pin() {
            let pin = self.identity.pin.clone();
            assert_eq!(self.pin(&pin), PinOutcome::Right, "PIN of {}", self.identity.account);
        }
        list
    }

    /// Gives a PIN.
    pub fn pin(&mut self, pin: &str) -> PinOutcome {
        self.run("the PIN", async |client| client.pin(pin, false).await)
    }

    /// Creates a character.
    pub fn create(&mut self, slot: u8, name: &str) -> SelectionOutcome {
        let class = self.identity.class;
        self.run("the new character", async |client| client.create_character(slot, name, class).await)
    }

    /// Enters the world with the first character; makes it when there is none.
    pub fn choose(&mut self, list: &CharList) -> Snapshot {
        let slot = match list.characters.first() {
            Some(character) => character.slot,
            None => {
                let name = self.identity.character.clone();
                let made = self.create(0, &name);
                assert!(matches!(made, SelectionOutcome::Done(_)), "{name} is not made: {made:?}");
                0
            }
        };
        match self.run("entering", async |client| client.enter(slot).await) {
            EnterOutcome::Entered(snapshot) => {
                self.until("its own character is shown", World::own_shown);
                *snapshot
            }
            other => panic!("{} cannot enter: {other:?}", self.identity.character),
        }
    }

    /// What it knows of the world.
    pub fn world(&self) -> &World {
        self.client.world()
    }

    /// Where it is by its own clock.
    pub fn tile(&self) -> Tile {
        self.world().tile(Instant::now())
    }

    /// The client, for what has no word of its own here.
    pub fn run<T>(&mut self, what: &str, act: impl AsyncFnOnce(&mut Client) -> Result<T, ClientError>) -> T {
        let name = &self.identity.character;
        self.runtime.block_on(act(&mut self.client)).unwrap_or_else(|error| panic!("{name}: {what}: {error}"))
    }

    /// Takes in the next packet; `None` when none comes before the deadline.
    pub fn next(&mut self, deadline: Instant) -> Result<Option<Event>, ClientError> {
        let event = self.runtime.block_on(self.client.next_event(deadline))?.map(|(event, _)| event);
        self.events.extend(event.clone());
        Ok(event)
    }

    /// Takes in what comes until a moment.
    pub fn listen(&mut self, until: Instant) {
        loop {
            match self.next(until) {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => panic!("{}: {error}", self.identity.character),
            }
        }
    }

    /// Waits until an event gives something.
    pub fn expect<T>(
        &mut self,
        what: &str,
        wait: Duration,
        mut pick: impl FnMut(&World, &Event) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + wait;
        let name = self.identity.character.clone();
        loop {
            match self.next(deadline) {
                Ok(Some(event)) => {
                    if let Some(found) = pick(self.client.world(), &event) {
                        return found;
                    }
                }
                Ok(None) => panic!("{name}: not within {wait:?}: {what}; {}", self.situation()),
                Err(error) => panic!("{name}: {what}: {error}"),
            }
        }
    }

    /// Where it is, who is there, and what came in last, to explain a failure.
    fn situation(&self) -> String {
        let players: Vec<_> = self.world().entities().filter(|entity| entity.is_player()).collect();
        let seen: Vec<String> =
            players.iter().map(|entity| format!("{} at {}", entity.name, entity.track.to)).collect();
        let last = &self.events[self.events.len().saturating_sub(12)..];
        format!("it is at {}, sees {seen:?}; the last events are {last:#?}", self.tile())
    }

    /// Waits until the world is as wanted.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&World) -> bool) {
        if !wanted(self.client.world()) {
            self.expect(what, PATIENCE, |world, _| wanted(world).then_some(()));
        }
    }

    /// Waits until another player is in view.
    pub fn until_sees(&mut self, name: &str) {
        self.until(&format!("{name} is in view"), |world| world.player(name).is_some());
    }

    /// Waits until another player is out of view.
    pub fn until_lost(&mut self, name: &str) {
        self.until(&format!("{name} is out of view"), |world| world.player(name).is_none());
    }

    /// Waits until the server closes the connection.
    pub fn until_closed(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(deadline) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{}: the connection stays open", self.identity.character),
                Err(_) => return,
            }
        }
    }

    /// How often a player came into view since [`Player::forget`].
    pub fn appearances(&self, name: &str) -> usize {
        let of = |event: &&Event| matches!(event, Event::Appeared { name: seen, .. } if **seen == *name);
        self.events.iter().filter(of).count()
    }

    /// Lines of its panel since [`Player::forget`].
    pub fn panel_lines(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::Panel(text) => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(line).collect()
    }

    /// Seconds of the countdowns that it was shown since [`Player::forget`].
    pub fn countdowns(&self) -> Vec<i32> {
        let seconds = |event: &Event| match event {
            Event::Timer { seconds } => Some(*seconds),
            _ => None,
        };
        self.events.iter().filter_map(seconds).collect()
    }

    /// Forgets what it has seen so far; what it knows stays.
    pub fn forget(&mut self) {
        self.events.clear();
    }

    /// Walks to a tile and waits until the server must have it there too.
    pub fn walk_to(&mut self, to: Tile) {
        let deadline = Instant::now() + PATIENCE;
        while self.tile() != to {
            let at = self.tile();
            assert!(Instant::now() < deadline, "{} is still at {at}, not at {to}", self.identity.character);
            let track = self.run("a walk", async |client| client.walk_toward(to).await);
            self.listen((track.over_at() + LAG).max(track.since + BETWEEN_WALKS));
        }
    }

    /// The tile so far east and south of where it stands, or the next one east of that on which nobody in view rests:
    /// who comes to rest on another is put beside.
    pub fn free_tile(&self, east: u16, south: u16) -> Tile {
        let at = self.tile();
        let mut tiles = (at.x + east..).map(|x| Tile::new(x, at.y + south));
        tiles.find(|tile| !self.world().is_taken(*tile)).expect("the world is wide")
    }

    /// Whispers, and the other one hears it.
    pub fn whisper_to(&mut self, other: &mut Player, text: &str) {
        let to = other.identity.character.clone();
        self.run("a whisper", async |client| client.whisper(&to, text).await);
        let sender = self.identity.character.clone();
        other.expect("the whisper arrives", PATIENCE, |_, event| match event {
            Event::Whispered { from, text: heard } if *from == sender && heard == text => Some(()),
            _ => None,
        });
    }

    /// Says something, and the other one hears it.
    pub fn say_to(&mut self, other: &mut Player, text: &str) {
        self.run("chat", async |client| client.say(text).await);
        let sender = self.identity.character.clone();
        other.expect("the line is heard", PATIENCE, |_, event| match event {
            Event::Said { name: Some(name), text: heard, .. } if **name == *sender && heard == text => {
                Some(())
            }
            _ => None,
        });
    }

    /// Back to the selection, and away: its character is saved when this returns.
    pub fn leave(mut self) {
        self.run("the logout", async |client| client.logout().await);
    }

    /// Panics when its client found something that a correct server never sends.
    pub fn assert_content(&mut self) {
        let found: Vec<Anomaly> = self.client.take_anomalies();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(texts.is_empty(), "{} saw: {texts:#?}", self.identity.character);
    }
}
