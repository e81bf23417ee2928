//! Cash.

use crate::stage::{Stage, operation, refused};
use bisrv::Settings;
use model::AccountId;
use model::calls::bank::{BankRefusal, MoveCash, Reply, Request};
use model::ledger::Actor;

fn cash(account: AccountId, amount: i64) -> MoveCash {
    let by = Actor::Operator("admin".to_owned());
    MoveCash { operation: operation(), account, amount, reason: "gift".to_owned(), by }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cash_comes_and_goes_and_never_below_nothing() {
    let stage = Stage::new().await;
    let ana = stage.account("ana1").await;
    assert_eq!(stage.ask(Request::CashBalance { account: ana }).await, Reply::Cash(0));
    assert_eq!(stage.ask(Request::CashCredit(cash(ana, 500))).await, Reply::Cash(500));
    assert_eq!(stage.ask(Request::CashDebit(cash(ana, 501))).await, refused(BankRefusal::NotEnough));
    assert_eq!(stage.ask(Request::CashDebit(cash(ana, 499))).await, Reply::Cash(1));
    assert_eq!(stage.ask(Request::CashBalance { account: ana }).await, Reply::Cash(1));
    assert_eq!(stage.ask(Request::CashBalance { account: AccountId(7) }).await, Reply::NoSuchAccount);
    assert_eq!(stage.ask(Request::CashCredit(cash(AccountId(7), 5))).await, Reply::NoSuchAccount);
    for bad in [
        cash(ana, 0),
        cash(ana, -3),
        MoveCash { reason: String::new(), ..cash(ana, 1) },
        MoveCash { reason: "a b".to_owned(), ..cash(ana, 1) },
        MoveCash { reason: "x".repeat(33), ..cash(ana, 1) },
    ] {
        let reply = stage.ask(Request::CashCredit(bad)).await;
        assert!(matches!(reply, Reply::Refused(BankRefusal::BadRequest(_))), "{reply:?}");
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_credit_the_same_payment_one_does_it_and_all_hear_the_same() {
    let stage = Stage::with(Settings { store_deadline_ms: 5_000, ..Settings::default() }).await;
    let ana = stage.account("ana1").await;
    let payments: Vec<_> = (1..=10).map(|n| cash(ana, n * 100)).collect();
    stage.store.lose_answers(7);
    let tasks: Vec<_> = payments
        .iter()
        .flat_map(|payment| std::iter::repeat_n(payment, 5))
        .map(|payment| {
            let (client, payment) = (stage.client.clone(), payment.clone());
            tokio::spawn(async move {
                let reply = client.call(&Request::CashCredit(payment.clone()), support::SOON).await;
                (payment.operation, reply.unwrap())
            })
        })
        .collect();
    let mut heard = std::collections::BTreeMap::new();
    for task in tasks {
        let (operation, reply) = task.await.unwrap();
        assert!(matches!(reply, Reply::Cash(_)), "{reply:?}");
        assert_eq!(heard.entry(operation).or_insert(reply.clone()), &reply);
    }
    assert_eq!(heard.len(), 10);
    assert_eq!(stage.ask(Request::CashBalance { account: ana }).await, Reply::Cash(5_500));
    stage.books_are_right().await;
}
