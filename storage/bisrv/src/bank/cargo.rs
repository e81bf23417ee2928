//! Items and gold between a character and the bank of its account.

use crate::desk::{Desk, No, Once, Settled};
use crate::places;
use crate::plan::{self, NoPlan};
use model::calls::bank::{BankRefusal, MoveGold, MoveItem, Order, Reply};
use model::calls::database::{Failure, LoadCargo};
use model::item::{Container, GOLD_MAX};
use model::ledger::{Actor, GoldAccount};
use model::transfer::{GoldLocation, Transferred};
use model::{AccountId, Item, Slot};

/// What an account keeps in the bank.
pub(super) async fn load(desk: &Desk<'_>, account: AccountId) -> Result<Reply, No> {
    let found = desk.ask(|| desk.store.load_cargo(LoadCargo { account })).await?;
    Ok(found.map_or(Reply::NoSuchAccount, Reply::Cargo))
}

/// An order of a player, once; with so many turns.
pub(super) fn once(order: Order, turns: u32) -> Once {
    Once {
        operation: order.operation,
        again: order.again,
        account: order.fence.account,
        actor: Actor::Player(order.fence.account),
        fences: vec![order.fence],
        turns,
    }
}

/// An item goes to another slot.
pub(super) async fn move_item(desk: &Desk<'_>, asked: &MoveItem) -> Result<Reply, No> {
    plan::check(asked)?;
    let account = asked.order.fence.account;
    let once = once(asked.order, 1);
    let settled = desk
        .settle(&once, |operation| {
            let mut transfer = once.transfer(operation, "bank-move");
            async move {
                let cargo = desk.cargo(account).await?;
                let plan = plan::plan(asked, &cargo).map_err(|no| match no {
                    NoPlan::Refused(refusal) => No::Refused(refusal),
                    NoPlan::KindWanted(kind) => No::Kind(kind),
                })?;
                transfer.moves = plan.moves;
                Ok((transfer, plan.slots))
            }
        })
        .await?;
    let slots = match settled {
        Settled::Now(_, slots) => slots,
        Settled::Before(_) => now(desk, asked).await?,
    };
    Ok(Reply::Moved { slots })
}

/// Both slots as they are stored. The one of the inventory is the caller's alone, and locked by it.
async fn now(desk: &Desk<'_>, asked: &MoveItem) -> Result<[(Slot, Option<Item>); 2], No> {
    let fence = asked.order.fence;
    let cargo = desk.cargo(fence.account).await?.items;
    let both = [asked.from, asked.to];
    let carry = match both.iter().any(|slot| slot.container == Container::Carry) {
        true => desk.carry(fence).await?,
        false => Vec::new(),
    };
    Ok(both.map(|slot| {
        let lies = if slot.container == Container::Cargo { &cargo } else { &carry };
        (slot, lies.get(usize::from(slot.index)).copied().flatten())
    }))
}

/// Gold of the character into the bank.
pub(super) async fn deposit(desk: &Desk<'_>, asked: &MoveGold) -> Result<Reply, No> {
    let fence = asked.order.fence;
    move_gold(desk, asked, places::purse(fence), places::cargo_gold(fence.account), "bank-deposit").await
}

/// Gold of the bank to the character.
pub(super) async fn withdraw(desk: &Desk<'_>, asked: &MoveGold) -> Result<Reply, No> {
    let fence = asked.order.fence;
    move_gold(desk, asked, places::cargo_gold(fence.account), places::purse(fence), "bank-withdraw").await
}

async fn move_gold(
    desk: &Desk<'_>,
    asked: &MoveGold,
    from: GoldLocation,
    to: GoldLocation,
    reason: &str,
) -> Result<Reply, No> {
    check_amount(asked.amount)?;
    let (once, fence) = (once(asked.order, 1), asked.order.fence);
    let mut transfer = once.transfer(once.operation, reason);
    transfer.moves.push(places::pays(asked.amount, from, to));
    let transfer = &transfer;
    // the same transfer each time: whoever did it, its outcome is what is to be told
    let settled = desk.settle(&once, |_| async move { Ok((transfer.clone(), ())) }).await?;
    let done = settled.transferred();
    Ok(Reply::Gold {
        carried: balance(done, &GoldAccount::Character(fence.character))?,
        cargo: balance(done, &GoldAccount::Cargo(fence.account))?,
    })
}

/// Refuses an amount that nobody can hold.
pub(super) fn check_amount(amount: i64) -> Result<(), BankRefusal> {
    match amount {
        ..=0 => Err(BankRefusal::BadRequest(format!("an amount of {amount}"))),
        amount if amount > GOLD_MAX => Err(BankRefusal::NotEnough),
        _ => Ok(()),
    }
}

/// What an account holds after a transfer that named it.
pub(super) fn balance(done: &Transferred, of: &GoldAccount) -> Result<i64, No> {
    let missing = || Failure::Corrupt(format!("a transfer did not tell the balance of {of}"));
    Ok(done.balance(of).ok_or_else(missing)?)
}
