//! NRSrv on the internal network: calls, and one push stream an edge.

use crate::directory::Push;
use crate::registry::Registry;
use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::calls::registry::{FromEdge, Reply, Request, ToEdge};
use std::sync::Arc;

/// Serves a [`Registry`].
pub struct RegistryService(pub Arc<Registry>);

#[async_trait]
impl Service for RegistryService {
    type Request = Request;
    type Reply = Reply;
    type In = FromEdge;
    type Out = ToEdge;

    async fn call(&self, peer: &Peer, request: Request) -> Reply {
        self.0.handle(&peer.name, request).await
    }

    async fn stream(&self, peer: Peer, stream: Stream<FromEdge, ToEdge>) {
        let (sender, mut receiver) = stream.split();
        let push: Push = Arc::new(move |message| match sender.try_send(message) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a message for an edge is lost");
                false
            }
        });
        let number = self.0.next_stream();
        while let Some(FromEdge::Hello { edge, sessions, parties }) = receiver.recv().await {
            if edge != peer.name {
                tracing::error!(peer = %peer.name, %edge, "a process speaks for an edge that it is not");
                break;
            }
            self.0.hello(&edge, number, Arc::clone(&push), sessions, parties).await;
        }
        self.0.goodbye(&peer.name, number);
    }
}
