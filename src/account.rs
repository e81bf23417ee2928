//! `wydbr account`: through NRSrv while the cluster runs, on the store itself while it does not.

mod offline;

use crate::cli::{DataArg, finish, in_runtime};
use crate::data_dir::DataDir;
use crate::stored;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use link::Client;
use model::Secret;
use model::calls::registry::{AccountInfo, Reply, Request};
use model::membership::Role;
use std::io::BufRead;
use std::process::ExitCode;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);

/// Arguments of `wydbr account`.
#[derive(Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Create an account.
    Create {
        /// 4 to 15 letters and digits.
        name: String,
        #[command(flatten)]
        password: PasswordArg,
        #[command(flatten)]
        data: DataArg,
    },
    /// Block an account; whoever plays it is sent off.
    Block {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        /// Why; shown to operators.
        #[arg(long, default_value = "blocked by an operator")]
        reason: String,
        #[command(flatten)]
        data: DataArg,
    },
    /// Unblock an account.
    Unblock {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        #[command(flatten)]
        data: DataArg,
    },
    /// Freeze an account: it may be played, and moves no item and no gold, from this moment on.
    Freeze {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        /// Why; shown to operators.
        #[arg(long, default_value = "frozen by an operator")]
        reason: String,
        #[command(flatten)]
        data: DataArg,
    },
    /// Unfreeze an account.
    Unfreeze {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        #[command(flatten)]
        data: DataArg,
    },
    /// Set a new password.
    Password {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        #[command(flatten)]
        password: PasswordArg,
        #[command(flatten)]
        data: DataArg,
    },
    /// Remove the PIN: the next one typed becomes it.
    ClearPin {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        #[command(flatten)]
        data: DataArg,
    },
    /// Show an account.
    Show {
        /// Its name, or `id:` and the id that findings and log lines show.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataArg,
    },
}

#[derive(Args)]
struct PasswordArg {
    /// Read the password from the first line of standard input.
    #[arg(long, required = true)]
    password_stdin: bool,
}

impl PasswordArg {
    fn read(&self) -> anyhow::Result<Secret> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
    }
}

/// Does it; exit 1 with a reason when it cannot be done.
pub fn main(args: AccountArgs) -> ExitCode {
    finish(run(args.command))
}

fn run(command: AccountCommand) -> anyhow::Result<ExitCode> {
    let mut as_json = false;
    let (data, request) = match command {
        AccountCommand::Create { name, password, data } => {
            (data, Request::CreateAccount { name, password: password.read()?, address: None })
        }
        AccountCommand::Block { name, reason, data } => (data, Request::Block { name, reason: Some(reason) }),
        AccountCommand::Unblock { name, data } => (data, Request::Block { name, reason: None }),
        AccountCommand::Freeze { name, reason, data } => {
            (data, Request::Freeze { name, reason: Some(reason) })
        }
        AccountCommand::Unfreeze { name, data } => (data, Request::Freeze { name, reason: None }),
        AccountCommand::Password { name, password, data } => {
            (data, Request::SetPassword { name, password: password.read()? })
        }
        AccountCommand::ClearPin { name, data } => (data, Request::ClearPin { name }),
        AccountCommand::Show { name, json, data } => {
            as_json = json;
            (data, Request::Show { name })
        }
    };
    let data = DataDir::new(&data.data);
    let reply = in_runtime(ask(data, request))??;
    show(reply, as_json)
}

async fn ask(data: DataDir, request: Request) -> anyhow::Result<Reply> {
    if !data.is_served()? {
        return offline::ask(&data, request).await;
    }
    let target = stored::target(&data, Role::NrSrv).await?;
    let client: Client<Request, Reply> = Client::fixed(data.credentials("operator")?, target);
    client.call(&request, DEADLINE).await.context("NRSrv does not answer")
}

fn show(reply: Reply, as_json: bool) -> anyhow::Result<ExitCode> {
    match reply {
        Reply::AccountCreated(Ok(id)) => println!("created, id {id}"),
        Reply::AccountCreated(Err(refusal)) => bail!("{refusal}"),
        Reply::Done => println!("done"),
        Reply::Account(info) if as_json => println!("{}", as_json_text(&info)),
        Reply::Account(info) => print_account(&info),
        Reply::NoSuchAccount => bail!("there is no such account"),
        Reply::BadPassword(min, max) => {
            bail!("a password has {min} to {max} characters out of ASCII letters, digits and signs")
        }
        Reply::Unavailable => {
            bail!("the store does not answer: look whether it was changed before you ask again")
        }
        other => bail!("NRSrv answered {other:?}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json_text(info: &AccountInfo) -> String {
    serde_json::json!({
        "id": info.id.to_string(),
        "name": info.name,
        "blocked": info.blocked,
        "frozen": info.frozen,
        "has_pin": info.has_pin,
        "created_ms": info.created_ms,
        "online": info.online,
        "characters": info.characters.iter().map(|(slot, name)| serde_json::json!({"slot": slot, "name": name})).collect::<Vec<_>>(),
    })
    .to_string()
}

fn print_account(info: &AccountInfo) {
    println!("name        {}", info.name);
    println!("id          {}", info.id);
    println!("blocked     {}", info.blocked.as_deref().unwrap_or("no"));
    println!("frozen      {}", info.frozen.as_deref().unwrap_or("no"));
    println!("PIN         {}", if info.has_pin { "set" } else { "not set" });
    println!("online      {}", if info.online { "yes" } else { "no" });
    for (slot, name) in &info.characters {
        println!("character   {name} (slot {slot})");
    }
}
