//! What a player may want of shops, the auction house and the bank. It knows little, so it is often refused.

use super::board::SharedBoard;
use super::node::{Node, Reload};
use crate::held;
use model::calls::bank::{self, KindRule, MoveGold, MoveItem};
use model::calls::market::{
    BidOnLot, BuyFromStall, BuyOutLot, CancelLot, Carried, ListLot, Lot, LotOrder, OpenStall, Reply, Request,
    SearchLots, Words,
};
use model::id::OperationId;
use model::item::{CARGO_SLOTS, Container, GOLD_MAX, Slot};
use model::trade::Ware;
use rand::Rng;

/// Bank slots that players use themselves: few, so that they are often taken.
const BANK_SLOTS: u8 = 4;
/// A bank that has so much gold is too full for what a lot owes.
const RICH: i64 = GOLD_MAX - 1_000_000;

/// Wants something.
pub async fn wish(node: &mut Node) -> Result<(), Reload> {
    match node.dice.random_range(0..100) {
        0..14 => list(node).await,
        14..42 => at_auction(node).await,
        42..57 => open_stall(node).await,
        57..78 => buy(node).await,
        78..94 => move_item(node).await,
        _ => move_gold(node).await,
    }
}

fn number(node: &mut Node) -> OperationId {
    OperationId(node.dice.random())
}

async fn list(node: &mut Node) -> Result<(), Reload> {
    let Some((slot, item)) = node.thing() else { return Ok(()) };
    let carried = Carried { slot, item, name: format!("thing {}", item.kind.0) };
    let start = node.dice.random_range(1..300);
    let buy_out = node.dice.random_bool(0.5).then(|| start * 2);
    let (operation, seller, by_words) = (number(node), node.name(), node.dice.random_bool(0.3));
    let reply = node
        .order("list", operation, |order| {
            let (seller, carried) = (seller.clone(), carried.clone());
            if by_words {
                let end = buy_out.map_or_else(|| "-".to_owned(), |gold| gold.to_string());
                let text = format!("sell {slot} {start} {end} 1h");
                return Request::Words(Words { order, name: seller, text, carry: vec![carried] });
            }
            Request::ListLot(ListLot { order, seller, carried, start, buy_out, hours: 1 })
        })
        .await?;
    match reply {
        Reply::Listed { gold, .. } => {
            node.lay(slot, None);
            node.gold = gold;
        }
        Reply::Said(said) => {
            if let Some(slot) = said.emptied {
                node.lay(slot, None);
            }
            node.gold = said.gold.unwrap_or(node.gold);
        }
        _ => {}
    }
    Ok(())
}

async fn at_auction(node: &mut Node) -> Result<(), Reload> {
    let search = SearchLots { order: LotOrder::Name, ..SearchLots::default() };
    let Some(Reply::Lots { lots, .. }) = node.ask(Request::SearchLots(search)).await else { return Ok(()) };
    let Some(found) = node.any(&lots) else { return Ok(()) };
    let operation = number(node);
    let reply = if found.seller == node.me.account {
        let lot = found.lot;
        node.order("cancel", operation, |order| Request::CancelLot(CancelLot { order, lot })).await?
    } else {
        bid(node, operation, &found).await?
    };
    match reply {
        Reply::LotChanged { gold } => node.gold = gold.unwrap_or(node.gold),
        Reply::Said(said) => node.gold = said.gold.unwrap_or(node.gold),
        _ => {}
    }
    Ok(())
}

async fn bid(node: &mut Node, operation: OperationId, found: &Lot) -> Result<Reply, Reload> {
    let (lot, name, typed) = (found.lot, node.name(), found.number.clone());
    let gold = found.next_bid + node.dice.random_range(0..20);
    match (node.dice.random_range(0..5), found.buy_out) {
        (0, Some(price)) => {
            node.order("buy out", operation, |order| Request::BuyOutLot(BuyOutLot { order, lot, price }))
                .await
        }
        (1, _) => {
            let text = format!("bid {typed} {gold}");
            let words = |order| Words { order, name: name.clone(), text: text.clone(), carry: Vec::new() };
            node.order("bid", operation, |order| Request::Words(words(order))).await
        }
        _ => {
            let bid = |order| BidOnLot { order, bidder: name.clone(), lot, gold };
            node.order("bid", operation, |order| Request::BidOnLot(bid(order))).await
        }
    }
}

/// Opens a shop with all that lies in the bank, or the same one with other prices.
async fn open_stall(node: &mut Node) -> Result<(), Reload> {
    let Some(cargo) = node.cargo().await else { return Ok(()) };
    let lying = cargo.items.iter().enumerate().filter_map(|(slot, item)| Some((slot, (*item)?)));
    let price = node.dice.random_range(1..400);
    let wares = lying.take(6).enumerate().map(|(position, (slot, item))| Ware {
        position: position as u8,
        cargo_slot: slot as u8,
        shown: item.spec(),
        price,
    });
    let wares: Vec<Ware> = wares.collect();
    let (owner, title) = (node.party(), "shop".to_owned());
    let reply = node.ask(Request::OpenStall(OpenStall { owner, title, wares, tax: 10 })).await;
    if let Some(Reply::StallOpened(stall)) = reply {
        node.line.stall.replace(Some(stall));
    }
    Ok(())
}

async fn buy(node: &mut Node) -> Result<(), Reload> {
    let owner = node.other().1.character;
    let Some(Reply::Stall(Some(stall))) = node.ask(Request::ReadStall { owner }).await else { return Ok(()) };
    let Some((ware, _)) = node.any(&stall.wares) else { return Ok(()) };
    let Some(to_slot) = node.free_slot() else { return Ok(()) };
    // somebody who looks for a while before buying
    let looks = std::time::Duration::from_millis(node.dice.random_range(0..600));
    tokio::time::sleep(looks).await;
    let Ware { position, shown, price, .. } = ware;
    let operation = number(node);
    note_price(&node.board, operation, price);
    let request =
        |order| Request::BuyFromStall(BuyFromStall { order, to_slot, owner, position, shown, price });
    if let Reply::Bought { slot: (slot, item), gold } = node.order("buy", operation, request).await? {
        node.lay(slot, Some(item));
        node.gold = gold;
    }
    Ok(())
}

fn note_price(board: &SharedBoard, operation: OperationId, price: i64) {
    held(board).prices.insert(operation, price);
}

/// Something between the inventory and the bank, either way; it may be swapped for what lies there.
async fn move_item(node: &mut Node) -> Result<(), Reload> {
    let Some(cargo) = node.cargo().await else { return Ok(()) };
    let lying: Vec<u8> =
        (0..CARGO_SLOTS).filter(|slot| cargo.items[*slot].is_some()).map(|slot| slot as u8).collect();
    let cargo_slot = |index| Slot { container: Container::Cargo, index };
    let carry_slot = |index| Slot { container: Container::Carry, index };
    let (from, to) = if node.dice.random_bool(0.5) {
        let Some((slot, _)) = node.thing() else { return Ok(()) };
        (carry_slot(slot), cargo_slot(node.dice.random_range(0..BANK_SLOTS)))
    } else {
        let (Some(from), Some(to)) = (node.any(&lying), node.free_slot()) else { return Ok(()) };
        (cargo_slot(from), carry_slot(to))
    };
    let carry = if from.container == Container::Carry { from.index } else { to.index };
    let carried = node.carry.get(&carry).copied();
    let known = carried.map(|item| KindRule { kind: item.kind, pieces: 0 });
    node.bank(|order, rule| {
        let rule = rule.or(known);
        bank::Request::MoveItem(MoveItem { order, cargo_slots: CARGO_SLOTS as u8, rule, from, to, carried })
    })
    .await
}

async fn move_gold(node: &mut Node) -> Result<(), Reload> {
    let amount = node.dice.random_range(1..2_000);
    let into = node.dice.random_bool(0.5);
    node.bank(|order, _| {
        let moved = MoveGold { order, amount };
        if into { bank::Request::DepositGold(moved) } else { bank::Request::WithdrawGold(moved) }
    })
    .await
}

impl Node {
    /// Makes room in a bank that is full of gold, so that what lots owe can come.
    pub async fn gold_back(&mut self) {
        loop {
            let cargo = self.cargo().await;
            match cargo {
                Some(cargo) if cargo.gold <= RICH => return,
                None => tokio::time::sleep(super::node::AGAIN).await,
                Some(_) => {
                    let withdrawn = |order, _: Option<KindRule>| {
                        bank::Request::WithdrawGold(MoveGold { order, amount: 2_000_000 })
                    };
                    if self.bank(withdrawn).await.is_err() {
                        self.load().await;
                    }
                }
            }
        }
    }
}
