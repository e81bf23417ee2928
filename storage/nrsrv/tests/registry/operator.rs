//! Sign-up, and what operators do.

use crate::edge::address;
use crate::stage::{PASSWORD, Stage, quick};
use model::Secret;
use model::account::BadName;
use model::calls::registry::{LoginRefusal, Reply, Request, SignUpRefusal};
use nrsrv::accounts::{self, AccountError, Hasher};
use nrsrv::hashing::{Cost, Urgency};
use nrsrv::{HashPool, SignUp};
use std::net::IpAddr;

fn sign_up(name: &str, password: &str, address: IpAddr) -> Request {
    Request::CreateAccount { name: name.to_owned(), password: Secret::new(password), address: Some(address) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_signs_up_and_is_told_what_is_wrong() {
    let stage = Stage::new().await;
    let ok = stage.ask(sign_up("Ana1", PASSWORD, address(1))).await;
    assert!(matches!(ok, Reply::AccountCreated(Ok(_))), "{ok:?}");
    for (name, password, refusal) in [
        ("aNa1", PASSWORD, SignUpRefusal::NameTaken),
        ("an", PASSWORD, SignUpRefusal::BadName(BadName::Length { min: 4, max: 15, found: 2 })),
        ("an a1", PASSWORD, SignUpRefusal::BadName(BadName::Character)),
        ("lpt1", PASSWORD, SignUpRefusal::BadName(BadName::Kept)),
        ("bia1", "abc", SignUpRefusal::BadPassword { min: 4, max: 11 }),
        ("bia1", "com espaço", SignUpRefusal::BadPassword { min: 4, max: 11 }),
    ] {
        assert_eq!(stage.ask(sign_up(name, password, address(1))).await, Reply::AccountCreated(Err(refusal)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_up_is_limited_by_address_and_can_be_switched_off_while_running() {
    let mut settings = quick();
    settings.signup = SignUp { enabled: true, burst: 2, per_hour: 1 };
    let stage = Stage::with(settings.clone()).await;
    for n in 0..2 {
        let reply = stage.ask(sign_up(&format!("user{n}"), PASSWORD, address(1))).await;
        assert!(matches!(reply, Reply::AccountCreated(Ok(_))), "{reply:?}");
    }
    let too_many = Reply::AccountCreated(Err(SignUpRefusal::TooMany));
    assert_eq!(stage.ask(sign_up("user2", PASSWORD, address(1))).await, too_many);
    let elsewhere = stage.ask(sign_up("user2", PASSWORD, address(2))).await;
    assert!(matches!(elsewhere, Reply::AccountCreated(Ok(_))), "{elsewhere:?}");
    for n in 0..5 {
        let own = stage.ask(sign_up(&format!("bots{n}"), PASSWORD, IpAddr::from([127, 0, 0, 1]))).await;
        assert!(matches!(own, Reply::AccountCreated(Ok(_))), "this machine has no limit: {own:?}");
    }
    settings.signup.enabled = false;
    stage.settings.set(settings);
    let off = Reply::AccountCreated(Err(SignUpRefusal::SwitchedOff));
    assert_eq!(stage.ask(sign_up("user3", PASSWORD, address(3))).await, off);
    stage.account("user3").await; // operators still can
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_an_account_and_sets_a_new_password() {
    let stage = Stage::new().await;
    let id = stage.account("Ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    edge.create(session, 3, "Anita").await;
    edge.pin(session, "4711", false).await;
    let Reply::Account(info) = stage.ask(Request::Show { name: "ana1".to_owned() }).await else {
        panic!("no account shown")
    };
    assert_eq!((info.id, info.name.as_str(), info.online, info.has_pin), (id, "Ana1", true, true));
    assert_eq!(info.characters, [(3, "Anita".to_owned())]);
    let reason = Some("a double".to_owned());
    let freeze = Request::Freeze { name: "ANA1".to_owned(), reason: reason.clone() };
    assert_eq!(stage.ask(freeze).await, Reply::Done);
    let Reply::Account(info) = stage.ask(Request::Show { name: "ana1".to_owned() }).await else {
        panic!("no account shown")
    };
    assert_eq!((info.frozen, info.online), (reason, true), "who is frozen may play");
    let set = |password: &str| Request::SetPassword { name: "ana1".into(), password: Secret::new(password) };
    assert_eq!(stage.ask(set("no")).await, Reply::BadPassword(4, 11));
    assert_eq!(stage.ask(set("nova1234")).await, Reply::Done);
    edge.logout(session).await;
    assert_eq!(edge.login("ana1").await, Err(LoginRefusal::WrongNameOrPassword));
    assert_eq!(edge.try_login(edge.attempt("ana1", "nova1234")).await, Ok(id));
    for request in [
        Request::Show { name: "nobody1".to_owned() },
        Request::Show { name: "?".to_owned() },
        Request::Block { name: "nobody1".to_owned(), reason: None },
        Request::Freeze { name: "nobody1".to_owned(), reason: None },
        Request::ClearPin { name: "nobody1".to_owned() },
    ] {
        assert_eq!(stage.ask(request).await, Reply::NoSuchAccount);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_does_the_same_without_a_cluster() {
    let stage = Stage::new().await;
    let store = &*stage.store;
    let pool = HashPool::unmetered(&quick().hashing).unwrap();
    let hasher = Hasher { pool: &pool, cost: Cost::from(&quick().hashing), urgency: Urgency::Player };
    let password = Secret::new(PASSWORD);
    let id = accounts::create(store, hasher, "Ana1", &password).await.unwrap();
    let again = accounts::create(store, hasher, "ANA1", &password).await;
    assert_eq!(again, Err(AccountError::Refused(SignUpRefusal::NameTaken)));
    accounts::block(store, "ana1", "sold gold").await.unwrap();
    let info = accounts::show(store, "ana1").await.unwrap();
    assert_eq!((info.id, info.blocked.as_deref(), info.online), (id, Some("sold gold"), false));
    let before = accounts::unblock(store, "ana1").await.unwrap();
    assert_eq!(before.blocked.as_deref(), Some("sold gold"));
    let frozen = accounts::freeze(store, "ana1", Some("a double")).await.unwrap();
    // by its id, as a finding shows it
    let by_id = accounts::show(store, &format!("id:{}", frozen.id)).await.unwrap();
    assert_eq!((by_id.name.as_str(), by_id.frozen.as_deref()), ("Ana1", Some("a double")));
    for wrong in ["id:", "id:ana1", "id:7"] {
        let shown = accounts::show(store, wrong).await;
        assert!(matches!(shown, Err(accounts::AccountError::NoSuchAccount)), "{wrong}: {shown:?}");
    }
    assert_eq!(accounts::show(store, "ana1").await.unwrap().frozen.as_deref(), Some("a double"));
    assert_eq!(accounts::freeze(store, "ana1", None).await.unwrap().frozen.as_deref(), Some("a double"));
    accounts::set_password(store, hasher, "ana1", &Secret::new("nova1234")).await.unwrap();
    accounts::clear_pin(store, "ana1").await.unwrap();
    let edge = stage.edge("edge-1").await;
    assert_eq!(edge.try_login(edge.attempt("ana1", "nova1234")).await, Ok(id));
    let nobody = accounts::block(store, "nobody1", "x").await;
    assert_eq!(nobody.map(|account| account.id), Err(AccountError::NoSuchAccount));
}
