//! The host that does transfers, as DBSrv does: one shard in one step, several by the two-phase protocol; and
//! finishes what others left.

use crate::decider;
use crate::net::{self, DEADLINE, failure, read, write};
use crate::shard::{No, Part, Remote};
use model::calls::database::{Failure, GetRecord, HeldRecord, ListRecords, Reply, Request};
use model::transfer::{RecordKey, Transfer};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::testing::memory::{MemoryShard, Outcome};
use store::two_phase::{self, Attempt, Ended, Participant, Rules, Unwatched};
use tokio::time::timeout;
use turmoil::net::TcpStream;

/// The cluster in the names of attempts.
const CLUSTER: u128 = 0x51;
/// How often the recoverer looks.
const RECOVER_EVERY: Duration = Duration::from_millis(1_000);

/// Name of a coordinator's host.
pub fn host(index: u16) -> String {
    format!("dbsrv-{index}")
}

/// Runs the host. Attempts are numbered by `dice`, never twice the same.
pub async fn run(shards: u16, rules: Rules, dice: Arc<Mutex<ChaCha8Rng>>) -> turmoil::Result {
    tokio::task::spawn_local(async move {
        loop {
            tokio::time::sleep(RECOVER_EVERY).await;
            let sites: Vec<Remote> = (0..shards).map(Remote).collect();
            two_phase::recover(&decider::Remote, &sites, rules).await;
        }
    });
    net::serve(move |mut stream: TcpStream| {
        let dice = dice.clone();
        async move {
            loop {
                let request: Request = read(&mut stream).await?;
                let number = crate::held(&dice).random();
                let reply = match request {
                    Request::Transfer(transfer) => {
                        let doing = transfer_once(shards, &transfer, number);
                        let late = |_| Err(Failure::Unavailable("it took too long".into()));
                        Reply::Transfer(timeout(4 * DEADLINE, doing).await.unwrap_or_else(late))
                    }
                    question => look(shards, question).await,
                };
                write(&mut stream, &reply).await?;
            }
        }
    })
    .await
}

/// Asks a coordinator to do a transfer; a failure means that nobody knows.
pub async fn transfer(coordinator: u16, transfer: &Transfer) -> Result<Outcome, Failure> {
    match ask(coordinator, &Request::Transfer(transfer.clone()), 5 * DEADLINE).await? {
        Reply::Transfer(outcome) => outcome,
        _ => Err(Failure::Corrupt("another answer".into())),
    }
}

/// Asks a coordinator anything that DBSrv is asked; a failure means that nobody knows.
pub async fn ask(coordinator: u16, request: &Request, patience: Duration) -> Result<Reply, Failure> {
    net::ask_within(&host(coordinator), request, patience).await.map_err(failure)
}

/// Answers what changes nothing.
async fn look(shards: u16, question: Request) -> Reply {
    match question {
        Request::LoadCargo(asked) => {
            Reply::LoadCargo(Remote(MemoryShard::of(asked.account, shards)).cargo(asked.account).await)
        }
        Request::GetRecord(asked) => Reply::GetRecord(record(shards, asked).await),
        Request::ListRecords(asked) => Reply::ListRecords(records(shards, asked).await),
        Request::ListCharacters(asked) => {
            let shard = Remote(MemoryShard::of(asked.account, shards));
            Reply::ListCharacters(shard.characters(asked.account).await)
        }
        other => {
            let operation = other.operation();
            let what = Failure::Corrupt(format!("{operation} is not part of the simulation"));
            Reply::CheckNames(Err(what))
        }
    }
}

async fn record(shards: u16, asked: GetRecord) -> Result<Option<HeldRecord>, Failure> {
    let RecordKey::Lot(lot) = asked.key else { return Ok(None) };
    let known = asked.home.map(|home| MemoryShard::of(home, shards));
    let places = known.map_or(0..shards, |shard| shard..shard + 1);
    for shard in places {
        if let Some(found) = Remote(shard).lot(lot).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn records(shards: u16, asked: ListRecords) -> Result<Vec<HeldRecord>, Failure> {
    let mut found = Vec::new();
    for shard in 0..shards {
        found.extend(Remote(shard).lots(asked.after).await?);
    }
    found.sort_by_key(|held| held.record.key.number());
    found.truncate(asked.limit as usize);
    Ok(found)
}

async fn transfer_once(shards: u16, transfer: &Transfer, number: u64) -> Result<Outcome, Failure> {
    let (home, taking_part) = match MemoryShard::taking_part(transfer, shards) {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(outcome) = Remote(home).stored(transfer.operation).await? {
        return Ok(outcome);
    }
    let mut parts: Vec<Part> =
        taking_part.into_iter().map(|shard| Part::new(shard, transfer.clone())).collect();
    let ended = match parts.as_mut_slice() {
        [alone] => match alone.execute().await? {
            Ok(said) => return alone.commit_alone(vec![said]).await,
            Err(no) => Ended::Refused(vec![no]),
        },
        parts => {
            let attempt = Attempt { cluster: CLUSTER, operation: transfer.operation, number };
            two_phase::run(&decider::Remote, &attempt, parts, &Unwatched).await?
        }
    };
    match ended {
        Ended::Done(_) => {
            // what the others will read is what counts
            let stored = Remote(home).stored(transfer.operation).await?;
            stored.ok_or_else(|| Failure::Unavailable("decided, and not yet done everywhere".into()))
        }
        Ended::Refused(nos) => {
            let mut refusals = Vec::new();
            for no in nos {
                match no {
                    No::Done(outcome) => return Ok(outcome),
                    No::Refused(refusal) => refusals.push(refusal),
                }
            }
            let first = refusals.into_iter().next();
            let refusal = first.ok_or_else(|| Failure::Corrupt("refused by nobody".into()))?;
            Remote(home).conclude(transfer.operation, refusal).await
        }
    }
}

/// Waits until nothing is in doubt, by asking every shard; for the end of a run.
pub async fn settled(shards: u16) -> Result<bool, Failure> {
    use store::two_phase::Site;
    for shard in 0..shards {
        if !Remote(shard).in_doubt().await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
