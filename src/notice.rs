//! `wydbr notice`: a line for every player.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::stored;
use anyhow::bail;
use clap::Args;
use link::Client;
use model::calls::registry::{Reply, Request};
use model::command::CHAT_TEXT_MAX;
use model::membership::Role;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `wydbr notice`.
#[derive(Args)]
pub struct NoticeArgs {
    #[command(flatten)]
    data: DataArg,
    /// The line, at most 94 characters.
    text: String,
}

/// Sends the line.
pub fn main(args: NoticeArgs) -> anyhow::Result<ExitCode> {
    let length = args.text.chars().count();
    if length == 0 || length > CHAT_TEXT_MAX {
        bail!("a notice has 1 to {CHAT_TEXT_MAX} characters, this one has {length}");
    }
    let data = DataDir::new(&args.data.data);
    let credentials = data.credentials("operator")?;
    in_runtime(async move {
        let target = stored::target(&data, Role::NrSrv).await?;
        let client: Client<Request, Reply> = Client::fixed(credentials, target);
        match client.call(&Request::Announce { text: args.text }, Duration::from_secs(5)).await? {
            Reply::Done => Ok(ExitCode::SUCCESS),
            other => bail!("NRSrv answered {other:?}"),
        }
    })?
}
