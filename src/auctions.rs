//! `wydbr auctions`: the lots of a running cluster, for its operator.

use crate::cli::in_runtime;
use crate::data_dir::DataDir;
use crate::stored;
use anyhow::bail;
use clap::{Args, Subcommand};
use link::Client;
use model::calls::market::{LOTS_PER_PAGE, Lot, LotOrder, RemoveLot, Reply, Request, SearchLots};
use model::calls::temporary;
use model::membership::Role;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the market is asked again while it, or the store behind it, does not answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(300);

/// Arguments of `wydbr auctions`.
#[derive(Args)]
pub struct AuctionsArgs {
    #[command(subcommand)]
    command: AuctionsCommand,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
    /// Folder with everything that the cluster keeps.
    #[arg(long, default_value = "data", value_name = "DIR", global = true)]
    data: PathBuf,
}

#[derive(Subcommand)]
enum AuctionsCommand {
    /// List lots, those first that end soonest.
    List {
        /// Words that the name holds.
        words: Vec<String>,
        /// Most lots.
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Show one lot, as the store has it now.
    Show {
        /// Its number, or its whole id of 16 digits.
        lot: String,
    },
    /// Take a lot off, whatever was bid: the item goes back to the seller's bank, the bid to the bidder's.
    Cancel {
        /// Its number, or its whole id of 16 digits.
        lot: String,
        /// Who does it, for the ledger: 1 to 32 letters and digits.
        #[arg(long, default_value = "operator", value_name = "NAME")]
        by: String,
    },
}

/// Does what the command line asks.
pub fn main(args: &AuctionsArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data);
    let credentials = data.credentials("operator")?;
    in_runtime(async {
        let target = stored::target(&data, Role::TssSrv).await?;
        let market = Desk(Client::fixed(credentials, target));
        match &args.command {
            AuctionsCommand::List { words, limit } => {
                list(&market, &words.join(" "), *limit, args.json).await
            }
            AuctionsCommand::Show { lot } => {
                let (lots, _) = market.lots(Request::ShowLot { lot: lot.clone() }).await?;
                tell(&lots, args.json);
                Ok(ExitCode::SUCCESS)
            }
            AuctionsCommand::Cancel { lot, by } => {
                let asked = RemoveLot { lot: lot.clone(), operator: by.clone() };
                let (lots, _) = market.lots(Request::RemoveLot(asked)).await?;
                if args.json {
                    println!("{}", json!({ "cancelled": in_json(&lots) }));
                } else {
                    tell(&lots, false);
                    println!("is off the auction");
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    })?
}

/// The market of the cluster.
struct Desk(Client<temporary::Request, temporary::Reply>);

impl Desk {
    /// Asks until it answers. All that is asked here may be asked twice: a lot that is off is no more there.
    async fn lots(&self, request: Request) -> anyhow::Result<(Vec<Lot>, u32)> {
        let deadline = Instant::now() + PATIENCE;
        let request = temporary::Request::Market(Box::new(request));
        let mut in_doubt = false;
        loop {
            let failed = match self.0.call(&request, ANSWER).await {
                Ok(temporary::Reply::Market(reply)) => match *reply {
                    Reply::Lots { lots, found } => return Ok((lots, found)),
                    Reply::Refused(why) if in_doubt => {
                        bail!("{why}; an earlier try was not answered and may have done it")
                    }
                    Reply::Refused(why) => bail!("{why}"),
                    Reply::Unavailable => "the market is not answered by the store".to_owned(),
                    other => bail!("TSSSrv answered {other:?}"),
                },
                Ok(other) => bail!("TSSSrv answered {other:?}"),
                Err(error) => error.to_string(),
            };
            if Instant::now() + PAUSE >= deadline {
                bail!("{failed}; try again, what was asked may be done by then");
            }
            in_doubt = true;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn list(market: &Desk, words: &str, limit: u32, as_json: bool) -> anyhow::Result<ExitCode> {
    let (mut lots, mut found) = (Vec::<Lot>::new(), 0);
    for page in 0..limit.div_ceil(LOTS_PER_PAGE) {
        let order = LotOrder::Ending;
        let search = SearchLots { words: words.to_owned(), order, page, ..SearchLots::default() };
        let (more, all) = market.lots(Request::SearchLots(search)).await?;
        found = all;
        let is_last = more.len() < LOTS_PER_PAGE as usize;
        lots.extend(more);
        if is_last {
            break;
        }
    }
    lots.truncate(limit as usize);
    if as_json {
        println!("{}", json!({ "found": found, "lots": in_json(&lots) }));
    } else {
        tell(&lots, false);
        println!("{} of {found} lots", lots.len());
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(lots: &[Lot], as_json: bool) {
    if as_json {
        println!("{}", json!({ "lots": in_json(lots) }));
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    for lot in lots {
        println!("{}", in_words(lot, now_ms));
    }
}

fn in_words(lot: &Lot, now_ms: i64) -> String {
    let Lot { number, name, seller, seller_name, next_bid, .. } = lot;
    let bid = lot.bid.map_or("no bid".to_owned(), |(by, gold)| format!("bid {gold} by account {by}"));
    let buy_out = lot.buy_out.map_or("none".to_owned(), |gold| gold.to_string());
    let minutes = (lot.until_ms - now_ms).max(0) / 60_000;
    let (id, item, kind) = (lot.lot.0, lot.item.id.0, lot.item.kind.0);
    format!(
        "{number:<6} {name} (kind {kind}, item {item:032x}) of {seller_name} (account {seller}): {bid}, next {next_bid}, \
         buy-out {buy_out}, {minutes} minutes left; id {id:016x}"
    )
}

fn in_json(lots: &[Lot]) -> Vec<Value> {
    let one = |lot: &Lot| {
        json!({
            "lot": format!("{:016x}", lot.lot.0),
            "number": lot.number,
            "item": format!("{:032x}", lot.item.id.0),
            "kind": lot.item.kind.0,
            "name": lot.name,
            "seller": lot.seller_name,
            "account": lot.seller.to_string(),
            "bid": lot.bid.map(|(by, gold)| json!({ "account": by.to_string(), "gold": gold })),
            "next_bid": lot.next_bid,
            "buy_out": lot.buy_out,
            "until_ms": lot.until_ms,
        })
    };
    lots.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AccountId, Effect, Item, ItemId, ItemKind, LotId};

    #[test]
    fn a_lot_is_told_with_its_ids() {
        let item = Item { id: ItemId(0xe), kind: ItemKind(861), effects: [Effect::default(); 3] };
        let lot = Lot {
            lot: LotId(0x1f),
            number: "0000A".to_owned(),
            item,
            name: "Dragon Sword".to_owned(),
            seller: AccountId(0xa),
            seller_name: "Ana".to_owned(),
            bid: Some((AccountId(0xb), 500)),
            next_bid: 525,
            buy_out: None,
            until_ms: 3_600_000,
        };
        let told = in_words(&lot, 0);
        let expected = "of Ana (account a): bid 500 by account b, next 525, buy-out none, 60 minutes left; id 000000000000001f";
        assert!(
            told.starts_with("0000A  Dragon Sword (kind 861, item 0000") && told.ends_with(expected),
            "{told}"
        );
        assert_eq!(in_json(&[lot])[0]["bid"]["account"], "b");
    }
}
