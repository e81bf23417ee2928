//! `wydbr upgrade`: another program for a cluster that `wydbr up` runs, while everybody plays.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::up::{Said, UPGRADE_SOCKET, Wanted};
use anyhow::{Context, bail};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Arguments of `wydbr upgrade`.
#[derive(Args)]
pub struct UpgradeArgs {
    #[command(flatten)]
    data: DataArg,
    /// The program that all processes run from then on; it has to stay where it is.
    #[arg(long, value_name = "PATH")]
    binary: PathBuf,
    /// Only these: names like `edge-1` or programs like `TMSrv`, parted by commas; everything when left out.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Print one JSON object a line and nothing else.
    #[arg(long)]
    json: bool,
}

/// Asks for it and tells what happens; exit 0 when all run the new program. Ctrl-C stops only the watching.
pub fn main(args: UpgradeArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    data.running()?;
    let binary = std::path::absolute(&args.binary)?;
    in_runtime(async move {
        let path = data.path(UPGRADE_SOCKET);
        let socket = UnixStream::connect(&path).await;
        let socket = socket.with_context(|| format!("no `wydbr up` listens on {}", path.display()))?;
        let (read, mut write) = socket.into_split();
        let wanted = serde_json::to_string(&Wanted { binary, only: args.only })?;
        write.write_all(format!("{wanted}\n").as_bytes()).await?;
        let mut lines = BufReader::new(read).lines();
        while let Some(line) = lines.next_line().await? {
            let said: Said = serde_json::from_str(&line)?;
            if args.json {
                println!("{line}");
            }
            match said {
                Said::Doing(text) if !args.json => println!("{text}"),
                Said::Doing(_) => {}
                Said::Done(count) => {
                    if !args.json {
                        println!("done: {count} process(es) run the new program");
                    }
                    return Ok(ExitCode::SUCCESS);
                }
                Said::Failed(why) => bail!("the upgrade stopped: {why}"),
            }
        }
        bail!("`wydbr up` ended before the upgrade did")
    })?
}
