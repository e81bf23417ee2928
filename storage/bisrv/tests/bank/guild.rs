//! The bank of a guild.

use crate::stage::{BOW, GOLD, Player, SWORD, Stage, found, item, refused};
use bisrv::Settings;
use model::GuildId;
use model::calls::bank::{BankRefusal, GuildAct, GuildDone, GuildOrder, Reply, Request};
use model::item::CARGO_SLOTS;
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::ItemLocation;

pub const LIONS: GuildId = GuildId(4_097);
pub const MEMBER: u8 = 0;
const CAPTAIN: u8 = 3;
pub const LEADER: u8 = 9;

fn order(of: &Player, rank: u8, act: GuildAct) -> GuildOrder {
    GuildOrder { order: of.order(), guild: LIONS, rank, act }
}

pub async fn act(stage: &Stage, of: &Player, rank: u8, act: GuildAct) -> Reply {
    stage.stands(of, LIONS, rank.min(LEADER)).await;
    stage.ask(Request::Guild(order(of, rank, act))).await
}

pub fn deposit(of: &Player, slot: u8) -> GuildAct {
    GuildAct::DepositItem { slot, item: of.character.carry[usize::from(slot)].unwrap() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_give_and_captains_take_items_and_gold() {
    let stage = Stage::new().await;
    let (sword, bow) = (item(SWORD), item(BOW));
    let (ana, ben) = (stage.player("Anna", &[sword, bow]).await, stage.player("Benn", &[]).await);
    for slot in [0, 1] {
        let reply = act(&stage, &ana, MEMBER, deposit(&ana, slot)).await;
        assert_eq!(reply, Reply::Guild(GuildDone::ItemDeposited));
    }
    let reply = act(&stage, &ana, MEMBER, GuildAct::DepositGold { amount: 400 }).await;
    assert_eq!(reply, Reply::Guild(GuildDone::Gold { carried: GOLD - 400, guild: 400 }));
    let bank = stage.guild_bank(LIONS).await;
    assert_eq!((found(&bank.items), bank.gold), (vec![(0, sword), (1, bow)], 400));
    let take = GuildAct::WithdrawItem { slot: 1, shown: bow.id, to: 5 };
    assert_eq!(act(&stage, &ben, CAPTAIN, take).await, Reply::Guild(GuildDone::ItemWithdrawn(bow)));
    let reply = act(&stage, &ben, CAPTAIN, GuildAct::WithdrawGold { amount: 150 }).await;
    assert_eq!(reply, Reply::Guild(GuildDone::Gold { carried: GOLD + 150, guild: 250 }));
    let stored = stage.stored(&ben).await;
    assert_eq!((found(&stored.carry), stored.hard.gold), (vec![(5, bow)], GOLD + 150));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rank_too_low_another_item_and_an_empty_bank_are_refused() {
    let stage = Stage::new().await;
    let sword = item(SWORD);
    let ana = stage.player("Anna", &[sword]).await;
    act(&stage, &ana, MEMBER, deposit(&ana, 0)).await;
    let take = GuildAct::WithdrawItem { slot: 0, shown: sword.id, to: 0 };
    assert_eq!(act(&stage, &ana, MEMBER, take).await, refused(BankRefusal::RankTooLow));
    let gold = GuildAct::WithdrawGold { amount: 1 };
    assert_eq!(act(&stage, &ana, MEMBER, gold).await, refused(BankRefusal::RankTooLow));
    assert_eq!(act(&stage, &ana, LEADER, gold).await, refused(BankRefusal::NotEnough));
    let other = GuildAct::WithdrawItem { slot: 0, shown: item(SWORD).id, to: 0 };
    assert_eq!(act(&stage, &ana, LEADER, other).await, refused(BankRefusal::ItemGone));
    let nothing = GuildAct::WithdrawItem { slot: 200, shown: sword.id, to: 0 };
    assert_eq!(act(&stage, &ana, LEADER, nothing).await, refused(BankRefusal::ItemGone));
    let gone = GuildAct::DepositItem { slot: 3, item: item(SWORD) };
    assert_eq!(act(&stage, &ana, MEMBER, gone).await, refused(BankRefusal::ItemGone));
    for (rank, bad) in [
        (10, gold),
        (LEADER, GuildAct::WithdrawGold { amount: 0 }),
        (LEADER, GuildAct::WithdrawItem { slot: 0, shown: sword.id, to: 64 }),
        (LEADER, GuildAct::DepositItem { slot: 64, item: sword }),
    ] {
        let reply = act(&stage, &ana, rank, bad).await;
        assert!(matches!(reply, Reply::Refused(BankRefusal::BadRequest(_))), "{reply:?}");
    }
    assert_eq!(found(&stage.guild_bank(LIONS).await.items), [(0, sword)]);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_captain_takes_so_much_in_a_day_and_the_leader_all() {
    let settings = Settings { guild_items_day: 2, guild_gold_day: 500, ..Settings::default() };
    let stage = Stage::with(settings).await;
    let items: Vec<_> = (0..4).map(|_| item(SWORD)).collect();
    let (ana, ben) = (stage.player("Anna", &items).await, stage.player("Benn", &[]).await);
    for slot in 0..4 {
        act(&stage, &ana, MEMBER, deposit(&ana, slot)).await;
    }
    stage.pays(2_000, LIONS.home(), GoldAccount::Guild(LIONS)).await;
    let take = |slot: u8| GuildAct::WithdrawItem { slot, shown: items[usize::from(slot)].id, to: slot };
    let taken = |slot: u8| Reply::Guild(GuildDone::ItemWithdrawn(items[usize::from(slot)]));
    for slot in 0..2 {
        assert_eq!(act(&stage, &ben, CAPTAIN, take(slot)).await, taken(slot));
    }
    assert_eq!(act(&stage, &ben, CAPTAIN, take(2)).await, refused(BankRefusal::DailyLimit));
    assert_eq!(act(&stage, &ben, LEADER, take(2)).await, taken(2));
    assert_eq!(act(&stage, &ana, CAPTAIN, take(3)).await, taken(3), "each member has its own");
    let gold = |amount| GuildAct::WithdrawGold { amount };
    assert_eq!(act(&stage, &ben, CAPTAIN, gold(501)).await, refused(BankRefusal::DailyLimit));
    let last = order(&ben, CAPTAIN, gold(500));
    let reply = stage.ask(Request::Guild(last)).await;
    assert!(matches!(reply, Reply::Guild(GuildDone::Gold { guild: 1_500, .. })), "{reply:?}");
    assert_eq!(act(&stage, &ben, CAPTAIN, gold(1)).await, refused(BankRefusal::DailyLimit));
    let mut again = last;
    again.order.again = true;
    assert_eq!(stage.ask(Request::Guild(again)).await, reply, "what was taken is not refused afterwards");
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_bank_takes_no_more_items() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[item(BOW)]).await;
    let place = |slot| ItemLocation { home: LIONS.home(), place: ItemPlace::Guild(LIONS, slot) };
    stage.gives((0..CARGO_SLOTS as u8).map(|slot| (item(SWORD), place(slot))).collect()).await;
    assert_eq!(act(&stage, &ana, MEMBER, deposit(&ana, 0)).await, refused(BankRefusal::NoRoom));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_in_the_middle_gives_and_takes_once() {
    let stage = Stage::with(Settings { store_deadline_ms: 300, ..Settings::default() }).await;
    let sword = item(SWORD);
    let ana = stage.player("Anna", &[sword]).await;
    let insisted = async |asked: GuildOrder| {
        stage.stands(&ana, LIONS, asked.rank).await;
        stage.store.lose_answers(15);
        stage
            .insist(|again| {
                let mut asked = asked;
                asked.order.again = again;
                Request::Guild(asked)
            })
            .await
    };
    let reply = insisted(order(&ana, MEMBER, deposit(&ana, 0))).await;
    assert_eq!(reply, Reply::Guild(GuildDone::ItemDeposited));
    let take = GuildAct::WithdrawItem { slot: 0, shown: sword.id, to: 8 };
    let reply = insisted(order(&ana, LEADER, take)).await;
    assert_eq!(reply, Reply::Guild(GuildDone::ItemWithdrawn(sword)));
    let reply = insisted(order(&ana, MEMBER, GuildAct::DepositGold { amount: 30 })).await;
    assert_eq!(reply, Reply::Guild(GuildDone::Gold { carried: GOLD - 30, guild: 30 }));
    assert_eq!(found(&stage.stored(&ana).await.carry), [(8, sword)]);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_give_at_once_find_a_slot_each() {
    let stage = Stage::new().await;
    let mut tasks = Vec::new();
    for name in ["Anna", "Benn", "Cleo", "Dora"] {
        let player = stage.player(name, &[item(SWORD)]).await;
        stage.stands(&player, LIONS, MEMBER).await;
        let client = stage.client.clone();
        tasks.push(tokio::spawn(async move {
            let asked = || Request::Guild(order(&player, MEMBER, deposit(&player, 0)));
            let mut reply = client.call(&asked(), support::SOON).await.unwrap();
            while reply == refused(BankRefusal::Changed) {
                reply = client.call(&asked(), support::SOON).await.unwrap();
            }
            reply
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Reply::Guild(GuildDone::ItemDeposited));
    }
    assert_eq!(found(&stage.guild_bank(LIONS).await.items).len(), 4);
    stage.books_are_right().await;
}
