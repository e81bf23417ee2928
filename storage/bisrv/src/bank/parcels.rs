//! Parcels: items and gold for somebody who may be offline. They wait with the receiver's account, as a record with
//! items and gold of its own, until they are taken into its bank or go back.

use super::cargo::{check_amount, once};
use super::letter::{DAY_MS, Letter, shown};
use super::now_ms;
use crate::Settings;
use crate::derive;
use crate::desk::{Desk, No, Once, TURNS};
use crate::herald::Herald;
use crate::places;
use model::calls::bank::{
    BankRefusal, Cargo, DeliverParcels, PARCEL_ITEMS_MAX, PARCEL_TEXT_MAX, PARCELS_LISTED_MAX, Parcel, Reply,
    SendParcel, TakeParcel,
};
use model::calls::database::{Failure, FindCharacter, GetRecord, HeldRecord, ListRecords};
use model::calls::records::RECORDS_MAX;
use model::item::{CARGO_SLOTS, CARRY_SLOTS, GOLD_MAX};
use model::ledger::{Actor, GoldAccount};
use model::transfer::{GoldLocation, Record, RecordChange, RecordKey, RecordKind, Transfer};
use model::{AccountId, ParcelId};
use std::sync::OnceLock;

/// Sends a parcel.
pub(super) async fn send(
    desk: &Desk<'_>,
    (settings, herald): (&Settings, &Herald),
    asked: &SendParcel,
    now_ms: i64,
) -> Result<Reply, No> {
    check_sending(asked)?;
    let once = once(asked.order, 1);
    let parcel = derive::parcel(once.operation);
    // also of a repeat: the process that did it may have died before it told
    let receiver = &OnceLock::new();
    let outcome = desk
        .settle(&once, |operation| {
            let transfer = once.transfer(operation, "parcel-send");
            async move {
                let key = asked.to.key();
                let to = desk.ask(|| desk.store.find_character(FindCharacter { key: key.clone() })).await?;
                let to = to.ok_or(BankRefusal::NoSuchCharacter)?;
                if to.account == asked.order.fence.account {
                    return Err(BankRefusal::ToOneself.into());
                }
                let _ = receiver.set(to.account);
                if waiting(desk, to.account, settings.parcels_max).await?.len()
                    >= settings.parcels_max as usize
                {
                    return Err(No::Refused(BankRefusal::BoxFull));
                }
                let letter = Letter {
                    from: asked.order.fence.account,
                    sender: asked.sender.as_str().to_owned(),
                    to: to.name,
                    text: asked.text.clone(),
                    sent_ms: now_ms,
                    returned: false,
                };
                let until_ms = now_ms.saturating_add(i64::from(settings.parcel_days) * DAY_MS);
                let record = record(parcel, to.account, until_ms, &letter)?;
                Ok((sending(transfer, settings, asked, record), ()))
            }
        })
        .await?;
    if let Some(receiver) = receiver.get() {
        herald.arrived(*receiver, asked.sender.as_str());
    }
    let carried = outcome.transferred().balance(&GoldAccount::Character(asked.order.fence.character));
    Ok(Reply::Sent { parcel, carried })
}

fn check_sending(asked: &SendParcel) -> Result<(), BankRefusal> {
    let bad = |what: String| Err(BankRefusal::BadRequest(what));
    if asked.items.len() > PARCEL_ITEMS_MAX {
        return bad(format!("{} items; at most {PARCEL_ITEMS_MAX}", asked.items.len()));
    }
    if asked.items.is_empty() && asked.gold == 0 {
        return bad("neither items nor gold".to_owned());
    }
    for (at, (slot, item)) in asked.items.iter().enumerate() {
        if usize::from(*slot) >= CARRY_SLOTS {
            return bad("there is no such slot".to_owned());
        }
        if asked.items[..at].iter().any(|(other, before)| other == slot || before.id == item.id) {
            return bad("an item is named twice".to_owned());
        }
    }
    if asked.text.chars().count() > PARCEL_TEXT_MAX {
        return bad(format!("a text of more than {PARCEL_TEXT_MAX} characters"));
    }
    if asked.gold == 0 { Ok(()) } else { check_amount(asked.gold) }
}

/// What is stored of a parcel.
pub(super) fn record(
    parcel: ParcelId,
    receiver: AccountId,
    until_ms: i64,
    letter: &Letter,
) -> Result<Record, Failure> {
    let (key, scope, body) = (RecordKey::Parcel(parcel), receiver.0, letter.encode()?);
    Ok(Record { key, home: receiver, version: 0, scope, until_ms, body })
}

fn sending(mut transfer: Transfer, settings: &Settings, asked: &SendParcel, record: Record) -> Transfer {
    let (fence, receiver) = (asked.order.fence, record.home);
    let parcel = ParcelId(record.key.number());
    for (place, (slot, item)) in asked.items.iter().enumerate() {
        let (from, to) = (places::carry(fence, *slot), places::parcel(parcel, receiver, place as u8));
        transfer.moves.push(places::goes(*item, from, to));
    }
    if asked.gold > 0 {
        let to = places::parcel_gold(parcel, receiver);
        transfer.moves.push(places::pays(asked.gold, places::purse(fence), to));
    }
    if settings.parcel_postage > 0 {
        let account = GoldAccount::Burn("postage".to_owned());
        let to = GoldLocation { home: fence.account, account };
        transfer.moves.push(places::pays(settings.parcel_postage, places::purse(fence), to));
    }
    transfer.records.push(RecordChange::Put { record, expected: 0 });
    transfer
}

/// Parcels that wait for an account, by number.
async fn waiting(desk: &Desk<'_>, account: AccountId, limit: u32) -> Result<Vec<HeldRecord>, No> {
    let (kind, scope, home) = (RecordKind::Parcel, Some(account.0), Some(account));
    let limit = limit.min(RECORDS_MAX);
    let request = ListRecords { kind, scope, home, after: 0, limit };
    Ok(desk.ask(|| desk.store.list_records(request)).await?)
}

/// Parcels that wait for an account, oldest first.
pub(super) async fn list(desk: &Desk<'_>, account: AccountId) -> Result<Vec<Parcel>, No> {
    let mut parcels = Vec::new();
    for held in waiting(desk, account, RECORDS_MAX).await? {
        parcels.extend(shown(&held, now_ms())?);
    }
    parcels.sort_by_key(|parcel| (parcel.sent_ms, parcel.parcel));
    Ok(parcels)
}

/// The oldest parcels that one answer holds.
pub(super) async fn listed(desk: &Desk<'_>, account: AccountId) -> Result<Reply, No> {
    let mut parcels = list(desk, account).await?;
    parcels.truncate(PARCELS_LISTED_MAX);
    Ok(Reply::Parcels(parcels))
}

/// Takes one parcel into the bank.
pub(super) async fn take(desk: &Desk<'_>, asked: &TakeParcel) -> Result<Reply, No> {
    taking(desk, asked).await?;
    Ok(Reply::Taken(desk.cargo(asked.account).await?))
}

async fn taking(desk: &Desk<'_>, asked: &TakeParcel) -> Result<(), No> {
    let once = Once {
        operation: asked.operation,
        again: asked.again,
        account: asked.account,
        actor: Actor::Player(asked.account),
        fences: Vec::new(),
        turns: TURNS,
    };
    let compose = |operation| {
        let transfer = once.transfer(operation, "parcel-take");
        async move {
            let (key, home) = (RecordKey::Parcel(asked.parcel), Some(asked.account));
            let held = desk.ask(|| desk.store.get_record(GetRecord { key, home })).await?;
            let held = held.filter(|held| held.record.scope == asked.account.0);
            let held = held.ok_or(BankRefusal::NoSuchParcel)?;
            let cargo = desk.cargo(asked.account).await?;
            Ok((into_cargo(transfer, asked, &held, &cargo)?, ()))
        }
    };
    desk.settle(&once, compose).await.map(|_| ())
}

/// All of a parcel into free slots of the bank.
fn into_cargo(
    mut transfer: Transfer,
    asked: &TakeParcel,
    held: &HeldRecord,
    cargo: &Cargo,
) -> Result<Transfer, BankRefusal> {
    let (account, parcel) = (asked.account, asked.parcel);
    let usable = usize::from(asked.cargo_slots).min(CARGO_SLOTS);
    let mut free = cargo.items.iter().take(usable).enumerate().filter(|(_, item)| item.is_none());
    for (place, item) in &held.items {
        let (slot, _) = free.next().ok_or(BankRefusal::NoRoom)?;
        let (from, to) = (places::parcel(parcel, account, *place), places::cargo(account, slot as u8));
        transfer.moves.push(places::goes(*item, from, to));
    }
    if held.gold > 0 {
        if cargo.gold.saturating_add(held.gold) > GOLD_MAX {
            return Err(BankRefusal::TooMuch);
        }
        let from = places::parcel_gold(parcel, account);
        transfer.moves.push(places::pays(held.gold, from, places::cargo_gold(account)));
    }
    let (key, expected) = (held.record.key, held.record.version);
    transfer.records.push(RecordChange::Remove { key, home: account, expected });
    Ok(transfer)
}

/// Takes all parcels that fit, the oldest first.
pub(super) async fn deliver(desk: &Desk<'_>, asked: &DeliverParcels) -> Result<Reply, No> {
    let (mut parcels, mut waiting) = (Vec::new(), 0);
    for parcel in list(desk, asked.account).await? {
        if parcels.len() >= PARCELS_LISTED_MAX {
            waiting += 1;
            continue;
        }
        let taken = TakeParcel {
            operation: derive::operation(
                "deliver",
                &[&asked.operation.0.to_le_bytes(), &parcel.parcel.0.to_le_bytes()],
            ),
            again: false, // what cannot be delivered is not told as refused, so nothing needs to be held to it
            account: asked.account,
            cargo_slots: asked.cargo_slots,
            parcel: parcel.parcel,
        };
        match taking(desk, &taken).await {
            Ok(()) => parcels.push(parcel),
            Err(No::Refused(BankRefusal::NoSuchParcel)) => {} // taken meanwhile
            Err(No::Refused(BankRefusal::NoRoom | BankRefusal::TooMuch | BankRefusal::Changed)) => {
                waiting += 1
            }
            Err(no) => return Err(no),
        }
    }
    let cargo = desk.cargo(asked.account).await?;
    Ok(Reply::Delivered { parcels, waiting, cargo })
}
