//! What every session store does, in memory and in Redis.

use crate::edge::new_session;
use model::membership::ProcessName;
use model::{AccountId, AccountName, Secret};
use nrsrv::sessions::{Claim, Hold, MemorySessions, PinState, Record, RedisSessions, SessionStore};

fn record(account: u64, by_login: bool) -> Record {
    Record {
        account: AccountId(account),
        account_name: AccountName::new("Ana1").unwrap(),
        session: new_session(),
        edge: ProcessName("edge-1".to_owned()),
        by_login,
        pin: PinState::default(),
    }
}

async fn conforms(store: &dyn SessionStore) {
    a_claim_is_exclusive(store).await;
    reports_settle_by_the_rules(store).await;
    only_the_holder_changes_its_row(store).await;
    many_reports_are_answered_in_order(store).await;
}

async fn a_claim_is_exclusive(store: &dyn SessionStore) {
    let (first, second) = (record(u64::MAX >> 1, true), record(u64::MAX >> 1, true));
    assert_eq!(store.claim(&first).await, Ok(Claim::Given));
    assert_eq!(store.claim(&first).await, Ok(Claim::Given), "again is the same");
    assert_eq!(store.claim(&second).await, Ok(Claim::Held(Box::new(first.clone()))));
    assert_eq!(store.release(second.account, second.session).await, Ok(false));
    assert_eq!(store.find(first.account).await, Ok(Some(first.clone())));
    assert_eq!(store.release(first.account, first.session).await, Ok(true));
    assert_eq!(store.find(first.account).await, Ok(None));
    assert_eq!(store.claim(&second).await, Ok(Claim::Given));
}

async fn reports_settle_by_the_rules(store: &dyn SessionStore) {
    let (login, report, later) = (record(20, true), record(20, false), record(20, false));
    assert_eq!(store.claim(&login).await, Ok(Claim::Given));
    let lost = Hold::Lost(Box::new(login.clone()));
    assert_eq!(store.hold(std::slice::from_ref(&report)).await, Ok(vec![lost]));
    assert_eq!(store.find(login.account).await, Ok(Some(login.clone())));
    store.release(login.account, login.session).await.unwrap();
    let kept = Hold::Kept(Box::new(report.clone()));
    assert_eq!(store.hold(std::slice::from_ref(&report)).await, Ok(vec![kept]));
    let replaced = Hold::Replaced(Box::new(report.clone()));
    assert_eq!(store.hold(std::slice::from_ref(&later)).await, Ok(vec![replaced]));
    assert_eq!(store.find(login.account).await, Ok(Some(later.clone())));
    let beats = Record { by_login: true, ..report };
    let replaced = Hold::Replaced(Box::new(later));
    assert_eq!(store.hold(std::slice::from_ref(&beats)).await, Ok(vec![replaced]));
}

async fn only_the_holder_changes_its_row(store: &dyn SessionStore) {
    let (holder, other) = (record(30, true), record(30, true));
    assert_eq!(store.claim(&holder).await, Ok(Claim::Given));
    let shown = PinState { good: true, wrong: 3 };
    store.update(&Record { pin: shown, ..other }).await.unwrap();
    assert_eq!(store.find(holder.account).await, Ok(Some(holder.clone())));
    let changed = Record { pin: shown, ..holder.clone() };
    store.update(&changed).await.unwrap();
    assert_eq!(store.find(holder.account).await, Ok(Some(changed.clone())));
    let kept = Hold::Kept(Box::new(changed));
    assert_eq!(store.hold(&[holder]).await, Ok(vec![kept]), "a report does not undo what is known");
    let gone = record(31, true);
    store.update(&gone).await.unwrap();
    assert_eq!(store.find(gone.account).await, Ok(None), "a change brings nobody back");
}

async fn many_reports_are_answered_in_order(store: &dyn SessionStore) {
    let records: Vec<Record> = (1_000..1_500).map(|account| record(account, false)).collect();
    let kept: Vec<Hold> = records.iter().map(|record| Hold::Kept(Box::new(record.clone()))).collect();
    assert_eq!(store.hold(&records).await, Ok(kept));
    assert_eq!(store.hold(&[]).await, Ok(Vec::new()));
}

#[tokio::test]
async fn sessions_in_memory_conform() {
    conforms(&MemorySessions::default()).await;
}

#[tokio::test]
async fn sessions_in_redis_conform_and_end_by_themselves() {
    let Some(server) = support::RedisServer::start_or_skip() else { return };
    let store = RedisSessions::new(&Secret::new(server.url()), "test:").unwrap();
    conforms(&store).await;
    let mut connection = server.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert!(keys.len() > 500 && keys.iter().all(|key| key.starts_with("test:session:")), "{}", keys.len());
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
        assert!((1..=15_000).contains(&left), "{key} lives {left} ms");
    }
}

#[test]
fn what_is_no_redis_is_refused_without_showing_it() {
    let error = RedisSessions::new(&Secret::new("http://:hunter2@example.org"), "").err().unwrap();
    assert!(!error.to_string().contains("hunter2"));
}
