//! Values in Redis: they outlive the process and are shared by all copies of it.
//!
//! `<prefix>{live}<era>:<key>`: all values have one hash tag, because a trade, its two seats and its shops change
//! together and one step must be one script. In a Cluster they lie in one slot, so one master has them all. With the
//! era in the key a server that starts again from a file, or takes over, has no value: it may have lost the last
//! ones, and an older state of a trade would be worse than none.

use super::{PutFailure, Swap, Unanswered, Values};
use async_trait::async_trait;
use model::Secret;
use redis::{Cmd, FromRedisValue};
use redisclient::{BadUrl, Era, Redis};
use std::time::Duration;

/// The hash tag of all values.
const TAG: &str = "live";

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

/// Connects when first needed and again whenever the connection is lost.
pub struct RedisValues {
    redis: Redis,
    prefix: String,
}

impl From<redisclient::Unanswered> for Unanswered {
    fn from(redisclient::Unanswered(why): redisclient::Unanswered) -> Self {
        Self(why)
    }
}

impl RedisValues {
    /// For a URL; every key begins with the prefix, which has no braces.
    pub fn new(url: &Secret, prefix: &str) -> Result<Self, BadUrl> {
        Ok(Self { redis: Redis::open(url)?, prefix: prefix.to_owned() })
    }

    fn key(&self, era: &Era, key: &str) -> String {
        redisclient::key(&self.prefix, TAG, &format!("{}:{key}", era.as_str()))
    }

    async fn ask<T: FromRedisValue>(&self, compose: impl Fn(&Era) -> Cmd) -> Result<T, Unanswered> {
        Ok(self.redis.ask(TAG, compose).await?)
    }

    fn set(&self, era: &Era, key: &str, value: &[u8], life: Duration) -> Cmd {
        let mut command = redis::cmd("SET");
        command.arg(self.key(era, key)).arg(value).arg("PX").arg(life.as_millis().max(1) as u64);
        command
    }
}

#[async_trait]
impl Values for RedisValues {
    async fn put(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<(), PutFailure> {
        self.ask::<()>(|era| self.set(era, key, &value, life)).await?;
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<bool, PutFailure> {
        let compose = |era: &Era| self.set(era, key, &value, life).arg("NX").to_owned();
        let stored: Option<String> = self.ask(compose).await?;
        Ok(stored.is_some())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        self.ask(|era| redis::cmd("GET").arg(self.key(era, key)).to_owned()).await
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        self.ask(|era| redis::cmd("GETDEL").arg(self.key(era, key)).to_owned()).await
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<bool, PutFailure> {
        let compose = |era: &Era| {
            let mut call = redis::cmd("EVAL");
            call.arg(SWAP).arg(swaps.len());
            for swap in swaps {
                call.arg(self.key(era, &swap.key));
            }
            for Swap { expected, value, .. } in swaps {
                call.arg(u8::from(expected.is_some())).arg(expected.as_deref().unwrap_or_default());
                let life = value.as_ref().map_or(0, |(_, life)| life.as_millis().max(1) as u64);
                call.arg(life).arg(value.as_ref().map(|(bytes, _)| bytes.as_slice()).unwrap_or_default());
            }
            call
        };
        Ok(self.ask::<i64>(compose).await? == 1)
    }

    async fn probe(&self) -> bool {
        self.redis.probe(TAG).await
    }
}
