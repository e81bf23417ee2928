//! What a bot does: walk, talk, wave.

use super::Player;
use crate::client::{Client, ClientError};
use crate::protocol::place::{Steps, Tile};
use rand::Rng;
use rand::rngs::StdRng;
use std::time::{Duration, Instant};

/// Shortest time between two walks.
const WALK_INTERVAL: Duration = Duration::from_millis(1050);
/// A name that nobody has.
pub(super) const NOBODY: &str = "Nobody0here";

/// When a bot does something next.
#[derive(Debug)]
pub(super) struct Agenda {
    walk: Instant,
    chat: Instant,
    emote: Instant,
    whisper: Instant,
    nobody: Instant,
    ping: Instant,
    look: Instant,
    wander: Instant,
}

impl Agenda {
    /// The first time of everything.
    pub(super) fn new(player: &mut Player) -> Agenda {
        Agenda {
            walk: player.soon(1000..2500),
            chat: player.soon(1500..6000),
            emote: player.soon(3000..9000),
            whisper: player.soon(4000..12_000),
            nobody: player.soon(5000..20_000),
            ping: player.soon(10_000..20_000),
            look: player.soon(1000..2000),
            wander: player.soon(20_000..40_000),
        }
    }

    pub(super) fn next(&self) -> Instant {
        [self.walk, self.chat, self.emote, self.whisper, self.nobody, self.ping, self.look]
            .into_iter()
            .fold(self.wander, Instant::min)
    }
}

impl Player {
    pub(super) fn soon(&mut self, range: std::ops::Range<u64>) -> Instant {
        let pace = self.shared.options.pace;
        Instant::now() + Duration::from_millis(self.rng.random_range(range)).mul_f64(pace)
    }

    pub(super) async fn act(&mut self, client: &mut Client, agenda: &mut Agenda) -> Result<(), ClientError> {
        let now = Instant::now();
        self.deal(client, now).await?;
        if now >= agenda.walk {
            agenda.walk = self.walk(client).await?;
        }
        if now >= agenda.chat {
            let token = self.shared.ledger.says(self.index, Instant::now());
            client.say(&line(token, "hello there")).await?;
            agenda.chat = self.soon(4000..8000);
        }
        if now >= agenda.whisper {
            self.whisper(client).await?;
            agenda.whisper = self.soon(8000..15_000);
        }
        if now >= agenda.emote {
            client.emote(self.rng.random_range(16..21)).await?;
            self.shared.ledger.count(|counts| counts.emotes += 1);
            agenda.emote =
                if self.shared.options.crowd { self.soon(2000..4000) } else { self.soon(6000..12_000) };
        }
        if now >= agenda.nobody && self.trader.is_some() {
            agenda.nobody = self.soon(60_000..90_000); // an answer would look like a refusal of something else
        }
        if now >= agenda.nobody {
            client.whisper(NOBODY, "are you there").await?;
            self.panel_due.get_or_insert(now + self.shared.options.deadlines.missing);
            agenda.nobody = self.soon(15_000..25_000);
        }
        if now >= agenda.ping {
            client.ping().await?;
            agenda.ping = self.soon(18_000..22_000);
        }
        if now >= agenda.look {
            self.look(client, now);
            agenda.look = now + Duration::from_secs(1).mul_f64(self.shared.options.pace);
        }
        if now >= agenda.wander {
            if self.shared.options.roam {
                client.recall().await?;
            }
            agenda.wander = self.soon(25_000..45_000);
        }
        Ok(())
    }

    /// Walks if there is a way; when to think about it again.
    pub(super) async fn walk(&mut self, client: &mut Client) -> Result<Instant, ClientError> {
        let Some(steps) = self.way(client).await? else { return Ok(self.soon(300..900)) };
        let track = client.plan(steps);
        self.last_walk = Some(track);
        self.shared.ledger.walks(self.index, track); // first, or a neighbour could see it before it is written down
        client.start(track).await?;
        Ok((self.soon(200..1800)).max(track.over_at() + self.pause()).max(track.since + WALK_INTERVAL))
    }

    pub(super) fn pause(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(100..1500)).mul_f64(self.shared.options.pace)
    }

    pub(super) async fn way(&mut self, client: &mut Client) -> Result<Option<Steps>, ClientError> {
        if self.trader.is_some() {
            return self.errand(client).await;
        }
        if !self.shared.options.roam {
            return Ok(self.shared.ground.random_way(client.world(), &mut self.rng));
        }
        let at = client.world().tile(Instant::now());
        if let Some(portal) = self.target.filter(|&target| target == at)
            && self.shared.options.portals.contains(&portal)
        {
            client.portal().await?;
            self.target = None;
            return Ok(None);
        }
        let target = match self.target.filter(|&target| target != at) {
            Some(target) => target,
            None => self.far_target(at),
        };
        let way = self.shared.ground.way(client.world(), at, target);
        self.target = way.map(|_| target);
        Ok(way)
    }

    /// Somewhere far: now and then a portal that is not too far, else any tile within a hundred.
    pub(super) fn far_target(&mut self, at: Tile) -> Tile {
        let portals = &self.shared.options.portals;
        if !portals.is_empty() && self.rng.random_bool(0.4) {
            let portal = portals[self.rng.random_range(0..portals.len())];
            if portal.distance(at) < 300 {
                return portal;
            }
        }
        let offset = |rng: &mut StdRng, value: u16| {
            value.saturating_add_signed(rng.random_range(-100..=100)).clamp(1, 4095)
        };
        Tile::new(offset(&mut self.rng, at.x), offset(&mut self.rng, at.y))
    }

    pub(super) async fn whisper(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let now = Instant::now();
        let start = self.rng.random_range(0..self.shared.options.players);
        if let Some((to, name)) = self.shared.ledger.somebody(self.index, start, now) {
            let token = self.shared.ledger.whispers(self.index, to, Instant::now());
            client.whisper(&name, &line(token, "psst")).await?;
        }
        Ok(())
    }
}

fn line(token: u64, words: &str) -> String {
    format!("#{token} {words}")
}
