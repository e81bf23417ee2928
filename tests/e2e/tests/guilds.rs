//! Guilds over two nodes and two shards: founding, joining, rosters and ranks, while NRSrv, a node and DBSrv are killed.
#![allow(clippy::unwrap_used)]

use bot::client::Event;
use bot::protocol::profile::Profile;
use e2e::words::{insists, is_told, says};
use e2e::{Cluster, Identity, Options, Player};
use std::time::{Duration, Instant};
use store::testing::{PgServer, postgres_wanted};

const PATIENCE: Duration = Duration::from_secs(60);
const COST: i32 = 50;
const MEMBER_COST: i32 = 7;

fn hears(player: &mut Player, from: &str, text: &str) {
    player.expect(&format!("it hears {text:?}"), PATIENCE, |_, event| match event {
        Event::Whispered { from: who, text: line } if who == from && line == text => Some(()),
        _ => None,
    });
}

fn kill(cluster: &Cluster, name: &str, players: &mut [&mut Player]) {
    cluster.kill_and_wait(name);
    for player in players {
        player.listen(Instant::now());
    }
}

/// The cluster ends first: it saves what it has.
struct Town {
    cluster: Cluster,
    server: PgServer,
}

impl Town {
    fn start() -> Option<Self> {
        if !postgres_wanted() {
            return None;
        }
        let server = PgServer::start();
        let postgres = ["shard0", "shard1"].map(|name| server.create_database(name)).to_vec();
        let prices =
            format!("guild_cost = {COST}\nguild_member_cost = {MEMBER_COST}\nguild_sub_leader_cost = 1\n");
        let settings = vec![("BISrv", prices)];
        let cluster = Cluster::start(Options { nodes: 2, postgres, settings, ..Options::default() });
        Some(Self { cluster, server })
    }

    /// Of all shards together.
    fn rows(&self, sql: &str) -> Vec<String> {
        let all = ["shard0", "shard1"].map(|shard| self.server.psql(shard, sql));
        all.iter().flat_map(|rows| rows.lines()).map(str::to_owned).collect()
    }

    /// Guild, rank and gold of a character as stored.
    fn stored(&self, name: &str) -> (u16, u8, i32) {
        let sql =
            format!("SELECT guild || ' ' || guild_rank || ' ' || gold FROM characters WHERE name = '{name}'");
        let rows = self.rows(&sql);
        let words: Vec<&str> = rows[0].split(' ').collect();
        (words[0].parse().unwrap(), words[1].parse().unwrap(), words[2].parse().unwrap())
    }

    fn fsck(&self) {
        let fsck = self.cluster.with_data(&["fsck"], None);
        assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
    }
}

#[test]
fn a_guild_is_founded_joined_and_seen_on_all_nodes_whoever_is_killed() {
    let Some(town) = Town::start() else { return };
    let cluster = &town.cluster;
    let [chief, mate, other] =
        [("chefe", Profile::V759), ("colega", Profile::V748), ("outro", Profile::V769)]
            .map(|(name, profile)| Identity::sign_up(cluster, profile, name));
    let mut ana = Player::enter(cluster, &chief);
    let mut ben = Player::enter(cluster, &mate);
    let mut eva = Player::enter(cluster, &other);
    let gold = ana.world().own().gold;

    says(&mut ana, "guilda", "lista");
    is_told(&mut ana, "that she is in no guild", &["guild"]);
    says(&mut ana, "guild", "create Os");
    is_told(&mut ana, "that this is no name", &["3", "12"]);
    says(&mut ana, "create", "Lobos");
    is_told(&mut ana, "that it is founded", &["Lobos", "fundada"]);
    ana.until("she paid", |world| world.own().gold == gold - COST);
    let guild = town.stored("Chefe").0;
    assert_eq!(town.stored("Chefe"), (guild, 9, gold - COST));
    says(&mut eva, "guilda", "criar LOBOS");
    is_told(&mut eva, "that the name is taken", &["nome"]);

    says(&mut ana, "guilda", "convidar Colega");
    is_told(&mut ben, "that he is asked", &["Chefe", "Lobos"]);
    says(&mut ben, "guild", "accept");
    is_told(&mut ana, "that he joined", &["Colega", "entrou"]);
    is_told(&mut ben, "that he joined", &["Colega", "entrou"]);
    ana.until("she paid for him", |world| world.own().gold == gold - COST - MEMBER_COST);
    says(&mut ana, "guilda", "convidar Outro");
    is_told(&mut eva, "that she is asked", &["Chefe"]);
    says(&mut eva, "guilda", "recusar");
    is_told(&mut ana, "that she does not want", &["Outro", "recusou"]);

    // whoever sees them sees it
    for player in [&mut ana, &mut eva] {
        player.until("Colega is shown in the guild", |world| {
            world.player("Colega").is_none_or(|seen| seen.guild == guild)
        });
    }
    eva.until("Chefe is shown in the guild", |world| {
        world.player("Chefe").is_none_or(|seen| seen.guild == guild)
    });

    // each is on whatever node; rank and guild are known there without a new login
    insists(&mut ben, "guilda", "lista", &["Lobos: 2 de 2"]);
    says(&mut ben, "", "-bom dia");
    hears(&mut ana, "Colega", "-bom dia");
    says(&mut ben, "guilda", "posto Chefe 0");
    is_told(&mut ben, "that his rank is too low", &["cargo"]);
    says(&mut ana, "guilda", "posto colega 6");
    is_told(&mut ben, "his rank", &["6"]);
    insists(&mut ben, "guilda", "convidar Outro", &["Outro", "convidado"]);

    kill(cluster, "nrsrv-1", &mut [&mut ana, &mut ben, &mut eva]);
    insists(&mut ana, "guilda", "lista", &["Lobos: 2 de 2"]);
    for node in ["tmsrv-1", "tmsrv-2"] {
        kill(cluster, node, &mut [&mut ana, &mut ben, &mut eva]);
        insists(&mut ana, "guilda", "lista", &["Lobos: 2 de 2"]);
    }
    says(&mut ana, "", "-ainda aqui");
    hears(&mut ben, "Chefe", "-ainda aqui");

    let shown = cluster.with_data(&["guild", "show", "lobos"], None);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("rank 9  Chefe") && shown.contains("rank 6  Colega"), "{shown}");
    let given = cluster.with_data(&["guild", "lead", "Lobos", "Colega"], None);
    assert!(given.status.success(), "{given:?}");
    insists(&mut ben, "guilda", "posto Chefe 8", &["Chefe", "8"]);
    let given = cluster.with_data(&["guild", "lead", "Lobos", "Chefe"], None);
    assert!(given.status.success(), "{given:?}");
    insists(&mut ana, "guilda", "posto Colega 6", &["Colega", "6"]);

    // who is away stays in the roster, and can be sent away
    ben.leave();
    insists(&mut ana, "guild", "list", &["Colega", "posto 6", "visto"]);
    insists(&mut ana, "guild", "list", &["Lobos: 1 de 2"]);
    says(&mut ana, "guild", "expel Colega");
    is_told(&mut ana, "that he was sent away", &["Colega", "expulso"]);
    let mut ben = Player::enter(cluster, &mate);
    says(&mut ben, "guild", "list");
    is_told(&mut ben, "that he is in no guild", &["guild"]);
    assert_eq!((town.stored("Colega").0, town.stored("Colega").1), (0, 0));

    says(&mut ana, "abandonar", "");
    is_told(&mut ana, "that the leader stays", &["lider"]);
    says(&mut ana, "guilda", "dissolver sim");
    is_told(&mut ana, "the end of it", &["dissolvida"]);
    assert_eq!((town.stored("Chefe").0, town.stored("Chefe").1), (0, 0));
    assert!(town.rows("SELECT id FROM records WHERE kind IN (12, 13)").is_empty());
    for player in [&mut ana, &mut ben, &mut eva] {
        player.assert_content();
    }
    town.fsck();
}

#[test]
fn gold_and_guild_agree_when_dbsrv_is_killed_in_the_middle_of_founding() {
    let Some(town) = Town::start() else { return };
    for round in 0..4_u64 {
        let account = format!("fundador{round}");
        let identity = Identity::sign_up(&town.cluster, Profile::V759, &account);
        let mut founder = Player::enter(&town.cluster, &identity);
        let gold = founder.world().own().gold;
        says(&mut founder, "guild", &format!("create Tribo{round}"));
        // somewhere between the request and its end, elsewhere each time
        founder.listen(Instant::now() + Duration::from_millis(3 * round));
        town.cluster.kill_and_wait("dbsrv-1");
        is_told(&mut founder, "that it is founded", &[&format!("Tribo{round}")]);
        founder.until("it is paid once", |world| world.own().gold == gold - COST);
        let (guild, rank, left) = town.stored(&identity.character);
        assert!(guild != 0 && (rank, left) == (9, gold - COST), "{guild} {rank} {left}");
        let members = town.rows(&format!("SELECT scope FROM records WHERE kind = 13 AND scope = {guild}"));
        assert_eq!(members.len(), 1);
        founder.assert_content();
        founder.leave();
    }
    let numbers = town.rows("SELECT id FROM records WHERE kind = 11");
    assert_eq!(numbers.len(), 5, "four guilds, and the numbers");
    town.fsck();
}
