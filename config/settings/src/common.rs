//! What every process has.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The `[process]` section of every configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Common {
    /// Name of the process, stable over restarts: `tmsrv-1`. Empty: the first of its role.
    pub name: String,
    /// Data folder: log spool, last good map.
    pub data: PathBuf,
    /// Where the internal link listens; port 0 takes any free one.
    pub link: SocketAddr,
    /// Where `/metrics`, `/healthz` and `/readyz` are served; port 0 takes any free one.
    pub http: SocketAddr,
    /// Links of the DBSrv processes.
    pub dbsrv: Vec<SocketAddr>,
    /// Link of LogSrv; without it logs go to the standard output only.
    pub logsrv: Option<SocketAddr>,
    /// File with the cluster key as hex text, readable by its owner only.
    pub key_file: PathBuf,
    /// Tracing filter, like `info` or `info,link=debug`. Reloads live.
    pub log_level: String,
}

impl Default for Common {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            name: String::new(),
            data: PathBuf::from("data"),
            link: any,
            http: any,
            dbsrv: Vec::new(),
            logsrv: None,
            key_file: PathBuf::from("data/cluster.key"),
            log_level: "info".to_owned(),
        }
    }
}
