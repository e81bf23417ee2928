//! TSSSrv on the internal network: calls, and one push stream a node.

use crate::cabinet::Cabinet;
use crate::market::Market;
use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::calls::market::{FromNode, ToNode};
use model::calls::temporary::{Reply, Request};
use std::sync::Arc;

/// Serves a [`Cabinet`] and a [`Market`].
pub struct Front {
    /// Values of any caller.
    pub cabinet: Arc<Cabinet>,
    /// The market.
    pub market: Arc<Market>,
}

#[async_trait]
impl Service for Front {
    type Request = Request;
    type Reply = Reply;
    type In = FromNode;
    type Out = ToNode;

    async fn call(&self, _peer: &Peer, request: Request) -> Reply {
        match request {
            Request::Market(request) => {
                let reply = self.market.handle(*request).await;
                self.cabinet.count_market(&reply);
                Reply::Market(Box::new(reply))
            }
            other => self.cabinet.handle(other).await,
        }
    }

    async fn stream(&self, peer: Peer, stream: Stream<FromNode, ToNode>) {
        let (sender, mut receiver) = stream.split();
        let push = Arc::new(move |message: &ToNode| match sender.try_send(message) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a message for a node is lost");
                false
            }
        });
        let number = self.market.connect(peer.name.clone(), push);
        while let Some(message) = receiver.recv().await {
            self.market.hear(message).await;
        }
        self.market.disconnect(&peer.name, number);
    }
}
