//! One bot's economy: what it asks for next, and what it makes of the answers.

use super::Options;
use super::barter::{Barter, Ending};
use super::book::{Book, Deed};
use super::idea::{Done, Idea, REACH, Scene, lot_number};
use crate::client::{Belongings, Client, ClientError, Event, World};
use crate::protocol::incoming::Told;
use crate::protocol::outgoing;
use crate::protocol::slot::{Container, Slot};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Between a refusal and giving up: the thing may be told after all.
const GRACE: Duration = Duration::from_millis(700);
/// An answer comes this soon after the world was shown anew, or never.
const AFTER_RESYNC: Duration = Duration::from_secs(4);
/// How long an answer may still come after a bot gave up.
const DOUBT: Duration = Duration::from_secs(30);
/// The same after words that were taken for a refusal: lines about other matters come, too.
const DOUBT_REFUSED: Duration = Duration::from_secs(5);
/// The least share of the grace that a bot in haste allows.
const GRACE_LEAST: f64 = 0.3;
/// The least share of its time that the shop of a bot in haste stays open.
const STALL_LEAST: f64 = 0.1;
/// The least share of its passages that a bot in haste takes.
const PASSAGES_LEAST: f64 = 0.05;
/// How long a personal shop stays open.
const STALL_OPEN: std::ops::Range<u64> = 4_000..12_000;
/// Lots that a bot remembers.
const LOTS_KEPT: usize = 10;
/// Names of other players that a bot remembers.
const FRIENDS_KEPT: usize = 16;
/// Ideas tried before a bot does nothing for a while.
const ATTEMPTS: usize = 8;

/// How often bots do what, in relation to each other.
const WEIGHTS: [(Deed, u32); 20] = [
    (Deed::Move, 12),
    (Deed::Wear, 8),
    (Deed::Split, 6),
    (Deed::Destroy, 1),
    (Deed::Drop, 10),
    (Deed::Grab, 40),
    (Deed::Buy, 14),
    (Deed::Sell, 5),
    (Deed::BuyBack, 6),
    (Deed::BankItem, 10),
    (Deed::UnbankItem, 8),
    (Deed::BankGold, 6),
    (Deed::UnbankGold, 6),
    (Deed::Trade, 10),
    (Deed::Stall, 2),
    (Deed::StallBuy, 20),
    (Deed::Auction, 12),
    (Deed::Mail, 10),
    (Deed::Fetch, 6),
    (Deed::Passage, 1),
];

struct Pending {
    deed: Option<Deed>,
    concerned: Vec<Slot>,
    done: Done,
    until: Instant,
    refused_at: Option<Instant>,
    words: String,
}

/// What a bot has seen and may come back to.
#[derive(Default)]
struct Memory {
    /// Where things were worn, by kind.
    wears: HashMap<u16, u8>,
    /// Numbers of lots, the newest first.
    lots: Vec<String>,
    /// Names of players, the newest first.
    friends: Vec<String>,
}

/// What a bot wants besides the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    None,
    /// To take a passage.
    Passage,
}

/// Something that must not be, in words.
pub type Complaint = String;

/// The economy of one bot.
pub struct Trader {
    options: Options,
    rng: StdRng,
    pace: f64,
    due: Instant,
    pending: Option<Pending>,
    barter: Option<Barter>,
    stall_until: Option<Instant>,
    doubtful_until: Option<Instant>,
    memory: Memory,
    wish: Wish,
    settling: bool,
}

impl Trader {
    /// The economy of a bot, with a seed of its own.
    pub fn new(options: Options, seed: u64, pace: f64) -> Trader {
        let pace = pace * options.pace;
        Trader {
            options,
            rng: StdRng::seed_from_u64(seed),
            pace,
            due: Instant::now() + Duration::from_secs(2),
            pending: None,
            barter: None,
            stall_until: None,
            doubtful_until: None,
            memory: Memory::default(),
            wish: Wish::None,
            settling: false,
        }
    }

    /// When it does something next.
    pub fn due(&self) -> Instant {
        let pending = self.pending.as_ref().map(|pending| {
            pending.refused_at.map_or(pending.until, |at| (at + self.grace()).min(pending.until))
        });
        let others = [pending, self.barter.as_ref().map(Barter::due), self.stall_until];
        let own = if self.pending.is_some() || self.barter.is_some() { None } else { Some(self.due) };
        others.into_iter().chain([own]).flatten().min().unwrap_or(self.due)
    }

    /// True when a walk would break off what it does.
    pub fn must_stand(&self) -> bool {
        self.pending.is_some() || self.barter.is_some() || self.stall_until.is_some()
    }

    /// What it wants besides.
    pub fn wish(&self) -> Wish {
        self.wish
    }

    /// The wish came true.
    pub fn wish_is_granted(&mut self) {
        self.wish = Wish::None;
    }

    /// True when nothing of its own is under way.
    pub fn is_quiet(&self) -> bool {
        self.pending.is_none() && self.barter.is_none() && self.stall_until.is_none()
    }

    /// It begins nothing new from now on and brings to an end what is under way.
    pub fn settle(&mut self, now: Instant) {
        self.settling = true;
        if let Some(barter) = &mut self.barter {
            barter.hurry(now);
        }
        if let Some(until) = &mut self.stall_until {
            *until = (*until).min(now);
        }
    }

    /// It came into the world.
    pub fn entered(&mut self, world: &World) {
        for (index, item) in world.container(Container::Equip).iter().enumerate().skip(1) {
            if let Some(item) = item {
                self.memory.wears.insert(item.kind, index as u8);
            }
        }
    }

    /// The connection is lost: whatever was asked for may have been done or not.
    pub fn cut_off(&mut self, book: &Book) {
        if let Some(deed) = self.pending.take().and_then(|pending| pending.deed) {
            book.leave_open(deed);
        }
        (self.barter, self.stall_until) = (None, None);
    }

    fn grace(&self) -> Duration {
        GRACE.mul_f64(self.pace.clamp(GRACE_LEAST, 1.0))
    }

    fn soon(&mut self, now: Instant, ms: std::ops::Range<u64>) {
        self.due = now + Duration::from_millis(self.rng.random_range(ms)).mul_f64(self.pace);
    }

    /// Does what is due.
    pub async fn act(&mut self, client: &mut Client, book: &Book, now: Instant) -> Result<(), ClientError> {
        self.give_up(book, now);
        if self.pending.is_some() {
            return Ok(());
        }
        if let Some(barter) = &mut self.barter {
            if barter.is_lost(now) {
                self.barter = None;
                book.leave_open(Deed::Trade);
                return Ok(());
            }
            let world = client.world();
            let scene = scene(client, &self.memory, now);
            let packet =
                barter.act(world.own().own_id, &scene.tradable(), world.own().gold, &mut self.rng, now);
            return match packet {
                Some(packet) => client.send(packet).await,
                None => Ok(()),
            };
        }
        if let Some(until) = self.stall_until {
            return if now >= until { self.close_stall(client, now).await } else { Ok(()) };
        }
        if self.settling || now < self.due {
            return Ok(());
        }
        self.soon(now, 40..400);
        if self.wish == Wish::None && self.is_at_market(client.world(), now) {
            self.begin(client, now).await?;
        }
        Ok(())
    }

    /// True near one of the markets.
    pub fn is_at_market(&self, world: &World, now: Instant) -> bool {
        let at = world.tile(now);
        self.options.markets.iter().any(|market| market.distance(at) <= REACH / 2)
    }

    async fn begin(&mut self, client: &mut Client, now: Instant) -> Result<(), ClientError> {
        let others = client.world().entities().filter(|other| other.is_player());
        for name in others.map(|other| other.name.to_string()) {
            remember(&mut self.memory.friends, name, FRIENDS_KEPT);
        }
        for _ in 0..ATTEMPTS {
            let room = scene(client, &self.memory, now).room(&mut self.rng);
            let deed = room.unwrap_or_else(|| self.some_deed());
            match deed {
                Deed::Trade => {
                    if let Some(partner) = self.some_partner(client.world(), now) {
                        let before = client.world().belongings();
                        self.barter = Some(self.new_barter(partner, before, now));
                        return Ok(());
                    }
                }
                // the way there takes as long as ever
                Deed::Passage if self.rng.random_bool(self.pace.clamp(PASSAGES_LEAST, 1.0)) => {
                    self.wish = Wish::Passage;
                    return Ok(());
                }
                Deed::Passage => {}
                deed => {
                    let idea = scene(client, &self.memory, now).idea(deed, &mut self.rng);
                    if let Some(idea) = idea {
                        return self.ask(client, idea, now).await;
                    }
                }
            }
        }
        self.soon(now, 300..1000);
        Ok(())
    }

    async fn ask(&mut self, client: &mut Client, idea: Idea, now: Instant) -> Result<(), ClientError> {
        let Idea { deed, packet, concerned, done } = idea;
        let until = now + self.options.patience;
        self.pending = Some(Pending { deed, concerned, done, until, refused_at: None, words: String::new() });
        client.send(packet).await
    }

    fn some_deed(&mut self) -> Deed {
        let wanted = |deed: &Deed| !self.options.without.contains(deed);
        let weights: Vec<_> = WEIGHTS.iter().filter(|(deed, _)| wanted(deed)).collect();
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let mut lot = self.rng.random_range(0..sum.max(1));
        for (deed, weight) in weights {
            if lot < *weight {
                return *deed;
            }
            lot -= weight;
        }
        Deed::Move
    }

    fn some_partner(&mut self, world: &World, now: Instant) -> Option<u16> {
        let at = world.tile(now);
        let mut near: Vec<u16> = world
            .entities()
            .filter(|other| {
                other.is_player() && other.stall.is_none() && other.track.at(now).distance(at) <= REACH
            })
            .map(|other| other.id)
            .collect();
        near.sort_unstable();
        (!near.is_empty()).then(|| near[self.rng.random_range(0..near.len())])
    }

    async fn close_stall(&mut self, client: &mut Client, now: Instant) -> Result<(), ClientError> {
        self.stall_until = None;
        let packet = outgoing::quit_trade(client.world().own().own_id);
        let done = Box::new(|world: &World, _: &Event| world.own_stall().is_none());
        self.ask(client, Idea { deed: None, packet, concerned: Vec::new(), done }, now).await
    }

    fn give_up(&mut self, book: &Book, now: Instant) {
        let Some(pending) = &self.pending else { return };
        let refused = pending.refused_at.is_some_and(|at| now >= at + self.grace());
        if !refused && now < pending.until {
            return;
        }
        // a late answer of these is told as that of a trade is: by slots of the inventory and by gold
        if pending.deed.is_some_and(|deed| !has_own_words(deed)) {
            let until = now + if refused { DOUBT_REFUSED } else { DOUBT };
            self.doubtful_until = self.doubtful_until.max(Some(until));
        }
        match pending.deed {
            Some(deed) if refused => book.refuse(deed, &format!("{deed:?}: {}", pending.words)),
            Some(deed) => book.leave_open(deed),
            None if refused => {}
            None => book.count(|counts| counts.looks_unanswered += 1),
        }
        self.pending = None;
        self.soon(now, 100..500);
    }

    /// Takes in what was seen; what must not be.
    pub async fn on_event(
        &mut self,
        client: &mut Client,
        book: &Book,
        event: &Event,
        now: Instant,
    ) -> Result<Option<Complaint>, ClientError> {
        self.judge_answer(client.world(), book, event, now);
        match event {
            Event::OwnPlaced { .. } => self.shown_anew(now),
            Event::Panel(line) => {
                // the invitation was refused
                if let Some(barter) = self.barter.as_mut().filter(|barter| barter.is_invitation()) {
                    barter.hurry(now);
                }
                if let Some(lot) = lot_number(line) {
                    remember(&mut self.memory.lots, lot, LOTS_KEPT);
                }
            }
            Event::Goods(Told::StallSold(owner, _)) if *owner == client.world().own().own_id => {
                book.acknowledge(Deed::StallSale);
            }
            Event::Goods(told) => {
                return self.hear_of_trade(client, book, told, now).await;
            }
            _ => {}
        }
        Ok(None)
    }

    fn shown_anew(&mut self, now: Instant) {
        if let Some(pending) = &mut self.pending {
            pending.until = pending.until.min(now + AFTER_RESYNC);
        }
        if let Some(barter) = &mut self.barter {
            barter.hurry(now);
        }
    }

    fn judge_answer(&mut self, world: &World, book: &Book, event: &Event, now: Instant) {
        let Some(pending) = &mut self.pending else { return };
        if (pending.done)(world, event) {
            let deed = pending.deed;
            self.pending = None;
            self.soon(now, 20..150);
            if let Some(deed) = deed {
                book.acknowledge(deed);
            }
            if deed == Some(Deed::Stall) {
                let open = Duration::from_millis(self.rng.random_range(STALL_OPEN));
                self.stall_until = Some(now + open.mul_f64(self.pace.clamp(STALL_LEAST, 1.0)));
            }
            return;
        }
        let refused = match event {
            Event::Panel(_) => true,
            Event::Goods(Told::Slot(slot, _)) => pending.concerned.contains(slot),
            // somebody else was faster
            Event::Goods(Told::GroundGone(_)) => pending.deed == Some(Deed::Grab),
            _ => false,
        };
        if refused {
            pending.refused_at.get_or_insert(now);
        }
        if let Event::Panel(words) = event {
            pending.words.clone_from(words);
        }
    }

    fn new_barter(&mut self, partner: u16, before: Belongings, now: Instant) -> Barter {
        let mut barter = Barter::new(partner, before, &mut self.rng, now).at_pace(self.pace);
        if self.doubtful_until.is_some_and(|until| now < until) {
            barter.disturb();
        }
        barter
    }

    async fn hear_of_trade(
        &mut self,
        client: &mut Client,
        book: &Book,
        told: &Told,
        now: Instant,
    ) -> Result<Option<Complaint>, ClientError> {
        if let (None, Told::Offer(offer)) = (&self.barter, told) {
            // who pays for a passage meanwhile could not tell the price from the trade's
            if self.settling || !self.is_quiet() || self.wish != Wish::None {
                client.send(outgoing::quit_trade(client.world().own().own_id)).await?;
                return Ok(None);
            }
            let before = client.world().belongings();
            self.barter = Some(self.new_barter(offer.partner, before, now));
        }
        let Some(barter) = &mut self.barter else { return Ok(None) };
        let Some(ending) = barter.hears(told, &client.world().belongings(), now) else { return Ok(None) };
        self.barter = None;
        self.soon(now, 100..600);
        Ok(match ending {
            Ending::Done => {
                book.acknowledge(Deed::Trade);
                None
            }
            Ending::AsBefore => {
                book.count(|counts| counts.trades_ended += 1);
                None
            }
            Ending::Unclear => {
                book.count(|counts| counts.trades_unclear += 1);
                None
            }
            Ending::Neither(what) => Some(what),
        })
    }
}

/// True when the answer to a deed is told by something that no trade tells.
fn has_own_words(deed: Deed) -> bool {
    use Deed::{BankGold, BankItem, Buy, Drop, Grab, Passage, Sell, UnbankGold, UnbankItem, Wear};
    matches!(deed, BankGold | BankItem | Buy | Drop | Grab | Passage | Sell | UnbankGold | UnbankItem | Wear)
}

fn scene<'a>(client: &'a Client, memory: &'a Memory, now: Instant) -> Scene<'a> {
    let world = client.world();
    let Memory { wears, lots, friends } = memory;
    Scene { profile: client.profile(), world, at: world.tile(now), wears, lots, friends }
}

/// Puts it first.
fn remember(known: &mut Vec<String>, new: String, most: usize) {
    known.retain(|old| *old != new);
    known.insert(0, new);
    known.truncate(most);
}

/// What is wrong between what was shown last and what is shown after coming back.
pub fn compare(before: &Belongings, after: &Belongings, may_be_given: bool) -> Result<bool, Complaint> {
    let differences = before.differences(after);
    if differences.is_empty() {
        return Ok(false);
    }
    let (was, is) = (before.census(), after.census());
    let kept = was.iter().all(|(item, count)| is.get(item).is_some_and(|now| now >= count));
    if may_be_given && kept && after.all_gold() >= before.all_gold() {
        return Ok(true);
    }
    Err(differences.join(", "))
}
