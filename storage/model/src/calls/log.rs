//! The stream of log records to LogSrv, and its live tail.

use crate::id::Incarnation;
use crate::membership::ProcessName;
use serde::{Deserialize, Serialize};

/// Severity of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Finest.
    Trace,
    /// For developers.
    Debug,
    /// Ordinary.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

/// One structured log line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts up within a run of a process: LogSrv drops what it has seen.
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// Severity.
    pub level: Level,
    /// Where in the code.
    pub target: String,
    /// The message.
    pub message: String,
    /// Other fields, by name, as text.
    pub fields: Vec<(String, String)>,
}

/// From a process to LogSrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToLog {
    /// First message of a process that sends its records.
    Source {
        /// Who.
        process: ProcessName,
        /// Which run of it: sequences start at 1 in each.
        incarnation: Incarnation,
    },
    /// Records, in order.
    Records(Vec<Record>),
    /// First message of somebody who wants to watch instead.
    Tail(TailFilter),
}

/// What a watcher wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailFilter {
    /// Only processes whose name starts with this (`tmsrv`, `tmsrv-2`).
    pub process: Option<String>,
    /// Only this level and above.
    pub level: Option<Level>,
    /// Only lines that contain this text.
    pub grep: Option<String>,
    /// This many of the latest lines first.
    pub last: u32,
}

/// From LogSrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromLog {
    /// Everything up to this sequence of the source's run is on disk.
    Stored {
        /// Last sequence stored.
        sequence: u64,
    },
    /// A record for a watcher.
    Line {
        /// Who said it.
        process: ProcessName,
        /// What.
        record: Record,
    },
}
