//! Starts whole clusters as operators do, and takes them apart: `wydbr up` in a temporary folder on free
//! ports, real processes killed by pid. It knows the command line and the wire, and nothing inside.

mod apart;
pub mod borders;
mod cluster;
pub mod content;
pub mod control_plane;
pub mod crowd;
pub mod failover;
mod fleet;
mod histogram;
pub mod hosts;
mod http;
pub mod oracle;
pub mod partition;
mod player;
mod redis;
pub mod redis_gone;
pub mod rolling;
pub mod script;
pub mod storm;
mod tap;
pub mod words;

pub use cluster::{Cluster, Options, ProcessRow, signal, wydbr_binary};
pub use fleet::Fleet;
pub use histogram::Histogram;
pub use http::{Answer, get, post_json};
pub use player::{Identity, Player};
pub use redis::{RedisSentinels, RedisServer};
pub use support::free_port;
pub use tap::{Recording, TcpTap, UdpTap};

use std::time::{Duration, Instant};

/// Waits until `check` returns something; panics with `what` when it does not within the deadline.
pub fn wait_for<T>(what: &str, deadline: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        std::thread::sleep(Duration::from_millis(20)); // pacing of the poll, not the wait itself
    }
}

/// Sum of all rows of a metric; `None` when the process does not answer or has no such metric.
pub fn metric(http: &str, name: &str) -> Option<f64> {
    metric_with(http, name, "")
}

/// The same of those rows that have a label, given as on the page: `reason="detached"`.
pub fn metric_with(http: &str, name: &str, label: &str) -> Option<f64> {
    let page = get(&format!("http://{http}/metrics")).ok()?;
    let of_metric = |line: &&str| {
        line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']) && line.contains(label)
    };
    let values: Vec<f64> = page
        .body
        .lines()
        .filter(of_metric)
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

/// Resident memory of a process in KiB; 0 when it is gone.
pub fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The folder of an operator's original content, or `None` after saying that the test is skipped.
pub fn original_content(test: &str) -> Option<std::path::PathBuf> {
    let found = std::env::var_os("WYDBR_ORIGINAL_CONTENT").map(std::path::PathBuf::from);
    if found.is_none() {
        println!("skipped {test}: WYDBR_ORIGINAL_CONTENT is not set");
    }
    found
}
