//! The whole process: started like an operator starts it, against a DBSrv of the test's own.

use model::calls::registry::{Login, LoginRefusal, Reply, Request};
use model::membership::{ProcessName, Role};
use model::{Secret, SessionId};
use settings::Live;
use std::net::Ipv4Addr;
use support::{SOON, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_is_ready_answers_and_leaves() {
    let stage = Stage::new().await;
    let settings = Live::new(nrsrv::Settings::default());
    let nrsrv = stage.start(Role::NrSrv, |process, common| nrsrv::run(process, common, settings)).await;
    let client = stage.client::<Request, Reply>(Role::NrSrv).await;
    let create =
        Request::CreateAccount { name: "ana1".to_owned(), password: Secret::new("segredo7"), address: None };
    let created = client.call(&create, SOON).await;
    assert!(matches!(created, Ok(Reply::AccountCreated(Ok(_)))), "{created:?}");
    let login = |session, password| {
        Request::Login(Login {
            session: SessionId(session),
            edge: ProcessName("edge-1".to_owned()),
            name: "ana1".to_owned(),
            password: Secret::new(password),
            force: false,
            address: Ipv4Addr::LOCALHOST.into(),
        })
    };
    let refused = client.call(&login(1, "wrong77"), SOON).await;
    assert_eq!(refused, Ok(Reply::LoggedIn(Err(LoginRefusal::WrongNameOrPassword))));
    let accepted = client.call(&login(2, "segredo7"), SOON).await;
    assert!(matches!(accepted, Ok(Reply::LoggedIn(Ok(_)))), "{accepted:?}");
    let create = Request::CreateCharacter {
        session: SessionId(2),
        slot: 0,
        name: "Anita".to_owned(),
        class: model::Class::Huntress,
    };
    match client.call(&create, SOON).await {
        Ok(Reply::Characters(list)) => {
            assert!(list[0].equip[0].is_some() && list[0].soft.hp > 1, "the built-in kit: {:?}", list[0]);
        }
        other => panic!("{other:?}"),
    }
    let metrics = nrsrv.page("/metrics").await;
    assert!(metrics.contains("wydbr_nrsrv_logins_total{outcome=\"ok\"} 1"), "{metrics}");
    nrsrv.stop().await;
    assert_eq!(stage.members().await, [], "it gave its lease back");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_key() {
    let stage = Stage::new().await;
    let common = stage.common(Role::NrSrv);
    let started = telemetry::start(Role::NrSrv, &common).await.expect("the process starts");
    let mut settings = nrsrv::Settings::default();
    settings.hashing.memory_kib = 1;
    let refused = nrsrv::run(started.process, common, Live::new(settings)).await.expect_err("it is refused");
    assert_eq!(refused.to_string(), "bad setting: hashing.memory_kib is 1; expected 8 a lane to 1048576");
}
