//! Who is in a guild: founding, joining, ranks, leaving, the end; once each, over a store that loses answers.

use crate::stage::{GOLD, Player, Stage, operation, refused};
use bisrv::Settings;
use model::calls::bank::{BankRefusal, GuildAct, GuildManaged, GuildOrder, ManageGuild, Reply, Request};
use model::guild::{CAPTAIN, GuildDeed, GuildLine, GuildName, Joiner, LEADER, MEMBER, Place};
use model::{GuildId, OperationId};
use store::guild::{self, Enrolled, Guild};

const COST: i64 = 300;
const MEMBER_COST: i64 = 40;

fn cheap() -> Settings {
    Settings {
        guild_cost: COST,
        guild_member_cost: MEMBER_COST,
        guild_sub_leader_cost: 200,
        guild_members_max: 4,
        ..Settings::default()
    }
}

fn name(name: &str) -> GuildName {
    GuildName::new(name).unwrap()
}

fn joiner(of: &Player) -> Joiner {
    let (account, character) = (of.fence.account, of.fence.character);
    Joiner { account, character, name: of.character.name.clone(), clan: of.character.hard.clan }
}

async fn asks(stage: &Stage, of: &Player, deed: GuildDeed, under: OperationId) -> Reply {
    let hard = stage.stored(of).await.hard;
    let place = Place { guild: GuildId(hard.guild), rank: hard.guild_rank };
    let (name, clan) = (of.character.name.clone(), hard.clan);
    stage
        .insist(|again| {
            let mut order = of.order();
            (order.operation, order.again) = (under, again);
            Request::ManageGuild(ManageGuild { order, name: name.clone(), clan, place, deed: deed.clone() })
        })
        .await
}

async fn does(stage: &Stage, of: &Player, deed: GuildDeed) -> Reply {
    asks(stage, of, deed, operation()).await
}

fn done(guild: GuildId, rank: u8, carried: Option<i64>) -> Reply {
    Reply::GuildManaged(GuildManaged { place: Place { guild, rank }, carried })
}

fn says(line: GuildLine) -> Reply {
    refused(BankRefusal::Guild(line, Vec::new()))
}

async fn founds(stage: &Stage, of: &Player, called: &str) -> GuildId {
    match does(stage, of, GuildDeed::Found(name(called))).await {
        Reply::GuildManaged(GuildManaged { place, .. }) if place.rank == LEADER => place.guild,
        other => panic!("{other:?}"),
    }
}

async fn stored(stage: &Stage, id: GuildId) -> Guild {
    let held = stage.inner().get_record(guild::asks_for(id)).await.unwrap().unwrap();
    guild::decode(&held.record.body).unwrap()
}

async fn roll(stage: &Stage, id: GuildId) -> Vec<Enrolled> {
    guild::roll(&stage.inner().list_records(guild::asks_for_members(id)).await.unwrap()).unwrap()
}

/// Names and ranks as the guild has them; the rows of the characters say the same.
async fn ranks(stage: &Stage, id: GuildId, players: &[&Player]) -> Vec<(String, u8)> {
    let all = roll(stage, id).await;
    for player in players {
        let hard = stage.stored(player).await.hard;
        let of_guild = all.iter().find(|one| one.character == player.fence.character);
        let expected = of_guild.map_or((0, 0), |one| (id.0, one.member.rank));
        assert_eq!((hard.guild, hard.guild_rank), expected, "{}", player.character.name);
    }
    assert_eq!(stored(stage, id).await.members as usize, all.len());
    all.into_iter().map(|one| (one.member.name, one.member.rank)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guild_costs_gold_and_its_name_and_number_are_its_own() {
    let stage = Stage::with(cheap()).await;
    let (ana, ben) = (stage.player("Anna", &[]).await, stage.player("Benn", &[]).await);
    let under = operation();
    let found = || GuildDeed::Found(name("Lobos"));
    stage.store.lose_answers(2);
    assert_eq!(asks(&stage, &ana, found(), under).await, done(GuildId(1), LEADER, Some(GOLD - COST)));
    stage.store.lose_answers(0);
    // the same once more, as after the death of whoever was told
    let again = Request::ManageGuild(ManageGuild {
        order: model::calls::bank::Order { operation: under, fence: ana.fence, again: true },
        name: ana.character.name.clone(),
        clan: 0,
        place: Place::NONE,
        deed: found(),
    });
    assert_eq!(stage.ask(again).await, done(GuildId(1), LEADER, Some(GOLD - COST)));
    assert_eq!(stage.stored(&ana).await.hard.gold, GOLD - COST, "paid once");
    assert_eq!(ranks(&stage, GuildId(1), &[&ana, &ben]).await, [("Anna".to_owned(), LEADER)]);
    let Guild { name: called, leader, ended_ms, .. } = stored(&stage, GuildId(1)).await;
    assert_eq!((called.as_str(), leader, ended_ms), ("Lobos", ana.fence.character, None));

    assert_eq!(does(&stage, &ben, GuildDeed::Found(name("LOBOS"))).await, says(GuildLine::NameTaken));
    assert_eq!(does(&stage, &ana, GuildDeed::Found(name("Gatos"))).await, says(GuildLine::InOne));
    assert_eq!(stage.stored(&ben).await.hard.gold, GOLD);
    stage.settings.set(Settings { guild_channel: 2, ..cheap() });
    assert_eq!(founds(&stage, &ben, "Gatos").await, GuildId(2 * 4_096 + 1));
    let dora = stage.player("Dora", &[]).await;
    stage.settings.set(Settings { guild_needs_kingdom: true, ..cheap() });
    assert_eq!(does(&stage, &dora, GuildDeed::Found(name("Ratos"))).await, says(GuildLine::KingdomNeeded));
    stage.settings.set(Settings { guild_cost: GOLD + 1, ..cheap() });
    let dear = refused(BankRefusal::Guild(GuildLine::CostMissing, vec![(GOLD + 1).to_string()]));
    assert_eq!(does(&stage, &dora, GuildDeed::Found(name("Ratos"))).await, dear);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_found_at_once_each_has_a_number_and_one_has_the_name() {
    let stage = Stage::with(cheap()).await;
    let names = ["Anna", "Benn", "Cleo", "Dora"];
    let mut players = Vec::new();
    for name in names {
        players.push(stage.player(name, &[]).await);
    }
    let found = |player, called: &str| does(&stage, player, GuildDeed::Found(name(called)));
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| &players[at]);
    let replies = tokio::join!(found(a, "Lobos"), found(b, "Lobos"), found(c, "Gatos"), found(d, "Ratos"));
    let replies = [replies.0, replies.1, replies.2, replies.3];
    let numbers: std::collections::BTreeSet<u16> = replies
        .iter()
        .filter_map(|reply| match reply {
            Reply::GuildManaged(done) => Some(done.place.guild.0),
            _ => None,
        })
        .collect();
    let not_done = replies.iter().filter(|reply| !matches!(reply, Reply::GuildManaged(_))).count();
    assert!(numbers.len() + not_done == 4 && not_done >= 1, "{replies:?}");
    for (player, reply) in players.iter().zip(&replies) {
        let paid = matches!(reply, Reply::GuildManaged(_));
        let hard = stage.stored(player).await.hard;
        let expected = if paid { (GOLD - COST, true) } else { (GOLD, false) };
        assert_eq!((hard.gold, hard.guild != 0), expected, "gold and guild agree: {reply:?}");
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_rise_lead_and_go() {
    let stage = Stage::with(cheap()).await;
    let [ana, ben, cleo] =
        [stage.player("Anna", &[]).await, stage.player("Benn", &[]).await, stage.player("Cleo", &[]).await];
    let all = [&ana, &ben, &cleo];
    let lobos = founds(&stage, &ana, "Lobos").await;
    let paid = GOLD - COST - MEMBER_COST;
    stage.store.lose_answers(3);
    let admit = GuildDeed::Admit(joiner(&ben));
    assert_eq!(does(&stage, &ana, admit.clone()).await, done(lobos, LEADER, Some(paid)));
    stage.store.lose_answers(0);
    assert_eq!(does(&stage, &ana, admit).await, says(GuildLine::OtherInOne));
    assert_eq!(does(&stage, &ben, GuildDeed::Admit(joiner(&cleo))).await, refused(BankRefusal::RankTooLow));
    let six = |name: &str| GuildDeed::Rank { name: name.to_owned(), rank: 6 };
    assert_eq!(does(&stage, &ana, six("benn")).await, done(lobos, LEADER, Some(paid - 200)));
    let broke = refused(BankRefusal::Guild(GuildLine::CostMissing, vec![MEMBER_COST.to_string()]));
    stage.settings.set(Settings { guild_member_cost: 40, ..cheap() });
    assert_eq!(does(&stage, &ben, GuildDeed::Admit(joiner(&cleo))).await, done(lobos, 6, Some(GOLD - 40)));
    assert_eq!(does(&stage, &ana, six("Cleo")).await, says(GuildLine::RankHeld));
    for (rank, no) in [(2, says(GuildLine::BadRank)), (9, says(GuildLine::BadRank))] {
        let name = "Cleo".to_owned();
        assert_eq!(does(&stage, &ana, GuildDeed::Rank { name, rank }).await, no);
    }
    let captain = |rank| GuildDeed::Rank { name: "Cleo".to_owned(), rank };
    assert_eq!(does(&stage, &ben, captain(7)).await, refused(BankRefusal::RankTooLow));
    assert_eq!(does(&stage, &ben, captain(CAPTAIN)).await, done(lobos, 6, None));
    let expected =
        [("Anna", LEADER), ("Benn", 6), ("Cleo", CAPTAIN)].map(|(name, rank)| (name.to_owned(), rank));
    assert_eq!(ranks(&stage, lobos, &all).await, expected);

    let leave = refused(BankRefusal::Guild(GuildLine::LeaderStays, Vec::new()));
    assert_eq!(does(&stage, &ana, GuildDeed::Leave).await, leave);
    let lead = |name: &str| GuildDeed::Lead { name: name.to_owned() };
    assert_eq!(does(&stage, &ben, lead("Cleo")).await, refused(BankRefusal::RankTooLow));
    assert_eq!(does(&stage, &ana, lead("Cleo")).await, done(lobos, CAPTAIN, None));
    assert_eq!(stored(&stage, lobos).await.leader, cleo.fence.character);
    let nobody = refused(BankRefusal::Guild(GuildLine::NoSuchMember, vec!["Dora".to_owned()]));
    let expel = |name: &str| GuildDeed::Expel { name: name.to_owned() };
    assert_eq!(does(&stage, &cleo, expel("Dora")).await, nobody);
    assert_eq!(does(&stage, &ben, expel("Cleo")).await, refused(BankRefusal::RankTooLow));
    assert_eq!(does(&stage, &ben, expel("Anna")).await, done(lobos, 6, None));
    stage.store.lose_answers(2);
    assert_eq!(does(&stage, &ben, GuildDeed::Leave).await, done(GuildId(0), MEMBER, None));
    stage.store.lose_answers(0);
    assert_eq!(ranks(&stage, lobos, &all).await, [("Cleo".to_owned(), LEADER)]);
    drop(broke);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_sent_away_takes_nothing_from_the_bank_whatever_its_node_believes() {
    let stage = Stage::with(cheap()).await;
    let (ana, ben) = (stage.player("Anna", &[]).await, stage.player("Benn", &[]).await);
    let lobos = founds(&stage, &ana, "Lobos").await;
    does(&stage, &ana, GuildDeed::Admit(joiner(&ben))).await;
    let gold =
        |of: &Player, rank, act| Request::Guild(GuildOrder { order: of.order(), guild: lobos, rank, act });
    let put = GuildAct::DepositGold { amount: 100 };
    assert!(matches!(stage.ask(gold(&ben, MEMBER, put)).await, Reply::Guild(_)));
    does(&stage, &ana, GuildDeed::Expel { name: "Benn".to_owned() }).await;
    let take = GuildAct::WithdrawGold { amount: 1 };
    assert_eq!(stage.ask(gold(&ben, LEADER, take)).await, refused(BankRefusal::GuildChanged));
    assert_eq!(stage.ask(gold(&ben, MEMBER, put)).await, refused(BankRefusal::GuildChanged));
    assert_eq!(stage.guild_bank(lobos).await.gold, 100);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guild_ends_with_an_empty_bank_and_its_number_is_not_given_again() {
    let stage = Stage::with(cheap()).await;
    let (ana, ben) = (stage.player("Anna", &[]).await, stage.player("Benn", &[]).await);
    let lobos = founds(&stage, &ana, "Lobos").await;
    does(&stage, &ana, GuildDeed::Admit(joiner(&ben))).await;
    let order = |amount| GuildOrder {
        order: ana.order(),
        guild: lobos,
        rank: LEADER,
        act: if amount > 0 {
            GuildAct::DepositGold { amount }
        } else {
            GuildAct::WithdrawGold { amount: -amount }
        },
    };
    stage.ask(Request::Guild(order(5))).await;
    assert_eq!(does(&stage, &ben, GuildDeed::Disband).await, refused(BankRefusal::RankTooLow));
    assert_eq!(does(&stage, &ana, GuildDeed::Disband).await, says(GuildLine::BankNotEmpty));
    assert_eq!(roll(&stage, lobos).await.len(), 2, "nobody was sent away for nothing");
    stage.ask(Request::Guild(order(-5))).await;
    stage.store.lose_answers(4);
    assert_eq!(does(&stage, &ana, GuildDeed::Disband).await, done(GuildId(0), MEMBER, None));
    stage.store.lose_answers(0);
    assert!(ranks(&stage, lobos, &[&ana, &ben]).await.is_empty());
    assert!(stored(&stage, lobos).await.ended_ms.is_some());
    let next = founds(&stage, &ana, "Lobos").await;
    assert_eq!(next, GuildId(lobos.0 + 1), "the name is free, the number is not");
    stage.books_are_right().await;
}
