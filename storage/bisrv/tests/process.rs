//! The whole process: started like an operator starts it, against a DBSrv of the test's own.
#![allow(clippy::unwrap_used)]

use model::account::Account;
use model::calls::bank::{Reply, Request};
use model::calls::database::CreateAccount;
use model::membership::Role;
use model::{AccountId, AccountName, OperationId, Secret};
use settings::Live;
use std::net::{Ipv4Addr, SocketAddr};
use support::{SOON, Stage, credentials, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_is_ready_answers_and_leaves() {
    let stage = Stage::new().await;
    let settings = Live::new(bisrv::Settings::default());
    let bisrv = stage.start(Role::BiSrv, |process, common| bisrv::run(process, common, settings)).await;
    let client = stage.client::<Request, Reply>(Role::BiSrv).await;
    let reply = client.call(&Request::LoadCargo { account: AccountId(7) }, SOON).await;
    assert_eq!(reply, Ok(Reply::NoSuchAccount));
    let metrics = bisrv.page("/metrics").await;
    assert!(
        metrics.contains("wydbr_bisrv_calls_total{call=\"load_cargo\",outcome=\"no_account\"} 1"),
        "{metrics}"
    );
    bisrv.stop().await;
    assert_eq!(stage.members().await, [], "it gave its lease back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_shop_credits_cash_through_all_of_it() {
    let stage = Stage::new().await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let settings = Live::new(bisrv::Settings {
        cash_http: Some(address),
        cash_token: Secret::new("0123456789abcdef"),
        ..bisrv::Settings::default()
    });
    let bisrv = stage.start(Role::BiSrv, |process, common| bisrv::run(process, common, settings)).await;
    let store = dbclient::RemoteStore::connect(credentials("edge-1"), stage.common(Role::BiSrv).dbsrv);
    let account = Account {
        id: AccountId(7_777),
        name: AccountName::new("ana1").unwrap(),
        password_hash: "none".to_owned(),
        pin_hash: None,
        blocked: None,
        frozen: None,
        created_ms: 0,
    };
    let create = CreateAccount { operation: OperationId(1), account };
    store::Store::create_account(&*store, create).await.unwrap().unwrap();
    let body = r#"{"operation":"00000000000000000000000000000001","amount":250,"reason":"webshop"}"#;
    let request = format!(
        "POST /cash/ana1/credit HTTP/1.1\r\nhost: x\r\nauthorization: Bearer 0123456789abcdef\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    let asked = timeout(SOON, async {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(request.as_bytes()).await?;
        socket.read_to_string(&mut answer).await
    });
    asked.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#""balance":250}"#), "{answer}");
    let client = stage.client::<Request, Reply>(Role::BiSrv).await;
    let reply = client.call(&Request::CashBalance { account: AccountId(7_777) }, SOON).await;
    assert_eq!(reply, Ok(Reply::Cash(250)));
    bisrv.stop().await;
}
