//! `trait Store`: what the game wants remembered, in the words of the domain.
//!
//! Two implementations: SQLite (one file, the default) and PostgreSQL (1..n shards and a metadata
//! database). One conformance suite runs on both. This crate knows neither players nor sockets; the
//! remote implementation that speaks to DBSrv is `dbclient`.

pub mod amend;
mod codec;
pub mod conservation;
pub mod derive;
mod error;
mod examine;
pub mod friends;
pub mod fsck;
mod gold;
pub mod guild;
mod lease;
mod ledger;
pub mod letter;
pub mod planted;
mod population;
mod postgres;
mod retention;
mod rows;
mod sqlite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transfer;
pub mod two_phase;

pub use error::OpenError;
pub use examine::{Differences, Judged};
pub use postgres::{Dsn, Postgres, PostgresOptions};
pub use retention::{RETENTION_MIN, Trimmed};
pub use sqlite::Sqlite;

use async_trait::async_trait;
use model::account::Account;
use model::calls::database::{
    Belonging, Cargo, ChangeAccount, ChangeGold, ChangeGoldRefusal, ChangeProgress, ChangeShards,
    CheckBuckets, CheckDatabases, CheckItems, CheckNames, Checked, CheckedItems, CheckedNames, ClusterReport,
    CreateAccount, CreateCharacter, CreateCharacterRefusal, Crossings, DeleteCharacter, Entry, Failure,
    FindAccount, FindCharacter, Finding, FoundCharacter, GetAccount, GetRecord, GuildLedger, HeldPopulations,
    HeldRecord, HoldController, ItemHistory, JoinMember, KeepCosts, KeepPopulation, LeaveMember,
    ListBelonging, ListCharacters, ListCrossings, ListEntries, ListRecords, ListedEntries, LoadCargo,
    LoadCharacter, LoadGuildBank, LoadedCharacter, Locate, Located, MakeWish, NameTaken, NewerRun,
    NoSuchCharacter, PlayerLedger, ProgressThen, ReadCash, ReadCluster, ReadClusterView, ReadPopulations,
    ReadProgress, ReadShards, RenewMember, RepairBucket, RepairNames, RepairStrays, Repaired, Reply, Request,
    SaveCharacters, SaveOutcome, ShardsChanged, ShardsRefusal, ShardsReport, SlotsChanged, StaleProgress,
    Transfer, TransferRefusal, Transferred, WishGranted, WishRefusal, WriteSlots,
};
use model::character::Character;
use model::membership::ClusterView;

macro_rules! store_trait {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        /// Everything that is remembered. Each operation is atomic; those that carry an operation id are
        /// idempotent by it.
        #[async_trait]
        pub trait Store: Send + Sync + 'static {
            $($(#[$doc])* async fn $method(&self, request: $request) -> Result<$outcome, Failure>;)*

            /// Comes back when who is a member or who owns what may have changed since it was asked last. A hint
            /// and no answer: a store that hears of no changes never comes back, and one that may have missed
            /// some does. Cancelling the wait loses nothing.
            async fn cluster_changed(&self) {
                std::future::pending().await
            }
        }

        /// Does what a request asks: the whole of DBSrv's dispatch.
        pub async fn dispatch(store: &dyn Store, request: Request) -> Reply {
            match request {
                $(Request::$request(request) => Reply::$request(store.$method(request).await),)*
            }
        }
    };
}

model::for_each_operation!(store_trait);
