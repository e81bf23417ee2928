//! Words of a player about parcels: to a player of another shard who is away, and to the same one while it plays on
//! another node.
#![allow(clippy::unwrap_used)]

use bot::client::Event;
use bot::protocol::profile::Profile;
use bot::protocol::slot::{Container, Slot};
use e2e::{Cluster, Identity, Options, Player};
use std::time::Duration;
use store::testing::{PgServer, postgres_wanted};

const PATIENCE: Duration = Duration::from_secs(20);
/// Gold that a parcel costs by default.
const POSTAGE: i32 = 100;

fn says(player: &mut Player, word: &str, text: &str) {
    player.run("words", async |client| client.whisper(word, text).await);
}

/// Waits for a line that holds all of these.
fn is_told(player: &mut Player, what: &str, parts: &[&str]) -> String {
    player.expect(what, PATIENCE, |_, event| match event {
        Event::Panel(text) if parts.iter().all(|part| text.contains(part)) => Some(text.clone()),
        _ => None,
    })
}

fn is_on(server: &PgServer, shard: usize, account: &str) -> bool {
    let sql = format!("SELECT count(*) FROM accounts WHERE name_key = '{account}'");
    server.psql(&format!("shard{shard}"), &sql) == "1"
}

/// A player whose account lies on that shard.
fn on_shard(cluster: &Cluster, server: &PgServer, shard: usize, profile: Profile, name: &str) -> Identity {
    let mut tried = (0..40).map(|number| Identity::sign_up(cluster, profile, &format!("{name}{number}")));
    tried
        .find(|identity| is_on(server, shard, &identity.account))
        .expect("one of 40 accounts is on the shard")
}

#[test]
fn a_parcel_waits_on_another_shard_for_who_is_away_and_is_told_at_once_to_who_plays() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let postgres = ["shard0", "shard1"].map(|name| server.create_database(name)).to_vec();
    let cluster = Cluster::start(Options { nodes: 2, postgres, ..Options::default() });
    let sender = on_shard(&cluster, &server, 0, Profile::V759, "remetente");
    let receiver = on_shard(&cluster, &server, 1, Profile::V748, "destino");
    Player::enter(&cluster, &receiver).leave();

    let mut ana = Player::enter(&cluster, &sender);
    let (name, to) = (sender.character.clone(), receiver.character.clone());
    let slot = (0..30).map(Slot::carry).find(|slot| ana.world().slot(*slot).is_some()).unwrap();
    let (item, gold) = (ana.world().slot(slot).unwrap(), ana.world().own().gold);
    says(&mut ana, "parcel", "send Ninguem9 5");
    is_told(&mut ana, "that there is nobody of that name", &["Ninguem9"]);
    says(&mut ana, "parcel", &format!("send {name} 5"));
    is_told(&mut ana, "that she cannot mail herself", &[]);
    assert_eq!((ana.world().own().gold, ana.world().slot(slot)), (gold, Some(item)), "nothing changed");
    says(&mut ana, "parcel", &format!("send {to} 300 {}", slot.index));
    let paid = gold - 300 - POSTAGE;
    ana.until("it is sent", |world| world.slot(slot).is_none() && world.own().gold == paid);

    // at the login it is in the bank, and the player is told
    let mut ben = Player::connect(&cluster, &receiver);
    let list = ben.log_in(true);
    assert_eq!((list.cargo_gold, list.cargo[0]), (300, Some(item)));
    ben.choose(&list);
    is_told(&mut ben, "that one parcel came", &["1"]);

    says(&mut ana, "encomenda", &format!("enviar {to} 50"));
    is_told(&mut ben, "that another one arrived", &[&name]);
    says(&mut ben, "encomenda", "lista");
    let line = is_told(&mut ben, "the list", &[&name, "50 gold"]);
    let number = line.split(' ').next().unwrap().to_owned();
    says(&mut ben, "encomenda", &format!("pegar {number}"));
    ben.until("the gold is in the bank", |world| world.cargo_gold() == 350);

    // what is not wanted comes back
    says(&mut ana, "parcel", &format!("send {to} 7"));
    is_told(&mut ben, "the third", &[&name]);
    says(&mut ben, "parcel", "list");
    let line = is_told(&mut ben, "the list", &[&name, "7 gold"]);
    says(&mut ben, "parcel", &format!("return {}", line.split(' ').next().unwrap()));
    is_told(&mut ana, "that it came back, and how to take it", &[&to, ": "]);
    says(&mut ana, "parcel", "take");
    ana.until("her gold is in her bank", |world| world.cargo_gold() == 7);
    assert!(ben.world().container(Container::Cargo)[0] == Some(item) && ben.world().cargo_gold() == 350);

    says(&mut ana, "saldo", "");
    is_told(&mut ana, "her cash", &["0"]);
    for mut player in [ana, ben] {
        player.assert_content();
        player.leave();
    }
    let ledger = cluster.with_data(&["ledger", "--player", &name, "--json"], None);
    assert!(String::from_utf8_lossy(&ledger.stdout).contains("\"reason\":\"parcel-send\""), "{ledger:?}");
    let guild = cluster.with_data(&["ledger", "--guild", "7"], None);
    assert!(guild.status.success() && guild.stdout.is_empty(), "a guild that never kept anything: {guild:?}");
    let fsck = cluster.with_data(&["fsck"], None);
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
}
