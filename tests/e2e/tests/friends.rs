//! Friends over two nodes and two shards: asked, agreed, told of each other, while NRSrv, nodes and DBSrv are killed and the
//! edge is succeeded.
#![allow(clippy::unwrap_used)]

use bot::protocol::profile::Profile;
use e2e::words::{insists, is_told, says};
use e2e::{Cluster, Identity, Options, Player, rolling, signal, wydbr_binary};
use std::time::{Duration, Instant};
use store::testing::{PgServer, postgres_wanted};

/// How long NRSrv waits for whom no edge reports.
const LINGER: Duration = Duration::from_secs(3);

/// Lines that say that somebody came or left.
fn comings(player: &Player) -> Vec<String> {
    player
        .panel_lines()
        .into_iter()
        .filter(|line| line.contains("no mundo") || line.contains("do mundo"))
        .collect()
}

/// The cluster ends first: it saves what it has.
struct Town {
    cluster: Cluster,
    _server: PgServer,
}

impl Town {
    fn start() -> Option<Self> {
        if !postgres_wanted() {
            return None;
        }
        let server = PgServer::start();
        let postgres = ["shard0", "shard1"].map(|name| server.create_database(name)).to_vec();
        let settings = vec![("NRSrv", format!("linger_ms = {}\n", LINGER.as_millis()))];
        let cluster = Cluster::start(Options { nodes: 2, postgres, settings, ..Options::default() });
        Some(Self { cluster, _server: server })
    }

    fn friends_of(&self, name: &str) -> Vec<String> {
        let shown = self.cluster.with_data(&["friends", name, "--json"], None);
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        let friends = shown["friends"].as_array().unwrap().iter();
        friends.map(|friend| friend["name"].as_str().unwrap().to_owned()).collect()
    }

    fn fsck(&self) {
        let fsck = self.cluster.with_data(&["fsck"], None);
        assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
    }
}

#[test]
fn friends_are_told_of_each_other_and_of_nothing_else_whoever_is_killed() {
    let Some(town) = Town::start() else { return };
    let cluster = &town.cluster;
    let [ana, ben, eva] = [("anita", Profile::V759), ("benito", Profile::V748), ("evita", Profile::V769)]
        .map(|(name, profile)| Identity::sign_up(cluster, profile, name));
    let mut away = Player::enter(cluster, &eva);
    says(&mut away, "friend", "list");
    is_told(&mut away, "that she has none", &["0 de 0"]);
    away.leave();
    let mut anita = Player::enter(cluster, &ana);
    let mut benito = Player::enter(cluster, &ben);

    // refusals say why
    for (text, parts) in [
        ("adicionar", ["/amigo", "pedidos"]),
        ("adicionar Ninguem9", ["Ninguem9", "Não existe"]),
        ("adicionar Anita", ["você", "mesmo"]),
        ("aceitar", ["Ninguém", "amizade"]),
        ("aceitar Benito", ["Benito", "não pediu"]),
        ("remover Benito", ["Benito", "não é seu amigo"]),
    ] {
        says(&mut anita, "amigo", text);
        is_told(&mut anita, text, &parts);
    }

    // who is there is told at once; who is away, when she comes
    says(&mut anita, "amigo", "adicionar benito");
    is_told(&mut anita, "that he is asked", &["pediu", "Benito"]);
    is_told(&mut benito, "that she asks", &["Anita", "quer ser seu amigo"]);
    says(&mut benito, "FRIEND", "accept");
    is_told(&mut benito, "that she is a friend", &["Anita", "agora é seu amigo"]);
    is_told(&mut anita, "that he is a friend", &["Benito", "agora é seu amigo"]);
    says(&mut anita, "amigo", "adicionar Evita");
    is_told(&mut anita, "that she is asked", &["pediu", "Evita"]);
    let mut evita = Player::enter(cluster, &eva);
    is_told(&mut evita, "that somebody asks", &["Pedidos de amizade: 1"]);
    says(&mut evita, "amigos", "pedidos");
    is_told(&mut evita, "who asks", &["Pediram", "Anita"]);
    says(&mut evita, "amigo", "recusar Anita");
    is_told(&mut evita, "that it is refused", &["recusou", "Anita"]);

    // comes and goes
    says(&mut anita, "amigo", "lista");
    is_told(&mut anita, "that he plays", &["Benito", "nível", "jogando"]);
    benito.leave();
    is_told(&mut anita, "that he left", &["Benito saiu do mundo"]);
    insists(&mut anita, "amigo", "lista", &["Benito", "visto há"]);
    let mut benito = Player::enter(cluster, &ben);
    is_told(&mut anita, "that he came", &["Benito entrou no mundo"]);
    is_told(&mut benito, "who is there", &["Amigos no mundo: Anita"]);
    for player in [&mut anita, &mut benito, &mut evita] {
        player.assert_content();
        player.forget();
    }

    // nobody comes or goes while the others die
    for process in ["nrsrv-1", "tmsrv-1", "tmsrv-2", "nrsrv-1"] {
        cluster.kill_and_wait(process);
        insists(&mut anita, "amigo", "lista", &["1 de 1 jogam"]);
        insists(&mut benito, "amigo", "lista", &["Anita", "jogando"]);
    }
    rolling::upgrade(cluster, &wydbr_binary(), &["edge-1".to_owned()]).unwrap();
    insists(&mut anita, "amigo", "lista", &["1 de 1 jogam"]);
    let until = Instant::now() + LINGER + Duration::from_millis(500);
    for player in [&mut anita, &mut benito, &mut evita] {
        player.listen(until);
        assert_eq!(comings(player), Vec::<String>::new(), "{}", player.identity.character);
    }

    // and right after all that it is told rightly, though he leaves while nobody is there who could tell it
    signal(cluster.process("nrsrv-1").pid, "KILL");
    benito.leave();
    is_told(&mut anita, "that he left", &["Benito saiu do mundo"]);
    let mut benito = Player::enter(cluster, &ben);
    is_told(&mut anita, "that he came", &["Benito entrou no mundo"]);
    says(&mut benito, "amigo", "remover Anita");
    is_told(&mut benito, "that she is a friend no more", &["Anita", "não é mais"]);
    benito.leave();
    says(&mut anita, "amigo", "lista");
    is_told(&mut anita, "that she has none", &["0 de 0"]);
    assert_eq!(comings(&anita), ["Benito saiu do mundo.", "Benito entrou no mundo."], "each once");
    assert_eq!(comings(&evita), Vec::<String>::new(), "strangers are told nothing");
    town.fsck();
}

#[test]
fn both_sides_agree_when_dbsrv_is_killed_in_the_middle_of_accepting() {
    let Some(town) = Town::start() else { return };
    let own = Identity::sign_up(&town.cluster, Profile::V759, "popular");
    let mut popular = Player::enter(&town.cluster, &own);
    for round in 0..4_u64 {
        let other = Identity::sign_up(&town.cluster, Profile::V748, &format!("amizade{round}"));
        let mut other = Player::enter(&town.cluster, &other);
        let name = other.identity.character.clone();
        says(&mut other, "amigo", "adicionar Popular");
        is_told(&mut popular, "that somebody asks", &[&name, "quer ser seu amigo"]);
        says(&mut popular, "amigo", &format!("aceitar {name}"));
        // somewhere between the request and its end, elsewhere each time
        popular.listen(Instant::now() + Duration::from_millis(3 * round));
        town.cluster.kill_and_wait("dbsrv-1");
        insists(&mut popular, "amigo", &format!("aceitar {name}"), &[&name, "é seu amigo"]);
        assert!(town.friends_of("Popular").contains(&name));
        assert_eq!(town.friends_of(&name), ["Popular"]);
        popular.assert_content();
        other.leave();
    }
    assert_eq!(town.friends_of("Popular").len(), 4, "each once");
    town.fsck();
}
