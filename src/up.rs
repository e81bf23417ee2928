//! `wydbr up`: the whole cluster on one machine, kept running.
//!
//! Start order and reverse stop order are those of [`Role::START_ORDER`]. What dies is started again with
//! back-off; what keeps dying is reported. A child notices the end of its supervisor by the end of its
//! standard input, so nothing is left behind whatever kills the supervisor.

mod child;
mod first_account;
mod last_run;
mod layout;
mod supervisor;
mod upgrade;

use crate::cli::{EXIT_CONFIGURATION, finish, in_runtime, one_line};
use crate::data_dir::DataDir;
use anyhow::bail;
use clap::Args;
use model::Secret;
use std::path::PathBuf;
use std::process::ExitCode;

pub use layout::Layout;
pub use upgrade::{Said, UPGRADE_SOCKET, Wanted};

/// Arguments of `wydbr up`.
#[derive(Args, Clone, Debug)]
pub struct UpArgs {
    /// Folder with everything that the cluster keeps.
    #[arg(long, default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
    /// How many game nodes (TMSrv) to run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub nodes: u16,
    /// An operator's original data directory or a content pack; the built-in pack when left out.
    #[arg(long, value_name = "DIR")]
    pub content: Option<PathBuf>,
    /// Port that clients connect to, on the address of --listen.
    #[arg(long, default_value_t = 8281)]
    pub edge_port: u16,
    /// Port of the counts page and the sign-up.
    #[arg(long, default_value_t = 8080)]
    pub http_port: u16,
    /// Address that the edge and its pages listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "IP")]
    pub listen: std::net::IpAddr,
    /// PostgreSQL shards instead of the embedded store, as connection strings parted by commas; the first
    /// one also holds the metadata.
    #[arg(long, value_name = "DSN", value_delimiter = ',', env = "WYDBR_POSTGRES", hide_env_values = true, value_parser = secret)]
    pub postgres: Vec<Secret>,
    /// Redis for sessions and temporary values: redis://, redis+sentinel:// or redis+cluster://, see the README
    #[arg(long, value_name = "URL", env = "WYDBR_REDIS", hide_env_values = true, value_parser = secret)]
    pub redis: Option<Secret>,
    /// Encrypt the internal links: makes a CA and a certificate in the data folder when there are none.
    #[arg(long)]
    pub tls: bool,
    /// Print what happens to the processes as it happens.
    #[arg(long)]
    pub verbose: bool,
}

/// Addresses of databases may hold passwords.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// A cluster that cannot be started as asked; told apart from one that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadConfiguration(pub String);

/// Runs the cluster until SIGINT or SIGTERM; exit 0 when it stopped in order.
pub fn main(args: UpArgs) -> ExitCode {
    let result = in_runtime(up(args)).and_then(|done| done);
    match result {
        Err(error) if error.is::<BadConfiguration>() => {
            eprintln!("wydbr: {}", one_line(&error));
            ExitCode::from(EXIT_CONFIGURATION)
        }
        other => finish(other),
    }
}

async fn up(args: UpArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data);
    if data.elsewhere()?.is_some() {
        bail!("{} is for a cluster that runs elsewhere (`wydbr connect`)", data.root().display());
    }
    data.create()?;
    let _lock = data.lock()?;
    data.ensure_key()?;
    if args.tls {
        data.ensure_certificates()?;
    }
    last_run::wait_for_its_end(&data, args.listen, [args.edge_port, args.http_port]).await;
    let layout = Layout::prepare(&data, &args)?;
    supervisor::run(data, args, layout).await
}
