//! `wydbr friends`: who is a friend of a character, and what it asked and was asked.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::stored;
use anyhow::Context;
use clap::Args;
use model::calls::database::FindCharacter;
use serde_json::{Value, json};
use std::process::ExitCode;
use store::Store;
use store::friends::{self, Held, Known};

/// Arguments of `wydbr friends`.
#[derive(Args)]
pub struct FriendsArgs {
    /// Name of the character, whatever its case.
    name: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArg,
}

/// Prints them.
pub fn main(args: &FriendsArgs) -> anyhow::Result<ExitCode> {
    in_runtime(async {
        let opened = stored::reach(&DataDir::new(&args.data.data)).await?;
        show(opened.store.as_ref(), &args.name, args.json).await
    })??;
    Ok(ExitCode::SUCCESS)
}

async fn show(store: &dyn Store, name: &str, as_json: bool) -> anyhow::Result<()> {
    let found = store.find_character(FindCharacter { key: name.to_ascii_lowercase() }).await?;
    let found = found.with_context(|| format!("found no character {name:?}, expected one that is there"))?;
    let held = store.get_record(friends::asks_for(found.account, found.character)).await?;
    let Held { circle, .. } = held.map(|held| friends::decode(&held)).transpose()?.unwrap_or_default();
    let lists = [("friends", &circle.friends), ("asked", &circle.asked), ("asking", &circle.asking)];
    if as_json {
        let mut whole = json!({
            "name": found.name.to_string(),
            "character": found.character.to_string(),
            "account": found.account.to_string(),
            "seen_ms": circle.seen_ms,
        });
        for (what, list) in lists {
            whole[what] = list.iter().map(in_json).collect();
        }
        println!("{whole}");
        return Ok(());
    }
    println!(
        "{} has {} friends, asked {}, is asked by {}",
        found.name,
        circle.friends.len(),
        circle.asked.len(),
        circle.asking.len()
    );
    for (what, list) in [("friend", lists[0].1), ("asked", lists[1].1), ("asked by", lists[2].1)] {
        for Known(character, account, name) in list {
            println!("{what}  {name}  character {character}  account {account}");
        }
    }
    Ok(())
}

fn in_json(Known(character, account, name): &Known) -> Value {
    json!({ "name": name, "character": character.to_string(), "account": account.to_string() })
}
