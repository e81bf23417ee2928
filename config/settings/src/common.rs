//! What every process has.

use crate::{BadValue, Check};
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
    /// Links of the LogSrv processes: the first that answers gets the logs. Without any they go to the standard output only.
    pub logsrv: Vec<SocketAddr>,
    /// File with the cluster key as hex text, readable by its owner only.
    pub key_file: PathBuf,
    /// Name of the cluster; processes of a cluster with another name are refused.
    pub cluster: String,
    /// Certificates of the internal links; without them links are not encrypted. Reload live.
    pub tls: Tls,
    /// Frames of internal links of so many bytes and more are compressed; 0 is never. Reloads live.
    pub compress_from: usize,
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
            logsrv: Vec::new(),
            key_file: PathBuf::from("data/cluster.key"),
            cluster: "wydbr".to_owned(),
            tls: Tls::default(),
            compress_from: 4_096,
            log_level: "info".to_owned(),
        }
    }
}

/// The `[process.tls]` section: three PEM files, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Certificates of the CAs whose processes are let in.
    pub ca: Option<PathBuf>,
    /// Own certificate, for the address of `link`.
    pub certificate: Option<PathBuf>,
    /// Its key, readable by its owner only.
    pub key: Option<PathBuf>,
}

impl Check for Common {
    fn check(&self) -> Result<(), BadValue> {
        let cluster = &self.cluster;
        if cluster.is_empty() || cluster.len() > 64 || !cluster.chars().all(|c| c.is_ascii_graphic()) {
            let found = cluster.escape_debug().take(80).collect::<String>();
            return Err(BadValue::new("process.cluster", found, "1 to 64 letters, digits and signs"));
        }
        let Tls { ca, certificate, key } = &self.tls;
        let given = [ca.is_some(), certificate.is_some(), key.is_some()];
        let missing = ["process.tls.ca", "process.tls.certificate", "process.tls.key"];
        match given.iter().position(|given| !given) {
            Some(first) if given.contains(&true) => Err(BadValue::new(
                missing[first],
                "not set",
                "a file, since the others of process.tls are set",
            )),
            _ => Ok(()),
        }
    }
}
