//! The cash API for web shops, over real TCP.

use crate::stage::Stage;
use bisrv::Settings;
use model::{AccountId, Secret};
use std::net::SocketAddr;
use std::sync::Arc;
use support::SOON;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const TOKEN: &str = "0123456789abcdef";
const PAYMENT: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";

struct Shop {
    stage: Stage,
    address: SocketAddr,
    ana: AccountId,
}

impl Shop {
    async fn new() -> Self {
        let settings =
            Settings { store_deadline_ms: 300, cash_token: Secret::new(TOKEN), ..Settings::default() };
        let stage = Stage::with(settings).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(bisrv::serve_cash(Arc::clone(&stage.bank), listener, stage.stop.clone()));
        let ana = stage.account("ana1").await;
        Self { stage, address, ana }
    }

    /// Status and body.
    async fn asks(&self, head: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let token = token.map(|token| format!("authorization: {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let request = format!("{head} HTTP/1.1\r\nhost: x\r\n{token}content-length: {length}\r\n\r\n{body}");
        let answer = timeout(SOON, async {
            let mut socket = TcpStream::connect(self.address).await.unwrap();
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    async fn posts(&self, direction: &str, body: &str) -> (u16, String) {
        let head = format!("POST /cash/ana1/{direction}");
        self.asks(&head, Some(&format!("Bearer {TOKEN}")), body).await
    }

    async fn balance(&self) -> (u16, String) {
        self.asks("GET /cash/ANA1", Some(&format!("bearer {TOKEN}")), "").await
    }
}

fn payment(operation: &str, amount: i64) -> String {
    format!(r#"{{"operation":"{operation}","amount":{amount},"reason":"webshop"}}"#)
}

fn answer(balance: i64) -> (u16, String) {
    (200, format!(r#"{{"account":"ana1","balance":{balance}}}"#))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_is_credited_once_however_often_the_shop_sends_it() {
    let shop = Shop::new().await;
    let body = payment(PAYMENT, 500);
    for _ in 0..3 {
        assert_eq!(shop.posts("credit", &body).await, answer(500));
    }
    let plain = payment(&PAYMENT.replace('-', "").to_uppercase(), 500);
    assert_eq!(shop.posts("credit", &plain).await, answer(500), "the same id, written otherwise");
    assert_eq!(shop.posts("debit", &payment(PAYMENT, 120)).await, answer(380), "another direction");
    assert_eq!(shop.posts("credit", &body).await, answer(500), "as it was after that payment");
    assert_eq!(shop.balance().await, (200, r#"{"account":"ANA1","balance":380}"#.to_owned()));
    shop.stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_credited_and_none_twice() {
    let shop = Arc::new(Shop::new().await);
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.posts("credit", &payment(&format!("{:032x}", n / 2), 10)).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().0, 200);
    }
    assert_eq!(shop.balance().await.1, r#"{"account":"ANA1","balance":200}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_nobody_is_told_anything() {
    let shop = Shop::new().await;
    let almost = format!("Bearer {}", &TOKEN[1..]);
    let basic = format!("Basic {TOKEN}");
    for token in [None, Some(almost.as_str()), Some("Bearer "), Some("Bearer"), Some(&basic), Some(TOKEN)] {
        for head in ["GET /cash/ana1", "GET /cash/nobody", "POST /cash/ana1/credit"] {
            let (status, body) = shop.asks(head, token, &payment(PAYMENT, 5)).await;
            assert_eq!(status, 401, "{head} {token:?}");
            assert!(!body.contains("balance") && !body.contains(TOKEN), "{body}");
        }
    }
    assert_eq!(shop.balance().await.0, 200);
    shop.stage.settings.set(Settings::default());
    let (status, _) = shop.asks("GET /cash/ana1", Some("Bearer "), "").await;
    assert_eq!(status, 401, "no token is set any more: nobody is a shop");
    shop.stage.settings.set(Settings { cash_token: Secret::new("another token 123"), ..Settings::default() });
    assert_eq!(shop.balance().await.0, 401, "the token was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named() {
    let shop = Shop::new().await;
    let token = format!("Bearer {TOKEN}");
    for name in ["nobody", "x", "ana1%00", "..%2f"] {
        let (status, _) = shop.asks(&format!("GET /cash/{name}"), Some(&token), "").await;
        assert_eq!(status, 404, "{name}");
    }
    for (body, named) in [
        (String::new(), "expected JSON"),
        ("{}".to_owned(), "missing field"),
        (payment("seven", 5), "operation is 'seven'"),
        (payment(PAYMENT, 0), "amount is 0"),
        (payment(PAYMENT, -7), "amount is -7"),
        (payment(PAYMENT, 5).replace("webshop", "web shop"), "reason is 'web shop'"),
        (payment(PAYMENT, 5).replace('5', "\\\"x\\\""), "expected"),
        (payment(PAYMENT, 5).replace("reason", "why"), "unknown field `why`"),
    ] {
        let (status, answer) = shop.posts("credit", &body).await;
        assert_eq!(status, 400, "{body} {answer}");
        assert!(answer.contains(named), "{body} {answer}");
    }
    let (status, _) = shop.posts("credit", &"x".repeat(5_000)).await;
    assert_eq!(status, 413);
    let (status, answer) = shop.posts("debit", &payment(PAYMENT, 5)).await;
    assert_eq!(status, 409);
    assert!(answer.contains("not_enough") && answer.contains("not enough cash"), "{answer}");
    assert_eq!(shop.posts("steal", "").await.0, 404);
    assert_eq!(shop.balance().await.1, r#"{"account":"ANA1","balance":0}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_the_shop_is_told_to_send_it_again() {
    let shop = Shop::new().await;
    let body = payment(PAYMENT, 500);
    shop.stage.store.is_away(true);
    let (status, told) = shop.posts("credit", &body).await;
    assert!(status == 503 && told.contains("again"), "{status} {told}");
    shop.stage.store.is_away(false);
    let mut answered = (503, String::new());
    shop.stage.store.lose_answers(12);
    while answered.0 == 503 {
        answered = shop.posts("credit", &body).await;
    }
    assert_eq!(answered, answer(500));
    shop.stage.freeze(shop.ana).await; // a frozen player may still be paid for
    assert_eq!(shop.posts("credit", &payment(&"1".repeat(32), 1)).await, answer(501));
    shop.stage.books_are_right().await;
}
