//! Stories of guilds: what characters belong to changes with the records of the guild and the gold, or not at all.

use super::stage::economy::{Outcome, Player, done, paid, progress_of, record, surely};
use super::stage::{guilds, operation};
use crate::Store;
use crate::guild::{self, asks_for_members};
use model::GuildId;
use model::calls::database::{Transfer, TransferRefusal};
use model::guild::{GuildName, LEADER, MEMBER, Place};
use model::transfer::{RecordKey, Standing};
use std::sync::Arc;

const COST: i64 = 100;

fn born(of: &Player) -> Place {
    Place { guild: GuildId(of.hero.hard.guild), rank: of.hero.hard.guild_rank }
}

fn stands(of: &Player, before: Place, after: Place) -> Standing {
    Standing { account: of.account(), character: of.hero.id, before, after }
}

/// Founds a guild for gold.
fn founding(of: &Player, guild: GuildId, name: &GuildName) -> Transfer {
    let founded = guilds::founding(&[(of, LEADER)], guild, name);
    Transfer { moves: vec![paid(COST, of.purse(), of.burn("guild-found"))], ..founded }
}

async fn place(store: &Arc<dyn Store>, of: &Player) -> (Place, i64) {
    let hard = of.now(store).await.hard;
    (Place { guild: GuildId(hard.guild), rank: hard.guild_rank }, hard.gold)
}

pub(super) async fn a_guild_is_founded_whole_or_not_at_all(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let (guild, name) = (guilds::number(store).await, guilds::name());
    let found = founding(&ana, guild, &name);
    surely(store, &found).await;
    surely(store, &found).await;
    let leads = Place { guild, rank: LEADER };
    assert_eq!(place(store, &ana).await, (leads, 1_000 - COST), "once");
    let known = progress_of(store, &ana.hero, i64::MAX).await;
    let then = known.then.expect("it is known");
    assert_eq!((then.guild, then.guild_rank), (guild.0, LEADER), "its history says so");
    let roll = store.list_records(asks_for_members(guild)).await.expect("the store answers");
    let roll = guild::roll(&roll).expect("they can be read");
    assert!(
        roll.iter().any(|one| one.character == ana.hero.id && one.member == guilds::member(&ana, LEADER))
    );

    let ben = Player::new(store).await;
    let taken = done(store, &founding(&ben, guilds::number(store).await, &name)).await;
    let key = RecordKey::GuildName(name.number());
    assert_eq!(taken, Err(TransferRefusal::RecordChanged(key)));
    let other = guilds::name();
    let elsewhere = stands(&ben, Place { guild, rank: 3 }, leads);
    let wrong =
        Transfer { standings: vec![elsewhere], ..founding(&ben, guilds::number(store).await, &other) };
    assert_eq!(done(store, &wrong).await, Err(TransferRefusal::StandingChanged(ben.hero.id)));
    assert_eq!(place(store, &ben).await, (born(&ben), 1_000), "nothing of it was done");
    let key = RecordKey::GuildName(other.number());
    assert!(record(store, key, Some(other.number().home())).await.is_none());
}

pub(super) async fn guild_and_rank_are_made_sure_of_without_a_trace(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let since = progress_of(store, &ana.hero, i64::MAX).await.newest_ms;
    let holds = |place| Transfer {
        standings: vec![Standing::holds(ana.fence(), place)],
        ..ana.does(vec![paid(1, ana.purse(), ana.burn("test"))])
    };
    surely(store, &holds(born(&ana))).await;
    assert_eq!(progress_of(store, &ana.hero, i64::MAX).await.newest_ms, since);
    let other = Place { rank: LEADER, ..born(&ana) };
    let refused: Outcome = Err(TransferRefusal::StandingChanged(ana.hero.id));
    let other = Transfer { standings: vec![Standing::holds(ana.fence(), other)], ..holds(born(&ana)) };
    assert_eq!(done(store, &other).await, refused);
    assert_eq!(place(store, &ana).await, (born(&ana), 999));
}

/// Who is away is sent away as well: no fence is asked for.
pub(super) async fn others_change_the_place_of_who_is_away(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let (guild, _) = guilds::founded(store, &[(&ana, LEADER), (&ben, 3)]).await;
    let [leads, follows] = [LEADER, 3].map(|rank| Place { guild, rank });
    let sent_away = Transfer {
        records: guilds::without(store, guild, &ben).await,
        standings: vec![Standing::holds(ana.fence(), leads), stands(&ben, follows, Place::NONE)],
        ..ana.does(Vec::new())
    };
    surely(store, &sent_away).await;
    assert_eq!(place(store, &ben).await.0, Place::NONE);
    let again = Transfer { operation: operation(), records: Vec::new(), ..sent_away };
    assert_eq!(done(store, &again).await, Err(TransferRefusal::StandingChanged(ben.hero.id)));
    let no_rank = stands(&ben, Place::NONE, Place { guild: GuildId(9), rank: 2 });
    let no_guild = stands(&ben, Place::NONE, Place { guild: GuildId(0), rank: LEADER });
    let twice = stands(&ben, Place::NONE, Place { guild: GuildId(9), rank: MEMBER });
    for standings in [vec![no_rank], vec![no_guild], vec![twice, twice]] {
        let bad = Transfer { standings, ..ana.does(Vec::new()) };
        assert!(matches!(done(store, &bad).await, Err(TransferRefusal::Malformed(_))));
    }
}

pub(super) async fn what_a_character_becomes_leaves_its_guild_alone(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let mut grown = ana.hero.hard.progress();
    (grown.level, grown.guild, grown.guild_rank) = (77, 4, LEADER);
    ana.grows(store, grown).await;
    let hard = ana.now(store).await.hard;
    assert_eq!((hard.level, place(store, &ana).await.0), (77, born(&ana)));
}

pub(super) async fn of_many_who_want_a_name_of_a_guild_one_gets_it_and_pays(store: &Arc<dyn Store>) {
    let (name, mut asked) = (guilds::name(), Vec::new());
    for _ in 0..8 {
        let player = Player::new(store).await;
        let (store, found) = (Arc::clone(store), founding(&player, guilds::number(store).await, &name));
        asked.push(tokio::spawn(async move { (done(&store, &found).await.is_ok(), player) }));
    }
    let mut founders = 0;
    for asked in asked {
        let (founded, player) = asked.await.expect("it ends");
        founders += u32::from(founded);
        let (stands, gold) = place(store, &player).await;
        assert_eq!((stands.rank == LEADER, gold), (founded, if founded { 1_000 - COST } else { 1_000 }));
    }
    assert_eq!(founders, 1);
}
