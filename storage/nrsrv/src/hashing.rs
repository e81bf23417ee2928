//! argon2id on threads of its own: few, of low priority, with a bounded queue, so that a storm of logins
//! never slows anything else.

use crate::settings::Hashing;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use model::Secret;
use prometheus::{Histogram, HistogramOpts, IntGauge};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl From<&Hashing> for Cost {
    fn from(settings: &Hashing) -> Self {
        Self { memory_kib: settings.memory_kib, passes: settings.passes, lanes: settings.lanes }
    }
}

/// What a check of a secret against a stored hash says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the right one.
    Right {
        /// The stored hash is cheaper than the settings want now: hash again and store.
        outdated: bool,
    },
    /// It is not.
    Wrong,
}

/// Why there is no hash and no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many hashes wait.
    #[error("too many hashes wait")]
    Busy,
    /// What is stored is no argon2 hash.
    #[error("the stored hash cannot be read")]
    Unreadable,
    /// argon2 refused its parameters, or its threads have ended.
    #[error("hashing does not work")]
    Broken,
}

/// How much a hash matters when many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody who has an account: may use the whole queue.
    Player,
    /// Somebody who wants one: only the first half of the queue.
    Newcomer,
}

enum Work {
    Hash,
    Verify(String),
}

enum Done {
    Hash(String),
    Verdict(Verdict),
}

struct Job {
    secret: Secret,
    cost: Cost,
    work: Work,
    since: Instant,
    reply: oneshot::Sender<Result<Done, HashError>>,
}

/// The threads. Cloning shares them; they end when the last clone is dropped.
#[derive(Clone)]
pub struct HashPool {
    jobs: Sender<Job>,
    capacity: usize,
    waiting: Arc<IntGauge>,
}

impl HashPool {
    /// Starts the threads; `seconds` takes the time of each hash, `waiting` the length of the queue.
    pub fn start(settings: &Hashing, seconds: &Histogram, waiting: IntGauge) -> std::io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::bounded::<Job>(settings.queue.max(1));
        let waiting = Arc::new(waiting);
        let wait_max = Duration::from_millis(settings.wait_ms);
        for index in 1..=settings.threads.max(1) {
            let (queue, seconds, waiting) = (queue.clone(), seconds.clone(), Arc::clone(&waiting));
            std::thread::Builder::new().name(format!("hash-{index}")).spawn(move || {
                lower_priority();
                work(&queue, wait_max, &seconds, &waiting);
            })?;
        }
        Ok(Self { jobs, capacity: settings.queue.max(1), waiting })
    }

    /// Starts the threads without metrics: for a command line and for tests.
    pub fn unmetered(settings: &Hashing) -> std::io::Result<Self> {
        let failed = |error: prometheus::Error| std::io::Error::other(error.to_string());
        let seconds = Histogram::with_opts(HistogramOpts::new("hash_seconds", "unused")).map_err(failed)?;
        Self::start(settings, &seconds, IntGauge::new("hash_queue", "unused").map_err(failed)?)
    }

    /// Hashes a secret with a new random salt, in PHC format.
    pub async fn hash(&self, secret: &Secret, cost: Cost, urgency: Urgency) -> Result<String, HashError> {
        match self.submit(secret, cost, Work::Hash, urgency).await? {
            Done::Hash(text) => Ok(text),
            Done::Verdict(_) => Err(HashError::Broken),
        }
    }

    /// Checks a secret against a stored hash; `cost` is what a hash should cost now.
    pub async fn verify(&self, secret: &Secret, stored: &str, cost: Cost) -> Result<Verdict, HashError> {
        match self.submit(secret, cost, Work::Verify(stored.to_owned()), Urgency::Player).await? {
            Done::Verdict(verdict) => Ok(verdict),
            Done::Hash(_) => Err(HashError::Broken),
        }
    }

    /// Takes the time that a check would take, for a name that has no account.
    pub async fn pretend(&self, secret: &Secret, cost: Cost) -> Result<(), HashError> {
        self.hash(secret, cost, Urgency::Player).await.map(drop)
    }

    async fn submit(
        &self,
        secret: &Secret,
        cost: Cost,
        work: Work,
        urgency: Urgency,
    ) -> Result<Done, HashError> {
        if urgency == Urgency::Newcomer && self.jobs.len() > self.capacity / 2 {
            return Err(HashError::Busy);
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { secret: secret.clone(), cost, work, since: Instant::now(), reply };
        match self.jobs.try_send(job) {
            Ok(()) => self.waiting.set(i64::try_from(self.jobs.len()).unwrap_or(i64::MAX)),
            Err(TrySendError::Full(_)) => return Err(HashError::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(HashError::Broken),
        }
        answer.await.unwrap_or(Err(HashError::Broken))
    }
}

fn work(queue: &Receiver<Job>, wait_max: Duration, seconds: &Histogram, waiting: &IntGauge) {
    for job in queue {
        waiting.set(i64::try_from(queue.len()).unwrap_or(i64::MAX));
        if job.reply.is_closed() {
            continue; // whoever asked has gone
        }
        let outcome = if job.since.elapsed() > wait_max {
            Err(HashError::Busy)
        } else {
            let _timer = seconds.start_timer();
            perform(&job)
        };
        job.reply.send(outcome).ok(); // gone meanwhile: nothing to tell
    }
}

fn perform(job: &Job) -> Result<Done, HashError> {
    let cost = job.cost;
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| HashError::Broken)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let secret = job.secret.expose().as_bytes();
    match &job.work {
        Work::Hash => {
            let hash: PasswordHash = argon2.hash_password(secret).map_err(|_| HashError::Broken)?;
            Ok(Done::Hash(hash.to_string()))
        }
        Work::Verify(stored) => {
            let stored = PasswordHash::new(stored).map_err(|_| HashError::Unreadable)?;
            let made_with = Params::try_from(&stored).map_err(|_| HashError::Unreadable)?;
            match PasswordVerifier::<PasswordHash>::verify_password(&argon2, secret, &stored) {
                Ok(()) => {
                    let outdated = stored.algorithm.as_str() != Algorithm::Argon2id.as_str()
                        || made_with.m_cost() < cost.memory_kib
                        || made_with.t_cost() < cost.passes
                        || made_with.p_cost() < cost.lanes;
                    Ok(Done::Verdict(Verdict::Right { outdated }))
                }
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Done::Verdict(Verdict::Wrong)),
                Err(_) => Err(HashError::Unreadable),
            }
        }
    }
}

/// Lets everything else on the machine go first.
fn lower_priority() {
    const NICE: i32 = 10;
    // SAFETY: setpriority takes plain integers; 0 is the calling thread on Linux. Raising niceness is
    // always allowed, and a failure leaves the thread as it was.
    #[allow(unsafe_code, reason = "the standard library has no thread priority")]
    let outcome = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    if outcome != 0 {
        tracing::debug!("hashing threads keep the ordinary priority");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cheap() -> Hashing {
        Hashing { memory_kib: 64, passes: 1, lanes: 1, threads: 1, queue: 4, wait_ms: 5_000 }
    }

    #[tokio::test]
    async fn a_hash_knows_its_secret_and_no_other() {
        let pool = HashPool::unmetered(&cheap()).unwrap();
        let cost = Cost::from(&cheap());
        let right = Secret::new("b1cicleta");
        let stored = pool.hash(&right, cost, Urgency::Player).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert_eq!(pool.verify(&right, &stored, cost).await, Ok(Verdict::Right { outdated: false }));
        assert_eq!(pool.verify(&Secret::new("b1cicletA"), &stored, cost).await, Ok(Verdict::Wrong));
        let again = pool.hash(&right, cost, Urgency::Player).await.unwrap();
        assert_ne!(stored, again, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn a_cheaper_hash_is_outdated_and_a_dearer_one_is_not() {
        let pool = HashPool::unmetered(&cheap()).unwrap();
        let cost = Cost::from(&cheap());
        let secret = Secret::new("abcd");
        let stored = pool.hash(&secret, cost, Urgency::Player).await.unwrap();
        let raised = Cost { passes: 2, ..cost };
        assert_eq!(pool.verify(&secret, &stored, raised).await, Ok(Verdict::Right { outdated: true }));
        let dear = pool.hash(&secret, raised, Urgency::Player).await.unwrap();
        assert_eq!(pool.verify(&secret, &dear, cost).await, Ok(Verdict::Right { outdated: false }));
    }

    #[tokio::test]
    async fn what_is_no_hash_is_said_to_be_unreadable() {
        let pool = HashPool::unmetered(&cheap()).unwrap();
        let verdict = pool.verify(&Secret::new("abcd"), "plain text", Cost::from(&cheap())).await;
        assert_eq!(verdict, Err(HashError::Unreadable));
    }

    #[tokio::test]
    async fn a_full_queue_says_busy_and_newcomers_get_only_half_of_it() {
        let slow = Hashing { memory_kib: 32_768, passes: 4, queue: 4, ..cheap() };
        let pool = HashPool::unmetered(&slow).unwrap();
        let cost = Cost::from(&slow);
        let storm: Vec<_> = (0..40)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.hash(&Secret::new("abcd"), cost, Urgency::Player).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let mut busy = 0;
        let mut done = 0;
        let newcomer = pool.hash(&Secret::new("abcd"), cost, Urgency::Newcomer).await;
        for task in storm {
            match task.await.unwrap() {
                Ok(_) => done += 1,
                Err(error) => {
                    assert_eq!(error, HashError::Busy);
                    busy += 1;
                }
            }
        }
        assert_eq!(newcomer, Err(HashError::Busy));
        assert!(done >= 4 && busy >= 30, "{done} done, {busy} busy");
    }
}
