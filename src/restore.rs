//! `wydbr restore-character`: puts one character back to what it was, while it and everybody else play.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::{moment, operator, stored, undo};
use anyhow::Context;
use clap::Args;
use model::calls::database::FindCharacter;
use std::path::PathBuf;
use std::process::ExitCode;
use store::amend::{Amended, Clerk};

/// Arguments of `wydbr restore-character`.
#[derive(Args)]
pub struct RestoreArgs {
    /// The character's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// As it was then: 2026-11-28T14:30:00Z, or 90s, 30m, 2h, 7d ago.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: i64,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write the report to a file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    data: DataArg,
}

/// Restores, and prints each step, what is left and why, then one JSON object; exit 0 only when nothing is left.
pub fn main(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    let done = in_runtime(async {
        let opened = stored::reach(&data).await?;
        let store = opened.store.as_ref();
        let key = args.name.to_ascii_lowercase();
        let player = store.find_character(FindCharacter { key }).await?.with_context(|| {
            format!("found no character {:?}, expected one that is there: one that was deleted cannot be restored", args.name)
        })?;
        let clerk = Clerk { store, operator: operator::name(), now_ms: moment::now_ms() };
        if args.dry_run {
            let plan = clerk.plan_restore(player, args.at).await.context("nothing is planned")?;
            return anyhow::Ok(Amended { operations: Vec::new(), plan });
        }
        clerk.restore(player, args.at).await.context("it was not done, or not all of it")
    })??;
    undo::report(&done, args.dry_run, args.json.as_ref())
}
