//! Sessions in Redis: they outlive NRSrv, and a second NRSrv that stands by sees them.
//!
//! One key an account: `<prefix>session:<account>`, a JSON object (ids as hexadecimal text, because Lua's
//! numbers cannot hold 64 bits), living [`LIFE`] unless the NRSrv that its edge is connected to reports it
//! again. Every compare step is a script, so two NRSrv cannot both give an account away.

use super::{Claim, Hold, PinState, Record, SessionStore, Unanswered, settle};
use async_trait::async_trait;
use model::membership::ProcessName;
use model::{AccountId, AccountName, Secret, SessionId};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Script};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a session lives without being reported.
pub const LIFE: Duration = Duration::from_secs(15);
/// Most sessions reported in one script call.
const CHUNK: usize = 128;
const RESPONSE: Duration = Duration::from_millis(1_000);
const CONNECT: Duration = Duration::from_millis(1_000);

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

/// What is set as Redis is no URL of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sessions is no URL of a Redis; expected redis://host:port/db")]
pub struct RedisUrlError;

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
    connection: ConnectionManager,
    prefix: String,
    claim: Script,
    hold: Script,
    update: Script,
    release: Script,
}

impl RedisSessions {
    /// For a URL; every key begins with the prefix. Must be called inside a tokio runtime.
    pub fn new(url: &Secret, prefix: &str) -> Result<Self, RedisUrlError> {
        let client = redis::Client::open(url.expose()).map_err(|_| RedisUrlError)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE))
            .set_connection_timeout(Some(CONNECT))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(200));
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(|_| RedisUrlError)?;
        Ok(Self {
            connection,
            prefix: prefix.to_owned(),
            claim: Script::new(CLAIM),
            hold: Script::new(HOLD),
            update: Script::new(UPDATE),
            release: Script::new(RELEASE),
        })
    }

    fn key(&self, account: AccountId) -> String {
        format!("{}session:{account}", self.prefix)
    }
}

fn life_ms() -> u64 {
    LIFE.as_millis() as u64
}

fn unanswered(error: &redis::RedisError) -> Unanswered {
    Unanswered(error.category().to_owned()) // the category only: details may quote a URL or a value
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
        let mut connection = self.connection.clone();
        let found: Option<String> = self
            .claim
            .key(self.key(record.account))
            .arg(record.session.to_string())
            .arg(encode(record)?)
            .arg(life_ms())
            .invoke_async(&mut connection)
            .await
            .map_err(|error| unanswered(&error))?;
        match found {
            None => Ok(Claim::Given),
            Some(text) => Ok(Claim::Held(Box::new(decode(record.account, &text)?))),
        }
    }

    async fn hold(&self, records: &[Record]) -> Result<Vec<Hold>, Unanswered> {
        let mut outcomes = Vec::with_capacity(records.len());
        for chunk in records.chunks(CHUNK) {
            let mut call = self.hold.arg(life_ms());
            for record in chunk {
                call.key(self.key(record.account)).arg(record.session.to_string()).arg(encode(record)?);
            }
            let mut connection = self.connection.clone();
            let answers: Vec<String> =
                call.invoke_async(&mut connection).await.map_err(|error| unanswered(&error))?;
            if answers.len() != chunk.len() {
                return Err(Unanswered("another number of answers than of questions".to_owned()));
            }
            for (record, text) in chunk.iter().zip(&answers) {
                let stored = if text.is_empty() { None } else { Some(decode(record.account, text)?) };
                outcomes.push(settle(stored, record));
            }
        }
        Ok(outcomes)
    }

    async fn update(&self, record: &Record) -> Result<(), Unanswered> {
        let mut connection = self.connection.clone();
        self.update
            .key(self.key(record.account))
            .arg(record.session.to_string())
            .arg(encode(record)?)
            .arg(life_ms())
            .invoke_async::<i64>(&mut connection)
            .await
            .map(drop)
            .map_err(|error| unanswered(&error))
    }

    async fn release(&self, account: AccountId, session: SessionId) -> Result<bool, Unanswered> {
        let mut connection = self.connection.clone();
        let removed: i64 = self
            .release
            .key(self.key(account))
            .arg(session.to_string())
            .invoke_async(&mut connection)
            .await
            .map_err(|error| unanswered(&error))?;
        Ok(removed > 0)
    }

    async fn find(&self, account: AccountId) -> Result<Option<Record>, Unanswered> {
        let mut connection = self.connection.clone();
        let found: Option<String> =
            connection.get(self.key(account)).await.map_err(|error| unanswered(&error))?;
        found.map(|text| decode(account, &text)).transpose()
    }

    fn forgets(&self) -> bool {
        false
    }
}
