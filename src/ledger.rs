//! `wydbr item` and `wydbr ledger`: what the ledger says.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::stored;
use anyhow::{Context, bail};
use clap::Args;
use model::calls::database::{FindCharacter, GuildLedger, ItemHistory, PlayerLedger};
use model::calls::ledger::{ENTRIES_MAX, RETENTION};
use model::ledger::{Change, Entry, ItemState};
use model::{AccountId, CharacterId, GuildId, ItemId};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Entries of one question.
const PAGE: u32 = 1_000;

/// Arguments of `wydbr item`.
#[derive(Args)]
pub struct ItemArgs {
    /// Which: its id, 32 hexadecimal digits.
    id: ItemId,
    /// Print one JSON object for each entry.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArg,
}

/// Arguments of `wydbr ledger`.
#[derive(Args)]
pub struct LedgerArgs {
    #[command(flatten)]
    whose: Whose,
    /// The newest so many entries.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print one JSON object for each entry.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArg,
}

/// Whose entries.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Name of the character: what it got and gave.
    #[arg(long, value_name = "NAME")]
    player: Option<String>,
    /// Number of the guild, 1 to 65535: what went into its bank and out of it.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u16).range(1..))]
    guild: Option<u16>,
}

/// An owner whose entries the store finds.
#[derive(Clone, Copy)]
enum Owner {
    Player(AccountId, CharacterId),
    Guild(GuildId),
}

/// Prints the life of an item; fails when there never was such an item.
pub fn item(args: &ItemArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    let entries = in_runtime(async {
        let opened = stored::reach(&data).await?;
        let request = ItemHistory { item: args.id, limit: ENTRIES_MAX };
        anyhow::Ok(opened.store.item_history(request).await?)
    })??;
    if entries.is_empty() {
        bail!("the ledger has no item {}", args.id);
    }
    print(&entries, args.json)
}

/// Prints what a player or the bank of a guild got and gave, oldest first.
pub fn owner(args: &LedgerArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    print(&in_runtime(newest(&data, args))??, args.json)
}

async fn newest(data: &DataDir, args: &LedgerArgs) -> anyhow::Result<Vec<Entry>> {
    let opened = stored::reach(data).await?;
    let store = &opened.store;
    let owner = match (&args.whose.player, args.whose.guild) {
        (Some(name), _) => {
            let key = name.to_ascii_lowercase();
            let found = store.find_character(FindCharacter { key }).await?;
            let found = found.with_context(|| format!("there is no character {name:?}"))?;
            Owner::Player(found.account, found.character)
        }
        (None, Some(guild)) => Owner::Guild(GuildId(guild)),
        (None, None) => bail!("expected --player or --guild"),
    };
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let before = entries.last().map(|entry| entry.entry);
        let limit = PAGE.min(args.limit.saturating_sub(entries.len() as u32));
        if limit == 0 {
            break;
        }
        let page = match owner {
            Owner::Player(account, character) => {
                store.player_ledger(PlayerLedger { account, character, before, limit }).await?
            }
            Owner::Guild(guild) => store.guild_ledger(GuildLedger { guild, before, limit }).await?,
        };
        let is_last = (page.len() as u32) < limit;
        entries.extend(page);
        if is_last {
            break;
        }
    }
    entries.reverse();
    Ok(entries)
}

fn print(entries: &[Entry], as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for entry in entries {
        let line = if as_json { in_json(entry).to_string() } else { in_words(entry) };
        writeln!(out, "{line}").context("cannot print")?;
    }
    out.flush().context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

fn operation(entry: &Entry) -> Option<String> {
    entry.operation.map(|operation| format!("{:032x}", operation.0))
}

fn in_words(entry: &Entry) -> String {
    let what = match &entry.change {
        Change::Item { item, kind, before, after } => {
            let place = |state: &Option<ItemState>| {
                state.map_or("nowhere".to_owned(), |state| state.place.to_string())
            };
            let effects = |state: &ItemState| {
                let codes = state.effects.map(|effect| format!("{}:{}", effect.code, effect.value));
                format!(" [{}]", codes.join(" "))
            };
            let changed = match (before, after) {
                (Some(before), Some(after)) if before.effects != after.effects => {
                    format!("{} ->{}", effects(before), effects(after))
                }
                (_, Some(state)) | (Some(state), None) => effects(state),
                (None, None) => String::new(),
            };
            format!("item {:032x} kind {}{changed}: {} -> {}", item.0, kind.0, place(before), place(after))
        }
        Change::Gold { amount, from, to } => {
            let balance = from.balance.or(to.balance).map(|left| format!(" ({left} after)"));
            format!("gold {amount}: {} -> {}{}", from.account, to.account, balance.unwrap_or_default())
        }
    };
    let (shard, number, at_ms, reason, actor) =
        (entry.shard, &entry.entry, entry.at_ms, &entry.reason, &entry.actor);
    if *number == 0 && reason == RETENTION {
        return format!("{at_ms} {shard}/- {reason:<8} {what}; what was before is past the retention");
    }
    let operation = operation(entry).unwrap_or_else(|| "-".to_owned());
    format!("{at_ms} {shard}/{number} {reason:<8} {what}; by {actor}, operation {operation}")
}

fn in_json(entry: &Entry) -> Value {
    let change = match &entry.change {
        Change::Item { item, kind, before, after } => {
            let state = |state: &Option<ItemState>| {
                state.map(|state| {
                    let effects = state.effects.map(|effect| [effect.code, effect.value]);
                    json!({ "place": state.place.to_string(), "effects": effects })
                })
            };
            let (before, after) = (state(before), state(after));
            json!({ "item": format!("{:032x}", item.0), "kind": kind.0, "before": before, "after": after })
        }
        Change::Gold { amount, from, to } => json!({
            "gold": amount,
            "from": from.account.to_string(),
            "from_balance": from.balance,
            "to": to.account.to_string(),
            "to_balance": to.balance,
        }),
    };
    json!({
        "shard": entry.shard,
        "entry": entry.entry,
        "at_ms": entry.at_ms,
        "operation": operation(entry),
        "actor": entry.actor.to_string(),
        "reason": entry.reason,
        "change": change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ledger::{Actor, GoldAccount, GoldSide, ItemPlace};
    use model::{AccountId, CharacterId, Effect, ItemKind, OperationId};

    fn entry(change: Change) -> Entry {
        Entry {
            shard: 1,
            entry: 7,
            at_ms: 1_790_000_000_000,
            operation: Some(OperationId(0xab)),
            actor: Actor::Player(AccountId(0x1f)),
            reason: "portal".into(),
            change,
        }
    }

    #[test]
    fn gold_and_items_are_told_with_their_ids() {
        let purse = GoldSide { account: GoldAccount::Character(CharacterId(0xc)), balance: Some(70) };
        let world = GoldSide { account: GoldAccount::Burn("portal".into()), balance: None };
        let gold = entry(Change::Gold { amount: 30, from: purse, to: world });
        assert_eq!(
            in_words(&gold),
            "1790000000000 1/7 portal   gold 30: character:c -> burn:portal (70 after); by player 1f, \
             operation 000000000000000000000000000000ab"
        );
        assert_eq!(in_json(&gold)["change"]["to"], "burn:portal");
        let effects = [Effect { code: 43, value: 9 }, Effect::default(), Effect::default()];
        let after = Some(ItemState { effects, place: ItemPlace::Equip(CharacterId(0xc), 6) });
        let born = entry(Change::Item { item: ItemId(0xe), kind: ItemKind(861), before: None, after });
        let told = in_words(&born);
        assert!(told.contains("kind 861 [43:9 0:0 0:0]: nowhere -> equip 6 of character c"), "{told}");
        assert_eq!(in_json(&born)["change"]["after"]["effects"][0], json!([43, 9]));
        let actor = Actor::System(RETENTION.into());
        let base = Entry { entry: 0, operation: None, actor, reason: RETENTION.into(), ..born };
        assert_eq!(
            in_words(&base),
            "1790000000000 1/- retention item 0000000000000000000000000000000e kind 861 [43:9 0:0 0:0]: \
             nowhere -> equip 6 of character c; what was before is past the retention"
        );
    }
}
