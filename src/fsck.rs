//! `wydbr fsck`: whether what is stored follows from the ledger.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::{operator, stored};
use anyhow::Context;
use clap::Args;
use model::calls::ledger::Finding;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use store::Store;
use store::fsck::{Mended, Report, repair, run};

/// Arguments of `wydbr fsck`.
#[derive(Args)]
pub struct FsckArgs {
    #[command(flatten)]
    data: DataArg,
    /// Repair what has a safe repair, in the ledger, after it was printed and agreed to.
    #[arg(long)]
    repair: bool,
    /// Agree to the repairs without being asked.
    #[arg(long, requires = "repair")]
    yes: bool,
    /// Write the report to a file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Examines everything and prints each finding with its ids, then one JSON object.
pub fn main(args: &FsckArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    let started = Instant::now();
    let done = in_runtime(async {
        let opened = stored::reach(&data).await?;
        let store = opened.store.as_ref();
        let report = run(store).await.context("not everything could be read")?;
        print(&report);
        if !args.repair || report.is_clean() {
            return anyhow::Ok(Mended { fixes: Vec::new(), report });
        }
        repaired(store, args.yes, report).await
    })??;
    let report = &done.report;
    let mut whole = in_json(report, started.elapsed().as_millis() as u64);
    whole["repairs"] = json!(done.fixes);
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&whole)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{}", summary(&whole));
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report) {
    for finding in &report.checked.findings {
        println!("{}", in_words(finding));
    }
    if report.checked.findings_left_out > 0 {
        println!("and {} more", report.checked.findings_left_out);
    }
}

/// Prints what would be done, and does it when somebody agrees.
async fn repaired(store: &dyn Store, agreed: bool, report: Report) -> anyhow::Result<Mended> {
    let name = operator::name();
    let planned = repair(store, &name, true).await.context("the repairs cannot be planned")?;
    for fix in &planned.fixes {
        println!("would repair: {fix}");
    }
    if planned.fixes.is_empty() {
        println!("nothing of this has a safe repair");
        return Ok(Mended { fixes: Vec::new(), report });
    }
    if !agreed && !asked() {
        println!("nothing was repaired: agree on the terminal, or with --yes");
        return Ok(Mended { fixes: Vec::new(), report });
    }
    let done = repair(store, &name, false).await.context("not everything could be repaired")?;
    for fix in &done.fixes {
        println!("repaired: {fix}");
    }
    for finding in &done.report.checked.findings {
        println!("has no safe repair: {}", in_words(finding));
    }
    Ok(done)
}

/// True when somebody at the terminal says yes.
fn asked() -> bool {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return false;
    }
    println!("repair this? [y/N]");
    let mut line = String::new();
    input.lock().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("y")
}

fn ids(finding: &Finding) -> Vec<(&'static str, String)> {
    let id = |name, id: Option<String>| id.map(|id| (name, id));
    let Finding { item, character, account, operation, entry, guild, .. } = finding;
    let found = [
        id("item", item.map(|id| format!("{:032x}", id.0))),
        id("character", character.map(|id| id.to_string())),
        id("account", account.map(|id| id.to_string())),
        id("operation", operation.map(|id| format!("{:032x}", id.0))),
        id("entry", entry.map(|entry| entry.to_string())),
        // as `wydbr ledger --guild` takes it
        id("guild", guild.map(|guild| guild.0.to_string())),
    ];
    found.into_iter().flatten().collect()
}

fn kind(finding: &Finding) -> String {
    json!(finding.wrong).as_str().unwrap_or_default().to_owned()
}

fn in_words(finding: &Finding) -> String {
    let ids: Vec<String> = ids(finding).into_iter().map(|(name, id)| format!("{name} {id}")).collect();
    let about = if ids.is_empty() { "store".to_owned() } else { ids.join(", ") };
    format!("{}: {about}: {}", kind(finding), finding.what)
}

fn in_json(report: &Report, took_ms: u64) -> Value {
    let checked = &report.checked;
    let findings = checked.findings.iter().map(|finding| {
        let mut whole = json!({ "wrong": kind(finding), "what": finding.what });
        for (name, id) in ids(finding) {
            whole[name] = Value::String(id);
        }
        whole
    });
    json!({
        "clean": report.is_clean(),
        "findings": findings.collect::<Vec<_>>(),
        "findings_left_out": checked.findings_left_out,
        "accounts": checked.accounts,
        "characters": checked.characters,
        "items": checked.items,
        "operations": checked.operations,
        "entries": checked.entries,
        "base": checked.base,
        "records": checked.records,
        "names": report.names,
        "guilds": report.guilds,
        "gold_held": checked.gold_held,
        "gold_minted": checked.gold_minted,
        "gold_burned": checked.gold_burned,
        "cash_held": checked.cash_held,
        "cash_minted": checked.cash_minted,
        "cash_burned": checked.cash_burned,
        "took_ms": took_ms,
    })
}

/// The report with the number of findings in place of the findings, which were printed.
fn summary(whole: &Value) -> Value {
    let mut summary = whole.clone();
    for list in ["findings", "repairs"] {
        summary[list] = json!(whole[list].as_array().map_or(0, Vec::len));
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::calls::database::Checked;
    use model::calls::ledger::Wrong;
    use model::{CharacterId, ItemId};

    #[test]
    fn a_finding_is_told_with_its_ids() {
        let orphan = Finding {
            item: Some(ItemId(0xe)),
            character: Some(CharacterId(0xc)),
            ..Finding::new(Wrong::Orphan, "lies nowhere".into())
        };
        let told = "orphan: item 0000000000000000000000000000000e, character c: lies nowhere";
        assert_eq!(in_words(&orphan), told);
        assert_eq!(in_words(&Finding::new(Wrong::Gold, "x".into())), "gold: store: x");
        let checked = Checked { findings: vec![orphan], items: 3, ..Checked::default() };
        let whole = in_json(&Report { checked, names: 2, guilds: 1 }, 5);
        assert_eq!((&whole["clean"], &whole["findings"][0]["character"]), (&json!(false), &json!("c")));
        assert_eq!((&summary(&whole)["findings"], &summary(&whole)["items"]), (&json!(1), &json!(3)));
    }
}
