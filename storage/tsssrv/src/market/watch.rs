//! Watches whether what is live was lost, and ends the lots whose time is over.

use super::shelf::{encode, marker_key};
use super::{Early, Market};
use crate::values::Swap;
use model::calls::market::{FromNode, ToNode};
use model::membership::ProcessName;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often the marker is looked for and lots are looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How often the index is read again in full: what another TSSSrv did meanwhile is in it.
const REINDEX_EVERY: Duration = Duration::from_secs(60);
/// How long the marker lives without being renewed.
const MARKER_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

impl Market {
    /// Runs until stopped.
    pub async fn watch(self: Arc<Self>) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut indexed: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = self.ledgered.stop.cancelled() => return,
                _ = every.tick() => {}
            }
            let lost = self.was_lost().await.unwrap_or(false);
            if lost {
                self.lines.push_all(&ToNode::Lost);
            }
            if lost || indexed.is_none_or(|at| at.elapsed() >= REINDEX_EVERY) {
                match self.reindex().await {
                    Ok(()) => indexed = Some(Instant::now()),
                    Err(failure) => tracing::warn!(%failure, "the lots are not read"),
                }
            }
            if self.is_indexed.load(Ordering::Acquire) {
                self.end_lots().await;
            }
        }
    }

    /// True once after the values came back empty, or were never there.
    async fn was_lost(&self) -> Result<bool, Early> {
        let marker = encode(&1_u8);
        if self.shelf.0.put_if_absent(&marker_key(), marker.clone(), MARKER_LIFE).await? {
            return Ok(true);
        }
        // renewed only where it is: a loss at this moment is seen the next time
        let value = Some((marker.clone(), MARKER_LIFE));
        self.shelf.swap(&[Swap { key: marker_key(), expected: Some(marker), value }]).await?;
        Ok(false)
    }

    /// A node has a new stream: `push` queues messages for it. The number is for [`Market::disconnect`].
    pub fn connect(&self, node: ProcessName, push: super::lines::Push) -> u64 {
        self.lines.connect(node, push)
    }

    /// The stream of that number is closed.
    pub fn disconnect(&self, node: &ProcessName, number: u64) {
        self.lines.disconnect(node, number);
    }

    /// A message of a node.
    pub async fn hear(&self, message: FromNode) {
        let FromNode::Publish { stalls } = message;
        if self.publish(&stalls).await.is_err() {
            tracing::info!(stalls = stalls.len(), "personal shops are not published; the node does it again");
        }
    }
}
