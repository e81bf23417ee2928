//! `wydbr guild`: who is in a guild, and a new leader for one whose leader is gone.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::{operator, stored};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use model::calls::database::LoadGuildBank;
use model::guild::{CAPTAIN, GuildName, LEADER, Place};
use model::ledger::Actor;
use model::transfer::{RecordChange, Standing, Transfer};
use model::{GuildId, OperationId};
use serde_json::json;
use std::process::ExitCode;
use store::Store;
use store::guild::{self, Enrolled, Guild, Member};

/// Arguments of `wydbr guild`.
#[derive(Args)]
pub struct GuildArgs {
    #[command(subcommand)]
    command: GuildCommand,
}

#[derive(Subcommand)]
enum GuildCommand {
    /// Print a guild, its members and what is in its bank.
    Show {
        /// Name of the guild, whatever its case.
        name: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataArg,
    },
    /// Make a member the leader; who led is a captain then. Kept in the ledger of characters as the operator's.
    Lead {
        /// Name of the guild, whatever its case.
        name: String,
        /// Name of the member.
        character: String,
        #[command(flatten)]
        data: DataArg,
    },
}

/// A guild with its members as stored.
struct Found {
    id: GuildId,
    version: u64,
    guild: Guild,
    members: Vec<Enrolled>,
}

/// Does it.
pub fn main(args: &GuildArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        GuildCommand::Show { name, json, data } => in_runtime(async {
            let opened = stored::reach(&DataDir::new(&data.data)).await?;
            show(opened.store.as_ref(), name, *json).await
        })??,
        GuildCommand::Lead { name, character, data } => in_runtime(async {
            let opened = stored::reach(&DataDir::new(&data.data)).await?;
            lead(opened.store.as_ref(), name, character).await
        })??,
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(store: &dyn Store, name: &str) -> anyhow::Result<Found> {
    let valid = GuildName::new(name).with_context(|| format!("found {name:?}"))?;
    let named = store.get_record(guild::asks_for_name(&valid)).await?;
    let named = named.with_context(|| format!("found no guild {name:?}, expected one that is there"))?;
    let id = u16::try_from(named.record.scope).map(GuildId).context("the name belongs to no guild")?;
    let held =
        store.get_record(guild::asks_for(id)).await?.context("the guild of that name is not stored")?;
    let members = guild::roll(&store.list_records(guild::asks_for_members(id)).await?)?;
    Ok(Found { id, version: held.record.version, guild: guild::decode(&held.record.body)?, members })
}

async fn show(store: &dyn Store, name: &str, as_json: bool) -> anyhow::Result<()> {
    let Found { id, guild, members, .. } = find(store, name).await?;
    let bank = store.load_guild_bank(LoadGuildBank { guild: id }).await?;
    let items = bank.items.iter().flatten().count();
    if as_json {
        let members: Vec<_> = members
            .iter()
            .map(|one| {
                json!({
                    "name": one.member.name,
                    "rank": one.member.rank,
                    "character": one.character.to_string(),
                    "account": one.member.account.to_string(),
                    "since_ms": one.member.since_ms,
                    "seen_ms": one.member.seen_ms,
                })
            })
            .collect();
        let whole = json!({
            "guild": id.0,
            "name": guild.name,
            "kingdom": guild.kingdom,
            "founded_ms": guild.founded_ms,
            "members": members,
            "bank": { "gold": bank.gold, "items": items },
        });
        println!("{whole}");
        return Ok(());
    }
    println!("guild {} {}, kingdom {}, {} members", id.0, guild.name, guild.kingdom, members.len());
    for Enrolled { character, member: Member { name, account, rank, .. }, .. } in &members {
        println!("rank {rank}  {name}  character {character}  account {account}");
    }
    println!("bank: {} gold, {items} items (wydbr ledger --guild {})", bank.gold, id.0);
    Ok(())
}

async fn lead(store: &dyn Store, name: &str, character: &str) -> anyhow::Result<()> {
    let Found { id, version, mut guild, members } = find(store, name).await?;
    let next = members.iter().find(|one| one.member.name.eq_ignore_ascii_case(character));
    let Some(next) = next else {
        bail!("found no member {character:?} of {}, expected one of `wydbr guild show {name}`", guild.name);
    };
    if next.member.rank == LEADER {
        bail!("{} leads {} already", next.member.name, guild.name);
    }
    guild.leader = next.character;
    let mut transfer = Transfer {
        operation: OperationId(rand::random()),
        actor: Actor::Operator(operator::name()),
        reason: "guild-lead".to_owned(),
        fences: Vec::new(),
        moves: Vec::new(),
        records: vec![RecordChange::Put { record: guild::guild_record(id, &guild)?, expected: version }],
        softs: Vec::new(),
        standings: Vec::new(),
    };
    let former = members.iter().filter(|one| one.member.rank == LEADER).map(|one| (one, CAPTAIN));
    for (one, rank) in former.chain([(next, LEADER)]) {
        let record = guild::member_record(id, one.character, &Member { rank, ..one.member.clone() })?;
        transfer.records.push(RecordChange::Put { record, expected: one.version });
        let (account, character, before) = (one.member.account, one.character, one.place(id));
        transfer.standings.push(Standing { account, character, before, after: Place { guild: id, rank } });
    }
    store.transfer(transfer).await?.context("nothing was changed; ask again")?;
    println!("{} leads {} now; who plays sees it within half a minute", next.member.name, guild.name);
    Ok(())
}
