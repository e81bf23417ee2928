//! What a server does with calls and streams.

use crate::{Peer, Stream};
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The owner of a [`crate::Server`]: answers calls and runs streams. Use `()` for types that are not needed.
///
/// A panic in either method is answered to the peer as a lost call or a closed stream, and then raised again
/// out of [`crate::Server::serve`], so that the process stops rather than goes on wrong.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// What callers ask.
    type Request: DeserializeOwned + Send + 'static;
    /// What they are answered.
    type Reply: Serialize + Send + 'static;
    /// Messages that arrive on a stream.
    type In: DeserializeOwned + Send + 'static;
    /// Messages that leave on a stream.
    type Out: Serialize + Send + 'static;

    /// Answers one call. Calls of one connection run concurrently, up to [`crate::MAX_CALLS_IN_FLIGHT`].
    async fn call(&self, peer: &Peer, request: Self::Request) -> Self::Reply;

    /// Runs one stream until this returns; returning closes the stream, whatever clones of its sender live.
    async fn stream(&self, peer: Peer, stream: Stream<Self::In, Self::Out>);
}
