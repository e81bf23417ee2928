//! Bots in this process, followed by their book while they play.

use bot::fleet::economy::{Book, Deed};
use bot::fleet::{self, Report};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A fleet that plays beside whatever the test does.
pub struct Fleet {
    book: Arc<Book>,
    thread: JoinHandle<anyhow::Result<Report>>,
}

impl Fleet {
    /// Starts bots; an economy is written into the fleet's book.
    pub fn start(options: fleet::Options) -> Fleet {
        let book = Arc::new(Book::default());
        let options = fleet::Options { book: Some(Arc::clone(&book)), ..options };
        let thread = std::thread::spawn(move || -> anyhow::Result<Report> {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            Ok(runtime.block_on(fleet::run(options))?)
        });
        Fleet { book, thread }
    }

    /// Bots that came into the world so far, or gave up.
    pub fn arrived(&self) -> usize {
        self.book.arrived()
    }

    /// Operations that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.book.acknowledged()
    }

    /// Of these, those of a kind.
    pub fn acknowledged_of(&self, deed: Deed) -> u64 {
        self.book.report().acknowledged_by_kind.get(&deed).copied().unwrap_or(0)
    }

    /// True when all bots are gone, asked or not.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Lets all bots settle, leave and compare before their time is over.
    pub fn close(&self) {
        self.book.close();
    }

    /// Waits for the end of all bots.
    pub fn finish(self) -> anyhow::Result<Report> {
        self.thread.join().map_err(|_| anyhow::anyhow!("the bots panicked"))?
    }
}
