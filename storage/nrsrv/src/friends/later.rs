//! What is done when there is time for it: reading the friends of who came, and writing down who left or was deleted.

use super::list::now_ms;
use super::{key_of, transfer};
use crate::registry::{Registry, Unavailable};
use model::{AccountId, CharacterId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::friends::{self, Circle, Held, Known};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Records that are read at once.
const READ_AT_ONCE: usize = 16;
/// Pause when all who are left could not be read.
const READ_AGAIN: Duration = Duration::from_millis(200);
/// How often it is written down who left and who was deleted.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Tries of that, when others change the same.
const WRITE_TRIES: u32 = 3;

impl Registry {
    /// Reads the friends of who is in the world, and writes down what may wait. Runs until stopped.
    pub(crate) async fn mind_friends(&self, stop: CancellationToken) {
        tokio::join!(self.read_friends(stop.clone()), self.write_later(stop));
    }

    async fn read_friends(&self, stop: CancellationToken) {
        let wake = self.directory.lock().presence().waker();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = wake.notified() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.read_all() => {}
            }
        }
    }

    async fn read_all(&self) {
        loop {
            let some = self.directory.lock().presence().take_unread(READ_AT_ONCE);
            if some.is_empty() {
                return;
            }
            let read = self.read_some(some).await;
            // whoever was not tried yet need not wait for who cannot be read
            if !read && !self.directory.lock().presence().has_untried() {
                tokio::time::sleep(READ_AGAIN).await;
            }
        }
    }

    /// False when the store did not answer for all of them.
    async fn read_some(&self, some: Vec<(CharacterId, AccountId)>) -> bool {
        let mut asked = JoinSet::new();
        for (character, account) in some {
            let store = Arc::clone(&self.store);
            asked.spawn(async move {
                let found = store.get_record(friends::asks_for(account, character)).await;
                let held = found.and_then(|held| held.map(|held| friends::decode(&held)).transpose());
                (character, held.map(Option::unwrap_or_default))
            });
        }
        let mut failed = None;
        while let Some(read) = asked.join_next().await {
            let Ok((character, held)) = read else { continue };
            let mut directory = self.directory.lock();
            match held {
                Ok(held) => directory.presence().learn(character, &held, None),
                Err(failure) => {
                    directory.presence().unread_still(character, Instant::now());
                    failed = Some((character, failure));
                }
            }
            directory.tell_friends();
        }
        if let Some((character, failure)) = &failed {
            tracing::info!(%character, %failure, "friends cannot be read now");
        }
        failed.is_none()
    }

    async fn write_later(&self, stop: CancellationToken) {
        let mut write = tokio::time::interval(WRITE_EVERY);
        write.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = write.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                written = self.write_some() => if written.is_err() {
                    tracing::info!("it is not written down which friends left or were deleted");
                }
            }
        }
    }

    /// After a failure the rest of it is given up: who left keeps an older time, and who was deleted the lists find.
    async fn write_some(&self) -> Result<(), Unavailable> {
        let (departed, deleted) = {
            let mut directory = self.directory.lock();
            (directory.presence().take_departed(), directory.presence().take_deleted())
        };
        for (deleted, knew) in deleted {
            for who in knew {
                self.amend(&who, |circle| circle.forget(deleted)).await?;
            }
        }
        let now = now_ms();
        for (character, account) in departed {
            let who = Known(character, account, String::new());
            self.amend(&who, |circle| circle.seen_ms = Some(now)).await?;
        }
        Ok(())
    }

    /// Changes the record of one character alone, if it has one.
    async fn amend(&self, who: &Known, change: impl Fn(&mut Circle)) -> Result<(), Unavailable> {
        for _ in 0..WRITE_TRIES {
            let Held { mut circle, version } = self.circle_of(who).await?;
            if version == 0 {
                return Ok(());
            }
            change(&mut circle);
            let (account, character) = key_of(who);
            let put = friends::put(account, character, &circle, version)?;
            if self.write(transfer("seen", vec![put])).await? {
                let mut directory = self.directory.lock();
                directory.presence().learn(character, &Held { circle, version: version + 1 }, None);
                directory.tell_friends();
                return Ok(());
            }
        }
        Ok(())
    }
}
