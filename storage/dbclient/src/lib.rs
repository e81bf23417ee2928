//! `RemoteStore`: the store as every process but DBSrv sees it, through calls to DBSrv.
//!
//! It knows nothing of SQL and of what the operations mean; it knows which of them may be repeated: all.
//!
//! | operation | why a repeat is harmless |
//! |---|---|
//! | `create_*`, `delete_*`, `change_gold` | carry an operation id: the repeat returns the first outcome |
//! | `change_account`, `save_characters`, `join_member`, `renew_member`, `hold_controller`, `keep_costs` | set what is already set |
//! | `load_character` | raises the epoch once more; only the last one is handed out |
//! | `write_slots` | finds its own write and answers `SlotsChanged`; the caller reads again anyway |
//! | `leave_member` | finds nothing to take out |
//! | `change_shards` | is refused, or finds what it ordered |
//! | `make_wish` | finds that it is so already |
//! | the rest | only read |
//!
//! The main type is [`RemoteStore`].

mod changes;

use async_trait::async_trait;
use changes::Changes;
use link::{CallError, Client, Credentials, Target};
use model::account::Account;
use model::calls::CALL_DEADLINE_MS;
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
use model::membership::{ClusterView, ProcessName, Role};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::Store;
use tokio::time::Instant;

/// How long an operation may take with all its repeats.
const OVERALL: Duration = Duration::from_millis(CALL_DEADLINE_MS);
/// How long one DBSrv may take before the next one is asked, when there are several.
const TURN: Duration = Duration::from_millis(1_200);
/// Repeats of one operation, so that a DBSrv that always fails is not hammered.
const ATTEMPTS: usize = 8;
/// Pause before a repeat, jittered up to twice that.
const PAUSE_MS: u64 = 20;
/// Saves of one call; with every affect running a save has some 500 bytes, and a call at most 4 MiB.
const SAVES: usize = 1_000;

/// The store behind one or more DBSrv processes.
pub struct RemoteStore {
    servers: Vec<Client<Request, Reply>>,
    /// The one that answered last.
    preferred: AtomicUsize,
    changes: Changes,
}

impl RemoteStore {
    /// A store behind the DBSrv processes at these addresses; connects when it is first used, so a DBSrv
    /// that is not up yet is no error.
    #[allow(clippy::needless_pass_by_value)] // the signature that the services were promised
    pub fn connect(credentials: Credentials, addresses: Vec<SocketAddr>) -> Arc<Self> {
        let named = addresses.into_iter().enumerate();
        let targets: Vec<Target> = named
            .map(|(index, address)| Target { name: ProcessName::numbered(Role::DbSrv, index + 1), address })
            .collect();
        let servers =
            targets.iter().map(|target| Client::fixed(credentials.clone(), target.clone())).collect();
        let changes = Changes::new(credentials, targets);
        Arc::new(Self { servers, preferred: AtomicUsize::new(0), changes })
    }

    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::SaveCharacters(batch) if batch.saves.len() > SAVES => {
                Ok(Reply::SaveCharacters(Ok(self.save_in_parts(batch).await)))
            }
            request => self.repeat(&request).await,
        }
    }

    /// A batch that might be too large for one call.
    async fn save_in_parts(&self, batch: SaveCharacters) -> Vec<SaveOutcome> {
        let mut outcomes = Vec::with_capacity(batch.saves.len());
        for part in batch.saves.chunks(SAVES) {
            let request = Request::SaveCharacters(SaveCharacters { saves: part.to_vec() });
            match self.repeat(&request).await {
                Ok(Reply::SaveCharacters(Ok(saved))) if saved.len() == part.len() => outcomes.extend(saved),
                _ => outcomes.extend(part.iter().map(|_| SaveOutcome::Unavailable)),
            }
        }
        outcomes
    }

    /// Asks until somebody answers or the time is over.
    async fn repeat(&self, request: &Request) -> Result<Reply, Failure> {
        let count = self.servers.len();
        if count == 0 {
            return Err(Failure::Unavailable("no address of a DBSrv is configured".into()));
        }
        let end = Instant::now() + OVERALL;
        let mut last = CallError::NotConnected;
        for attempt in 0..ATTEMPTS {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let turn = if count > 1 { left.min(TURN) } else { left };
            let preferred = self.preferred.load(Ordering::Relaxed);
            match self.servers[preferred % count].call(request, turn).await {
                Ok(reply) => return Ok(reply),
                Err(error @ (CallError::TooLarge | CallError::Protocol)) => {
                    return Err(unanswered(request.operation(), error));
                }
                Err(error) => last = error,
            }
            // only the first of many callers moves on, the others follow it
            let next = preferred.wrapping_add(1);
            let _ = self.preferred.compare_exchange(preferred, next, Ordering::Relaxed, Ordering::Relaxed);
            tracing::debug!(operation = request.operation(), attempt, error = %last, "asking again");
            tokio::time::sleep_until(end.min(Instant::now() + pause())).await;
        }
        Err(unanswered(request.operation(), last))
    }
}

fn pause() -> Duration {
    Duration::from_millis(rand::random_range(PAUSE_MS..=2 * PAUSE_MS))
}

fn unanswered(operation: &str, error: CallError) -> Failure {
    Failure::Unavailable(format!("DBSrv, {operation}: {error}"))
}

macro_rules! remote_operations {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Store for RemoteStore {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                match self.ask(Request::$request(request)).await? {
                    Reply::$request(outcome) => outcome,
                    _ => Err(unanswered(stringify!($method), CallError::Protocol)),
                }
            })*

            async fn cluster_changed(&self) {
                self.changes.next().await;
            }
        }
    };
}

model::for_each_operation!(remote_operations);
