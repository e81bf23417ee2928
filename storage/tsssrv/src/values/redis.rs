//! Values in Redis: they outlive the process and are shared by all copies of it.

use super::{PutFailure, Swap, Unanswered, Values};
use async_trait::async_trait;
use model::Secret;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, FromRedisValue, Script};
use std::time::Duration;

const RESPONSE: Duration = Duration::from_millis(1_000);
const CONNECT: Duration = Duration::from_millis(1_000);

// For each key: 1 if a value is expected, that value, the life of the new one in ms (0: none), the new one.
const SWAP: &str = "
for i, key in ipairs(KEYS) do
  local found = redis.call('GET', key)
  if ARGV[4 * i - 3] == '1' then
    if found ~= ARGV[4 * i - 2] then return 0 end
  elseif found then
    return 0
  end
end
for i, key in ipairs(KEYS) do
  if ARGV[4 * i - 1] == '0' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, ARGV[4 * i], 'PX', ARGV[4 * i - 1])
  end
end
return 1";

/// What is set as Redis is no URL of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("values is no URL of a Redis; expected redis://host:port/db")]
pub struct RedisUrlError;

/// Connects when first needed and again whenever the connection is lost.
pub struct RedisValues {
    connection: ConnectionManager,
    prefix: String,
}

impl RedisValues {
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
        Ok(Self { connection, prefix: prefix.to_owned() })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unanswered> {
        let mut connection = self.connection.clone();
        // the category only: details may quote a URL or a value
        command.query_async(&mut connection).await.map_err(|error| Unanswered(error.category().to_owned()))
    }

    fn set(&self, key: &str, value: &[u8], life: Duration) -> Cmd {
        let mut command = redis::cmd("SET");
        command.arg(self.key(key)).arg(value).arg("PX").arg(life.as_millis().max(1) as u64);
        command
    }
}

#[async_trait]
impl Values for RedisValues {
    async fn put(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<(), PutFailure> {
        self.ask::<()>(&self.set(key, &value, life)).await?;
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<bool, PutFailure> {
        let mut command = self.set(key, &value, life);
        command.arg("NX");
        let stored: Option<String> = self.ask(&command).await?;
        Ok(stored.is_some())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        self.ask(redis::cmd("GET").arg(self.key(key))).await
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        self.ask(redis::cmd("GETDEL").arg(self.key(key))).await
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<bool, PutFailure> {
        let script = Script::new(SWAP);
        let mut call = script.prepare_invoke();
        for Swap { key, expected, value } in swaps {
            call.key(self.key(key));
            call.arg(u8::from(expected.is_some())).arg(expected.as_deref().unwrap_or_default());
            let life = value.as_ref().map_or(0, |(_, life)| life.as_millis().max(1) as u64);
            call.arg(life).arg(value.as_ref().map(|(bytes, _)| bytes.as_slice()).unwrap_or_default());
        }
        let mut connection = self.connection.clone();
        let swapped: Result<i64, _> = call.invoke_async(&mut connection).await;
        let swapped = swapped.map_err(|error| Unanswered(error.category().to_owned()))?;
        Ok(swapped == 1)
    }

    async fn probe(&self) -> bool {
        self.ask::<String>(&redis::cmd("PING")).await.is_ok()
    }
}
