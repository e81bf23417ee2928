//! Items and gold of players: one job of a player at a time, the others wait in order.
//!
//! ```text
//! command -> rules say no  -> a notice, and what the client has to correct
//!        \-> plan -> Job ---> store ---> done:    the plan is done to the zone's copy, then it is told
//!                  (waits)          \--> refused: a notice; the slots as they are, from the store if asked
//! ```
//!
//! While a job is at work its player walks and talks, and further commands of this kind wait, at most
//! [`WAITING_MAX`]. Crossing a border and recalls wait as well.

mod bank;
mod ground;
mod shop;
mod slots;
mod stall;
mod trade;

pub use bank::kind_rule;
pub(crate) use ground::Ground;
pub use ground::Lying;
pub use stall::WareSold;

use stall::Purchase;

use crate::effects::{BankWork, Effects, Job, JobId, Snapshot, Who, Work};
use crate::entity::Player;
use crate::input::{JobOutcome, Possessions};
use crate::plan::{Plan, PlannedSoft, item_in};
use crate::zone::Zone;
use model::event::{Notice, NoticeKey};
use model::item::ItemSpec;
use model::transfer::TransferRefusal;
use model::{Command, Container, EntityId, Event, ItemId, SessionId, Slot, Tile};
use std::collections::VecDeque;

/// Commands that may wait for a player's job.
pub(crate) const WAITING_MAX: usize = 16;

/// What a player is about with items and gold.
#[derive(Debug, Default)]
pub(crate) struct Dealings {
    /// The job that is at work.
    pub(crate) job: Option<JobId>,
    /// Commands that wait for it, oldest first.
    waiting: VecDeque<Command>,
    /// The merchant whose shop was opened last.
    merchant: Option<EntityId>,
    /// What was sold lately, newest first, and what was got for it.
    sold: VecDeque<(ItemSpec, i64)>,
    /// The trade that it is in, or was invited to.
    trade: Option<trade::Trade>,
    /// Title of the own personal shop while it is open.
    stall: Option<String>,
}

impl Dealings {
    /// True while an outcome is waited for, or a trade or the own shop is open: it neither crosses nor is moved.
    pub(crate) fn is_busy(&self) -> bool {
        self.job.is_some() || self.is_trading() || self.stall.is_some()
    }
}

/// A job that the node works on.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// Whose; none for what the zone does itself.
    session: Option<SessionId>,
    plan: Plan,
    then: Then,
}

/// What a job was for: what is told when it is done.
#[derive(Clone, Debug)]
enum Then {
    /// The price of a portal: the player goes through it.
    Way { to: Tile, price: i64 },
    /// An item was moved, or two swapped.
    Moved { from: Slot, to: Slot, keeper: Option<EntityId> },
    /// Slots changed in another way.
    Slots,
    /// Goods of a merchant.
    Bought { merchant: EntityId, shelf: u8, to: u8 },
    /// Something sold.
    Sold { merchant: EntityId, from: Slot, spec: ItemSpec, price: i64 },
    /// Something bought back.
    BoughtBack { spec: ItemSpec, price: i64 },
    /// An item laid on the ground.
    Dropped { from: Slot, lying: Lying },
    /// An item of the ground taken.
    PickedUp(model::GroundId),
    /// An item of the ground that lay too long.
    Expired(model::GroundId),
    /// An item moved to, from or within the bank.
    Banked { from: Slot, to: Slot },
    /// Gold into the bank.
    Deposited { amount: i64 },
    /// Gold from the bank.
    Withdrawn { amount: i64 },
    /// What was typed about the bank.
    Typed(Box<BankWork>),
    /// The own half of a trade.
    Offered { checked: bool },
    /// The end of a trade.
    Cancelled,
    /// A personal shop is opened.
    Stalled,
    /// The own personal shop is closed.
    StallShut,
}

/// Why a command is not even tried: what the player is told.
struct No(NoticeKey, Vec<String>);

impl From<NoticeKey> for No {
    fn from(key: NoticeKey) -> Self {
        Self(key, Vec::new())
    }
}

impl Zone {
    /// Does a command of the economy, or lets it wait for the job that is at work.
    pub(crate) fn deal(&mut self, slot: usize, command: Command, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let session = player.session;
        let about_trade =
            matches!(command, Command::OfferTrade { .. } | Command::CancelTrade | Command::LookAtGuild);
        let locked = player.dealings.is_trading() || player.dealings.stall.is_some();
        if locked && !about_trade {
            self.tell_slots(slot, &slots_of(&command), fx);
            return self.refuse(session, NoticeKey::StillBusy, Vec::new(), fx);
        }
        if player.dealings.job.is_none() {
            return self.deal_now(slot, command, fx);
        }
        if player.dealings.waiting.len() < WAITING_MAX {
            player.dealings.waiting.push_back(command);
        } else {
            self.refuse(session, NoticeKey::StillBusy, Vec::new(), fx);
        }
    }

    fn deal_now(&mut self, slot: usize, command: Command, fx: &mut Effects) {
        let asked = command.clone();
        let done = match command {
            Command::MoveItem { from, to, keeper } => self.move_item(slot, from, to, keeper, fx),
            Command::SplitItem { slot: of, kind, amount } => self.split_item(slot, of, kind, amount, fx),
            Command::DestroyItem { slot: of, kind } => self.destroy_item(slot, of, kind, fx),
            Command::DropItem { from, tile, rotate } => self.drop_item(slot, from, tile, rotate, fx),
            Command::PickUp { ground, to } => self.pick_up(slot, ground, to, fx),
            Command::OpenShop { merchant } => self.open_shop(slot, merchant, fx),
            Command::BuyItem { merchant, shelf, to } => self.buy(slot, merchant, shelf, to, fx),
            Command::SellItem { merchant, from } => self.sell(slot, merchant, from, fx),
            Command::ListSold => self.list_sold(slot, fx),
            Command::BuyBack { order } => self.buy_back(slot, order, fx),
            Command::DepositGold { amount } => self.deposit(slot, amount, fx),
            Command::WithdrawGold { amount } => self.withdraw(slot, amount, fx),
            Command::OfferTrade { partner, offer, checked } => {
                self.offer_trade(slot, partner, &offer, checked, fx)
            }
            Command::CancelTrade => self.cancel_trade(slot, fx),
            Command::Words { word, text } => match bank::Topic::of(&word) {
                Some(topic) => self.bank_words(slot, topic, &text, fx),
                None => self.words(slot, &word, text, fx),
            },
            Command::LookAtGuild => self.look_at_guild(slot, fx),
            Command::AdmitToGuild(joiner) => self.admit_to_guild(slot, *joiner, fx),
            Command::OpenStall { title, wares } => self.open_stall(slot, title, wares, fx),
            Command::VisitStall { owner } => self.visit_stall(slot, owner, fx),
            Command::BuyFromStall { owner, position, shown, price } => {
                let what = Purchase { owner, position, shown, price };
                self.buy_at_stall(slot, what, fx)
            }
            _ => Err(NoticeKey::TryLater.into()),
        };
        let Some(session) = self.entities[slot].player().map(|player| player.session) else { return };
        if let Err(No(key, arguments)) = done {
            self.tell_slots(slot, &slots_of(&asked), fx);
            self.refuse(session, key, arguments, fx);
        }
    }

    /// Gives a plan to the store.
    fn begin(&mut self, slot: usize, plan: Plan, then: Then, fx: &mut Effects) {
        self.begin_work(slot, Work::Transfer(plan), then, fx);
    }

    /// Gives work to the node.
    fn begin_work(&mut self, slot: usize, work: Work, then: Then, fx: &mut Effects) {
        let job = self.next_job();
        let Some(player) = self.entities[slot].player_mut() else { return };
        player.dealings.job = Some(job);
        let who = Who {
            session: player.session,
            account: player.character.account,
            character: player.character.id,
        };
        let plan = match &work {
            Work::Transfer(plan) => plan.clone(),
            Work::Bank(_) | Work::Market(_) => Plan::default(),
        };
        fx.jobs.push(Job { id: job, who: Some(who), work });
        self.jobs.insert(job, UnderWay { session: Some(who.session), plan, then });
    }

    fn next_job(&mut self) -> JobId {
        self.last_job += 1;
        JobId(self.last_job)
    }

    /// Asks for the price of a way; the player goes when the store has taken the gold and put it there.
    pub(crate) fn pay_way(&mut self, slot: usize, price: i64, to: Tile, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let Snapshot { number, soft, .. } = player.snapshot(to);
        let soft = PlannedSoft { number, soft };
        let burn = crate::plan::Change::Burn { amount: price, reason: "portal" };
        let plan = Plan { soft: Some(soft), ..Plan::of("portal", vec![burn]) };
        self.begin(slot, plan, Then::Way { to, price }, fx);
    }

    /// Goes on with what waited for a job.
    pub(crate) fn finish_job(&mut self, job: JobId, outcome: JobOutcome, fx: &mut Effects) {
        let Some(done) = self.jobs.remove(&job) else { return };
        let slot = done.session.and_then(|session| self.slot_of(session));
        let slot = slot.filter(|slot| {
            // whoever entered since under the same session was loaded after the job
            let player = self.entities[*slot].player_mut();
            player.is_some_and(|player| player.dealings.job.take_if(|at_work| *at_work == job).is_some())
        });
        match outcome {
            JobOutcome::Transferred { born, gold } => self.transferred(slot, done, &born, gold, fx),
            JobOutcome::Refused { refusal, fresh } => {
                self.not_done(slot, &done, Some(&refusal), fx);
                if let Some(slot) = slot {
                    self.take_all_fresh(slot, fresh, fx);
                }
            }
            JobOutcome::Bank { reply, fresh } => {
                if let Some(slot) = slot {
                    self.bank_answered(slot, &done.then, reply, fx);
                    self.take_all_fresh(slot, fresh, fx);
                }
            }
            JobOutcome::Market { reply, fresh } => {
                if let Some(slot) = slot {
                    self.market_answered(slot, &done.then, *reply, fx);
                    self.take_all_fresh(slot, fresh, fx);
                }
            }
            JobOutcome::Failed => self.not_done(slot, &done, None, fx),
        }
        if let Some(slot) = slot {
            self.go_on(slot, fx);
        }
    }

    /// What waited for the job: a border that the player came over in the meantime, then its commands.
    fn go_on(&mut self, slot: usize, fx: &mut Effects) {
        let frozen = |zone: &Self| zone.entities[slot].player().is_none_or(|player| player.frozen);
        if !frozen(self) {
            self.note_border(slot, 0, fx);
        }
        while !frozen(self) {
            let Some(player) = self.entities[slot].player_mut() else { return };
            if player.dealings.job.is_some() {
                return;
            }
            let Some(command) = player.dealings.waiting.pop_front() else { return };
            // again through the door: a trade may have opened meanwhile
            self.deal(slot, command, fx);
        }
    }

    fn transferred(
        &mut self,
        slot: Option<usize>,
        done: UnderWay,
        born: &[ItemId],
        gold: Option<i64>,
        fx: &mut Effects,
    ) {
        let UnderWay { plan, then, .. } = done;
        if let Some(player) = slot.and_then(|slot| self.entities[slot].player_mut()) {
            plan.apply(&mut player.character, born, gold);
            player.jobs_done += u32::from(plan.soft.is_some());
        }
        match then {
            Then::Dropped { from, lying } => self.has_dropped(slot, from, lying, fx),
            Then::PickedUp(ground) => self.has_picked_up(slot, ground, &plan, fx),
            Then::Expired(ground) => self.lift(ground, fx),
            then => {
                if let Some(slot) = slot {
                    self.tell_done(slot, &plan, &then, fx);
                }
            }
        }
        if let Some(slot) = slot
            && plan.slots().iter().any(|slot| slot.container == Container::Equip)
        {
            self.dress(slot, fx);
        }
    }

    fn tell_done(&mut self, slot: usize, plan: &Plan, then: &Then, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let session = player.session;
        let gold = player.character.hard.gold;
        match *then {
            Then::Moved { from, to, keeper } => fx.tell(session, Event::ItemMoved { from, to, keeper }),
            Then::Bought { merchant, shelf, to } => {
                fx.tell(session, Event::Bought { merchant, shelf, to, gold });
            }
            Then::Sold { merchant, from, spec, price } => {
                player.dealings.remember_sale(spec, price);
                fx.tell(session, Event::Sold { merchant, from });
            }
            Then::BoughtBack { spec, price } => player.dealings.forget_sale(spec, price),
            Then::Way { to, .. } => {
                fx.tell(session, Event::GoldChanged { gold });
                return self.go_paid_way(slot, to, fx);
            }
            _ => {}
        }
        if !matches!(then, Then::Moved { .. }) {
            self.tell_slots(slot, &plan.slots(), fx);
        }
        if plan.moves_gold() {
            fx.tell(session, Event::GoldChanged { gold });
        }
        if matches!(then, Then::BoughtBack { .. }) {
            self.tell_sold(slot, fx);
        }
    }

    /// Nothing was done: the player is told why, and what its client has to show.
    fn not_done(
        &mut self,
        slot: Option<usize>,
        done: &UnderWay,
        refusal: Option<&TransferRefusal>,
        fx: &mut Effects,
    ) {
        match &done.then {
            Then::PickedUp(ground) => self.not_picked_up(*ground, refusal, fx),
            Then::Expired(ground) => self.not_expired(*ground, refusal, fx),
            _ => {}
        }
        let Some(slot) = slot else { return };
        let Some(session) = self.entities[slot].player().map(|player| player.session) else { return };
        if matches!(&done.then, Then::Typed(work) if matches!(**work, BankWork::GuildPlace)) {
            return; // nobody asked for it; the directory says again that it is another one
        }
        self.offer_failed(slot, &done.then, fx);
        self.tell_slots(slot, &done.plan.slots(), fx);
        if let Then::Banked { from, to } = &done.then {
            self.tell_slots(slot, &[*from, *to], fx);
        }
        let key = refusal.map_or(NoticeKey::TryLater, notice);
        let (key, arguments) = match (&done.then, key) {
            (Then::Way { price, .. }, NoticeKey::GoldMissing) => {
                (NoticeKey::NotEnoughGold, vec![price.to_string()])
            }
            (Then::Way { .. }, NoticeKey::TryLater) => (NoticeKey::PlaceUnreachable, Vec::new()),
            _ => (key, Vec::new()),
        };
        self.refuse(session, key, arguments, fx);
    }

    fn take_all_fresh(&mut self, slot: usize, fresh: Option<Box<Possessions>>, fx: &mut Effects) {
        if let Some(fresh) = fresh {
            self.take_fresh(slot, *fresh, fx);
        }
    }

    /// The zone's copy of what a player has was not what the store has: it is the store's from now on.
    fn take_fresh(&mut self, slot: usize, fresh: Possessions, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let Possessions { equip, carry, gold } = fresh;
        let session = player.session;
        let dressed = player.character.equip != equip;
        player.character.equip = equip;
        player.character.carry.clone_from(&carry);
        player.character.hard.gold = gold;
        fx.tell(session, Event::CarryChanged { carry, gold });
        if dressed {
            let all =
                (0..model::item::EQUIP_SLOTS as u8).map(|index| Slot { container: Container::Equip, index });
            self.tell_slots(slot, &all.collect::<Vec<Slot>>(), fx);
            self.dress(slot, fx);
        }
    }

    /// Tells a player what lies in some of its slots.
    fn tell_slots(&self, slot: usize, slots: &[Slot], fx: &mut Effects) {
        let Some(player) = self.entities[slot].player() else { return };
        for slot in slots {
            if slot.container != Container::Cargo {
                let item = item_in(&player.character, *slot);
                fx.tell(player.session, Event::SlotChanged { slot: *slot, item });
            }
        }
    }

    /// Tells a player no.
    pub(crate) fn refuse(
        &self,
        session: SessionId,
        key: NoticeKey,
        arguments: Vec<String>,
        fx: &mut Effects,
    ) {
        fx.tell(session, Event::Notice(Notice::Catalogue { key, arguments }));
    }

    fn player(&self, slot: usize) -> Result<&Player, No> {
        self.entities[slot].player().ok_or(No(NoticeKey::TryLater, Vec::new()))
    }
}

/// What a refusal of the store is to a player.
fn notice(refusal: &TransferRefusal) -> NoticeKey {
    match refusal {
        TransferRefusal::ItemGone(_) | TransferRefusal::PlaceTaken(_) | TransferRefusal::RecordChanged(_) => {
            NoticeKey::ItemGone
        }
        TransferRefusal::NotEnough(_) => NoticeKey::GoldMissing,
        TransferRefusal::TooMuch(_) => NoticeKey::TooMuchGold,
        TransferRefusal::Frozen(_) => NoticeKey::AccountFrozen,
        TransferRefusal::Stale(_)
        | TransferRefusal::NoSuchOwner(_)
        | TransferRefusal::StandingChanged(_)
        | TransferRefusal::Malformed(_) => NoticeKey::TryLater,
    }
}

/// The slots that a client may show wrongly when its command is refused.
fn slots_of(command: &Command) -> Vec<Slot> {
    match command {
        Command::MoveItem { from, to, .. } => vec![*from, *to],
        Command::DropItem { from, .. } | Command::SellItem { from, .. } => vec![*from],
        Command::SplitItem { slot, .. } | Command::DestroyItem { slot, .. } => {
            vec![crate::plan::carry(*slot)]
        }
        _ => Vec::new(),
    }
}
