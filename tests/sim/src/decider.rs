//! The host of the decisions, and how coordinators and recoverers reach it.
//!
//! What is decided survives its crashes; what is only open does not, as the protocol allows.

use crate::held;
use crate::net::{self, ask, failure, read, write};
use model::calls::database::Failure;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::two_phase::{Attempt, Decision, Decisions};
use turmoil::net::TcpStream;

/// Name of the host.
pub const HOST: &str = "metadata";

/// What lies on its disk: decisions to commit, with their shards and when they were opened.
pub type Disk = Arc<Mutex<Rows>>;

/// Attempts with their shards and when they were opened.
type Rows = BTreeMap<String, (Vec<u16>, Duration)>;

#[derive(Serialize, Deserialize)]
enum Question {
    Open { attempt: String, shards: Vec<u16> },
    Decide { attempt: String },
    Settle { attempts: Vec<String> },
    Old { age_ms: i64 },
    Forget { attempts: Vec<String> },
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Done,
    /// Which of them commit.
    Commits(Vec<bool>),
    Old(Vec<(String, Vec<u16>)>),
}

/// Runs the host; its memory ends with it.
pub async fn run(disk: Disk) -> turmoil::Result {
    let open = Disk::default();
    net::serve(move |mut stream: TcpStream| {
        let (disk, open) = (disk.clone(), open.clone());
        async move {
            loop {
                let question: Question = read(&mut stream).await?;
                let answer = answer(&mut held(&disk), &mut held(&open), question);
                write(&mut stream, &answer).await?;
            }
        }
    })
    .await
}

fn answer(decided: &mut Rows, open: &mut Rows, question: Question) -> Answer {
    let now = turmoil::elapsed();
    match question {
        Question::Open { attempt, shards } => {
            open.insert(attempt, (shards, now));
            Answer::Done
        }
        Question::Decide { attempt } => {
            if let Some(row) = open.remove(&attempt) {
                decided.insert(attempt.clone(), row);
            }
            Answer::Commits(vec![decided.contains_key(&attempt)])
        }
        Question::Settle { attempts } => {
            open.retain(|attempt, _| !attempts.contains(attempt));
            Answer::Commits(attempts.iter().map(|attempt| decided.contains_key(attempt)).collect())
        }
        Question::Old { age_ms } => {
            let before = now.saturating_sub(Duration::from_millis(age_ms.unsigned_abs()));
            open.retain(|_, (_, at)| *at > before);
            let old = decided.iter().filter(|(_, (_, at))| *at <= before);
            Answer::Old(old.map(|(attempt, (shards, _))| (attempt.clone(), shards.clone())).collect())
        }
        Question::Forget { attempts } => {
            let over: BTreeSet<String> = attempts.into_iter().collect();
            decided.retain(|attempt, _| !over.contains(attempt));
            Answer::Done
        }
    }
}

/// The decisions as a coordinator sees them: over the network.
#[derive(Clone, Copy)]
pub struct Remote;

impl Remote {
    async fn commits(&self, question: Question) -> Result<Vec<Decision>, Failure> {
        match ask(HOST, &question).await.map_err(failure)? {
            Answer::Commits(commits) => Ok(commits
                .into_iter()
                .map(|commit| if commit { Decision::Commit } else { Decision::Abort })
                .collect()),
            Answer::Done | Answer::Old(_) => Err(Failure::Corrupt("another answer".into())),
        }
    }
}

fn names(attempts: &[Attempt]) -> Vec<String> {
    attempts.iter().map(Attempt::to_string).collect()
}

impl Decisions for Remote {
    async fn open(&self, attempt: &Attempt, shards: &[u16]) -> Result<(), Failure> {
        let question = Question::Open { attempt: attempt.to_string(), shards: shards.to_vec() };
        ask::<_, Answer>(HOST, &question).await.map(drop).map_err(failure)
    }

    async fn decide(&self, attempt: &Attempt) -> Result<Decision, Failure> {
        let stands = self.commits(Question::Decide { attempt: attempt.to_string() }).await?;
        stands.first().copied().ok_or_else(|| Failure::Corrupt("an answer without a decision".into()))
    }

    async fn settle(&self, attempts: &[Attempt]) -> Result<Vec<Decision>, Failure> {
        self.commits(Question::Settle { attempts: names(attempts) }).await
    }

    async fn old(&self, age_ms: i64) -> Result<Vec<(Attempt, Vec<u16>)>, Failure> {
        let Answer::Old(old) = ask(HOST, &Question::Old { age_ms }).await.map_err(failure)? else {
            return Err(Failure::Corrupt("another answer".into()));
        };
        Ok(old.into_iter().filter_map(|(name, shards)| Some((Attempt::parse(&name)?, shards))).collect())
    }

    async fn forget(&self, attempts: &[Attempt]) -> Result<(), Failure> {
        let question = Question::Forget { attempts: names(attempts) };
        ask::<_, Answer>(HOST, &question).await.map(drop).map_err(failure)
    }
}
