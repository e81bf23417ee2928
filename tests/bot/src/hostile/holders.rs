//! Connections that are opened and then say nothing, or not enough.

use super::Attack;
use crate::protocol::outgoing;
use crate::protocol::profile::Profile;
use crate::transport::INIT_CODE;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections opened in one second, over all holders.
const OPENED_A_SECOND: u64 = 1000;
/// A connection that is refused or closed sooner than this is not opened again at once.
const SOON: Duration = Duration::from_secs(2);

/// Holds one connection open until the run is over; opens another when the server closes it.
pub(super) async fn hold(attack: Arc<Attack>, number: usize, all: usize) {
    let spread = Duration::from_millis(number as u64 * 1000 / OPENED_A_SECOND);
    tokio::time::sleep(spread.min(attack.ends_at.saturating_duration_since(Instant::now()))).await;
    let sources = (all / 8).clamp(1, 60_000);
    let spot = (number % sources) as u16;
    let source = Ipv4Addr::new(127, 100, (spot / 250) as u8, (spot % 250) as u8 + 1);
    while !attack.is_over() {
        let opened = Instant::now();
        let stream = attack.connect(source).await;
        attack.tally.half_open(stream.is_ok());
        if let Ok(stream) = stream {
            let closed = keep(&attack, stream, number).await;
            attack.tally.half_closed(closed);
        }
        let left = attack.ends_at.saturating_duration_since(Instant::now());
        tokio::time::sleep(SOON.saturating_sub(opened.elapsed()).min(left)).await;
    }
}

/// Says nothing, the init code, or half a login, and waits; true when the server closed.
async fn keep(attack: &Attack, mut stream: TcpStream, number: usize) -> bool {
    let login = outgoing::login(Profile::ALL[number % 3], "halfopen", "halfopen", false);
    let words: &[u8] = match number % 3 {
        0 => &[],
        1 => &INIT_CODE,
        _ => &[&INIT_CODE[..], &login[..60]].concat(),
    };
    if stream.write_all(words).await.is_err() {
        return true;
    }
    let mut buffer = [0; 64];
    let wait = async {
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                return;
            }
        }
    };
    tokio::time::timeout_at(attack.ends_at.into(), wait).await.is_ok()
}

/// The limit on open files is too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{wanted} connections need as many open files, the limit is {hard}: raise it (ulimit -Hn) or ask for fewer"
)]
pub struct FileLimitError {
    /// How many are needed.
    pub wanted: usize,
    /// How many are possible.
    pub hard: u64,
}

/// Raises this process's limit on open files as far as it may, and says when that is not enough.
#[allow(unsafe_code, reason = "the standard library cannot ask for or set the limit on open files")]
pub fn raise_file_limit(wanted: usize) -> Result<(), FileLimitError> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read or write only the structure that they are handed, which lives here.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if !known || limit.rlim_cur >= wanted as u64 {
        return Ok(());
    }
    let hard = limit.rlim_max;
    limit.rlim_cur = hard;
    // SAFETY: as above.
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0;
    if raised && hard >= wanted as u64 { Ok(()) } else { Err(FileLimitError { wanted, hard }) }
}
