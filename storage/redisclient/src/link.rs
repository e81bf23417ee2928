//! Connections: one a server, shared by all commands, with the run of the server behind it.

use crate::Unanswered;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, RedisConnectionInfo};
use redis::{IntoConnectionInfo, RedisError, RedisResult, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer may take.
const RESPONSE: Duration = Duration::from_millis(1_000);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_millis(1_000);
/// Digits of each of the two ids of an era: enough to tell it from all others.
const ERA_DIGITS: usize = 8;
/// Most servers that connections are kept to.
const SERVERS_MAX: usize = 1_024;

/// Where a server listens.
pub(crate) type Address = ConnectionAddr;

/// One reign of one server: a restart, a promotion or another server is another era.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Era(String);

impl Era {
    /// Letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A connection to a server that answered.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) address: Address,
    pub(crate) era: Era,
    number: u64,
    connection: MultiplexedConnection,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {} to {}", self.number, self.address)
    }
}

impl Link {
    /// Sends one command.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        command.query_async(&mut self.connection.clone()).await
    }

    /// Sends one command for a slot that is on its way to this server.
    pub(crate) async fn ask_imported<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut both = redis::pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        let (value,): (T,) = both.query_async(&mut self.connection.clone()).await?;
        Ok(value)
    }
}

/// Connects to a server within bounds of time.
pub(crate) async fn connect(
    address: &Address,
    login: &RedisConnectionInfo,
) -> RedisResult<MultiplexedConnection> {
    let info = address.clone().into_connection_info()?.set_redis_settings(login.clone());
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPONSE));
    Client::open(info)?.get_multiplexed_async_connection_with_config(&config).await
}

/// Lets one caller at a time find something out, for all who wait meanwhile: what it found, or that it failed.
#[derive(Default)]
pub(crate) struct Gate(tokio::sync::Mutex<Option<(Instant, Unanswered)>>);

impl Gate {
    pub(crate) async fn pass<T>(
        &self,
        find: impl Fn() -> Option<T>,
        make: impl Future<Output = Result<T, Unanswered>>,
    ) -> Result<T, Unanswered> {
        if let Some(found) = find() {
            return Ok(found);
        }
        let came = Instant::now();
        let mut failed = self.0.lock().await;
        if let Some(found) = find() {
            return Ok(found);
        }
        if let Some((at, why)) = failed.as_ref()
            && *at >= came
        {
            return Err(why.clone());
        }
        let made = make.await;
        *failed = made.as_ref().err().map(|why| (Instant::now(), why.clone()));
        made
    }
}

/// What a server is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Master,
}

/// All connections.
pub(crate) struct Links {
    login: RedisConnectionInfo,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    last: u64,
    links: HashMap<String, Link>,
    gates: HashMap<String, Arc<Gate>>,
}

impl Links {
    pub(crate) fn new(login: RedisConnectionInfo) -> Self {
        Self { login, known: Mutex::default() }
    }

    /// A connection to whatever answers there.
    pub(crate) async fn any(&self, address: &Address) -> Result<Link, Unanswered> {
        self.link(address, Wanted::Any).await
    }

    /// A connection to a server that says it is a master.
    pub(crate) async fn master(&self, address: &Address) -> Result<Link, Unanswered> {
        self.link(address, Wanted::Master).await
    }

    /// A connection is lost, or leads to a server that is no master any more.
    pub(crate) fn forget(&self, link: &Link) {
        let mut known = self.known.lock();
        let name = link.address.to_string();
        if known.links.get(&name).is_some_and(|current| current.number == link.number) {
            known.links.remove(&name);
        }
    }

    /// Where there are connections to.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.known.lock().links.values().map(|link| link.address.clone()).collect()
    }

    async fn link(&self, address: &Address, wanted: Wanted) -> Result<Link, Unanswered> {
        let name = address.to_string();
        let gate = Arc::clone(self.known.lock().gates.entry(name.clone()).or_default());
        let find = || self.known.lock().links.get(&name).cloned();
        gate.pass(find, async {
            let link = self.open(address, wanted).await.map_err(|error| Unanswered::of(&error))?;
            let mut known = self.known.lock();
            if known.links.len() >= SERVERS_MAX {
                // addresses of a Cluster that changed again and again; living ones come back
                known.links.clear();
                known.gates.clear();
            }
            known.last += 1;
            let link = Link { number: known.last, ..link };
            known.links.insert(name.clone(), link.clone());
            Ok(link)
        })
        .await
    }

    async fn open(&self, address: &Address, wanted: Wanted) -> RedisResult<Link> {
        let connection = connect(address, &self.login).await?;
        let mut link = Link { address: address.clone(), era: Era(String::new()), number: 0, connection };
        if wanted == Wanted::Master && !is_master(&link).await? {
            return Err(RedisError::from((redis::ErrorKind::Client, "the server is no master")));
        }
        link.era = era(&link).await?;
        Ok(link)
    }
}

async fn is_master(link: &Link) -> RedisResult<bool> {
    let role: Vec<Value> = link.ask(&redis::cmd("ROLE")).await?;
    let name = role.into_iter().next().map(redis::from_redis_value::<String>).transpose()?;
    Ok(name.is_some_and(|name| name == "master"))
}

/// The run of the process, and the history that it writes: a restart changes the one, a promotion the other.
async fn era(link: &Link) -> RedisResult<Era> {
    let run = told(link, "server", "run_id:").await?;
    let history = told(link, "replication", "master_replid:").await?;
    Ok(Era(run + &history))
}

async fn told(link: &Link, section: &str, field: &str) -> RedisResult<String> {
    let text: String = link.ask(redis::cmd("INFO").arg(section)).await?;
    let told = text.lines().find_map(|line| line.strip_prefix(field));
    let told = told.map(|id| id.chars().filter(char::is_ascii_alphanumeric).take(ERA_DIGITS).collect());
    told.ok_or_else(|| {
        RedisError::from((redis::ErrorKind::UnexpectedReturnType, "a server that does not tell its run"))
    })
}
