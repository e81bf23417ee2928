//! Values in Redis: they outlive the process and are shared by all copies of it.

use super::{PutFailure, Unanswered, Values};
use async_trait::async_trait;
use model::Secret;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, FromRedisValue};
use std::time::Duration;

const RESPONSE: Duration = Duration::from_millis(1_000);
const CONNECT: Duration = Duration::from_millis(1_000);

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

    async fn probe(&self) -> bool {
        self.ask::<String>(&redis::cmd("PING")).await.is_ok()
    }
}
