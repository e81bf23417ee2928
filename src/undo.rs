//! `wydbr undo`: takes back what should not have happened, while everybody plays.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::{moment, operator, stored};
use anyhow::{Context, bail};
use clap::Args;
use model::calls::database::FindCharacter;
use model::{ItemId, OperationId};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use store::Store;
use store::amend::undo::Target;
use store::amend::{Amended, Clerk, Ending, Plan, Regain, Step};

/// Arguments of `wydbr undo`.
#[derive(Args)]
pub struct UndoArgs {
    /// One operation, by its id: 32 hexadecimal digits, as `wydbr ledger` prints them.
    #[arg(long, value_name = "ID", conflicts_with_all = ["item", "since"])]
    operation: Option<OperationId>,
    /// What became of one item: from --since on, without it its whole life, so that it ends.
    #[arg(long, value_name = "ID")]
    item: Option<ItemId>,
    /// Everything since a time: 2026-11-28T14:30:00Z, or 90s, 30m, 2h, 7d ago.
    #[arg(long, value_name = "TIME", value_parser = moment::parse, required_unless_present_any = ["operation", "item"])]
    since: Option<i64>,
    /// Of that time on only what this character and the bank of its account took part in.
    #[arg(long, value_name = "NAME", requires = "since", conflicts_with_all = ["item", "operation"])]
    player: Option<String>,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write the report to a file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    data: DataArg,
}

/// Undoes, and prints each step, what is left and why, then one JSON object; exit 0 only when nothing is left.
pub fn main(args: &UndoArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    let done = in_runtime(async {
        let opened = stored::reach(&data).await?;
        let store = opened.store.as_ref();
        let target = target(store, args).await?;
        let clerk = Clerk { store, operator: operator::name(), now_ms: moment::now_ms() };
        if args.dry_run {
            let plan = clerk.plan_undo(&target).await.context("nothing is planned")?;
            return anyhow::Ok(Amended { operations: Vec::new(), plan });
        }
        clerk.undo(&target).await.context("it was not done, or not all of it")
    })??;
    report(&done, args.dry_run, args.json.as_ref())
}

async fn target(store: &dyn Store, args: &UndoArgs) -> anyhow::Result<Target> {
    match (args.operation, args.item, args.since) {
        (Some(operation), ..) => Ok(Target::Operation(operation)),
        (_, Some(item), since_ms) => Ok(Target::Item { item, since_ms }),
        (_, _, Some(since_ms)) => {
            let player = match &args.player {
                Some(name) => {
                    let key = name.to_ascii_lowercase();
                    let found = store.find_character(FindCharacter { key }).await?;
                    Some(found.with_context(|| format!("there is no character {name:?}"))?)
                }
                None => None,
            };
            Ok(Target::Since { since_ms, player })
        }
        _ => bail!("name an operation, an item, or a time"),
    }
}

/// Prints what was done, or would be.
pub fn report(done: &Amended, is_dry: bool, file: Option<&PathBuf>) -> anyhow::Result<ExitCode> {
    let verb = if is_dry { "would do" } else { "done" };
    for step in &done.plan.steps {
        println!("{verb}: {step}");
    }
    for ending in &done.plan.endings {
        println!("{verb}: {ending}");
    }
    if let Some(regain) = &done.plan.regain {
        println!("{verb}: {regain}");
    }
    for left in &done.plan.left {
        println!("left: {left}");
    }
    let whole = in_json(done, is_dry);
    if let Some(path) = file {
        let text = serde_json::to_string_pretty(&whole)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{}", summary(&whole));
    Ok(if done.plan.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_json(done: &Amended, is_dry: bool) -> Value {
    let Plan { steps, left, endings, regain, .. } = &done.plan;
    let steps = endings.iter().map(ending_in_json).chain(steps.iter().map(step_in_json));
    let operations: Vec<String> = done.operations.iter().map(|id| format!("{:032x}", id.0)).collect();
    let left = left.iter().map(|left| {
        json!({
            "item": left.item.map(|item| format!("{:032x}", item.0)),
            "gold": left.gold,
            "why": left.why,
        })
    });
    json!({
        "dry_run": is_dry,
        "operations": operations,
        "steps": steps.chain(regain.iter().map(regain_in_json)).collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
    })
}

fn step_in_json(step: &Step) -> Value {
    let id = |item: ItemId| format!("{:032x}", item.0);
    match step {
        Step::Bring { item, from, goal, .. } => {
            json!({ "item": id(item.id), "from": from.place.to_string(), "to": goal.to_string() })
        }
        Step::End { item, from } => {
            json!({ "item": id(item.id), "from": from.place.to_string(), "to": null })
        }
        Step::Make { item, of, goal } => {
            json!({ "item": id(item.id), "from": null, "to": goal.to_string(), "in_place_of": id(*of) })
        }
        Step::Pay { amount, from, to } => {
            json!({ "gold": amount, "from": from.account.to_string(), "to": to.account.to_string() })
        }
    }
}

fn ending_in_json(ending: &Ending) -> Value {
    json!({ "guild": ending.guild.0, "from": ending.to_string(), "to": null })
}

fn regain_in_json(regain: &Regain) -> Value {
    json!({
        "character": regain.character.to_string(),
        "from": regain.from.to_string(),
        "to": regain.to.to_string(),
    })
}

/// The report with numbers in place of what was printed.
fn summary(whole: &Value) -> Value {
    let mut summary = whole.clone();
    for list in ["steps", "left"] {
        summary[list] = json!(whole[list].as_array().map_or(0, Vec::len));
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ledger::GoldAccount;
    use model::transfer::GoldLocation;
    use model::{AccountId, CharacterId};
    use store::amend::Left;

    #[test]
    fn steps_and_what_is_left_are_told_with_their_ids() {
        let at = |account| GoldLocation { home: AccountId(1), account };
        let (from, to) = (at(GoldAccount::Character(CharacterId(0xc))), at(GoldAccount::Cargo(AccountId(1))));
        let steps = vec![Step::Pay { amount: 70, from, to }];
        let left = vec![Left { item: Some(ItemId(0xe)), gold: None, why: "has ended since".into() }];
        let mut plan = Plan::default();
        (plan.steps, plan.left) = (steps, left);
        let done = Amended { operations: vec![OperationId(0xab)], plan };
        assert_eq!(done.plan.steps[0].to_string(), "gold 70: character:c -> cargo:1");
        assert_eq!(done.plan.left[0].to_string(), "item 0000000000000000000000000000000e: has ended since");
        let whole = in_json(&done, false);
        assert_eq!(
            (&whole["steps"][0]["gold"], &whole["left"][0]["why"]),
            (&json!(70), &json!("has ended since"))
        );
        assert_eq!((&summary(&whole)["steps"], &summary(&whole)["left"]), (&json!(1), &json!(1)));
        assert_eq!(whole["operations"][0], json!("000000000000000000000000000000ab"));
    }
}
