//! Personal shops: what is offered lies here, the items lie in the owner's bank until they are sold.

use super::shelf::{Found, stall_key, step};
use super::store::refusal;
use super::{Answer, Early, Market, PATIENCE, TRIES};
use model::calls::bank::Cargo;
use model::calls::database::{LoadCargo, Transfer, TransferRefusal};
use model::calls::market::{BuyFromStall, MarketRefusal, OpenStall, Party, Reply, Stall, ToNode};
use model::item::{CARGO_SLOTS, GOLD_MAX};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::trade::{BOUND_SLOTS_FROM, STALL_TITLE_MAX, STALL_WARES, Ware};
use model::transfer::{GoldLocation, ItemLocation, Move};
use model::{CharacterId, Item, ItemId};
use std::collections::HashSet;
use std::time::Duration;
use store::planted::{self, Bug};

/// How long a shop lives without being published: three times as long as nodes wait between two times.
const STALL_LIFE: Duration = Duration::from_secs(60);
/// Most shops that a node publishes at a time.
const STALLS_MAX: usize = 4_096;

/// Highest tax of a shop in percent: something is left for the owner of each price.
const STALL_TAX_MAX: u8 = 99;

/// Percent of an amount of gold, rounded down. Never more than the amount.
pub(super) fn percent(of: i64, percent: u8) -> i64 {
    of.saturating_mul(i64::from(percent.min(100))) / 100
}

fn check(stall: &OpenStall) -> Result<(), MarketRefusal> {
    let bad = |what: &str| Err(MarketRefusal::BadRequest(what.to_owned()));
    let wares = &stall.wares;
    if stall.title.chars().count() > STALL_TITLE_MAX || stall.tax > STALL_TAX_MAX {
        return bad("the title or the tax");
    }
    if wares.is_empty() || wares.len() > STALL_WARES {
        return bad("the number of wares");
    }
    let positions: HashSet<_> = wares.iter().map(|ware| ware.position).collect();
    let slots: HashSet<_> = wares.iter().map(|ware| ware.cargo_slot).collect();
    if positions.len() != wares.len() || slots.len() != wares.len() {
        return bad("a position or a slot is named twice");
    }
    let is_bad = |ware: &Ware| {
        usize::from(ware.position) >= STALL_WARES
            || usize::from(ware.cargo_slot) >= CARGO_SLOTS
            || !(1..=GOLD_MAX).contains(&ware.price)
    };
    if wares.iter().any(is_bad) { bad("a position, a slot or a price") } else { Ok(()) }
}

/// The wares with the items that lie in the bank, if they are what is shown.
fn equals(wares: &[Ware], cargo: &Cargo) -> Result<Vec<(Ware, ItemId)>, MarketRefusal> {
    let found = |ware: &Ware| {
        let item = cargo.items.get(usize::from(ware.cargo_slot)).copied().flatten();
        item.filter(|item| item.spec() == ware.shown).map(|item| (*ware, item.id))
    };
    wares.iter().map(|ware| found(ware).ok_or(MarketRefusal::ItemGone)).collect()
}

/// The purchase as one transfer, its outcome stored with the buyer.
fn purchase(asked: &BuyFromStall, owner: &Party, ware: &Ware, item: Item, tax: u8) -> Transfer {
    let buyer = asked.order.fence;
    let purse = GoldLocation { home: buyer.account, account: GoldAccount::Character(buyer.character) };
    let bank = owner.fence.account;
    let tax = percent(ware.price, tax);
    let to = GoldLocation { home: bank, account: GoldAccount::Cargo(bank) };
    let world = GoldLocation { home: buyer.account, account: GoldAccount::Burn("stall-tax".to_owned()) };
    let mut moves = vec![Move::Item {
        item,
        from: ItemLocation { home: bank, place: ItemPlace::Cargo(bank, ware.cargo_slot) },
        to: ItemLocation { home: buyer.account, place: ItemPlace::Carry(buyer.character, asked.to_slot) },
        effects: item.effects,
    }];
    for (amount, to) in [(ware.price - tax, to), (tax, world)] {
        if amount > 0 {
            moves.push(Move::Gold { amount, from: purse.clone(), to });
        }
    }
    Transfer {
        operation: asked.order.operation,
        actor: Actor::Player(buyer.account),
        reason: "stall".to_owned(),
        // the owner's too: a shop whose owner was loaded elsewhere is none any more
        fences: vec![buyer, owner.fence],
        moves,
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

impl Market {
    pub(super) async fn open_stall(&self, asked: OpenStall) -> Answer {
        check(&asked)?;
        let account = asked.owner.fence.account;
        let cargo = self.ledgered.store.load_cargo(LoadCargo { account }).await?;
        let wares = equals(&asked.wares, &cargo.unwrap_or_default())?;
        let OpenStall { owner, title, tax, .. } = asked;
        let stall = Stall { owner, title, wares, tax };
        self.shelf.write(&stall_key(stall.owner.fence.character), &stall, STALL_LIFE).await?;
        Ok(Reply::StallOpened(stall))
    }

    pub(super) async fn close_stall(&self, owner: CharacterId) -> Answer {
        self.shelf.0.take(&stall_key(owner)).await?;
        Ok(Reply::Closed)
    }

    pub(super) async fn read_stall(&self, owner: CharacterId) -> Answer {
        Ok(Reply::Stall(self.shelf.read(&stall_key(owner)).await?.value))
    }

    /// A node publishes the shops whose owners stand there: what is known lives on as it is, what was lost is there
    /// again.
    pub(super) async fn publish(&self, stalls: &[Stall]) -> Result<(), Early> {
        for stall in stalls.iter().take(STALLS_MAX) {
            let key = stall_key(stall.owner.fence.character);
            for _ in 0..TRIES {
                let found: Found<Stall> = self.shelf.read(&key).await?;
                let kept =
                    found.value.as_ref().filter(|known| known.owner.fence.epoch >= stall.owner.fence.epoch);
                let swap = step(key.clone(), found.bytes, Some((kept.unwrap_or(stall), STALL_LIFE)));
                if self.shelf.swap(&[swap]).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn buy_from_stall(&self, asked: &BuyFromStall) -> Answer {
        let order = asked.order;
        let bad = |what: &str| Err(MarketRefusal::BadRequest(what.to_owned()).into());
        if asked.to_slot >= BOUND_SLOTS_FROM || order.fence.epoch.0 == 0 {
            return bad("the slot or the epoch");
        }
        if order.fence.character == asked.owner {
            return bad("an own shop");
        }
        if order.again && !planted::is(Bug::RepeatComposedAnew) {
            return match self.ledgered.was_done(order.operation, order.fence, PATIENCE).await? {
                true => Ok(Reply::DoneUnseen),
                false => Err(MarketRefusal::NotDone.into()),
            };
        }
        let stall = self.shelf.read::<Stall>(&stall_key(asked.owner)).await?.value;
        let Some(stall) = stall else { return Err(MarketRefusal::NoSuchWare.into()) };
        let ware = stall.wares.iter().find(|(ware, _)| ware.position == asked.position);
        let Some((ware, id)) = ware else { return Err(MarketRefusal::NoSuchWare.into()) };
        if ware.shown != asked.shown || (ware.price != asked.price && !planted::is(Bug::PriceNotCompared)) {
            return Err(MarketRefusal::OfferChanged.into());
        }
        let item = ware.shown.with_id(*id);
        let transfer = purchase(asked, &stall.owner, ware, item, stall.tax);
        match self.ledgered.transfer(&transfer, PATIENCE).await? {
            Ok(transferred) => {
                let account = stall.owner.fence.account;
                let cargo = transferred.balance(&GoldAccount::Cargo(account));
                self.sold(asked.owner, ware, *id, cargo).await;
                let gold = transferred.balance(&GoldAccount::Character(order.fence.character));
                Ok(Reply::Bought { slot: (asked.to_slot, item), gold: gold.unwrap_or(0) })
            }
            Err(TransferRefusal::ItemGone(_)) => {
                self.sold(asked.owner, ware, *id, None).await;
                Err(MarketRefusal::ItemGone.into())
            }
            Err(TransferRefusal::Stale(character)) if character == asked.owner => {
                self.shelf.0.take(&stall_key(asked.owner)).await?;
                self.lines.push_all(&ToNode::StallClosed { owner: asked.owner });
                Err(MarketRefusal::NoSuchWare.into())
            }
            Err(why) => Err(refusal(why).into()),
        }
    }

    /// Takes a ware off the shop that sold it, and tells every node. When that fails the next buyer finds out.
    async fn sold(&self, owner: CharacterId, ware: &Ware, item: ItemId, cargo_gold: Option<i64>) {
        if self.take_off(owner, item).await.is_err() {
            tracing::info!(%owner, "a sold ware is not taken off");
        }
        let Ware { position, cargo_slot, .. } = *ware;
        self.lines.push_all(&ToNode::StallSold { owner, position, cargo_slot, cargo_gold });
    }

    async fn take_off(&self, owner: CharacterId, item: ItemId) -> Result<(), Early> {
        for _ in 0..TRIES {
            let found: Found<Stall> = self.shelf.read(&stall_key(owner)).await?;
            let Some(mut stall) = found.value else { return Ok(()) };
            stall.wares.retain(|(_, id)| *id != item);
            let swap = step(stall_key(owner), found.bytes, Some((&stall, STALL_LIFE)));
            if self.shelf.swap(&[swap]).await? {
                return Ok(());
            }
        }
        Ok(())
    }
}
