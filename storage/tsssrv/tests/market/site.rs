//! The auction house of web sites, over real TCP; and operators who take lots off.

use crate::auction::{House, house};
use crate::stage::{Player, operation};
use model::calls::database::{AccountChange, ChangeAccount, GetAccount, ItemHistory};
use model::calls::market::{MarketRefusal, RemoveLot, Reply, Request};
use model::item::GOLD_MAX;
use model::ledger::Actor;
use model::{AccountId, Secret};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use support::SOON;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "0123456789abcdef";

/// A market with a web site, and two players with gold in their banks.
struct Site {
    house: House,
    address: SocketAddr,
    settings: settings::Live<tsssrv::Settings>,
    stop: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Site {
    async fn new() -> Self {
        let house = house().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let own = tsssrv::Settings { auctions_token: Secret::new(TOKEN), ..tsssrv::Settings::default() };
        let settings = settings::Live::new(own);
        let market = house.stage.market();
        tokio::spawn(tsssrv::serve_auctions(market, settings.clone(), listener, stop.clone()));
        for player in [&house.dora, &house.edu, &house.seller] {
            house.stage.mints_into_bank(player, 10_000).await;
        }
        Self { house, address, settings, stop }
    }

    /// Status and body.
    async fn asks(&self, head: &str, token: Option<&str>, body: &str) -> (u16, Value) {
        let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let request = format!("{head} HTTP/1.1\r\nhost: x\r\n{token}content-length: {length}\r\n\r\n{body}");
        let answer = timeout(SOON, async {
            let mut socket = TcpStream::connect(self.address).await.unwrap();
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    async fn gets(&self, path: &str) -> (u16, Value) {
        self.asks(&format!("GET {path}"), Some(TOKEN), "").await
    }

    async fn posts(&self, path: &str, body: &Value) -> (u16, Value) {
        self.asks(&format!("POST {path}"), Some(TOKEN), &body.to_string()).await
    }

    /// Posts until it is known what came of it.
    async fn sends(&self, path: &str, body: &Value) -> (u16, Value) {
        let deadline = Instant::now() + SOON;
        loop {
            let told = self.posts(path, body).await;
            if told.0 != 503 {
                return told;
            }
            assert!(Instant::now() < deadline, "nobody knows what came of {body}");
        }
    }

    async fn account(&self, player: &Player) -> String {
        let account = player.party.fence.account;
        let found = self.house.stage.store.inner().get_account(GetAccount { account }).await.unwrap();
        found.unwrap().name.as_str().to_owned()
    }

    async fn bid(&self, who: &Player, operation: &str, gold: i64) -> Value {
        let (account, character) = (self.account(who).await, who.party.name.clone());
        json!({ "operation": operation, "account": account, "character": character, "gold": gold })
    }

    async fn gold(&self, who: &Player) -> i64 {
        self.house.banked(who).await.1
    }
}

fn id(number: u128) -> String {
    format!("{number:032x}")
}

fn reason(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["reason"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bid_is_paid_from_the_bank_once_however_often_it_is_sent() {
    let site = Site::new().await;
    let Site { house, .. } = &site;
    let lot = house.lists(0, 2_000, None).await;
    let path = format!("/auctions/{:016x}/bid", lot.lot.0);
    let first = site.bid(&house.dora, &id(1), 2_000).await;
    let done = (200, json!({ "lot": format!("{:016x}", lot.lot.0), "bank_gold": 8_000 }));
    for _ in 0..3 {
        assert_eq!(site.posts(&path, &first).await, done);
    }
    let low = site.bid(&house.edu, &id(1), 2_050).await;
    let told = site.posts(&path, &low).await;
    assert_eq!(reason(&told), (409, "bid_too_low"));
    assert!(told.1["error"].as_str().unwrap().contains("2100"), "{}", told.1);
    let edu = site.bid(&house.edu, &id(2), 3_000).await;
    assert_eq!(site.posts(&path, &edu).await.1["bank_gold"], 7_000);
    assert_eq!(site.gold(&house.dora).await, 10_000, "outbid, and paid back");
    assert_eq!(site.posts(&path, &first).await, done, "as it was after that bid");
    let late = site.bid(&house.edu, &id(1), 9_000).await;
    assert_eq!(reason(&site.posts(&path, &late).await), (409, "not_done"), "it was refused for good");
    let poor = site.bid(&house.dora, &id(3), 10_001).await;
    assert_eq!(reason(&site.posts(&path, &poor).await), (409, "not_enough"));
    let shown = site.gets(&format!("/auctions/{}", lot.number)).await;
    assert_eq!((shown.0, &shown.1["bid"], &shown.1["next_bid"]), (200, &json!(3_000), &json!(3_150)));
    house.stage.wait_hours(25);
    support::until("it is won", async || !house.banked(&house.edu).await.0.is_empty()).await;
    assert_eq!(site.posts(&path, &edu).await.1["bank_gold"], 7_000, "known when the lot is gone");
    assert_eq!(house.stage.gold(&house.edu).await, 20_000, "what the character carries is not touched");
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_the_bank_is_listed_bought_and_cancelled() {
    let site = Site::new().await;
    let Site { house, .. } = &site;
    let item = house.stage.banks(&house.seller, 0, 7).await;
    let other = house.stage.banks(&house.seller, 1, 8).await;
    let account = site.account(&house.seller).await;
    let bank = site.gets(&format!("/accounts/{account}/bank")).await.1;
    assert_eq!(bank["gold"], 10_000);
    let shown = json!({ "id": format!("{:032x}", item.id.0), "kind": item.kind.0, "effects": [[43, 3], [0, 0], [0, 0]] });
    assert_eq!(bank["items"][0], json!({ "slot": 7, "item": shown }));
    let wish = |operation: u128, slot: u8, item: u128| {
        json!({ "operation": id(operation), "account": account, "character": house.seller.party.name,
                "slot": slot, "item": format!("{item:032x}"), "name": "Axe of Troy", "start": 500, "buy_out": 4_000 })
    };
    let gone = site.posts("/auctions", &wish(1, 7, other.id.0)).await;
    assert_eq!(reason(&gone), (409, "item_gone"));
    let listed = site.posts("/auctions", &wish(2, 7, item.id.0)).await;
    assert_eq!((listed.0, &listed.1["bank_gold"]), (200, &json!(9_990)), "less the fee");
    assert_eq!(site.posts("/auctions", &wish(2, 7, item.id.0)).await, listed, "once");
    let second = site.posts("/auctions", &wish(3, 8, other.id.0)).await;
    let own = site.gets(&format!("/accounts/{account}/auctions")).await.1;
    assert_eq!((&own["found"], &own["lots"][0]["seller"]), (&json!(2), &json!(house.seller.party.name)));
    let path =
        |answer: &(u16, Value), verb: &str| format!("/auctions/{}/{verb}", answer.1["lot"].as_str().unwrap());
    let buyer = site.account(&house.dora).await;
    let buy = |price: i64, number: u128| json!({ "operation": id(number), "account": buyer, "price": price });
    assert_eq!(reason(&site.posts(&path(&listed, "buy"), &buy(3_999, 4)).await), (409, "changed"));
    for _ in 0..2 {
        let bought = site.posts(&path(&listed, "buy"), &buy(4_000, 5)).await;
        assert_eq!((bought.0, &bought.1["bank_gold"]), (200, &json!(6_000)));
    }
    assert_eq!(house.banked(&house.dora).await, (vec![item], 6_000));
    assert_eq!(site.gold(&house.seller).await, 9_980 + 3_800, "less the tax");
    let cancel = |account: &str, number: u128| json!({ "operation": id(number), "account": account });
    let others = site.posts(&path(&second, "cancel"), &cancel(&buyer, 6)).await;
    assert_eq!(reason(&others), (404, "no_lot"));
    for _ in 0..2 {
        assert_eq!(site.posts(&path(&second, "cancel"), &cancel(&account, 7)).await.0, 200);
    }
    assert_eq!(house.banked(&house.seller).await.0, vec![other]);
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lots_are_searched_by_name_kind_price_and_page() {
    let site = Site::new().await;
    let Site { house, .. } = &site;
    for slot in 0..3 {
        house.lists(slot, 100 * (i64::from(slot) + 1), None).await;
    }
    let names = async |query: &str| {
        let (status, found) = site.gets(&format!("/auctions?{query}")).await;
        assert_eq!(status, 200, "{query}: {found}");
        let names = found["lots"].as_array().unwrap().iter().map(|lot| lot["next_bid"].as_i64().unwrap());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("").await, [100, 200, 300]);
    assert_eq!(names("words=dragon+2&order=price_down").await, [300]);
    assert_eq!(names("kind=401").await, [200]);
    assert_eq!(names("price_min=150&order=price_down").await, [300, 200]);
    assert_eq!(names("page=1").await, [0_i64; 0]);
    let page = site.gets("/auctions?page=0").await.1;
    assert_eq!((&page["found"], &page["pages"]), (&json!(3), &json!(1)));
    assert!(
        !page.to_string().contains(&site.account(&house.seller).await),
        "account names are nobody's business"
    );
    assert_eq!(reason(&site.gets("/auctions?word=x").await), (400, "bad_request"));
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_nobody_is_told_anything_and_what_is_wrong_is_named() {
    let site = Site::new().await;
    let Site { house, .. } = &site;
    let lot = house.lists(0, 500, None).await;
    let (path, account) = (format!("/auctions/{:016x}/bid", lot.lot.0), site.account(&house.dora).await);
    let bid = site.bid(&house.dora, &id(1), 500).await;
    for token in [None, Some(&TOKEN[1..]), Some("")] {
        for head in ["GET /auctions", "POST /auctions", &format!("POST {path}"), "GET /accounts/x/bank"] {
            assert_eq!(site.asks(head, token, &bid.to_string()).await.0, 401, "{head} {token:?}");
        }
    }
    for (path, change, expected) in [
        (path.as_str(), json!({ "operation": "seven" }), (400, "bad_request")),
        (&path, json!({ "gold": 0 }), (400, "bad_request")),
        (&path, json!({ "gold": GOLD_MAX + 1 }), (400, "bad_request")),
        (&path, json!({ "gold": "much" }), (400, "bad_request")),
        (&path, json!({ "price": 5 }), (400, "bad_request")),
        (&path, json!({ "account": "nobody" }), (404, "no_account")),
        (&path, json!({ "character": house.edu.party.name }), (400, "bad_request")),
        ("/auctions/zzzzz/bid", json!({}), (400, "bad_request")),
        ("/auctions/00000000000000ab/bid", json!({}), (404, "no_lot")),
    ] {
        let mut body = bid.clone();
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        body["operation"] = change.get("operation").cloned().unwrap_or_else(|| json!(id(operation().0)));
        let told = site.posts(path, &body).await;
        assert_eq!(reason(&told), expected, "{body}: {}", told.1);
    }
    let long = json!({ "operation": "x".repeat(5_000) });
    assert_eq!(site.posts(&path, &long).await.0, 413);
    house.stage.freezes(&house.dora, Some("a test")).await;
    assert_eq!(reason(&site.posts(&path, &bid).await), (409, "frozen"));
    house.stage.freezes(&house.dora, None).await;
    blocks(&site, house.dora.party.fence.account).await;
    let bid = site.bid(&house.dora, &id(2), 500).await;
    assert_eq!(reason(&site.posts(&path, &bid).await), (409, "frozen"), "who may not play may not bid");
    assert_eq!(site.gets(&format!("/accounts/{account}/bank")).await.1["gold"], 10_000);
    site.settings.set(tsssrv::Settings::default());
    assert_eq!(site.gets("/auctions").await.0, 401, "no token is set any more: nobody is let in");
}

async fn blocks(site: &Site, account: AccountId) {
    let change = AccountChange::Blocked(Some("a test".to_owned()));
    let store = site.house.stage.store.inner();
    assert!(store.change_account(ChangeAccount { account, change }).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_answers_are_lost_a_wish_is_sent_again_and_done_once() {
    let site = Arc::new(Site::new().await);
    let house = &site.house;
    let lot = house.lists(0, 100, Some(5_000)).await;
    let path = format!("/auctions/{:016x}/bid", lot.lot.0);
    house.stage.store.is_away(true);
    let bid = site.bid(&house.dora, &id(1), 100).await;
    let told = site.posts(&path, &bid).await;
    assert_eq!(reason(&told), (503, "unavailable"));
    house.stage.store.is_away(false);
    // two sites, each bidding again and again over the other, with every answer of the store in doubt
    let bidders = [&house.dora, &house.edu].map(|who| (Arc::clone(&site), who.clone(), path.clone()));
    let tasks = bidders.map(|(site, who, path)| {
        tokio::spawn(async move {
            for round in 0..12_u128 {
                site.house.stage.store.lose_answers(2);
                let gold = 200 * (i64::try_from(round).unwrap() + 1);
                let bid = site.bid(&who, &id(100 + round), gold).await;
                let told = site.sends(&path, &bid).await;
                let again = site.sends(&path, &bid).await;
                assert_eq!(again.0, told.0, "the same outcome again: {} {}", told.1, again.1);
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    let shown = site.gets(&format!("/auctions/{:016x}", lot.lot.0)).await.1;
    let high = shown["bid"].as_i64().unwrap();
    assert_eq!(site.gold(&house.dora).await + site.gold(&house.edu).await, 20_000 - high, "{shown}");
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_takes_a_lot_off_and_the_ledger_says_who() {
    let house = house().await;
    let (free, bid_on) = (house.lists(0, 100, None).await, house.lists(1, 100, None).await);
    house.bids(&house.dora, bid_on.lot, 4_000).await;
    let remove = |lot: &str, operator: &str| {
        Request::RemoveLot(RemoveLot { lot: lot.to_owned(), operator: operator.to_owned() })
    };
    let bad = house.node.ask(remove(&free.number, "a b")).await;
    assert!(matches!(bad, Reply::Refused(MarketRefusal::BadRequest(_))), "{bad:?}");
    let removed = house.node.ask(remove(&bid_on.number.to_lowercase(), "maria")).await;
    let Reply::Lots { lots, .. } = removed else { panic!("{removed:?}") };
    assert_eq!((lots[0].lot, lots[0].bid.map(|(_, gold)| gold)), (bid_on.lot, Some(4_000)));
    assert_eq!(house.banked(&house.dora).await, (vec![], 4_000));
    let item = house.seller.carry[1].unwrap();
    assert_eq!(house.banked(&house.seller).await, (vec![item], 0));
    let history = ItemHistory { item: item.id, limit: 100 };
    let entries = house.stage.store.inner().item_history(history).await.unwrap();
    let last = entries.last().unwrap();
    assert_eq!(
        (&last.actor, last.reason.as_str()),
        (&Actor::Operator("maria".to_owned()), "auction-removed")
    );
    let gone = house.node.ask(remove(&format!("{:016x}", bid_on.lot.0), "maria")).await;
    assert_eq!(gone, Reply::Refused(MarketRefusal::NoSuchLot));
    // a bank without room: it waits in the lot, and comes when there is room
    house.stage.mints_into_bank(&house.edu, GOLD_MAX).await;
    house.bids(&house.edu, free.lot, 500).await;
    assert!(matches!(house.node.ask(remove(&free.number, "maria")).await, Reply::Lots { .. }));
    assert_eq!(house.banked(&house.seller).await.0.len(), 2);
    assert_eq!((house.lots_left().await, house.banked(&house.edu).await.1), (1, GOLD_MAX));
    house.stage.is_sound().await;
}
