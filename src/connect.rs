//! `wydbr connect`: a folder from which the operator's commands reach a cluster that `wydbr up` did not start on it.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::{DataDir, Elsewhere};
use crate::stored;
use anyhow::{Context, bail};
use clap::Args;
use model::calls::database::ReadClusterView;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `wydbr connect`.
#[derive(Args)]
pub struct ConnectArgs {
    #[command(flatten)]
    data: DataArg,
    /// Where DBSrv listens for its siblings; several parted by commas, any of which may be away.
    #[arg(long, value_name = "IP:PORT", value_delimiter = ',', required = true)]
    dbsrv: Vec<SocketAddr>,
    /// Where LogSrv listens, for `wydbr logs --follow`.
    #[arg(long, value_name = "IP:PORT")]
    logsrv: Option<SocketAddr>,
    /// The cluster's key, as the processes have it in process.key_file.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Certificate of the cluster's CA, where the links are encrypted.
    #[arg(long, value_name = "FILE", requires_all = ["certificate", "certificate_key"])]
    ca: Option<PathBuf>,
    /// Certificate of this machine, from `wydbr certs`.
    #[arg(long, value_name = "FILE", requires = "ca")]
    certificate: Option<PathBuf>,
    /// The key of that certificate.
    #[arg(long, value_name = "FILE", requires = "ca")]
    certificate_key: Option<PathBuf>,
}

/// Asks DBSrv who is in the cluster, and writes the folder only when it answers.
pub fn main(args: ConnectArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    if data.read_cluster()?.is_some() {
        bail!(
            "{} is the folder of a cluster that `wydbr up` starts; take another --data",
            data.root().display()
        );
    }
    let certificates = match (args.ca, args.certificate, args.certificate_key) {
        (Some(ca), Some(certificate), Some(key)) => {
            Some([absolute(&ca)?, absolute(&certificate)?, absolute(&key)?])
        }
        _ => None,
    };
    let elsewhere = Elsewhere {
        dbsrv: args.dbsrv,
        logsrv: args.logsrv,
        key_file: absolute(&args.key_file)?,
        certificates,
    };
    in_runtime(async {
        let store = stored::behind(&elsewhere)?;
        let view = store
            .cluster_view(ReadClusterView)
            .await
            .context("DBSrv does not answer; nothing was written")?;
        data.write_elsewhere(&elsewhere)?;
        println!("{} member(s):", view.members.len());
        for member in &view.members {
            println!("  {:<12} {}", member.name.as_str(), member.link);
        }
        println!("commands reach the cluster with --data {}", data.root().display());
        Ok(ExitCode::SUCCESS)
    })?
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
