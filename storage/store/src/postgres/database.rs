//! One database: a bounded pool, deadlines on everything, and a breaker, so that a dead shard costs
//! nobody but its own accounts.
//!
//! ```text
//!            3 failures in a row
//!   closed ----------------------> open: every operation fails at once
//!     ^                              | half a second
//!     |  it succeeds                 v
//!     +--------------------------- one operation tries; if it fails: open again
//! ```

use super::fault::Fault;
use super::open::described;
use super::options::{Dsn, PostgresOptions};
use deadpool_postgres::{
    Client, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use model::calls::database::Failure;
use parking_lot::Mutex;
use std::time::{Duration, Instant};
use tokio_postgres::{Config, NoTls};

/// Failures in a row after which operations are not even tried.
const FAILURES: u32 = 3;
/// How long they are not.
const OPEN: Duration = Duration::from_millis(500);
/// Tries of one transaction.
const ATTEMPTS: usize = 4;
/// How long checking a pooled connection may take.
const RECYCLE: Duration = Duration::from_secs(1);

/// Everybody looks rows up by keys, a few at a time, and plans of prepared statements are kept: one that reads the whole
/// table, made while there was little in it, would do so until the next ANALYZE. A forbidden scan counts as very dear,
/// for which alone it would be compiled.
const BY_KEYS: &str = "-c enable_seqscan=off -c jit=off";

/// One transaction, or one statement; may be run again when it failed.
pub(super) trait Step: Sync {
    /// What comes out of it.
    type Outcome: Send;
    /// True when it enters the buckets that it is about: every step that writes on a shard does.
    const ENTERS: bool = false;
    /// Does it on a connection.
    fn run(&self, client: &mut Client) -> impl Future<Output = Result<Self::Outcome, Fault>> + Send;
}

/// One database.
pub(super) struct Database {
    dsn: Dsn,
    pool: Pool,
    limit: Duration,
    breaker: Breaker,
}

impl Database {
    /// Connects at the first use.
    pub(super) fn new(dsn: &Dsn, pool_size: usize, options: &PostgresOptions) -> Result<Self, Failure> {
        let recycling_method = RecyclingMethod::Fast;
        let config = pooled_config(dsn.config(), options);
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .runtime(Runtime::Tokio1)
            .max_size(pool_size)
            .wait_timeout(Some(options.wait_timeout))
            .create_timeout(Some(options.connect_timeout))
            .recycle_timeout(Some(RECYCLE))
            .build()
            .map_err(|error| Failure::Unavailable(error.to_string()))?;
        Ok(Self { dsn: dsn.clone(), pool, limit: options.transaction_timeout, breaker: Breaker::default() })
    }

    /// Its address.
    pub(super) fn dsn(&self) -> &Dsn {
        &self.dsn
    }

    /// Does one step, again when that is right, within the limit for each try.
    pub(super) async fn run<S: Step>(&self, step: &S) -> Result<S::Outcome, Failure> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let mut held = self.hold().await?;
            match held.run(step).await {
                Ok(outcome) => {
                    held.give_back();
                    return Ok(outcome);
                }
                Err(Fault::Again(why)) => {
                    held.give_back();
                    last = why;
                }
                Err(Fault::Gone(why)) => last = why,
                Err(Fault::Moved) => {
                    held.give_back();
                    return Err(self.unavailable("a bucket has moved"));
                }
                Err(Fault::Failure(failure)) => {
                    if !held.lost {
                        held.give_back();
                    }
                    return Err(failure);
                }
            }
        }
        Err(self.unavailable(&last))
    }

    /// A connection for steps that belong together.
    pub(super) async fn hold(&self) -> Result<Held<'_>, Failure> {
        if !self.breaker.admits() {
            return Err(self.unavailable("it did not answer a moment ago"));
        }
        match self.pool.get().await {
            Ok(client) => Ok(Held { database: self, client: Some(client), lost: false }),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                // busy, not dead: whoever holds the connections finds out whether it is dead
                Err(self.unavailable("all connections are busy"))
            }
            Err(error) => {
                self.breaker.failed();
                Err(self.unavailable(&refused(&error)))
            }
        }
    }

    fn unavailable(&self, why: &str) -> Failure {
        Failure::Unavailable(format!("{}: {why}", self.dsn))
    }
}

/// A connection that is in use. Closed when dropped, so that an unfinished transaction on it ends.
pub(super) struct Held<'a> {
    database: &'a Database,
    client: Option<Client>,
    /// It did not answer.
    lost: bool,
}

impl Held<'_> {
    /// Does one step, once, within the limit.
    pub(super) async fn run<S: Step>(&mut self, step: &S) -> Result<S::Outcome, Fault> {
        let database = self.database;
        let gone = || Fault::Gone(format!("{}: the connection is lost", database.dsn));
        let Some(client) = self.client.as_mut().filter(|_| !self.lost) else { return Err(gone()) };
        match tokio::time::timeout(database.limit, step.run(client)).await {
            Ok(Err(Fault::Gone(why))) => {
                self.lost = true;
                database.breaker.failed();
                Err(Fault::Gone(why))
            }
            Ok(done) => {
                database.breaker.succeeded();
                done
            }
            Err(_) => {
                self.lost = true;
                database.breaker.failed();
                Err(database.unavailable("a transaction took too long").into())
            }
        }
    }

    /// Nothing is unfinished on it: others may use it.
    pub(super) fn give_back(mut self) {
        if self.lost {
            return;
        }
        self.client.take();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

/// Why there is no connection, without rows or passwords.
fn refused(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => described(error),
        other => other.to_string(),
    }
}

/// The operator's configuration with our limits; the server enforces them too, for connections we lost.
fn pooled_config(config: &Config, options: &PostgresOptions) -> Config {
    let mut config = config.clone();
    let limit = options.transaction_timeout.as_millis();
    // who waits for a lock is told so before we give up: a shard with locked rows is not a dead one
    let ours = format!(
        "{} {BY_KEYS} -c statement_timeout={limit} -c lock_timeout={} \
         -c idle_in_transaction_session_timeout={}",
        config.get_options().unwrap_or_default(),
        (limit * 3 / 4).max(1),
        limit * 4
    );
    config.options(ours.trim());
    config.connect_timeout(options.connect_timeout);
    if config.get_application_name().is_none() {
        config.application_name("wydbr");
    }
    config
}

/// Counts failures in a row.
#[derive(Default)]
struct Breaker {
    state: Mutex<BreakerState>,
}

#[derive(Default)]
struct BreakerState {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// True when an operation may try; after a pause one may, and the next pause begins.
    fn admits(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        match state.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + OPEN);
                true
            }
            None => true,
        }
    }

    fn succeeded(&self) {
        *self.state.lock() = BreakerState::default();
    }

    fn failed(&self) {
        let mut state = self.state.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.open_until = Some(Instant::now() + OPEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_in_a_row_only_one_tries_at_a_time() {
        let breaker = Breaker::default();
        for _ in 1..FAILURES {
            breaker.failed();
            assert!(breaker.admits());
        }
        breaker.failed();
        assert!(!breaker.admits());
        breaker.state.lock().open_until = Some(Instant::now());
        assert!(breaker.admits(), "one tries");
        assert!(!breaker.admits(), "the others wait for what becomes of it");
        breaker.succeeded();
        assert!(breaker.admits() && breaker.admits());
    }
}
