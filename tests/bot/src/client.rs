//! A headless client: what a player's program does, without a screen.
//!
//! ```text
//!   connect -> login -> [pin] -> [create_character] -> enter -> walk, say, ... -> logout -> enter ...
//! ```
//! Every wait has a deadline. What comes in while a call waits for its own answer still reaches the [`World`].

mod anomaly;
mod goods;
mod party;
mod world;

pub use anomaly::Anomaly;
pub use world::{Belongings, Entity, Event, GOLD_MAX, World};

use crate::protocol::bytes::{u16_at, u32_at};
use crate::protocol::incoming::{self, CharList, Packet, SelectionEntry, Snapshot};
use crate::protocol::outgoing;
use crate::protocol::place::{Steps, Tile, Track};
use crate::protocol::profile::Profile;
use crate::protocol::sizes::{self, SizeVerdict};
pub use crate::transport::ClientError;
use crate::transport::Connection;
use std::time::{Duration, Instant};

/// How long a client waits for the answer to a request of the login and selection screens.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// How long a connect may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// What came of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// Let in.
    CharList(CharList),
    /// Refused with a text.
    Panel(String),
    /// The account is in use.
    AlreadyPlaying,
    /// The older session is being ended: try again.
    StillPlaying,
    /// The server closed the connection without a word.
    Closed,
}

/// What came of a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinOutcome {
    /// Right, or stored.
    Right,
    /// Wrong.
    Wrong,
    /// Refused with a text.
    Panel(String),
}

/// What came of creating or deleting a character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionOutcome {
    /// Done; the characters that there are now.
    Done(Vec<SelectionEntry>),
    /// Refused.
    Refused,
}

/// What came of entering the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterOutcome {
    /// In the world.
    Entered(Box<Snapshot>),
    /// Refused.
    Refused,
    /// Refused because the PIN was not given.
    PinWanted,
    /// Refused with a text.
    Panel(String),
}

/// One client.
#[derive(Debug)]
pub struct Client {
    profile: Profile,
    connection: Connection,
    world: World,
    own_id: u16,
    clock: (u32, Instant),
    wanted: Vec<u16>,
}

impl Client {
    /// Connects to an edge, `HOST:PORT`.
    pub async fn connect(profile: Profile, edge: &str) -> Result<Client, ClientError> {
        let connection = Connection::open(edge, CONNECT_DEADLINE).await?;
        let (world, clock) = (World::default(), (30_000, Instant::now()));
        Ok(Client { profile, connection, world, own_id: 0, clock, wanted: Vec::new() })
    }

    /// Which version it plays.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What it knows of the world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Looks for entities that should have been removed long ago; to be called about once a second.
    pub fn look_for_stale(&mut self, now: Instant) {
        self.world.look_for_stale(now);
    }

    /// What it found wrong since it was last asked.
    pub fn take_anomalies(&mut self) -> Vec<Anomaly> {
        self.world.take_anomalies()
    }

    /// Opcodes of what a server has to send on entering and has not sent yet.
    pub fn still_wanted(&self) -> &[u16] {
        &self.wanted
    }

    /// Its clock, set by the server's.
    pub fn tick(&self) -> u32 {
        let elapsed = u32::try_from(self.clock.1.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.clock.0.wrapping_add(elapsed)
    }

    /// Sends one plain packet with the clock set.
    pub async fn send(&mut self, mut packet: Vec<u8>) -> Result<(), ClientError> {
        outgoing::stamp(&mut packet, self.tick());
        self.connection.send(&mut packet).await
    }

    /// Sends bytes as they are: for tests of bad input.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.connection.send_raw(bytes).await
    }

    /// Logs in.
    pub async fn login(
        &mut self,
        account: &str,
        password: &str,
        force: bool,
    ) -> Result<LoginOutcome, ClientError> {
        if self.send(outgoing::login(self.profile, account, password, force)).await.is_err() {
            return Ok(LoginOutcome::Closed);
        }
        let outcome = self
            .answer("answer to the login", |event| match event {
                Event::CharList(list) => Some(LoginOutcome::CharList(list)),
                Event::Panel(text) => Some(LoginOutcome::Panel(text)),
                Event::AlreadyPlaying => Some(LoginOutcome::AlreadyPlaying),
                Event::StillPlaying => Some(LoginOutcome::StillPlaying),
                _ => None,
            })
            .await;
        match outcome {
            Err(ClientError::Closed) => Ok(LoginOutcome::Closed),
            other => other,
        }
    }

    /// Gives the PIN; the first one ever given is stored. `change` sets another after the right one was given.
    pub async fn pin(&mut self, pin: &str, change: bool) -> Result<PinOutcome, ClientError> {
        self.send(outgoing::pin(pin, change)).await?;
        self.answer("answer to the PIN", |event| match event {
            Event::PinRight => Some(PinOutcome::Right),
            Event::PinWrong => Some(PinOutcome::Wrong),
            Event::Panel(text) => Some(PinOutcome::Panel(text)),
            _ => None,
        })
        .await
    }

    /// Creates a character.
    pub async fn create_character(
        &mut self,
        slot: u8,
        name: &str,
        class: u8,
    ) -> Result<SelectionOutcome, ClientError> {
        self.send(outgoing::create_character(slot, name, class)).await?;
        self.answer("answer to the new character", |event| match event {
            Event::Created(characters) => Some(SelectionOutcome::Done(characters)),
            Event::SelectionRefused(_) => Some(SelectionOutcome::Refused),
            _ => None,
        })
        .await
    }

    /// Deletes a character; `password` is the account's.
    pub async fn delete_character(
        &mut self,
        slot: u8,
        name: &str,
        password: &str,
    ) -> Result<SelectionOutcome, ClientError> {
        self.send(outgoing::delete_character(self.profile, slot, name, password)).await?;
        self.answer("answer to the delete", |event| match event {
            Event::Deleted(characters) => Some(SelectionOutcome::Done(characters)),
            Event::SelectionRefused(_) => Some(SelectionOutcome::Refused),
            _ => None,
        })
        .await
    }

    /// Enters the world with the character of a slot.
    pub async fn enter(&mut self, slot: u8) -> Result<EnterOutcome, ClientError> {
        self.send(outgoing::character_login(slot)).await?;
        self.answer("entering of the world", |event| match event {
            Event::Entered(snapshot) => Some(EnterOutcome::Entered(snapshot)),
            Event::SelectionRefused(_) => Some(EnterOutcome::Refused),
            Event::PinWrong => Some(EnterOutcome::PinWanted),
            Event::Panel(text) => Some(EnterOutcome::Panel(text)),
            _ => None,
        })
        .await
    }

    /// Goes back to the selection screen.
    pub async fn logout(&mut self) -> Result<(), ClientError> {
        self.send(outgoing::with_number(0x3AE, self.own_id, 0)).await?;
        self.send(outgoing::bare(0x215, self.own_id)).await?;
        self.answer("answer to the logout", |event| matches!(event, Event::LoggedOut).then_some(())).await
    }

    /// Walks along steps from where it is; the walk that its own clock follows.
    pub async fn walk(&mut self, steps: Steps) -> Result<Track, ClientError> {
        let track = self.plan(steps);
        self.start(track).await?;
        Ok(track)
    }

    /// The walk that steps make from where it is now.
    pub fn plan(&self, steps: Steps) -> Track {
        let now = Instant::now();
        let from = self.world.tile(now);
        Track { from, to: steps.end(from), steps, speed: self.world.speed(), since: now }
    }

    /// Starts a planned walk.
    pub async fn start(&mut self, track: Track) -> Result<(), ClientError> {
        let packet = outgoing::walk(self.profile, self.own_id, track.from, &track.steps, track.speed);
        self.world.set_own_track(track);
        self.send(packet).await
    }

    /// Walks the straight way toward a tile, at most one packet's worth of steps.
    pub async fn walk_toward(&mut self, to: Tile) -> Result<Track, ClientError> {
        let from = self.world.tile(Instant::now());
        self.walk(Steps::straight(from, to)).await
    }

    /// Stops on the tile of the present walk that it is nearest to; that tile.
    pub async fn stop(&mut self) -> Result<Tile, ClientError> {
        let now = Instant::now();
        let track = self.world.own_track();
        let at = track.at(now + Duration::from_millis(500 / u64::from(track.speed.max(1))));
        let packet = outgoing::stop(self.profile, self.own_id, at, track.to, track.speed);
        self.send(packet).await?;
        self.world.set_own_track(Track::standing(at, now));
        Ok(at)
    }

    /// Near chat.
    pub async fn say(&mut self, text: &str) -> Result<(), ClientError> {
        self.send(outgoing::say(self.profile, self.own_id, text)).await
    }

    /// Whispers to a player, or gives a command.
    pub async fn whisper(&mut self, to: &str, text: &str) -> Result<(), ClientError> {
        self.send(outgoing::whisper(self.profile, self.own_id, to, text)).await
    }

    /// Plays an emote.
    pub async fn emote(&mut self, motion: i16) -> Result<(), ClientError> {
        self.send(outgoing::motion(self.own_id, motion, 0)).await
    }

    /// Recall to the home city.
    pub async fn recall(&mut self) -> Result<(), ClientError> {
        self.send(outgoing::bare(0x289, self.own_id)).await
    }

    /// Uses the portal under its feet.
    pub async fn portal(&mut self) -> Result<(), ClientError> {
        self.send(outgoing::with_number(0x290, self.own_id, 0)).await
    }

    /// Sets the skill bar.
    pub async fn set_skill_bar(&mut self, bar: [u8; 20]) -> Result<(), ClientError> {
        self.send(outgoing::skill_bar(self.own_id, bar)).await
    }

    /// Tells the city that it entered.
    pub async fn enter_city(&mut self, city: i32) -> Result<(), ClientError> {
        self.send(outgoing::with_number(0x291, self.own_id, city)).await
    }

    /// Keep-alive.
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        self.send(outgoing::bare(0x3A0, self.own_id)).await
    }

    /// Asks who an id is, as clients do that hear of one they do not know.
    pub async fn ask_who(&mut self, id: u16) -> Result<(), ClientError> {
        self.world.asked(id, Instant::now());
        self.send(outgoing::with_number(0x369, self.own_id, i32::from(id))).await
    }

    /// The next event with the moment its bytes came in, or `None` when there is none before the deadline.
    /// Cancelling it loses nothing.
    pub async fn next_event(&mut self, deadline: Instant) -> Result<Option<(Event, Instant)>, ClientError> {
        let Some(frame) = self.connection.frame(deadline).await? else { return Ok(None) };
        let received = self.connection.received_at();
        let opcode = u16_at(&frame, 4);
        match sizes::judge(self.profile, opcode, frame.len()) {
            SizeVerdict::Right => {}
            SizeVerdict::NoHandler => self.world.note(Anomaly::UnknownOpcode { opcode }),
            SizeVerdict::Wrong { expected } => {
                self.world.note(Anomaly::WrongSize { opcode, found: frame.len(), expected });
            }
        }
        let packet = incoming::read(self.profile, &frame);
        if matches!(packet, Packet::CharList(_) | Packet::Entered(_)) {
            self.clock = (u32_at(&frame, 8), received);
        }
        if let Packet::Entered(snapshot) = &packet {
            self.own_id = snapshot.own_id;
            self.wanted = sizes::on_entry(self.profile).to_vec();
        }
        if !self.wanted.is_empty() && is_about(&packet, self.own_id) {
            self.wanted.retain(|&wanted| wanted != opcode);
        }
        let event = self.world.apply(packet, received);
        if matches!(event, Event::LoggedOut) {
            self.own_id = 0;
        }
        Ok(Some((event, received)))
    }

    /// Waits until an event gives something, at most `wait`; `what` names it in the error.
    pub async fn wait_for<T>(
        &mut self,
        what: &'static str,
        wait: Duration,
        mut pick: impl FnMut(&World, &Event) -> Option<T>,
    ) -> Result<T, ClientError> {
        let deadline = Instant::now() + wait;
        while let Some((event, _)) = self.next_event(deadline).await? {
            if let Some(found) = pick(&self.world, &event) {
                return Ok(found);
            }
        }
        Err(ClientError::TimedOut { what, seconds: wait.as_secs() })
    }

    /// Waits until the world is as wanted, at most `wait`.
    pub async fn wait_until(
        &mut self,
        what: &'static str,
        wait: Duration,
        wanted: impl Fn(&World) -> bool,
    ) -> Result<(), ClientError> {
        if wanted(&self.world) {
            return Ok(());
        }
        self.wait_for(what, wait, |world, _| wanted(world).then_some(())).await
    }

    async fn answer<T>(
        &mut self,
        what: &'static str,
        mut pick: impl FnMut(Event) -> Option<T>,
    ) -> Result<T, ClientError> {
        let deadline = Instant::now() + ANSWER_DEADLINE;
        while let Some((event, _)) = self.next_event(deadline).await? {
            if let Some(found) = pick(event) {
                return Ok(found);
            }
        }
        Err(ClientError::TimedOut { what, seconds: ANSWER_DEADLINE.as_secs() })
    }
}

/// False for packets that are about somebody else.
fn is_about(packet: &Packet, own_id: u16) -> bool {
    match *packet {
        Packet::Create { id, .. } | Packet::Score { id, .. } | Packet::Action { id, .. } => id == own_id,
        _ => true,
    }
}
