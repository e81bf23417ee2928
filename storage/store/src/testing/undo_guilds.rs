//! Stories of operators who take back deeds of guilds.

use super::stage::economy::{Player, paid, surely};
use super::stage::{guilds, load};
use super::undo::{clerk, undone};
use crate::Store;
use crate::amend::Clerk;
use crate::amend::undo::Target;
use crate::guild::{self, Guild};
use model::calls::database::{FoundCharacter, Transfer};
use model::guild::{GuildName, LEADER, Place};
use model::id::{GuildId, OperationId};
use model::ledger::GoldAccount;
use model::transfer::{GoldLocation, Standing};
use std::sync::Arc;

/// What founded a guild of these members for gold, the first one led it.
async fn founding(store: &Arc<dyn Store>, members: &[(&Player, u8)]) -> (GuildId, GuildName, OperationId) {
    let (id, name) = (guilds::number(store).await, guilds::name());
    let founds = guilds::founding(members, id, &name);
    let (founder, reason) = (members[0].0, founds.reason.clone());
    let founds = Transfer { moves: vec![paid(300, founder.purse(), founder.burn(&reason))], ..founds };
    surely(store, &founds).await;
    (id, name, founds.operation)
}

async fn guild_of(store: &Arc<dyn Store>, of: &Player) -> (u16, u8, i64) {
    let hard = of.now(store).await.hard;
    (hard.guild, hard.guild_rank, hard.gold)
}

pub(super) async fn a_founding_is_taken_back_with_the_guild(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let (id, name, operation) = founding(store, &[(&ana, LEADER)]).await;
    let planned = clerk(store).plan_undo(&Target::Operation(operation)).await.expect("a plan");
    assert_eq!((planned.endings.len(), planned.steps.len(), planned.left.len()), (1, 1, 0));
    assert_eq!(guild_of(store, &ana).await, (id.0, LEADER, 700), "planning does nothing");
    let done = undone(store, operation).await;
    assert_eq!((done.operations.len(), done.plan.endings), (1, planned.endings), "all of it at once");
    assert_eq!(guild_of(store, &ana).await, (0, 0, 1_000));
    let held = store.get_record(guild::asks_for(id)).await.expect("the store answers").expect("it stays");
    let body: Guild = guild::decode(&held.record.body).expect("it can be read");
    assert!(body.ended_ms.is_some() && body.members == 0);
    let again = undone(store, operation).await;
    assert_eq!((again.operations, again.plan.left), (Vec::new(), Vec::new()), "there is nothing more to do");
    // the name is free, the number is not
    let epoch = load(store, &ana.hero, "tmsrv-1").await.epoch;
    let ana = Player { epoch, ..ana };
    let next = guilds::number(store).await;
    assert!(next > id);
    surely(store, &guilds::founding(&[(&ana, LEADER)], next, &name)).await;
    // the guild does not come back by an undo of the undo, so neither goes its gold
    let back = undone(store, done.operations[0]).await;
    assert_eq!(back.operations, Vec::new());
    assert!(back.plan.left[0].why.contains("ended a guild"), "{:?}", back.plan.left);
    assert_eq!(guild_of(store, &ana).await, (next.0, LEADER, 1_000));
}

pub(super) async fn a_guild_that_is_more_than_its_founder_stays(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let (id, _, operation) = founding(store, &[(&ana, LEADER), (&ben, 3)]).await;
    let stays = async |expected: &str| {
        let done = undone(store, operation).await;
        assert_eq!(done.operations, Vec::new());
        let why: Vec<String> = done.plan.left.into_iter().map(|left| left.why).collect();
        assert!(why.len() == 1 && why[0].contains(expected), "{why:?}");
    };
    stays("found 2 members in guild").await;
    let sends_away = Transfer {
        records: guilds::without(store, id, &ben).await,
        standings: vec![Standing {
            account: ben.account(),
            character: ben.hero.id,
            before: Place { guild: id, rank: 3 },
            after: Place::NONE,
        }],
        ..ana.does(Vec::new())
    };
    surely(store, &sends_away).await;
    let bank = GoldLocation { home: id.home(), account: GoldAccount::Guild(id) };
    surely(store, &ana.does(vec![paid(5, ana.purse(), bank.clone())])).await;
    stays("found 5 gold and 0 items in the bank of guild").await;
    assert_eq!(guild_of(store, &ana).await, (id.0, LEADER, 695), "and what it cost is not paid back");
    surely(store, &ana.does(vec![paid(5, bank, ana.purse())])).await;
    undone(store, operation).await;
    assert_eq!(guild_of(store, &ana).await, (0, 0, 1_000));
}

pub(super) async fn other_deeds_of_guilds_stay_with_what_they_cost(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    for reason in [guild::JOIN, guild::RANK] {
        let joins = ana.does(vec![paid(40, ana.purse(), ana.burn(reason))]);
        let joins = Transfer { reason: reason.to_owned(), ..joins };
        surely(store, &joins).await;
        let before = ana.now(store).await.hard.gold;
        let done = undone(store, joins.operation).await;
        assert_eq!((done.operations, ana.now(store).await.hard.gold), (Vec::new(), before));
        assert!(done.plan.left[0].why.contains(reason), "{:?}", done.plan.left);
    }
    let free = clerk(store).undo(&Target::Operation(super::stage::operation())).await;
    assert!(free.is_err_and(|error| error.to_string().contains("most deeds of guilds")));
}

pub(super) async fn a_restore_leaves_a_guild_and_what_it_cost(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let at_ms = super::stage::economy::progress_of(store, &ana.hero, i64::MAX).await.newest_ms;
    let (id, ..) = founding(store, &[(&ana, LEADER)]).await;
    let player = FoundCharacter {
        account: ana.account(),
        character: ana.hero.id,
        name: ana.hero.name.as_str().to_owned(),
    };
    let clerk = Clerk { now_ms: i64::MAX, ..clerk(store) };
    let done = clerk.restore(player, at_ms).await.expect("it is done");
    assert_eq!(guild_of(store, &ana).await, (id.0, LEADER, 700));
    assert!(done.plan.left.iter().any(|left| left.why.contains("a restore leaves")), "{:?}", done.plan.left);
}
