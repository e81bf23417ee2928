//! Sentinels: who is the master now.
//!
//! Of what they say the highest configuration epoch counts: it is raised by each failover, and a sentinel that was
//! cut off still names the old master, which itself says `role:master` until it hears of the new one. Most of them
//! must answer: those who are cut off with an old master are never most. They are asked again after [`EVERY`], and
//! at once after an error, because an old master that is cut off from them may still be reached from here.

use crate::Unanswered;
use crate::link::{Address, Gate, connect};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{RedisConnectionInfo, RedisError, RedisResult};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long an answer of the sentinels is believed.
const EVERY: Duration = Duration::from_millis(500);
/// How long most of them have for an answer.
const WAIT: Duration = Duration::from_millis(1_000);
/// How long a failover may take to come to the ears of all sentinels: they tell each other every two seconds.
const SPREAD: Duration = Duration::from_secs(10);

/// The sentinels of one master.
pub(crate) struct Sentinels {
    addresses: Vec<Address>,
    master: String,
    login: RedisConnectionInfo,
    connections: Mutex<HashMap<usize, MultiplexedConnection>>,
    believed: Mutex<Option<Believed>>,
    asking: Gate,
}

#[derive(Clone)]
struct Believed {
    address: Address,
    epoch: u64,
    /// When somebody said so last.
    said: Instant,
    /// From when on it is to be asked again after [`EVERY`].
    at: Instant,
}

/// What one sentinel says.
struct Said {
    address: Address,
    epoch: u64,
}

impl Sentinels {
    pub(crate) fn new(addresses: Vec<Address>, master: String, login: RedisConnectionInfo) -> Self {
        let (connections, believed, asking) = Default::default();
        Self { addresses, master, login, connections, believed, asking }
    }

    /// What was believed may be wrong.
    pub(crate) fn doubt(&self) {
        if let Some(believed) = self.believed.lock().as_mut() {
            believed.at = believed.at.checked_sub(EVERY).unwrap_or(believed.at);
        }
    }

    /// The master.
    pub(crate) async fn master(&self) -> Result<Address, Unanswered> {
        let ask = async { Ok(self.hear(self.most().await?)) };
        self.asking.pass(|| self.fresh(), ask).await
    }

    /// What is to be believed of what was said.
    fn hear(&self, said: Said) -> Address {
        let now = Instant::now();
        let mut believed = self.believed.lock();
        if let Some(before) = believed.as_mut()
            && before.epoch > said.epoch
            && before.said.elapsed() < SPREAD
        {
            // the last failover has not come to the ears of those who answered
            before.at = now;
            return before.address.clone();
        }
        let before = believed.as_ref().map(|before| before.address.to_string());
        if before.is_some_and(|before| before != said.address.to_string()) {
            tracing::info!(master = %said.address, epoch = said.epoch, "the sentinels name another master");
        }
        let Said { address, epoch } = said;
        *believed = Some(Believed { address: address.clone(), epoch, said: now, at: now });
        address
    }

    fn fresh(&self) -> Option<Address> {
        let believed = self.believed.lock();
        believed.as_ref().filter(|believed| believed.at.elapsed() < EVERY).map(|found| found.address.clone())
    }

    /// The newest of what most of the sentinels say.
    async fn most(&self) -> Result<Said, Unanswered> {
        let deadline = Instant::now() + WAIT;
        let mut asked: FuturesUnordered<_> = (0..self.addresses.len()).map(|one| self.said(one)).collect();
        let needed = self.addresses.len() / 2 + 1;
        let (mut newest, mut answers): (Option<Said>, usize) = (None, 0);
        while let Ok(Some(answer)) = timeout_at(deadline, asked.next()).await {
            match answer {
                Ok(said) => {
                    answers += 1;
                    if newest.as_ref().is_none_or(|newest| newest.epoch < said.epoch) {
                        newest = Some(said);
                    }
                }
                Err(error) => {
                    tracing::debug!(error = error.category(), "a sentinel names no master");
                }
            }
            if answers >= needed {
                break;
            }
        }
        match newest {
            Some(said) if answers >= needed => Ok(said),
            _ => Err(Unanswered(format!("{answers} of {} sentinels name a master", self.addresses.len()))),
        }
    }

    async fn said(&self, one: usize) -> RedisResult<Said> {
        let said = self.try_said(one).await;
        if said.is_err() {
            self.connections.lock().remove(&one);
        }
        said
    }

    async fn try_said(&self, one: usize) -> RedisResult<Said> {
        let command = redis::cmd("SENTINEL").arg("MASTER").arg(&self.master).to_owned();
        let mut connection = self.connection(one).await?;
        let mut fields: RedisResult<HashMap<String, String>> = command.query_async(&mut connection).await;
        if fields.as_ref().is_err_and(|error| error.code() == Some("NOAUTH")) {
            // this sentinel wants the password too
            let login = self.login.clone().set_db(0);
            connection = connect(&self.addresses[one], &login).await?;
            fields = command.query_async(&mut connection).await;
        }
        let fields = fields?;
        self.connections.lock().insert(one, connection);
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let (Ok(port), Ok(epoch)) = (field("port").parse(), field("config-epoch").parse()) else {
            let kind = redis::ErrorKind::UnexpectedReturnType;
            return Err(RedisError::from((kind, "a sentinel without port or config-epoch")));
        };
        Ok(Said { address: Address::Tcp(field("ip"), port), epoch })
    }

    async fn connection(&self, one: usize) -> RedisResult<MultiplexedConnection> {
        let known = self.connections.lock().get(&one).cloned();
        match known {
            Some(connection) => Ok(connection),
            None => connect(&self.addresses[one], &RedisConnectionInfo::default()).await,
        }
    }
}
