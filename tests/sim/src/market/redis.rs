//! The host of the values: a Redis in memory that forgets when it dies and when somebody empties it. It saves nothing:
//! one that comes back with what it knew some time ago is not simulated.

use crate::held;
use crate::net::{self, ask, read, write};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tsssrv::{PutFailure, Swap, Unanswered, Values};
use turmoil::net::TcpStream;

/// Name of the host.
pub const HOST: &str = "redis";

/// Values with when they end, in simulated time.
type Rows = BTreeMap<String, (Vec<u8>, Duration)>;

/// What the host knows, within reach of those who break it.
#[derive(Clone, Default)]
pub struct Redis(Arc<Mutex<Rows>>);

impl Redis {
    /// It forgets everything.
    pub fn flush(&self) {
        held(&self.0).clear();
    }
}

#[derive(Serialize, Deserialize)]
struct Step {
    key: String,
    expected: Option<Vec<u8>>,
    value: Option<(Vec<u8>, Duration)>,
}

#[derive(Serialize, Deserialize)]
enum Question {
    Put { key: String, value: Vec<u8>, life: Duration, replace: bool },
    Get { key: String },
    Take { key: String },
    Swap(Vec<Step>),
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Value(Option<Vec<u8>>),
    Changed(bool),
}

/// Runs the host; a start after a crash knows nothing.
pub async fn run(redis: Redis) -> turmoil::Result {
    redis.flush();
    net::serve(move |mut stream: TcpStream| {
        let redis = redis.clone();
        async move {
            loop {
                let question: Question = read(&mut stream).await?;
                let answer = answer(&mut held(&redis.0), question);
                write(&mut stream, &answer).await?;
            }
        }
    })
    .await
}

fn answer(rows: &mut Rows, question: Question) -> Answer {
    let now = turmoil::elapsed();
    rows.retain(|_, (_, until)| *until > now);
    match question {
        Question::Put { key, value, life, replace } => {
            let changes = replace || !rows.contains_key(&key);
            if changes {
                rows.insert(key, (value, now + life));
            }
            Answer::Changed(changes)
        }
        Question::Get { key } => Answer::Value(rows.get(&key).map(|(value, _)| value.clone())),
        Question::Take { key } => Answer::Value(rows.remove(&key).map(|(value, _)| value)),
        Question::Swap(steps) => {
            let fits = |step: &Step| rows.get(&step.key).map(|(value, _)| value) == step.expected.as_ref();
            if !steps.iter().all(fits) {
                return Answer::Changed(false);
            }
            for Step { key, value, .. } in steps {
                match value {
                    Some((value, life)) => rows.insert(key, (value, now + life)),
                    None => rows.remove(&key),
                };
            }
            Answer::Changed(true)
        }
    }
}

/// The values as TSSSrv sees them: over the network.
pub struct Remote;

impl Remote {
    async fn changed(&self, question: Question) -> Result<bool, Unanswered> {
        match ask(HOST, &question).await {
            Ok(Answer::Changed(changed)) => Ok(changed),
            Ok(Answer::Value(_)) => Err(Unanswered("another answer".to_owned())),
            Err(error) => Err(Unanswered(error.to_string())),
        }
    }

    async fn value(&self, question: Question) -> Result<Option<Vec<u8>>, Unanswered> {
        match ask(HOST, &question).await {
            Ok(Answer::Value(value)) => Ok(value),
            Ok(Answer::Changed(_)) => Err(Unanswered("another answer".to_owned())),
            Err(error) => Err(Unanswered(error.to_string())),
        }
    }

    async fn store(
        &self,
        key: &str,
        value: Vec<u8>,
        life: Duration,
        replace: bool,
    ) -> Result<bool, PutFailure> {
        Ok(self.changed(Question::Put { key: key.to_owned(), value, life, replace }).await?)
    }
}

#[async_trait]
impl Values for Remote {
    async fn put(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<(), PutFailure> {
        self.store(key, value, life, true).await.map(drop)
    }

    async fn put_if_absent(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<bool, PutFailure> {
        self.store(key, value, life, false).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        self.value(Question::Get { key: key.to_owned() }).await
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        self.value(Question::Take { key: key.to_owned() }).await
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<bool, PutFailure> {
        let steps = swaps.iter().cloned().map(|Swap { key, expected, value }| Step { key, expected, value });
        Ok(self.changed(Question::Swap(steps.collect())).await?)
    }

    async fn probe(&self) -> bool {
        self.get("probe").await.is_ok()
    }
}
