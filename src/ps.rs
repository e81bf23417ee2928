//! `wydbr ps`: the processes of a cluster.

use crate::cli::DataArg;
use crate::data_dir::DataDir;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;

/// Arguments of `wydbr ps`.
#[derive(Args)]
pub struct PsArgs {
    #[command(flatten)]
    data: DataArg,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    pid: u32,
    state: &'a str,
    restarts: u32,
    link: String,
    http: String,
}

/// Prints the processes; fails when no cluster runs on the folder.
pub fn main(args: &PsArgs) -> anyhow::Result<ExitCode> {
    let cluster = DataDir::new(&args.data.data).running()?;
    let rows: Vec<Row<'_>> = cluster
        .processes
        .iter()
        .map(|process| Row {
            name: &process.name,
            pid: process.pid,
            state: &process.state,
            restarts: process.restarts,
            link: process.link.to_string(),
            http: process.http.to_string(),
        })
        .collect();
    if args.json {
        println!("{}", serde_json::to_string(&rows)?);
    } else {
        println!("{:<12} {:>8} {:<11} {:>8}  {:<22} http", "name", "pid", "state", "restarts", "link");
        for row in &rows {
            println!(
                "{:<12} {:>8} {:<11} {:>8}  {:<22} {}",
                row.name, row.pid, row.state, row.restarts, row.link, row.http
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
