//! Which lanes of one connection carry a player.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How many seats of one connection are taken.
#[derive(Clone, Default)]
pub(crate) struct Seats(Arc<watch::Sender<usize>>);

/// Held by a lane as long as it is one.
pub(crate) struct Seat(Seats);

impl Seats {
    pub(crate) fn take(&self) -> Seat {
        self.0.send_modify(|taken| *taken += 1);
        Seat(self.clone())
    }

    /// Returns when nobody sat for so long.
    pub(crate) async fn empty_for(&self, time: Duration) {
        let mut taken = self.0.subscribe();
        // neither wait can fail: what they wait for lives as long as `self`
        loop {
            let _ = taken.wait_for(|taken| *taken == 0).await;
            if timeout(time, taken.wait_for(|taken| *taken > 0)).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.send_modify(|taken| *taken -= 1);
    }
}
