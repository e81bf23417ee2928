//! `wydbr cluster instance`: opens, lists and closes instances, and bounds them.

use super::{finish, name_of_owner, read, show, wish};
use crate::data_dir::DataDir;
use crate::stored::{self, Opened};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use link::Client;
use model::OperationId;
use model::calls::cluster::{CloseReason, ClusterReport, Guest, Instance, InstanceLimits, Wish};
use model::calls::database::FindCharacter;
use model::calls::registry::{Reply, Request};
use model::membership::Role;
use placement::{ZoneTable, instance_name, parse_instance};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// How long the registry of players may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Subcommand)]
pub(super) enum InstanceCommand {
    /// Open a copy of a place for some players, who are brought in; it ends with its time, or when they have left.
    Open {
        /// Name of the place, as `map` prints it.
        place: String,
        /// How long it lives: 90s, 30m, 2h.
        #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
        life: u32,
        #[command(flatten)]
        guests: Guests,
    },
    /// List those that are open, with the time they have left and their guests.
    List,
    /// Close one; who is in it stands where it had entered.
    Close {
        /// Its number, or its name as `list` prints it.
        instance: String,
    },
    /// Show the bounds of instances, or set some of them.
    Limits {
        /// Instances that may be open at once.
        #[arg(long)]
        open: Option<u32>,
        /// Open instances that one player may be a guest of.
        #[arg(long)]
        per_player: Option<u32>,
        /// Longest life: 90s, 30m, 2h.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        longest: Option<u32>,
        /// One without players is closed after this time.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        empty: Option<u32>,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Guests {
    /// Names of its players.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    players: Vec<String>,
    /// All who are in the party of this player now.
    #[arg(long, value_name = "NAME")]
    party: Option<String>,
}

/// Seconds from `90s`, `30m`, `2h`, for clap.
fn seconds(text: &str) -> Result<u32, String> {
    let found = || format!("found `{text}`, expected a time like 90s, 30m or 2h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => return Err(found()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| found())?;
    count.checked_mul(unit).ok_or_else(found)
}

/// Does what the command line asks.
pub(super) async fn main(
    data: &DataDir,
    opened: &Opened,
    command: &InstanceCommand,
    as_json: bool,
    waits: bool,
) -> anyhow::Result<ExitCode> {
    let wished = match command {
        InstanceCommand::List => {
            let report = read(opened).await?;
            let in_json = || json!({ "instances": in_json(&report) });
            show(&if as_json { in_json().to_string() } else { lines(&report).join("\n") });
            return Ok(ExitCode::SUCCESS);
        }
        InstanceCommand::Open { place, life, guests } => Wish::OpenInstance {
            operation: OperationId(rand::random()),
            place: place.clone(),
            life_s: *life,
            guests: guests_of(data, opened, guests).await?,
        },
        InstanceCommand::Close { instance } => {
            let number = instance.parse().ok().or_else(|| parse_instance(instance).map(|(_, number)| number));
            let Some(instance) = number else {
                bail!(
                    "found `{instance}`, expected the number or the name of an instance, like 17 or `Dungeon 1#17`"
                );
            };
            Wish::CloseInstance { instance, why: CloseReason::Wished }
        }
        InstanceCommand::Limits { open, per_player, longest, empty } => {
            let now = read(opened).await?.wishes.limits;
            let limits = InstanceLimits {
                open_max: open.unwrap_or(now.open_max),
                per_player_max: per_player.unwrap_or(now.per_player_max),
                life_max_s: longest.unwrap_or(now.life_max_s),
                empty_s: empty.unwrap_or(now.empty_s),
            };
            if limits == now {
                let InstanceLimits { open_max, per_player_max, life_max_s, empty_s } = now;
                let value = json!({
                    "open": open_max, "per_player": per_player_max, "longest_s": life_max_s, "empty_s": empty_s,
                });
                println!("{}", Wish::LimitInstances { limits });
                return Ok(finish(as_json, || value, true));
            }
            Wish::LimitInstances { limits }
        }
    };
    wish::make(opened, wished, as_json, waits).await
}

async fn guests_of(data: &DataDir, opened: &Opened, guests: &Guests) -> anyhow::Result<Vec<Guest>> {
    if let Some(name) = &guests.party {
        return party_of(data, name).await;
    }
    let mut found = Vec::new();
    for name in &guests.players {
        let key = name.trim().to_ascii_lowercase();
        let player = opened.store.find_character(FindCharacter { key }).await?;
        let player = player.with_context(|| format!("there is no character `{}`", name.trim()))?;
        found.push(Guest { character: player.character, name: player.name });
    }
    Ok(found)
}

async fn party_of(data: &DataDir, name: &str) -> anyhow::Result<Vec<Guest>> {
    let target = stored::target(data, Role::NrSrv).await?;
    let client: Client<Request, Reply> = Client::fixed(data.credentials("operator")?, target);
    let answer = client.call(&Request::PartyOf { name: name.to_owned() }, DEADLINE).await?;
    let Reply::PartyOf(party) = answer else { bail!("NRSrv answered {answer:?}") };
    let Some(party) = party else {
        bail!("`{name}` plays in no party at the moment; expected --players, or a party")
    };
    let guest = |member: model::social::Member| Guest {
        character: member.character,
        name: member.name.as_str().to_owned(),
    };
    Ok(party.members.into_iter().map(guest).collect())
}

fn left_s(report: &ClusterReport, open: &Instance) -> i64 {
    ((open.until_ms - report.now_ms) / 1_000).max(0)
}

/// The node that plays an instance, as the stored table says.
fn node<'a>(report: &'a ClusterReport, zones: &ZoneTable, instance: u64) -> &'a str {
    let zone = zones.zone_of_instance(instance);
    name_of_owner(report.table.slots.iter().find(|slot| Some(slot.zone) == zone))
}

/// A line for each that is open.
pub(super) fn lines(report: &ClusterReport) -> Vec<String> {
    let zones = ZoneTable::new(report.table.named_zones.clone());
    let line = |(id, open): (&u64, &Instance)| {
        let names: Vec<&str> = open.guests.iter().map(|guest| guest.name.as_str()).collect();
        format!(
            "instance {} on {}, {} s left, for {}",
            instance_name(&open.place, *id),
            node(report, &zones, *id),
            left_s(report, open),
            names.join(", ")
        )
    };
    report.wishes.instances.iter().map(line).collect()
}

/// The same for a program.
pub(super) fn in_json(report: &ClusterReport) -> Vec<Value> {
    let zones = ZoneTable::new(report.table.named_zones.clone());
    let one = |(id, open): (&u64, &Instance)| {
        json!({
            "instance": id,
            "name": instance_name(&open.place, *id),
            "place": open.place,
            "zone": zones.zone_of_instance(*id).map(|zone| zone.0),
            "node": node(report, &zones, *id),
            "opened_ms": open.opened_ms,
            "until_ms": open.until_ms,
            "left_s": left_s(report, open),
            "guests": open.guests.iter().map(|guest| guest.name.as_str()).collect::<Vec<_>>(),
        })
    };
    report.wishes.instances.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_others_named() {
        assert_eq!(["90s", "30m", "2h"].map(seconds), [Ok(90), Ok(1_800), Ok(7_200)]);
        for bad in ["", "90", "m", "-5s", "9999999999h", "2000000h", "5 m"] {
            assert!(seconds(bad).is_err_and(|why| why.contains("expected a time like")), "{bad}");
        }
    }
}
