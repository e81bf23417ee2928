//! Parcels that go back to their sender: nobody took them in time, or the receiver does not want them. There they wait
//! as parcels of the sender, until they are taken.

use super::letter::{DAY_MS, Letter};
use super::parcels::record;
use crate::derive;
use crate::desk::{Desk, No, Once, Settled, refused};
use crate::herald::Herald;
use crate::places;
use model::calls::bank::{BankRefusal, Reply, ReturnParcel};
use model::calls::database::{Failure, GetRecord, HeldRecord, ListRecords};
use model::calls::records::RECORDS_MAX;
use model::ledger::Actor;
use model::transfer::{RecordChange, RecordKey, RecordKind, Transfer, TransferRefusal};
use model::{AccountId, OperationId, ParcelId};

/// A parcel on its way back, as its record says.
struct Back<'a> {
    held: &'a HeldRecord,
    parcel: ParcelId,
    letter: Letter,
}

impl<'a> Back<'a> {
    /// `None` for a record of another kind.
    fn of(held: &'a HeldRecord) -> Result<Option<Self>, Failure> {
        let RecordKey::Parcel(parcel) = held.record.key else { return Ok(None) };
        Ok(Some(Self { held, parcel, letter: Letter::decode(&held.record.body)? }))
    }

    /// All of it goes into a new parcel, which waits for the sender for ever.
    fn fill(&self, mut transfer: Transfer) -> Result<Transfer, Failure> {
        let back = derive::parcel(transfer.operation);
        let (receiver, sender) = (self.held.record.home, self.letter.from);
        let letter = Letter { returned: true, ..self.letter.clone() };
        let (key, expected) = (self.held.record.key, self.held.record.version);
        transfer.records = vec![
            RecordChange::Remove { key, home: receiver, expected },
            RecordChange::Put { record: record(back, sender, i64::MAX, &letter)?, expected: 0 },
        ];
        for (place, item) in &self.held.items {
            let from = places::parcel(self.parcel, receiver, *place);
            transfer.moves.push(places::goes(*item, from, places::parcel(back, sender, *place)));
        }
        if self.held.gold > 0 {
            let from = places::parcel_gold(self.parcel, receiver);
            transfer.moves.push(places::pays(self.held.gold, from, places::parcel_gold(back, sender)));
        }
        Ok(transfer)
    }
}

/// The receiver does not want a parcel.
pub(super) async fn refuse(desk: &Desk<'_>, herald: &Herald, asked: &ReturnParcel) -> Result<Reply, No> {
    let once = Once {
        operation: asked.operation,
        again: asked.again,
        account: asked.account,
        actor: Actor::Player(asked.account),
        fences: Vec::new(),
        turns: 1,
    };
    let compose = |operation| {
        let transfer = once.transfer(operation, "parcel-refuse");
        async move {
            let (key, home) = (RecordKey::Parcel(asked.parcel), Some(asked.account));
            let held = desk.ask(|| desk.store.get_record(GetRecord { key, home })).await?;
            let held = held.filter(|held| held.record.scope == asked.account.0);
            let held = held.ok_or(BankRefusal::NoSuchParcel)?;
            let back = Back::of(&held)?.ok_or(BankRefusal::NoSuchParcel)?;
            if back.letter.returned {
                return Err(BankRefusal::CameBack.into());
            }
            Ok((back.fill(transfer)?, (back.letter.from, back.letter.to)))
        }
    };
    if let Settled::Now(_, (sender, receiver)) = desk.settle(&once, compose).await? {
        herald.came_back(sender, &receiver);
    }
    Ok(Reply::Returned)
}

/// Sends back what nobody took in time; how many parcels. Any number of copies may do it at once.
pub(super) async fn send_back(desk: &Desk<'_>, herald: &Herald, now_ms: i64) -> Result<u64, No> {
    let (mut after, mut count) = (0, 0);
    loop {
        let (kind, limit) = (RecordKind::Parcel, RECORDS_MAX);
        let request = ListRecords { kind, scope: None, home: None, after, limit };
        let page = desk.ask(|| desk.store.list_records(request)).await?;
        let Some(last) = page.last().map(|held| held.record.key.number()) else { return Ok(count) };
        for held in page.iter().filter(|held| held.record.until_ms <= now_ms) {
            match sent_back(desk, held, now_ms).await {
                Ok(Some((sender, receiver))) => {
                    count += 1;
                    herald.came_back(sender, &receiver);
                }
                Ok(None) => {}
                // the others go back all the same
                Err(No::Failed(Failure::Corrupt(what))) => {
                    tracing::error!(key = ?held.record.key, what, "a parcel cannot be read");
                }
                Err(no) => return Err(no),
            }
        }
        if last <= after {
            return Ok(count); // a store that does not go on
        }
        after = last;
    }
}

/// One parcel goes back: sender and receiver; `None` when it was taken meanwhile.
async fn sent_back(
    desk: &Desk<'_>,
    held: &HeldRecord,
    now_ms: i64,
) -> Result<Option<(AccountId, String)>, No> {
    let Some(back) = Back::of(held)? else { return Ok(None) };
    let transfer = back.fill(Transfer {
        operation: of_day(back.parcel, held.record.version, now_ms),
        actor: Actor::System("bisrv".to_owned()),
        reason: "parcel-back".to_owned(),
        fences: Vec::new(),
        moves: Vec::new(),
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    })?;
    match desk.transfer(&transfer).await? {
        Ok(_) => Ok(Some((back.letter.from, back.letter.to))),
        Err(TransferRefusal::RecordChanged(_) | TransferRefusal::ItemGone(_)) => Ok(None),
        Err(refusal) => {
            tracing::warn!(parcel = %back.parcel, %refusal, "a parcel that nobody took does not go back");
            let _ = refused(refusal); // says so when the store did not understand it
            Ok(None)
        }
    }
}

/// By the day: what was refused today is tried again tomorrow.
fn of_day(parcel: ParcelId, version: u64, now_ms: i64) -> OperationId {
    let day = now_ms.div_euclid(DAY_MS);
    let parts = [&parcel.0.to_le_bytes(), &version.to_le_bytes(), &day.to_le_bytes()];
    derive::operation("send back", &parts.map(|part| &part[..]))
}
