//! One client that does what was planned, and writes down what it sees of whom.

use super::plan::{Act, Deed};
use crate::Identity;
use anyhow::{Context, bail};
use bot::client::{Client, EnterOutcome, Event, LoginOutcome, PinOutcome, SelectionOutcome};
use bot::protocol::place::{Steps, Tile, Track};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long everything on the way into the world may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two walks of a client.
const BETWEEN_WALKS: Duration = Duration::from_millis(1_100);

/// What a viewer saw of somebody.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// Came into view on a tile.
    Appeared(Tile),
    /// Began to walk, or was seen on the rest of a walk.
    Walked(Track),
    /// Stands on a tile at once.
    Stands(Tile),
    /// Said a line.
    Said(String),
    /// Played an emote.
    Moved(i16),
    /// Went out of view.
    Gone,
}

/// Somebody's sight of somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// Name of whom.
    pub who: String,
    /// What.
    pub sight: Sight,
}

/// What one client went through in a round.
#[derive(Clone, Debug)]
pub struct Record {
    /// When the round began.
    pub start: Instant,
    /// Its own way: where it stood, and its walks.
    pub tracks: Vec<Track>,
    /// When it did each of its deeds.
    pub did: Vec<Instant>,
    /// What it saw, in order; first of all those in view at the start.
    pub seen: Vec<Seen>,
    /// What a correct server never does: put it elsewhere, remove it, show somebody twice.
    pub wrong: Vec<String>,
}

impl Record {
    /// Where it was at a moment.
    pub fn tile(&self, at: Instant) -> Tile {
        let track = self.tracks.iter().rev().find(|track| track.since <= at);
        track.or(self.tracks.first()).map_or_else(Tile::default, |track| track.at(at))
    }
}

/// A bot of the oracle.
pub struct Actor {
    client: Client,
    /// Its character.
    pub name: String,
}

impl Actor {
    /// Enters the world with an account that is there.
    pub async fn enter(edge: &str, identity: &Identity) -> anyhow::Result<Actor> {
        let Identity { profile, account, password, pin, character, class } = identity;
        let mut client = Client::connect(*profile, edge).await?;
        let list = match client.login(account, password, true).await? {
            LoginOutcome::CharList(list) => list,
            other => bail!("login of {account}: {other:?}"),
        };
        if profile.has_pin() && client.pin(pin, false).await? != PinOutcome::Right {
            bail!("the PIN of {account} is wrong");
        }
        if list.characters.is_empty() {
            let made = client.create_character(0, character, *class).await?;
            anyhow::ensure!(matches!(made, SelectionOutcome::Done(_)), "{character} is not made");
        }
        match client.enter(0).await? {
            EnterOutcome::Entered(_) => {}
            other => bail!("{character} cannot enter: {other:?}"),
        }
        client.wait_until("its own character", PATIENCE, |world| world.own_shown()).await?;
        Ok(Actor { client, name: character.clone() })
    }

    /// Tiles a second.
    pub fn speed(&self) -> u8 {
        self.client.world().speed()
    }

    /// Walks to where the script begins, and looks on until so many have arrived: who does not look sees late what it saw.
    pub async fn go(&mut self, to: Tile, arrived: &AtomicUsize, all: usize) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.client.world().tile(Instant::now()) != to {
            anyhow::ensure!(Instant::now() < end, "{} does not get to {to}", self.name);
            let track = self.client.walk_toward(to).await?;
            self.listen(track.over_at().max(track.since + BETWEEN_WALKS) + BETWEEN_WALKS / 4, None).await?;
        }
        arrived.fetch_add(1, Ordering::Relaxed);
        while arrived.load(Ordering::Relaxed) < all {
            anyhow::ensure!(
                Instant::now() < end,
                "{} of {all} get to where the script begins",
                arrived.load(Ordering::Relaxed)
            );
            self.listen(Instant::now() + BETWEEN_WALKS, None).await?;
        }
        Ok(())
    }

    /// Plays a round that begins and ends at these moments.
    pub async fn play(&mut self, deeds: &[Deed], start: Instant, end: Instant) -> anyhow::Result<Record> {
        self.listen(start, None).await?;
        let anomalies = self.client.take_anomalies();
        let world = self.client.world();
        let mut record = Record {
            start,
            tracks: vec![Track::standing(world.tile(start), start)],
            did: Vec::new(),
            seen: Vec::new(),
            wrong: anomalies.iter().map(|anomaly| format!("before the round: {anomaly}")).collect(),
        };
        for entity in world.entities().filter(|entity| entity.is_player()) {
            let sight = Sight::Appeared(entity.track.at(start));
            record.seen.push(Seen { at: start, who: entity.name.to_string(), sight });
        }
        for deed in deeds {
            self.listen(start + deed.at, Some(&mut record)).await?;
            record.did.push(Instant::now());
            match &deed.act {
                Act::Walk { to, .. } => {
                    let from = self.client.world().tile(Instant::now());
                    let track = self.client.walk(Steps::straight(from, *to)).await?;
                    record.tracks.push(track);
                }
                Act::Say(line) => self.client.say(line).await?,
                Act::Emote(motion) => self.client.emote(*motion).await?,
            }
        }
        self.listen(end, Some(&mut record)).await?;
        record.wrong.extend(self.client.take_anomalies().iter().map(ToString::to_string));
        Ok(record)
    }

    async fn listen(&mut self, until: Instant, mut record: Option<&mut Record>) -> anyhow::Result<()> {
        loop {
            let next = self.client.next_event(until).await;
            let Some((event, at)) = next.with_context(|| format!("the connection of {}", self.name))? else {
                return Ok(());
            };
            if let Some(record) = record.as_deref_mut() {
                self.note(event, at, record);
            }
        }
    }

    fn note(&self, event: Event, at: Instant, record: &mut Record) {
        let player = |id: u16| {
            self.client.world().entity(id).filter(|seen| seen.is_player()).map(|seen| seen.name.clone())
        };
        let (who, sight) = match event {
            Event::Appeared { id, name, tile } if player(id).is_some() => (Some(name), Sight::Appeared(tile)),
            Event::Walked { id, track, .. } => (player(id), Sight::Walked(track)),
            Event::Stopped { id, at } | Event::Placed { id, at } => (player(id), Sight::Stands(at)),
            Event::Said { id, text, .. } => (player(id), Sight::Said(text)),
            Event::Motion { id, motion, .. } => (player(id), Sight::Moved(motion)),
            Event::Disappeared { name, .. } => (name, Sight::Gone),
            Event::OwnPlaced { from, to, corrected: true } => {
                record.wrong.push(format!("was put from {from} to {to}"));
                record.tracks.push(Track::standing(to, at));
                return;
            }
            _ => return,
        };
        if let Some(who) = who.filter(|who| **who != *self.name) {
            record.seen.push(Seen { at, who: who.to_string(), sight });
        }
    }
}
