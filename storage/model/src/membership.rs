//! Who is in the cluster and who owns what: the published map.

use crate::id::{Epoch, Incarnation, ZoneId};
use crate::place::Rect;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Takes the logs of all.
    LogSrv,
    /// The only one that speaks SQL.
    DbSrv,
    /// Names, accounts, sessions, whispers.
    NrSrv,
    /// The bank.
    BiSrv,
    /// Temporary storage.
    TssSrv,
    /// A game node.
    TmSrv,
    /// Holds the players' connections.
    Edge,
}

impl Role {
    /// All roles in start order; they stop in reverse.
    pub const START_ORDER: [Self; 7] =
        [Self::LogSrv, Self::DbSrv, Self::NrSrv, Self::BiSrv, Self::TssSrv, Self::TmSrv, Self::Edge];

    /// The name of the program, as operators know it: the link in `bin/`, the configuration file.
    pub fn program(self) -> &'static str {
        match self {
            Self::LogSrv => "LogSrv",
            Self::DbSrv => "DBSrv",
            Self::NrSrv => "NRSrv",
            Self::BiSrv => "BISrv",
            Self::TssSrv => "TSSSrv",
            Self::TmSrv => "TMSrv",
            Self::Edge => "Edge",
        }
    }

    /// Lower-case form for metric names, process names and folders: `tmsrv`.
    pub fn label(self) -> &'static str {
        match self {
            Self::LogSrv => "logsrv",
            Self::DbSrv => "dbsrv",
            Self::NrSrv => "nrsrv",
            Self::BiSrv => "bisrv",
            Self::TssSrv => "tsssrv",
            Self::TmSrv => "tmsrv",
            Self::Edge => "edge",
        }
    }

    /// From the program name or the label, whatever the case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::START_ORDER.into_iter().find(|role| role.label().eq_ignore_ascii_case(name))
    }
}

/// Name of one process of the cluster, like `tmsrv-1`: stable over restarts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessName(pub String);

impl ProcessName {
    /// The `index`-th process of a role, counted from 1.
    pub fn numbered(role: Role, index: usize) -> Self {
        Self(format!("{}-{index}", role.label()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One live process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: ProcessName,
    /// What it is.
    pub role: Role,
    /// This run of it.
    pub incarnation: Incarnation,
    /// Where its internal link listens.
    pub link: SocketAddr,
    /// Where its health and metrics listen.
    pub http: SocketAddr,
    /// Share of work it should get, at least 1.
    pub weight: u32,
    /// Hash of the content it runs on; nodes of one cluster must agree. 0 where content does not matter.
    pub content_hash: u64,
}

/// Who owns a zone now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The zone.
    pub zone: ZoneId,
    /// The node that owns it; `None` when no node is alive.
    pub owner: Option<ProcessName>,
    /// Raised at every change of owner.
    pub epoch: Epoch,
}

/// A zone that has a name and a rectangle of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedZone {
    /// Its name, as in the content.
    pub name: String,
    /// Its tiles; where rectangles overlap the first one wins.
    pub area: Rect,
}

impl NamedZone {
    /// True for a name that no zone of the content may have: `Armia/3` is a part of Armia, `X#1` an instance of X.
    pub fn is_reserved(name: &str) -> bool {
        let numbered = |mark: char| {
            name.rsplit_once(mark).is_some_and(|(base, number)| {
                !base.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        numbered('/') || numbered('#')
    }
}

/// The stored slot table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotTable {
    /// Raised by every write; a write names the version it read.
    pub version: u64,
    /// Named zones of the content, in order: zone ids depend on it.
    pub named_zones: Vec<NamedZone>,
    /// One row per zone, ordered by zone.
    pub slots: Vec<Slot>,
}

/// Everything that a process needs to find the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// Live members, ordered by name.
    pub members: Vec<Member>,
    /// Those whose lease has ended and who have not left, ordered by name: they are dead, or late.
    #[serde(default)]
    pub lapsed: Vec<Member>,
    /// Who owns what.
    pub table: SlotTable,
}
