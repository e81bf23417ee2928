//! Gold between a character and the bank.

use crate::stage::{GOLD, Player, Stage, refused};
use bisrv::Settings;
use model::calls::bank::{BankRefusal, MoveGold, Reply, Request};
use model::item::GOLD_MAX;
use model::ledger::GoldAccount;

fn gold(of: &Player, amount: i64) -> MoveGold {
    MoveGold { order: of.order(), amount }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gold_goes_there_and_back_and_both_sides_are_told() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[]).await;
    let reply = stage.ask(Request::DepositGold(gold(&ana, 700))).await;
    assert_eq!(reply, Reply::Gold { carried: GOLD - 700, cargo: 700 });
    let reply = stage.ask(Request::WithdrawGold(gold(&ana, 200))).await;
    assert_eq!(reply, Reply::Gold { carried: GOLD - 500, cargo: 500 });
    assert_eq!((stage.stored(&ana).await.hard.gold, stage.cargo(&ana).await.gold), (GOLD - 500, 500));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_little_too_much_and_nonsense_are_refused() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[]).await;
    assert_eq!(stage.ask(Request::DepositGold(gold(&ana, GOLD + 1))).await, refused(BankRefusal::NotEnough));
    assert_eq!(stage.ask(Request::WithdrawGold(gold(&ana, 1))).await, refused(BankRefusal::NotEnough));
    let account = ana.fence.account;
    stage.pays(GOLD_MAX - 10, account, GoldAccount::Cargo(account)).await;
    assert_eq!(stage.ask(Request::DepositGold(gold(&ana, 11))).await, refused(BankRefusal::TooMuch));
    let reply = stage.ask(Request::DepositGold(gold(&ana, 10))).await;
    assert_eq!(reply, Reply::Gold { carried: GOLD - 10, cargo: GOLD_MAX });
    let all = gold(&ana, GOLD_MAX);
    assert_eq!(stage.ask(Request::WithdrawGold(all)).await, refused(BankRefusal::TooMuch));
    for amount in [0, -1, i64::MIN] {
        let reply = stage.ask(Request::DepositGold(gold(&ana, amount))).await;
        assert!(matches!(reply, Reply::Refused(BankRefusal::BadRequest(_))), "{reply:?}");
    }
    let reply = stage.ask(Request::WithdrawGold(gold(&ana, i64::MAX))).await;
    assert_eq!(reply, refused(BankRefusal::NotEnough));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_node_and_a_frozen_account_move_no_gold() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[]).await;
    let newer = stage.load(&ana.character, "tmsrv-2").await;
    assert_eq!(stage.ask(Request::DepositGold(gold(&ana, 5))).await, refused(BankRefusal::Stale));
    let ana = Player { fence: newer, ..ana };
    stage.freeze(newer.account).await;
    assert_eq!(stage.ask(Request::DepositGold(gold(&ana, 5))).await, refused(BankRefusal::Frozen));
    assert_eq!(stage.stored(&ana).await.hard.gold, GOLD);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_first_outcome_and_pays_once() {
    let stage = Stage::with(Settings { store_deadline_ms: 300, ..Settings::default() }).await;
    let ana = stage.player("Anna", &[]).await;
    let asked = gold(&ana, 100);
    stage.store.lose_answers(20); // done, and for longer than the deadline nobody hears of it
    let reply = stage
        .insist(|again| {
            let mut asked = asked;
            asked.order.again = again;
            Request::DepositGold(asked)
        })
        .await;
    assert_eq!(reply, Reply::Gold { carried: GOLD - 100, cargo: 100 });
    stage.ask(Request::DepositGold(gold(&ana, 1))).await;
    let again = MoveGold { order: model::calls::bank::Order { again: true, ..asked.order }, ..asked };
    assert_eq!(stage.ask(Request::DepositGold(again)).await, reply, "as it was then");
    assert_eq!(stage.cargo(&ana).await.gold, 101);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_deposit_at_once_lose_nothing_and_only_the_owner_counts() {
    let stage = Stage::new().await;
    let old = stage.player("Anna", &[]).await;
    let new = Player { fence: stage.load(&old.character, "tmsrv-2").await, ..old.clone() };
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let asked = gold(if n % 2 == 0 { &old } else { &new }, 10);
            let client = stage.client.clone();
            tokio::spawn(async move { client.call(&Request::DepositGold(asked), support::SOON).await })
        })
        .collect();
    let mut paid = 0;
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap().unwrap() {
            Reply::Gold { .. } if n % 2 == 1 => paid += 10,
            reply => assert_eq!((n % 2, reply), (0, refused(BankRefusal::Stale))),
        }
    }
    assert_eq!(paid, 200);
    assert_eq!((stage.stored(&new).await.hard.gold, stage.cargo(&new).await.gold), (GOLD - 200, 200));
    stage.books_are_right().await;
}
