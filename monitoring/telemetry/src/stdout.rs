//! The standard output, written by a thread of its own: a reader that stops reading holds nobody up.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

const LINES: usize = 16 << 10;
const FLUSH: Duration = Duration::from_secs(1);

enum Job {
    Line(Vec<u8>),
    Flushed(SyncSender<()>),
}

static QUEUE: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Hands lines to the thread.
#[derive(Clone, Copy)]
pub(crate) struct Stdout;

/// Waits until everything said so far is written, up to a second. Blocks.
pub(crate) fn flush() {
    let Some(queue) = queue() else { return };
    let (done, wait) = sync_channel(1);
    if queue.try_send(Job::Flushed(done)).is_ok() {
        let _ = wait.recv_timeout(FLUSH);
    }
}

/// Lines dropped because nobody read them.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

fn queue() -> Option<&'static SyncSender<Job>> {
    let start = || {
        let (tx, rx) = sync_channel(LINES);
        let thread = std::thread::Builder::new().name("stdout".to_owned());
        thread.spawn(move || write(&rx)).ok().map(|_| tx)
    };
    QUEUE.get_or_init(start).as_ref()
}

/// Runs as long as the process.
fn write(jobs: &Receiver<Job>) {
    let mut output = io::stdout();
    while let Ok(job) = jobs.recv() {
        // A closed pipe is no reason to stop: the queue must go on being emptied.
        match job {
            Job::Line(line) => drop(output.write_all(&line)),
            Job::Flushed(done) => {
                let _ = output.flush();
                let _ = done.send(());
            }
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = queue().map(|queue| queue.try_send(Job::Line(bytes.to_vec())));
        if !matches!(sent, Some(Ok(()))) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Stdout {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
