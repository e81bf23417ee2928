//! What players type reaches the auction house, and what they are answered.

use crate::auction::{House, house};
use crate::stage::Player;
use model::calls::market::{Carried, MarketRefusal, Reply, Request, Said, Words};
use model::event::{Notice, NoticeKey};

async fn says(house: &House, who: &Player, text: &str) -> Said {
    let carry = who.carry.iter().enumerate().filter_map(|(slot, item)| {
        let name = format!("Axe {slot}");
        item.map(|item| Carried { slot: slot as u8, item, name })
    });
    let (order, name) = (who.order(), who.party.name.clone());
    let words = Words { order, name, text: text.to_owned(), carry: carry.collect() };
    match house.node.ask(Request::Words(words)).await {
        Reply::Said(said) => said,
        // the zone tells it in the same words
        Reply::Refused(refusal) => Said { lines: vec![refusal.notice()], ..Said::default() },
        other => panic!("{text}: {other:?}"),
    }
}

fn keys(said: &Said) -> Vec<NoticeKey> {
    let key = |notice: &Notice| match notice {
        Notice::Catalogue { key, .. } => *key,
        Notice::Text(text) => panic!("{text}"),
    };
    said.lines.iter().map(key).collect()
}

fn argument(said: &Said, index: usize) -> String {
    match &said.lines[0] {
        Notice::Catalogue { arguments, .. } => arguments[index].clone(),
        Notice::Text(text) => panic!("{text}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_auction_is_typed() {
    let house = house().await;
    let said = says(&house, &house.seller, "sell 2 1k 5000").await;
    assert_eq!(keys(&said), [NoticeKey::AuctionListed]);
    assert_eq!((said.emptied, said.gold), (Some(2), Some(990)));
    let number = argument(&said, 0);
    let found = says(&house, &house.dora, "find axe 2000").await;
    assert_eq!(keys(&found), [NoticeKey::AuctionLot]);
    let shown: Vec<_> = (0..5).map(|index| argument(&found, index)).collect();
    assert_eq!(shown, [number.as_str(), "Axe 2", "1000", "5000", "24"]);
    let bid = says(&house, &house.dora, &format!("bid {} 1200", number.to_lowercase())).await;
    assert_eq!((keys(&bid), bid.gold), (vec![NoticeKey::AuctionBid], Some(8_800)));
    assert_eq!(keys(&says(&house, &house.dora, "mine").await), [NoticeKey::AuctionLot]);
    assert_eq!(
        keys(&says(&house, &house.seller, &format!("cancel {number}")).await),
        [NoticeKey::AuctionHasBids]
    );
    let bought = says(&house, &house.edu, &format!("buy {number}")).await;
    assert_eq!((keys(&bought), bought.gold), (vec![NoticeKey::AuctionBought], Some(15_000)));
    assert_eq!(keys(&says(&house, &house.dora, "mine").await), [NoticeKey::AuctionNothing]);
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_said_in_the_players_words() {
    let house = house().await;
    let number = argument(&says(&house, &house.seller, "sell 0 1000").await, 0);
    for (text, key) in [
        ("", NoticeKey::AuctionUsage),
        ("steal everything", NoticeKey::AuctionUsage),
        ("sell 9 100", NoticeKey::ItemGone),
        ("bid ZZZZZ 100", NoticeKey::AuctionNoSuchLot),
        ("bid Z 100", NoticeKey::AuctionNoSuchLot),
        ("find nothing", NoticeKey::AuctionNothing),
        (&format!("bid {number} 10"), NoticeKey::AuctionBidTooLow),
        (&format!("bid {number} 11k"), NoticeKey::GoldMissing),
        (&format!("buy {number}"), NoticeKey::OfferChanged),
        (&format!("cancel {number}"), NoticeKey::AuctionNoSuchLot),
    ] {
        let said = says(&house, &house.dora, text).await;
        assert_eq!(keys(&said), [key], "{text}");
        assert_eq!((said.emptied, said.gold), (None, None));
    }
    assert_eq!(house.stage.gold(&house.dora).await, 10_000);
}

/// Typed, and typed again as a node does that was not answered.
async fn says_twice(house: &House, who: &Player, text: &str) -> [Reply; 2] {
    let item = who.carry.first().copied().flatten();
    let carry = item.map(|item| Carried { slot: 0, item, name: "Axe".to_owned() });
    let (order, name) = (who.order(), who.party.name.clone());
    let mut words = Words { order, name, text: text.to_owned(), carry: carry.into_iter().collect() };
    let first = house.node.ask(Request::Words(words.clone())).await;
    words.order.again = true;
    // the item has left the bag
    words.carry.clear();
    [first, house.node.ask(Request::Words(words)).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_is_answered_by_what_was_done_and_not_by_what_is_there_now() {
    let house = house().await;
    let [sold, again] = says_twice(&house, &house.seller, "sell 0 1000 5000").await;
    let Reply::Said(sold) = sold else { panic!("{sold:?}") };
    assert_eq!(again, Reply::DoneUnseen, "sell");
    let number = argument(&sold, 0);
    for (who, text) in [(&house.dora, format!("bid {number} 1500")), (&house.edu, format!("buy {number}"))] {
        let [first, again] = says_twice(&house, who, &text).await;
        assert!(matches!(first, Reply::Said(_)), "{text}: {first:?}");
        assert_eq!(again, Reply::DoneUnseen, "{text}");
    }
    let number = argument(&says(&house, &house.seller, "sell 1 1000").await, 0);
    let [_, again] = says_twice(&house, &house.seller, &format!("cancel {number}")).await;
    assert_eq!(again, Reply::DoneUnseen, "cancel");
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_reaches_the_node_as_what_it_is() {
    let house = house().await;
    let number = argument(&says(&house, &house.seller, "sell 0 1000").await, 0);
    let [poor, _] = says_twice(&house, &house.dora, &format!("bid {number} 11k")).await;
    assert_eq!(poor, Reply::Refused(MarketRefusal::NotEnough));
    let [gone, _] = says_twice(&house, &house.seller, "sell 0 1000").await;
    assert_eq!(gone, Reply::Refused(MarketRefusal::ItemGone));
}
