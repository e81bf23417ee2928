//! A store with faults that a test switches on and off.

use async_trait::async_trait;
use model::account::Account;
use model::calls::database::*;
use model::character::Character;
use model::membership::ClusterView;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;

type Which = Box<dyn Fn(&Request) -> bool + Send + Sync>;

/// Calls that something happens to.
struct Chosen(Mutex<Which>);

impl Chosen {
    fn none() -> Self {
        Self(Mutex::new(Box::new(|_| false)))
    }

    fn set(&self, which: Which) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = which;
    }

    fn has(&self, asked: &Request) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)(asked)
    }
}

/// A store in front of another one. Without faults it is that other one.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    to_refuse: AtomicI64,
    to_lose: AtomicI64,
    refused: AtomicU64,
    refused_if: Chosen,
    lost_if: Chosen,
}

impl FaultyStore {
    /// In front of a store, without faults.
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        let (to_refuse, to_lose) = (AtomicI64::new(0), AtomicI64::new(0));
        let (refused_if, lost_if) = (Chosen::none(), Chosen::none());
        Arc::new(Self { inner, to_refuse, to_lose, refused: AtomicU64::new(0), refused_if, lost_if })
    }

    /// The store itself, without faults.
    pub fn inner(&self) -> &Arc<dyn Store> {
        &self.inner
    }

    /// From now on nobody can reach it, or everybody again.
    pub fn is_away(&self, away: bool) {
        self.refuse(if away { i64::MAX } else { 0 });
    }

    /// The next `calls` do not reach it.
    pub fn refuse(&self, calls: i64) {
        self.to_refuse.store(calls, Ordering::SeqCst);
    }

    /// The next `calls` are done, but nobody hears of it.
    pub fn lose_answers(&self, calls: i64) {
        self.to_lose.store(calls, Ordering::SeqCst);
    }

    /// From now on such calls do not reach it, and all others do.
    pub fn refuse_if(&self, which: impl Fn(&Request) -> bool + Send + Sync + 'static) {
        self.refused_if.set(Box::new(which));
    }

    /// From now on such calls are done, but nobody hears of it; of all others everybody does.
    pub fn lose_answers_if(&self, which: impl Fn(&Request) -> bool + Send + Sync + 'static) {
        self.lost_if.set(Box::new(which));
    }

    /// How many calls did not reach it.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    fn reached(&self, asked: &Request) -> Result<(), Failure> {
        let refused = self.refused_if.has(asked);
        if self.to_refuse.fetch_sub(1, Ordering::SeqCst) <= 0 && !refused {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Err(Failure::Unavailable("taken away by the test".to_owned()))
    }

    fn heard<T>(&self, asked: &Request, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let lost = self.lost_if.has(asked);
        if self.to_lose.fetch_sub(1, Ordering::SeqCst) <= 0 && !lost {
            return outcome;
        }
        Err(Failure::Unavailable("the answer is lost".to_owned()))
    }
}

macro_rules! faulty {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Store for FaultyStore {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                let asked = Request::$request(request.clone());
                self.reached(&asked)?;
                self.heard(&asked, self.inner.$method(request).await)
            })*
        }
    };
}

model::for_each_operation!(faulty);
