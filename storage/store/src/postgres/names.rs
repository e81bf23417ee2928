//! Names that are unique over all shards: rows of the metadata database, tied to rows on a shard by a
//! small protocol without a two-phase commit.
//!
//! ```text
//!                 create (operation c)                          delete (operation d)
//!   metadata   1  none -> reserved(c, until)                 1  held -> freeing(d, until)
//!   shard      2  rows + operation c = Ok      one commit    2  rows gone + operation d = Ok    one commit
//!   metadata   3  reserved(c) -> held                        3  freeing(d) -> none
//!
//!   refused at 2: operation c = refusal; reserved(c) -> none       operation d = refusal; freeing(d) -> held
//! ```
//!
//! The commit point is the row of the operation **on the shard**. Whoever finds a state that is neither
//! `none` nor `held` and whose time is over *concludes* the operation there: it inserts a refusal as the
//! outcome, which fails when there is an outcome already. Either way the fate of the operation is known
//! and can never change (a late step 2 finds the refusal and undoes itself), so the name goes where the
//! arrows lead. All steps name the operation that they expect, so doing them late or twice does nothing.
//! A name that is still `reserved` though its row is there is good to be found and to be deleted.
//!
//! A repeat of `c` that comes so late that the character was deleted meanwhile may reserve the name once
//! more; it finds outcome Ok but no row, and frees the name again.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::operations::{Conclude, Once};
use super::values::{Id128, now_ms};
use crate::rows::Fields;
use deadpool_postgres::Client;
use model::calls::database::{CreateCharacterRefusal, Failure, NameTaken, NoSuchCharacter};
use model::id::{AccountId, OperationId};
use tokio_postgres::types::ToSql;

/// States settled for one operation before it gives up: more than others that want the name at once.
const ATTEMPTS: usize = 64;

/// What a name is for, numbered as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub(super) enum Kind {
    /// An account.
    Account = 1,
    /// A character.
    Character = 2,
}

const RESERVED: i16 = 1;
/// A name with its row, and no operation under way.
pub(super) const HELD: i16 = 2;
const FREEING: i16 = 3;

/// A name that an operation wants to change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    /// Of what.
    pub(super) kind: Kind,
    /// Folded.
    pub(super) key: &'a str,
    /// On whose shard its row is.
    pub(super) account: AccountId,
    /// The account or character that has it.
    pub(super) id: u64,
    /// The operation.
    pub(super) operation: OperationId,
}

/// A row of `names`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    account: AccountId,
    id: u64,
    state: i16,
    operation: OperationId,
    expired: bool,
}

impl Found {
    /// True while nothing is under way since that operation gave the name to that id.
    pub(super) fn is_held_by(&self, id: u64, operation: OperationId) -> bool {
        self.state == HELD && self.id == id && self.operation == operation
    }
}

impl Kind {
    /// As stored.
    pub(super) fn of(number: i16) -> Option<Self> {
        [Self::Account, Self::Character].into_iter().find(|kind| *kind as i16 == number)
    }
}

/// What came of trying to reserve a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// It is reserved for the operation.
    Ours,
    /// The operation holds it: it was done before.
    Done,
    /// Somebody has it.
    Taken,
}

impl Postgres {
    /// Step 1 of a creation.
    pub(super) async fn reserve(&self, name: Name<'_>) -> Result<Reserved, Failure> {
        for _ in 0..ATTEMPTS {
            let reservation = Reserve { name, for_ms: self.reservation_ms };
            if self.metadata.run(&reservation).await? {
                return Ok(Reserved::Ours);
            }
            let Some(found) = self.metadata.run(&Find(name)).await? else { continue };
            match found.state {
                HELD if found.operation == name.operation => return Ok(Reserved::Done),
                HELD => return Ok(Reserved::Taken),
                RESERVED if found.operation == name.operation => {}
                // deleting is quick to settle; a creation may be under way
                RESERVED if !found.expired => return Ok(Reserved::Taken),
                _ => self.settle(name, found).await?,
            }
        }
        Err(Failure::Unavailable(format!("the name {:?} changes too often", name.key)))
    }

    /// Step 3 of a creation. `done_now` is false when the operation was done before: then the row may be
    /// gone again.
    pub(super) async fn finish_creation(&self, name: Name<'_>, created: bool, done_now: bool) {
        let settled = async {
            let keep = created && (done_now || self.row_exists(name.kind, name.account, name.id).await?);
            let change = if keep { Change::Hold } else { Change::ForgetReservation };
            self.metadata.run(&Move { name, change }).await
        };
        // what is left undone here is settled by whoever wants the name
        if let Err(failure) = settled.await {
            tracing::warn!(name = name.key, %failure, "a name stays reserved for a while");
        }
    }

    /// Step 1 of a deletion.
    pub(super) async fn start_freeing(&self, name: Name<'_>) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let change = Change::StartFreeing { for_ms: self.reservation_ms };
            if self.metadata.run(&Move { name, change }).await? {
                return Ok(());
            }
            match self.metadata.run(&Find(name)).await? {
                Some(found) if found.id == name.id => {
                    // held again in between: then it is tried again, never deleted without the mark
                    if found.state == FREEING {
                        self.settle(name, found).await?;
                    }
                }
                // the name was freed by somebody else: the shard will say that the character is gone
                _ => return Ok(()),
            }
        }
        Err(Failure::Unavailable(format!("the name {:?} changes too often", name.key)))
    }

    /// Step 3 of a deletion.
    pub(super) async fn finish_freeing(&self, name: Name<'_>, deleted: bool) {
        let change = if deleted { Change::Free } else { Change::HoldAgain };
        if let Err(failure) = self.metadata.run(&Move { name, change }).await {
            tracing::warn!(name = name.key, %failure, "a name stays in the way for a while");
        }
    }

    /// The account behind a name, whatever its state: the shard knows whether the row is there.
    pub(super) async fn account_of(&self, kind: Kind, key: &str) -> Result<Option<AccountId>, Failure> {
        let name = Name { kind, key, account: AccountId(0), id: 0, operation: OperationId(0) };
        Ok(self.metadata.run(&Find(name)).await?.map(|found| found.account))
    }

    /// Finds out the fate of the operation that left a name between states, and acts on it.
    async fn settle(&self, wanted: Name<'_>, found: Found) -> Result<(), Failure> {
        let Found { account, id, operation, .. } = found;
        let name = Name { account, id, operation, ..wanted };
        let created = match (found.state, wanted.kind) {
            (FREEING, _) => {
                let once = Once { operation, kind: "delete_character", account };
                let deleted = self
                    .shard(account)
                    .run(&Conclude { once, refusal: Err::<(), _>(NoSuchCharacter) })
                    .await?;
                let change = if deleted.is_ok() { Change::Free } else { Change::HoldAgain };
                return self.metadata.run(&Move { name, change }).await.map(drop);
            }
            (_, Kind::Account) => {
                let once = Once { operation, kind: "create_account", account };
                self.shard(account).run(&Conclude { once, refusal: Err::<(), _>(NameTaken) }).await?.is_ok()
            }
            (_, Kind::Character) => {
                let once = Once { operation, kind: "create_character", account };
                let refusal = Err::<(), _>(CreateCharacterRefusal::NameTaken);
                self.shard(account).run(&Conclude { once, refusal }).await?.is_ok()
            }
        };
        let keep = created && self.row_exists(name.kind, account, id).await?;
        let change = if keep { Change::Hold } else { Change::ForgetReservation };
        self.metadata.run(&Move { name, change }).await.map(drop)
    }

    async fn row_exists(&self, kind: Kind, account: AccountId, id: u64) -> Result<bool, Failure> {
        self.shard(account).run(&Exists { kind, id }).await
    }
}

struct Reserve<'a> {
    name: Name<'a>,
    for_ms: i64,
}

impl Step for Reserve<'_> {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let sql = concat!(
            "INSERT INTO names (kind, key, account, id, state, operation, until_ms) VALUES ($1, $2, $3, $4, 1, $5, $6 + ",
            now_ms!(),
            ") ON CONFLICT (kind, key) DO UPDATE SET until_ms = excluded.until_ms \
             WHERE names.state = 1 AND names.operation = excluded.operation"
        );
        let statement = client.prepare_cached(sql).await?;
        let Name { kind, key, account, id, operation } = self.name;
        let (account, id) = (account.0 as i64, id as i64);
        let values: [&(dyn ToSql + Sync); 6] =
            [&(kind as i16), &key, &account, &id, &Id128(operation.0), &self.for_ms];
        Ok(client.execute(&statement, &values).await? > 0)
    }
}

/// The row of a name.
pub(super) struct Find<'a>(pub(super) Name<'a>);

impl Step for Find<'_> {
    type Outcome = Option<Found>;

    async fn run(&self, client: &mut Client) -> Result<Option<Found>, Fault> {
        let sql = concat!(
            "SELECT account, id, state, operation, until_ms <= ",
            now_ms!(),
            " FROM names WHERE kind = $1 AND key = $2"
        );
        let statement = client.prepare_cached(sql).await?;
        let Some(row) = client.query_opt(&statement, &[&(self.0.kind as i16), &self.0.key]).await? else {
            return Ok(None);
        };
        Ok(Some(Found {
            account: AccountId(row.int(0)? as u64),
            id: row.int(1)? as u64,
            state: row.number(2)?,
            operation: OperationId(row.id128(3)?),
            expired: row.try_get(4)?,
        }))
    }
}

/// One arrow of the protocol; true when it was followed.
struct Move<'a> {
    name: Name<'a>,
    change: Change,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    /// reserved -> held
    Hold,
    /// reserved -> none
    ForgetReservation,
    /// held or reserved -> freeing
    StartFreeing { for_ms: i64 },
    /// freeing -> none
    Free,
    /// freeing -> held
    HoldAgain,
}

impl Step for Move<'_> {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let Name { kind, key, id, operation, .. } = self.name;
        let (kind, id, operation) = (kind as i16, id as i64, Id128(operation.0));
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&kind, &key, &operation];
        let sql = match &self.change {
            Change::Hold => {
                "UPDATE names SET state = 2 WHERE kind = $1 AND key = $2 AND operation = $3 AND state = 1"
            }
            Change::HoldAgain => {
                "UPDATE names SET state = 2 WHERE kind = $1 AND key = $2 AND operation = $3 AND state = 3"
            }
            Change::ForgetReservation => {
                "DELETE FROM names WHERE kind = $1 AND key = $2 AND operation = $3 AND state = 1"
            }
            Change::Free => "DELETE FROM names WHERE kind = $1 AND key = $2 AND operation = $3 AND state = 3",
            Change::StartFreeing { for_ms } => {
                values.extend([&id as &(dyn ToSql + Sync), for_ms]);
                concat!(
                    "UPDATE names SET state = 3, operation = $3, until_ms = $5 + ",
                    now_ms!(),
                    " WHERE kind = $1 AND key = $2 AND id = $4 AND (state <> 3 OR operation = $3)"
                )
            }
        };
        let statement = client.prepare_cached(sql).await?;
        Ok(client.execute(&statement, &values).await? > 0)
    }
}

/// Whether the row that a name is for is there.
pub(super) struct Exists {
    pub(super) kind: Kind,
    pub(super) id: u64,
}

impl Step for Exists {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let sql = match self.kind {
            Kind::Account => "SELECT 1 FROM accounts WHERE id = $1",
            Kind::Character => "SELECT 1 FROM characters WHERE id = $1",
        };
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_opt(&statement, &[&(self.id as i64)]).await?.is_some())
    }
}
