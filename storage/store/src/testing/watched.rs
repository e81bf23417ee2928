//! A store in which something happens before a call: somebody who is quicker, or only somebody who counts.

use crate::Store;
use async_trait::async_trait;
use futures::future::BoxFuture;
use model::account::Account;
use model::calls::database::*;
use model::character::Character;
use model::membership::ClusterView;
use std::sync::Arc;

type Before = dyn Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync;

/// Does something before each call, by the name of its method.
pub struct Watched {
    inner: Arc<dyn Store>,
    before: Box<Before>,
}

impl Watched {
    /// Around a store.
    pub fn new(
        inner: &Arc<dyn Store>,
        before: impl Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        Self { inner: inner.clone(), before: Box::new(before) }
    }
}

macro_rules! watched {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Store for Watched {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                (self.before)(stringify!($method)).await;
                self.inner.$method(request).await
            })*
        }
    };
}

model::for_each_operation!(watched);
