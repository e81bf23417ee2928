//! The master of a Sentinel set dies in play: nobody is disconnected, nobody is let in twice, and logins go on. And
//! what an operator asks of the auction house.
#![allow(clippy::unwrap_used)]

use bot::client::LoginOutcome;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, RedisSentinels};

#[test]
fn a_failover_of_redis_disconnects_nobody_and_logins_go_on() {
    let Some(mut set) = RedisSentinels::start_or_skip() else { return };
    let cluster = Cluster::start(Options { nodes: 1, redis: Some(set.url()), ..Options::default() });
    let identity = Identity::sign_up(&cluster, Profile::V769, "fica");
    let mut stays = Player::enter(&cluster, &identity);
    let other = Identity::sign_up(&cluster, Profile::V759, "chega");

    set.first().stop();
    let goal = stays.free_tile(2, 1);
    stays.walk_to(goal);
    set.waits_for_failover();

    let mut comes = Player::enter(&cluster, &other);
    stays.until_sees(&other.character);
    comes.say_to(&mut stays, "cheguei");
    let mut twice = Player::connect(&cluster, &identity);
    assert_eq!(twice.try_login(false), LoginOutcome::AlreadyPlaying);
    stays.assert_content();

    let listed = cluster.with_data(&["auctions", "list", "--json"], None);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), r#"{"found":0,"lots":[]}"#, "{listed:?}");
    let gone = cluster.with_data(&["auctions", "cancel", "ABCDE"], None);
    assert_eq!(gone.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&gone.stderr).trim(), "wydbr: there is no such lot");
}
