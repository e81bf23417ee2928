//! Sessions in Redis: they outlive NRSrv, and a second NRSrv that stands by sees them.
//!
//! One key an account: `<prefix>session:{<shelf>}:<account>`, a JSON object (ids as hexadecimal text, because
//! Lua's numbers cannot hold 64 bits), living [`LIFE`] unless the NRSrv that its edge is connected to reports it
//! again. Every compare step is a script, so two NRSrv cannot both give an account away. Accounts never change
//! together; the shelf, one of [`SHELVES`] hash tags, only lets one call report many of them in a Cluster.

use super::{Claim, Hold, PinState, Record, SessionStore, Unanswered, settle};
use async_trait::async_trait;
use futures::future::join_all;
use model::membership::ProcessName;
use model::{AccountId, AccountName, Secret, SessionId};
use redis::{Cmd, FromRedisValue};
use redisclient::{BadUrl, Redis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a session lives without being reported.
pub const LIFE: Duration = Duration::from_secs(15);
/// Most sessions reported in one script call.
const CHUNK: usize = 128;
/// Hash tags that accounts are spread over, and with them over the masters of a Cluster.
const SHELVES: u64 = 32;

const CLAIM: &str = "
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found).session ~= ARGV[1] then return found end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false";

// For each key: the session, the value to store. Answers what was stored before, or an empty string.
const HOLD: &str = "
local answers = {}
local life = ARGV[1]
for i, key in ipairs(KEYS) do
  local found = redis.call('GET', key)
  if not found then
    redis.call('SET', key, ARGV[2 * i + 1], 'PX', life)
    answers[i] = ''
  else
    local stored = cjson.decode(found)
    if stored.session == ARGV[2 * i] then
      redis.call('PEXPIRE', key, life)
    elseif not stored.by_login then
      redis.call('SET', key, ARGV[2 * i + 1], 'PX', life)
    end
    answers[i] = found
  end
end
return answers";

const UPDATE: &str = "
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found).session == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1";

const RELEASE: &str = "
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found).session == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0";

#[derive(Serialize, Deserialize)]
struct Stored {
    session: String,
    edge: String,
    name: AccountName,
    by_login: bool,
    pin_good: bool,
    pin_wrong: u8,
}

/// Sessions in Redis. Connects when first needed and again whenever the connection is lost.
pub struct RedisSessions {
    redis: Redis,
    prefix: String,
}

/// The shelf of an account.
fn shelf(account: AccountId) -> String {
    format!("{:x}", account.0 % SHELVES)
}

impl RedisSessions {
    /// For a URL; every key begins with the prefix, which has no braces.
    pub fn new(url: &Secret, prefix: &str) -> Result<Self, BadUrl> {
        Ok(Self { redis: Redis::open(url)?, prefix: prefix.to_owned() })
    }

    fn key(&self, account: AccountId) -> String {
        redisclient::key(&format!("{}session:", self.prefix), &shelf(account), &format!(":{account}"))
    }

    /// Sends a command about one account.
    async fn ask<T: FromRedisValue>(&self, account: AccountId, command: &Cmd) -> Result<T, Unanswered> {
        Ok(self.redis.ask(&shelf(account), |_| command.clone()).await?)
    }

    /// A call of a script about one account and its session.
    fn call(&self, script: &str, account: AccountId, session: SessionId) -> Cmd {
        let mut call = redis::cmd("EVAL");
        call.arg(script).arg(1).arg(self.key(account)).arg(session.to_string());
        call
    }

    /// Reports sessions of one shelf.
    async fn hold_shelf(&self, records: &[&Record]) -> Result<Vec<Hold>, Unanswered> {
        let Some(first) = records.first() else { return Ok(Vec::new()) };
        let mut call = redis::cmd("EVAL");
        call.arg(HOLD).arg(records.len());
        for record in records {
            call.arg(self.key(record.account));
        }
        call.arg(life_ms());
        for record in records {
            call.arg(record.session.to_string()).arg(encode(record)?);
        }
        let answers: Vec<String> = self.ask(first.account, &call).await?;
        if answers.len() != records.len() {
            return Err(Unanswered("another number of answers than of questions".to_owned()));
        }
        let settled = records.iter().zip(&answers).map(|(record, text)| {
            let stored = if text.is_empty() { None } else { Some(decode(record.account, text)?) };
            Ok(settle(stored, record))
        });
        settled.collect()
    }
}

impl From<redisclient::Unanswered> for Unanswered {
    fn from(redisclient::Unanswered(why): redisclient::Unanswered) -> Self {
        Self(why)
    }
}

fn life_ms() -> u64 {
    LIFE.as_millis() as u64
}

fn encode(record: &Record) -> Result<String, Unanswered> {
    let stored = Stored {
        session: record.session.to_string(),
        edge: record.edge.as_str().to_owned(),
        name: record.account_name.clone(),
        by_login: record.by_login,
        pin_good: record.pin.good,
        pin_wrong: record.pin.wrong,
    };
    serde_json::to_string(&stored).map_err(|error| Unanswered(error.to_string()))
}

fn decode(account: AccountId, text: &str) -> Result<Record, Unanswered> {
    let strange = || Unanswered(format!("the session of account {account} cannot be read"));
    let stored: Stored = serde_json::from_str(text).map_err(|_| strange())?;
    Ok(Record {
        account,
        account_name: stored.name,
        session: stored.session.parse::<SessionId>().map_err(|_| strange())?,
        edge: ProcessName(stored.edge),
        by_login: stored.by_login,
        pin: PinState { good: stored.pin_good, wrong: stored.pin_wrong },
    })
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn claim(&self, record: &Record) -> Result<Claim, Unanswered> {
        let mut call = self.call(CLAIM, record.account, record.session);
        call.arg(encode(record)?).arg(life_ms());
        match self.ask::<Option<String>>(record.account, &call).await? {
            None => Ok(Claim::Given),
            Some(text) => Ok(Claim::Held(Box::new(decode(record.account, &text)?))),
        }
    }

    async fn hold(&self, records: &[Record]) -> Result<Vec<Hold>, Unanswered> {
        let mut shelves: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, record) in records.iter().enumerate() {
            shelves.entry(record.account.0 % SHELVES).or_default().push(at);
        }
        let calls = shelves.values().flat_map(|shelf| shelf.chunks(CHUNK)).map(|chunk| async move {
            let records: Vec<&Record> = chunk.iter().map(|at| &records[*at]).collect();
            (chunk, self.hold_shelf(&records).await)
        });
        // all of them to their end: a shelf that does not answer keeps no other one from being renewed
        let mut outcomes: Vec<Option<Hold>> = vec![None; records.len()];
        let mut failed = None;
        for (chunk, answer) in join_all(calls).await {
            match answer {
                Ok(holds) => chunk.iter().zip(holds).for_each(|(at, hold)| outcomes[*at] = Some(hold)),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(outcomes.into_iter().flatten().collect()),
        }
    }

    async fn update(&self, record: &Record) -> Result<(), Unanswered> {
        let mut call = self.call(UPDATE, record.account, record.session);
        call.arg(encode(record)?).arg(life_ms());
        self.ask::<i64>(record.account, &call).await.map(drop)
    }

    async fn release(&self, account: AccountId, session: SessionId) -> Result<bool, Unanswered> {
        let removed: i64 = self.ask(account, &self.call(RELEASE, account, session)).await?;
        Ok(removed > 0)
    }

    async fn find(&self, account: AccountId) -> Result<Option<Record>, Unanswered> {
        let get = redis::cmd("GET").arg(self.key(account)).to_owned();
        let found: Option<String> = self.ask(account, &get).await?;
        found.map(|text| decode(account, &text)).transpose()
    }

    fn forgets(&self) -> bool {
        false
    }
}
