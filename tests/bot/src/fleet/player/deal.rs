//! The economy in a bot's life: where it walks for it, how it comes to rest, what it is shown when it returns.

use super::super::economy::{Book, Deed, Trader, Wish, compare};
use super::super::entry;
use super::super::report::Kind;
use super::{End, Player, Shared};
use crate::client::{Belongings, Client, ClientError, Event};
use crate::protocol::place::{Steps, Tile};
use rand::Rng;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long bots may take until nothing is under way any more.
pub(in crate::fleet) const SETTLE_MAX: Duration = Duration::from_secs(120);
/// Silence in the economy before everything that was done has been told.
const CALM: Duration = Duration::from_millis(1500);
/// How long a bot may take to log in again at the end.
const RETURN_MAX: Duration = Duration::from_secs(60);
/// How long a bot that came back listens before it looks at what it has.
const LOOK_AROUND: Duration = Duration::from_millis(800);
/// How often something may come late: after that a bot must be shown what it was shown before.
const LATE_GIFTS: usize = 3;
/// A market farther away than this is reached by a recall.
const WALKING_DISTANCE: u16 = 150;
/// A pad this near to a market belongs to it.
const PAD_DISTANCE: u16 = 45;
/// Tiles of a pad on each axis; it begins at a multiple of that.
const PAD: u16 = 4;
/// How long a passage may take.
const PASSAGE_MAX: Duration = Duration::from_secs(10);
/// Nobody is carried less far.
const FAR: u16 = 60;

/// A bot that may still do something that others see in their windows.
pub(super) struct Busy(Arc<Shared>);

impl Busy {
    pub(super) fn new(shared: &Arc<Shared>) -> Option<Busy> {
        shared.book.as_ref().map(|book| {
            book.begins();
            Busy(Arc::clone(shared))
        })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(book) = &self.0.book {
            book.ends();
        }
    }
}

/// A passage that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voyage {
    from: Tile,
    gold: i32,
    until: Instant,
}

impl Player {
    /// The trader and the book, when this fleet has an economy; to be given back with [`Player::resume_trade`].
    fn take_trade(&mut self) -> Option<(Trader, Arc<Shared>)> {
        self.trader.take().map(|trader| (trader, Arc::clone(&self.shared)))
    }

    pub(super) async fn deal(&mut self, client: &mut Client, now: Instant) -> Result<(), ClientError> {
        let Some((mut trader, shared)) = self.take_trade() else { return Ok(()) };
        let outcome = match &shared.book {
            Some(book) => trader.act(client, book, now).await,
            None => Ok(()),
        };
        self.trader = Some(trader);
        outcome
    }

    pub(super) async fn deal_with(
        &mut self,
        client: &mut Client,
        event: &Event,
        now: Instant,
    ) -> Option<End> {
        let (mut trader, shared) = self.take_trade()?;
        let Some(book) = &shared.book else { return None };
        let heard = trader.on_event(client, book, event, now).await;
        self.end_of_voyage(&mut trader, book, client, event, now);
        self.trader = Some(trader);
        match heard {
            Ok(None) => None,
            Ok(Some(complaint)) => {
                let name = self.name();
                self.shared
                    .ledger
                    .violation(Kind::Changed, || format!("changed: a trade of {name}: {complaint}"));
                None
            }
            Err(_) => Some(End::ThrownOut("closed")),
        }
    }

    fn end_of_voyage(
        &mut self,
        trader: &mut Trader,
        book: &Book,
        client: &Client,
        event: &Event,
        now: Instant,
    ) {
        let Some(voyage) = self.voyage else { return };
        let arrived = client.world().tile(now).distance(voyage.from) > FAR;
        if arrived {
            // what is paid is told before; some passages are free
            if client.world().own().gold < voyage.gold {
                book.acknowledge(Deed::Passage);
            }
        } else if let Event::Panel(words) = event {
            book.refuse(Deed::Passage, &format!("Passage: {words}"));
        } else if now > voyage.until {
            book.leave_open(Deed::Passage);
        } else {
            return;
        }
        self.voyage = None;
        trader.wish_is_granted();
    }

    pub(super) fn next_deal(&self) -> Option<Instant> {
        self.trader.as_ref().map(Trader::due)
    }

    /// Where a bot of an economy goes next; `None` to stay.
    pub(super) async fn errand(&mut self, client: &mut Client) -> Result<Option<Steps>, ClientError> {
        let now = Instant::now();
        let at = client.world().tile(now);
        let Some(trader) = &mut self.trader else { return Ok(None) };
        if trader.must_stand() || self.voyage.is_some() {
            return Ok(None);
        }
        let markets = &self.shared.options.economy.iter().flat_map(|economy| &economy.markets);
        let market = markets.clone().min_by_key(|market| market.distance(at)).copied().unwrap_or(at);
        let pad = self.shared.options.portals.iter().filter(|pad| pad.distance(market) < PAD_DISTANCE);
        let target = match trader.wish() {
            Wish::Passage => match pad.min_by_key(|pad| pad.distance(at)) {
                Some(pad) if pad_of(at) == *pad => {
                    let gold = client.world().own().gold;
                    self.voyage = Some(Voyage { from: at, gold, until: now + PASSAGE_MAX });
                    client.portal().await?;
                    return Ok(None);
                }
                Some(pad) => {
                    let spread = PAD - 1;
                    Tile::new(
                        pad.x + self.rng.random_range(0..=spread),
                        pad.y + self.rng.random_range(0..=spread),
                    )
                }
                None => {
                    trader.wish_is_granted();
                    return Ok(None);
                }
            },
            Wish::None if market.distance(at) > WALKING_DISTANCE => {
                client.recall().await?;
                return Ok(None);
            }
            Wish::None if !trader.is_at_market(client.world(), now) => self.near(market, 3),
            Wish::None => match self.rng.random_bool(0.1) {
                true => self.near(market, 4),
                false => return Ok(None),
            },
        };
        let way = self.shared.ground.way(client.world(), at, target);
        // somebody is in the way, or a wall: around it
        let around = self.near(at, 6);
        Ok(way.or_else(|| self.shared.ground.way(client.world(), at, around)))
    }

    fn near(&mut self, tile: Tile, radius: i16) -> Tile {
        let mut offset = |value: u16| value.saturating_add_signed(self.rng.random_range(-radius..=radius));
        Tile::new(offset(tile.x).clamp(1, 4095), offset(tile.y).clamp(1, 4095))
    }

    /// The time is over: true when nothing is under way any more, here and anywhere in the fleet.
    pub(super) fn has_settled(&mut self, ended_at: Instant, now: Instant) -> bool {
        let (Some(trader), Some(book)) = (&mut self.trader, &self.shared.book) else { return true };
        trader.settle(now);
        if trader.is_quiet() {
            self.busy = None;
        }
        if !book.is_quiet() && now < ended_at + SETTLE_MAX {
            self.calm_since = now;
            return false;
        }
        now >= self.calm_since + CALM
    }

    /// Logs in once more: everything must be as it was shown last. Who is given something then, because lots were under
    /// way or parcels wait, logs in again and must be shown exactly that: what was late the first time may come then.
    pub(super) async fn return_and_compare(&mut self, shown: Belongings) {
        let Some(mut found) = self.look_again().await else { return };
        let mut verdict = compare(&shown, &found, self.may_be_given());
        let differences = shown.differences(&found).join(", ");
        self.note_return(&found, &verdict, &differences);
        for left in (0..LATE_GIFTS).rev() {
            if verdict != Ok(true) {
                return;
            }
            let Some(again) = self.look_again().await else { return };
            verdict = compare(&found, &again, left > 0);
            if let Err(differences) = &verdict {
                let name = self.name();
                self.shared.ledger.violation(Kind::Changed, || {
                    format!("changed: {name} was shown otherwise at its last but one login: {differences}")
                });
            }
            found = again;
        }
    }

    fn may_be_given(&self) -> bool {
        let gifts = [Deed::Auction, Deed::Mail];
        let wanted = |without: &[Deed]| gifts.iter().any(|deed| !without.contains(deed));
        self.shared.options.economy.as_ref().is_some_and(|economy| wanted(&economy.without))
    }

    /// Logs in, looks at what it has, and logs out; `None` when it cannot, which is a violation.
    async fn look_again(&mut self) -> Option<Belongings> {
        let name = self.identity.character.clone();
        let since = Instant::now();
        let mut reason = String::new();
        while since.elapsed() < RETURN_MAX {
            match entry::enter(&self.shared, &mut self.identity).await {
                Ok((mut client, _)) => {
                    let listened = listen(&mut client, Instant::now() + LOOK_AROUND).await;
                    self.report_anomalies(&mut client);
                    if listened.is_ok() {
                        self.leave(&mut client).await;
                        return Some(client.world().belongings());
                    }
                    reason = "closed".to_owned();
                }
                Err(error) => reason = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.shared
            .ledger
            .violation(Kind::Dropped, || format!("dropped: {name} could not come back: {reason}"));
        None
    }

    fn note_return(&self, found: &Belongings, verdict: &Result<bool, String>, differences: &str) {
        let Some(book) = &self.shared.book else { return };
        let name = self.name();
        book.count(|counts| {
            counts.compared += 1;
            counts.as_before += u64::from(*verdict == Ok(false));
            counts.gold_at_last += found.all_gold();
            counts.items_at_last += found.census().values().sum::<usize>() as u64;
        });
        match verdict {
            Ok(false) => {}
            Ok(true) => book.deliver(format!("{name}: {differences}")),
            Err(_) => self.shared.ledger.violation(Kind::Changed, || {
                format!("changed: {name} was shown otherwise before its logout: {differences}")
            }),
        }
    }
}

/// The pad that a tile would be part of.
fn pad_of(tile: Tile) -> Tile {
    Tile::new(tile.x - tile.x % PAD, tile.y - tile.y % PAD)
}

async fn listen(client: &mut Client, until: Instant) -> Result<(), ClientError> {
    while client.next_event(until).await?.is_some() {}
    Ok(())
}
