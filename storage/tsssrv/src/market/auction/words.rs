//! What players type: `auction sell 3 5000 9000 24`, `auction find sword 10kk`. The parser is pure; the rest turns
//! words into requests and replies into lines.

use super::super::{Answer, Early, Market};
use super::HOUR_MS;
use model::calls::market::{
    BidOnLot, BuyOutLot, CancelLot, LOTS_PER_PAGE, ListLot, Lot, MarketRefusal, Reply, Said, SearchLots,
    Words,
};
use model::event::{Notice, NoticeKey};
use model::words::amount;
use model::{ItemKind, LotId};

/// Longest name of an item in a line of the oldest client, in characters.
const NAME_IN_LINE: usize = 28;

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Sell { slot: u8, start: i64, buy_out: Option<i64>, hours: Option<u32> },
    Find(SearchLots),
    Bid { lot: String, gold: i64 },
    Buy { lot: String },
    Cancel { lot: String },
    Mine,
}

/// `None`: not understood.
fn parse(text: &str) -> Option<Wish> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (verb, rest) = words.split_first()?;
    match (verb.to_lowercase().as_str(), rest) {
        ("sell", [slot, start, more @ ..]) if more.len() <= 2 => {
            // a `-` stands for no buy-out
            let buy_out = match more.first() {
                None | Some(&"-") => None,
                Some(word) => Some(amount(word)?),
            };
            let hours = match more.get(1) {
                None => None,
                Some(word) => Some(word.trim_end_matches('h').parse().ok()?),
            };
            Some(Wish::Sell { slot: slot.parse().ok()?, start: amount(start)?, buy_out, hours })
        }
        ("find", rest) => Some(Wish::Find(search(rest)?)),
        ("bid", [lot, gold]) => Some(Wish::Bid { lot: (*lot).to_owned(), gold: amount(gold)? }),
        ("buy", [lot]) => Some(Wish::Buy { lot: (*lot).to_owned() }),
        ("cancel", [lot]) => Some(Wish::Cancel { lot: (*lot).to_owned() }),
        ("mine", []) => Some(Wish::Mine),
        _ => None,
    }
}

/// Words of the name, `#412` for a kind, then the highest price and the page.
fn search(words: &[&str]) -> Option<SearchLots> {
    let mut search = SearchLots::default();
    let last_word = words.iter().rposition(|word| amount(word).is_none()).map_or(0, |at| at + 1);
    let (names, numbers) = words.split_at(last_word);
    let mut kept = Vec::new();
    for word in names {
        match word.strip_prefix('#') {
            Some(kind) => search.kind = Some(ItemKind(kind.parse().ok()?)),
            None => kept.push(*word),
        }
    }
    search.words = kept.join(" ");
    match numbers {
        [] => {}
        [price] => search.price_max = amount(price),
        [price, page] => {
            search.price_max = amount(price);
            search.page = page.parse::<u32>().ok()?.saturating_sub(1);
        }
        _ => return None,
    }
    Some(search)
}

fn line(key: NoticeKey, arguments: impl IntoIterator<Item = String>) -> Notice {
    Notice::Catalogue { key, arguments: arguments.into_iter().collect() }
}

fn lot_line(lot: &Lot, now_ms: i64) -> Notice {
    let hours = ((lot.until_ms - now_ms).max(0) + HOUR_MS - 1) / HOUR_MS;
    let name: String = lot.name.chars().take(NAME_IN_LINE).collect();
    let buy_out = lot.buy_out.map_or_else(|| "-".to_owned(), |gold| gold.to_string());
    let arguments = [lot.number.clone(), name, lot.next_bid.to_string(), buy_out, hours.to_string()];
    line(NoticeKey::AuctionLot, arguments)
}

fn lot_lines(lots: &[Lot], found: u32, page: u32, now_ms: i64) -> Vec<Notice> {
    if lots.is_empty() {
        return vec![line(NoticeKey::AuctionNothing, [])];
    }
    let pages = found.div_ceil(LOTS_PER_PAGE).max(1);
    let numbers = [found.to_string(), (page + 1).to_string(), pages.to_string()];
    let lines = lots.iter().map(|lot| lot_line(lot, now_ms));
    lines.chain((pages > 1).then(|| line(NoticeKey::AuctionPage, numbers))).collect()
}

impl Market {
    pub(in crate::market) async fn words(&self, asked: Words) -> Answer {
        let Some(wish) = parse(&asked.text) else { return Ok(said([line(NoticeKey::AuctionUsage, [])])) };
        // a repeat asks what was done, not what the index says by now
        let is_read = matches!(wish, Wish::Find(_) | Wish::Mine);
        if asked.order.again && !is_read {
            return self.repeated(asked.order).await;
        }
        self.grant(&asked, wish).await
    }

    async fn grant(&self, asked: &Words, wish: Wish) -> Answer {
        let order = asked.order;
        match wish {
            Wish::Sell { slot, start, buy_out, hours } => {
                let carried = asked.carry.iter().find(|carried| carried.slot == slot).cloned();
                let Some(carried) = carried else { return Err(MarketRefusal::ItemGone.into()) };
                let hours = hours.unwrap_or(self.auction.hours);
                let seller = asked.name.clone();
                let list = ListLot { order, seller, carried, start, buy_out, hours };
                self.list_lot(&list).await.map(|reply| listed(reply, slot, self.fee(start)))
            }
            Wish::Find(search) => {
                self.check_indexed()?;
                let (lots, found) =
                    self.index.lock().search(&search, self.auction.step_percent, self.now_ms());
                Ok(said(lot_lines(&lots, found, search.page, self.now_ms())))
            }
            Wish::Bid { lot, gold } => {
                let number = lot.to_uppercase();
                let bid = BidOnLot { order, bidder: asked.name.clone(), lot: self.lot_of(&lot)?, gold };
                let reply = self.bid_on_lot(&bid).await?;
                Ok(changed(reply, line(NoticeKey::AuctionBid, [number, gold.to_string()])))
            }
            Wish::Buy { lot } => {
                let lot = self.lot_of(&lot)?;
                let shown = self.index.lock().lot(lot, self.auction.step_percent);
                let Some((name, Some(price))) = shown.map(|lot| (lot.name, lot.buy_out)) else {
                    return Err(MarketRefusal::OfferChanged.into());
                };
                let reply = self.buy_out_lot(&BuyOutLot { order, lot, price }).await?;
                Ok(changed(reply, line(NoticeKey::AuctionBought, [name, price.to_string()])))
            }
            Wish::Cancel { lot } => {
                let lot = self.lot_of(&lot)?;
                let reply = self.cancel_lot(&CancelLot { order, lot }).await?;
                // what comes back to the bank is told from there
                Ok(match reply {
                    Reply::LotChanged { .. } => said([]),
                    other => other,
                })
            }
            Wish::Mine => {
                self.check_indexed()?;
                let lots = self.index.lock().own(order.fence.account, self.auction.step_percent);
                Ok(said(lot_lines(&lots, 0, 0, self.now_ms())))
            }
        }
    }

    /// The one lot whose number begins so.
    fn lot_of(&self, number: &str) -> Result<LotId, Early> {
        self.check_indexed()?;
        match self.index.lock().beginning(number).as_slice() {
            [] => Err(MarketRefusal::NoSuchLot.into()),
            [lot] => Ok(*lot),
            _ => Err(MarketRefusal::Ambiguous.into()),
        }
    }
}

fn said(lines: impl IntoIterator<Item = Notice>) -> Reply {
    Reply::Said(Said { lines: lines.into_iter().collect(), ..Said::default() })
}

fn listed(reply: Reply, slot: u8, fee: i64) -> Reply {
    match reply {
        Reply::Listed { lot, gold } => {
            let lines = vec![line(NoticeKey::AuctionListed, [lot.number, lot.name, fee.to_string()])];
            Reply::Said(Said { lines, emptied: Some(slot), gold: Some(gold) })
        }
        other => other,
    }
}

fn changed(reply: Reply, notice: Notice) -> Reply {
    match reply {
        Reply::LotChanged { gold } => Reply::Said(Said { lines: vec![notice], emptied: None, gold }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood() {
        let sell = |buy_out, hours| Some(Wish::Sell { slot: 3, start: 5_000, buy_out, hours });
        assert_eq!(parse("sell 3 5000"), sell(None, None));
        assert_eq!(parse("SELL  3 5k 9kk"), sell(Some(9_000_000), None));
        assert_eq!(parse("sell 3 5000 9000 24h"), sell(Some(9_000), Some(24)));
        assert_eq!(parse("sell 3 5000 - 24"), sell(None, Some(24)));
        assert_eq!(parse("bid ABCDE 100"), Some(Wish::Bid { lot: "ABCDE".to_owned(), gold: 100 }));
        assert_eq!(parse("buy abcde"), Some(Wish::Buy { lot: "abcde".to_owned() }));
        assert_eq!(parse("cancel abcde"), Some(Wish::Cancel { lot: "abcde".to_owned() }));
        assert_eq!(parse("mine"), Some(Wish::Mine));
    }

    #[test]
    fn a_search_has_words_a_kind_a_price_and_a_page() {
        let find = |words: &str, kind: Option<u16>, price_max, page| {
            let kind = kind.map(ItemKind);
            Some(Wish::Find(SearchLots {
                words: words.to_owned(),
                kind,
                price_max,
                page,
                ..Default::default()
            }))
        };
        assert_eq!(parse("find"), find("", None, None, 0));
        assert_eq!(parse("find Dragon Sword"), find("Dragon Sword", None, None, 0));
        assert_eq!(parse("find sword 10k 2"), find("sword", None, Some(10_000), 1));
        assert_eq!(parse("find #412 100"), find("", Some(412), Some(100), 0));
        assert_eq!(parse("find sword +9 plus"), find("sword +9 plus", None, None, 0));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        for text in
            ["", "sell", "sell 3", "sell x 5", "sell 3 -5", "sell 300 5", "sell 3 5 6 7 8", "bid A", "buy"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in
            ["find a 1 2 3", "find #x", "bid A 5kkk", "bid A 99999999999999999999", "mine too", "steal 5"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
