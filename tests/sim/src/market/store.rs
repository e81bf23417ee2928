//! The store as a service sees it: over the network, through one coordinator or another.

use crate::coordinator;
use async_trait::async_trait;
use model::account::Account;
use model::calls::database::*;
use model::character::Character;
use model::membership::ClusterView;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use store::Store;

/// How long one coordinator is waited for.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// A store behind coordinators: who does not answer is left for the next one.
pub struct Remote {
    coordinators: u16,
    next: AtomicU16,
}

impl Remote {
    /// Behind so many, beginning with that one.
    pub fn new(coordinators: u16, first: u16) -> Self {
        Self { coordinators, next: AtomicU16::new(first) }
    }

    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        let at = self.next.load(Ordering::Relaxed) % self.coordinators;
        let reply = coordinator::ask(at, &request, DEADLINE).await;
        if reply.is_err() {
            self.next.store(at + 1, Ordering::Relaxed);
        }
        reply
    }
}

macro_rules! remote {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Store for Remote {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                match self.ask(Request::$request(request)).await? {
                    Reply::$request(outcome) => outcome,
                    _ => Err(Failure::Corrupt("another answer".to_owned())),
                }
            })*
        }
    };
}

model::for_each_operation!(remote);
