//! One player's day: it buys, dresses, drops, banks and trades, and everything is where it was when the cluster
//! has been away; the operator's tools tell the same story.
#![allow(clippy::unwrap_used)]

use bot::client::{Belongings, Event, World};
use bot::protocol::incoming::{GroundSeen, ItemSeen, OfferSeen, ShelfSeen, Told};
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use bot::protocol::slot::{Container, Slot};
use e2e::{Cluster, Identity, Options, Player};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Between the keeper of the bank and the merchant of Armia.
const MARKET: Tile = Tile::new(2105, 2111);
const PATIENCE: Duration = Duration::from_secs(20);
const SHOP: u8 = 1;
const KEEPER: u8 = 2;
/// The weapon hand.
const HAND: Slot = Slot::equip(6);

fn merchant(player: &Player, kind: u8) -> u16 {
    let at = player.tile();
    let found =
        player.world().entities().filter(|entity| !entity.is_player() && entity.score.merchant == kind);
    found.min_by_key(|entity| entity.track.to.distance(at)).unwrap_or_else(|| panic!("no merchant {kind}")).id
}

fn free(world: &World, container: Container) -> Slot {
    let index = world.container(container).iter().position(Option::is_none).expect("a free slot");
    Slot { container, index: index as u8 }
}

fn move_item(player: &mut Player, from: Slot, to: Slot, keeper: u16) -> ItemSeen {
    let item = player.world().slot(from).unwrap_or_else(|| panic!("nothing lies in {from}"));
    player.run("a move", async |client| client.move_item(from, to, keeper).await);
    player.until(&format!("{from} is in {to}"), |world| {
        world.slot(to) == Some(item) && world.slot(from).is_none()
    });
    item
}

/// Buys the first thing that the merchant has; what, where it lies.
fn buys(player: &mut Player) -> (ItemSeen, Slot) {
    let merchant = merchant(player, SHOP);
    player.run("the shop", async |client| client.open_shop(merchant).await);
    let shelf = player.expect("the shelf", PATIENCE, |_, event| match event {
        Event::Goods(Told::Shelf(shelf)) => Some(shelf.clone()),
        _ => None,
    });
    let ware = shelf.goods[0].expect("goods");
    let (gold, to) = (player.world().own().gold, free(player.world(), Container::Carry));
    player.run("a purchase", async |client| client.buy(merchant, ShelfSeen::slot(0) as u16, to.index).await);
    player.until("it has bought", |world| {
        world.slot(to).is_some_and(|item| item.kind == ware.kind) && world.own().gold < gold
    });
    (player.world().slot(to).unwrap(), to)
}

fn dresses(player: &mut Player) {
    let to = free(player.world(), Container::Carry);
    let weapon = move_item(player, HAND, to, 0);
    assert_eq!(move_item(player, to, HAND, 0), weapon);
}

fn drops_and_the_other_grabs(player: &mut Player, other: &mut Player, slot: Slot) {
    let item = player.world().slot(slot).unwrap();
    let tile = player.tile();
    let lies = |world: &World| world.ground().find(|ground| ground.item == item).copied();
    player.run("a drop", async |client| client.drop_item(slot, tile).await);
    player.until("it has laid it down", |world| world.slot(slot).is_none());
    other.until("it lies there", |world| lies(world).is_some());
    let GroundSeen { id, tile, .. } = lies(other.world()).unwrap();
    let to = free(other.world(), Container::Carry);
    other.run("a grab", async |client| client.pick_up(id, tile, to.index).await);
    other.until("it has picked it up", |world| world.slot(to) == Some(item));
    player.until("it is gone", |world| lies(world).is_none());
}

fn banks(player: &mut Player) {
    let keeper = merchant(player, KEEPER);
    let from = (0..30).map(Slot::carry).find(|slot| player.world().slot(*slot).is_some()).unwrap();
    let to = free(player.world(), Container::Cargo);
    move_item(player, from, to, keeper);
    let gold = player.world().own().gold;
    player.run("a deposit", async |client| client.deposit(300).await);
    player.until("300 are in the bank", |world| (world.own().gold, world.cargo_gold()) == (gold - 300, 300));
    player.run("a withdrawal", async |client| client.withdraw(100).await);
    player.until("200 are left there", |world| (world.own().gold, world.cargo_gold()) == (gold - 200, 200));
}

/// One gives an item and gold for an item of the other.
fn trade(player: &mut Player, other: &mut Player) {
    let first = |player: &Player| {
        let slot = (0..30).find(|slot| player.world().slot(Slot::carry(*slot)).is_some()).unwrap();
        (0, slot, player.world().slot(Slot::carry(slot)).unwrap())
    };
    let [ours, theirs] = [player.world().belongings(), other.world().belongings()];
    let id_of = |who: &Player, name: &str| who.world().player(name).unwrap().id;
    let (name, others) = (player.identity.character.clone(), other.identity.character.clone());
    let partner = id_of(player, &others);
    let (given, got) = (first(player), first(other));
    let mut mine = OfferSeen { partner, ..OfferSeen::default() };
    player.run("an invitation", async |client| client.offer(&mine).await);
    other.until("it is invited", |world| world.offer().is_some());
    let back = OfferSeen { items: vec![got], partner: id_of(other, &name), ..OfferSeen::default() };
    other.run("its offer", async |client| client.offer(&back).await);
    player.until("it is shown the offer", |world| world.offer().is_some_and(|offer| offer.items.len() == 1));
    (mine.items, mine.gold) = (vec![given], 50);
    player.run("the own offer", async |client| client.offer(&mine).await);
    other.until("it is shown the gold", |world| world.offer().is_some_and(|offer| offer.gold == 50));
    mine.checked = true;
    player.run("the own check", async |client| client.offer(&mine).await);
    other.until("it is shown the check", |world| world.offer().is_some_and(|offer| offer.checked));
    other.run("its check", async |client| client.offer(&OfferSeen { checked: true, ..back.clone() }).await);
    for (who, before, gives, gets, gold) in
        [(&mut *player, ours, given.2, got.2, -50), (&mut *other, theirs, got.2, given.2, 50)]
    {
        who.until("the trade is done", |world| {
            world.own().gold == before.gold + gold && world.offer().is_none()
        });
        let mut agreed = before.census();
        *agreed.entry(gets).or_default() += 1;
        *agreed.get_mut(&gives).unwrap() -= 1;
        agreed.retain(|_, count| *count > 0);
        assert_eq!(who.world().belongings().census(), agreed);
    }
}

fn at_market(cluster: &Cluster, profile: Profile, name: &str, tile: Tile) -> Player {
    let mut player = Player::enter(cluster, &Identity::sign_up(cluster, profile, name));
    player.walk_to(tile);
    player
}

/// A whole day of two players; who they are, and what they were shown last.
fn day(cluster: &Cluster, profile: Profile) -> Vec<(Identity, Belongings)> {
    let (buyer, grabber) = (format!("dona{profile}"), format!("vizinha{profile}"));
    let beside = Tile::new(MARKET.x + 1, MARKET.y);
    let mut player = at_market(cluster, profile, &buyer, MARKET);
    let mut other = at_market(cluster, profile, &grabber, beside);
    player.until_sees(&other.identity.character.clone());
    other.until_sees(&player.identity.character.clone());
    let (_, slot) = buys(&mut player);
    dresses(&mut player);
    drops_and_the_other_grabs(&mut player, &mut other, slot);
    banks(&mut player);
    trade(&mut player, &mut other);
    let left = [player, other].map(|mut who| {
        who.assert_content();
        let found = (who.identity.clone(), who.world().belongings());
        who.leave();
        found
    });
    left.to_vec()
}

fn lines(cluster: &Cluster, arguments: &[&str]) -> Vec<Value> {
    let output = cluster.with_data(arguments, None);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the operator reads about the two: the purchase, and the whole life of what was bought.
fn told_by_the_tools(cluster: &Cluster, buyer: &str, grabber: &str) {
    let ledger = lines(cluster, &["ledger", "--player", buyer, "--json"]);
    assert!(ledger.iter().any(|entry| entry["change"]["gold"] == 300), "the deposit is told: {ledger:#?}");
    let bought = ledger
        .iter()
        .filter(|entry| entry["change"]["item"].is_string() && entry["change"]["before"].is_null())
        .map(|entry| entry["change"]["item"].as_str().unwrap().to_owned())
        .find(|item| {
            let life = lines(cluster, &["item", item, "--json"]);
            life.iter().any(|entry| {
                entry["change"]["after"]["place"].as_str().is_some_and(|to| to.contains("ground"))
            })
        });
    let item = bought.expect("an item that was bought and laid on the ground");
    let life = lines(cluster, &["item", &item, "--json"]);
    assert!(life[0]["change"]["before"].is_null(), "it was born: {life:#?}");
    assert!(life.len() >= 3, "born, dropped, grabbed: {life:#?}");
    let others = lines(cluster, &["ledger", "--player", grabber, "--json"]);
    assert!(
        others.iter().any(|entry| entry["change"]["item"] == item.as_str()),
        "{grabber} has it: {others:#?}"
    );
}

#[test]
fn a_day_at_the_market_outlives_the_cluster_in_every_version() {
    let mut cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let mut everybody = Vec::new();
    for profile in Profile::ALL {
        everybody.extend(day(&cluster, profile));
    }
    assert_eq!(cluster.stop(), Some(0));
    cluster.up();
    for (identity, shown) in &everybody {
        let mut player = Player::connect(&cluster, identity);
        let list = player.log_in(true);
        player.choose(&list);
        let differences = shown.differences(&player.world().belongings());
        assert!(differences.is_empty(), "{}: {differences:#?}", identity.character);
        player.assert_content();
        player.leave();
    }
    for pair in everybody.chunks(2) {
        told_by_the_tools(&cluster, &pair[0].0.character, &pair[1].0.character);
    }
    let fsck = cluster.with_data(&["fsck"], None);
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
}

/// Where they stand, what they have: as before, on the same connection.
fn has_again(who: &mut Player, before: &Belongings) {
    let from = (0..30).map(Slot::carry).find(|slot| who.world().slot(*slot).is_some()).unwrap();
    let to = free(who.world(), Container::Carry);
    // the next thing that it does finds the node's copy stale: it is attached anew and shown what is true
    who.run("a move", async |client| client.move_item(from, to, 0).await);
    let (gold, census) = (before.gold, before.census());
    who.until("it has what it had before the trade", |world| {
        world.own().gold == gold && world.belongings().census() == census
    });
}

/// Throws an item away, and is put back to the moment before, on the same connection.
fn thrown_away_and_restored(cluster: &Cluster, player: &mut Player) {
    let name = player.identity.character.clone();
    let (before, moment) = (player.world().belongings(), SystemTime::now().duration_since(UNIX_EPOCH));
    let moment = moment.unwrap().as_millis().to_string();
    let slot = (0..30).rev().map(Slot::carry).find(|slot| player.world().slot(*slot).is_some()).unwrap();
    player.run("throwing it away", async |client| client.destroy(slot.index).await);
    player.until("it is gone", |world| world.slot(slot).is_none());
    let restore = |at: &str| {
        let output = cluster.with_data(&["restore-character", &name, "--at", at], None);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), text.lines().last().unwrap_or_default().to_owned(), error)
    };
    let (held, done, error) = restore(&moment);
    let done: Value = serde_json::from_str(&done).unwrap_or_else(|_| panic!("{error}"));
    assert_eq!((held, &done["steps"], &done["left"]), (true, &Value::from(1), &Value::from(0)), "{done}");
    has_again(player, &before);
    let (held, _, error) = restore("2100-01-01T00:00:00Z");
    assert!(!held && error.contains("expected one before now"), "{error}");
}

#[test]
fn an_operator_takes_a_trade_back_and_both_play_on() {
    let cluster = Cluster::start(Options::default());
    let profile = Profile::ALL[0];
    let mut player = at_market(&cluster, profile, "doralice", MARKET);
    let mut other = at_market(&cluster, profile, "lindalva", Tile::new(MARKET.x + 1, MARKET.y));
    player.until_sees(&other.identity.character.clone());
    other.until_sees(&player.identity.character.clone());
    buys(&mut player);
    buys(&mut other);
    let before = [player.world().belongings(), other.world().belongings()];
    trade(&mut player, &mut other);
    let traded = [player.world().belongings(), other.world().belongings()];
    let name = player.identity.character.clone();
    let ledger = lines(&cluster, &["ledger", "--player", &name, "--json"]);
    let operation = ledger.last().unwrap()["operation"].as_str().unwrap().to_owned();
    let undo = |operation: &str, more: &[&str]| {
        let mut arguments = vec!["undo", "--operation", operation];
        arguments.extend(more);
        let output = cluster.with_data(&arguments, None);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str::<Value>(text.lines().last().unwrap()).unwrap()
    };
    let planned = undo(&operation, &["--dry-run"]);
    assert_eq!((&planned["steps"], &planned["operations"]), (&Value::from(3), &Value::Array(Vec::new())));
    let done = undo(&operation, &[]);
    assert_eq!((&done["steps"], &done["left"]), (&Value::from(3), &Value::from(0)));
    assert_eq!(undo(&operation, &[])["steps"], Value::from(0), "the second time there is nothing to do");
    has_again(&mut player, &before[0]);
    has_again(&mut other, &before[1]);
    player.say_to(&mut other, "ainda aqui");
    other.say_to(&mut player, "eu tambem");
    // and that is taken back, too: each time they are loaded anew on the same connection
    let reversal = done["operations"][0].as_str().unwrap();
    assert_eq!(undo(reversal, &[])["steps"], Value::from(3));
    has_again(&mut player, &traded[0]);
    has_again(&mut other, &traded[1]);
    player.say_to(&mut other, "ainda aqui");
    other.say_to(&mut player, "eu tambem");
    thrown_away_and_restored(&cluster, &mut player);
    player.say_to(&mut other, "de novo eu");
    let fsck = cluster.with_data(&["fsck"], None);
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
}
