//! What the process uses of its machine, read from `/proc/self` when metrics are asked for.

use crate::{Metrics, stdout};
use prometheus::{Gauge, IntGauge};
use std::time::Instant;

/// `/proc/self/stat` counts in these; it is 100 a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The standard metrics of a process.
pub(crate) struct Usage {
    since: Instant,
    uptime: Gauge,
    cpu: Gauge,
    resident: IntGauge,
    descriptors: IntGauge,
    tasks: IntGauge,
    unread: IntGauge,
}

impl Usage {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            since: Instant::now(),
            uptime: metrics.float_gauge("process_uptime_seconds", "Time since the start."),
            cpu: metrics.float_gauge("process_cpu_seconds", "Processor time used, user and system."),
            resident: metrics.gauge("process_resident_bytes", "Memory in RAM."),
            descriptors: metrics.gauge("process_open_fds", "Open file descriptors."),
            tasks: metrics.gauge("process_tasks_count", "Tracked tasks that run."),
            unread: metrics
                .gauge("log_unread_lines", "Lines dropped because the standard output is not read."),
        }
    }

    /// Reads everything anew. What cannot be read keeps its last value.
    pub(crate) fn refresh(&self, tasks: usize) {
        self.uptime.set(self.since.elapsed().as_secs_f64());
        self.tasks.set(i64::try_from(tasks).unwrap_or(i64::MAX));
        self.unread.set(i64::try_from(stdout::dropped()).unwrap_or(i64::MAX));
        if let Some(seconds) = read("/proc/self/stat").as_deref().and_then(cpu_seconds) {
            self.cpu.set(seconds);
        }
        if let Some(bytes) = read("/proc/self/status").as_deref().and_then(resident_bytes) {
            self.resident.set(bytes);
        }
        if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
            // One of them is the one that counts.
            self.descriptors.set(i64::try_from(entries.count().saturating_sub(1)).unwrap_or(i64::MAX));
        }
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Fields 14 and 15; counted from behind the name, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(cpu_seconds("garbage"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::new(&Metrics::new(model::membership::Role::Edge));
        usage.refresh(2);
        assert!(usage.resident.get() > 0 && usage.descriptors.get() > 0);
    }
}
