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
    assert!(keys.len() > 500 && keys.iter().all(|key| key.starts_with("test:session:{")), "{}", keys.len());
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
        assert!((1..=15_000).contains(&left), "{key} lives {left} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_in_a_sentinel_set_conform_and_outlive_its_master() {
    let Some(mut set) = support::RedisSentinels::start_or_skip() else { return };
    let store = RedisSessions::new(&Secret::new(set.url()), "test:").unwrap();
    conforms(&store).await;
    let held = [record(50, true), record(51, true), record(52, false)];
    for record in &held[..2] {
        assert_eq!(store.claim(record).await, Ok(Claim::Given));
    }
    set.first().stop();
    // what an edge holds is reported again and again, as the directory of NRSrv does it
    let mut holds = Err(nrsrv::sessions::Unanswered(String::new()));
    support::until("sessions are held again", async || {
        holds = store.hold(&held).await;
        holds.is_ok()
    })
    .await;
    let kept: Vec<Hold> = held.iter().map(|record| Hold::Kept(Box::new(record.clone()))).collect();
    assert_eq!(holds, Ok(kept), "nobody lost its session");
    let again = record(50, true);
    assert_eq!(store.claim(&again).await, Ok(Claim::Held(Box::new(held[0].clone()))));
    set.first().run(); // empty, and a master in its own eyes
    for account in 60..90 {
        let (one, two) = (record(account, true), record(account, true));
        assert_eq!(store.claim(&one).await, Ok(Claim::Given));
        assert_eq!(store.claim(&two).await, Ok(Claim::Held(Box::new(one))));
    }
    let mut connection = set.second().connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("test:session:*").query(&mut connection).unwrap();
    assert!(keys.len() >= 33, "all of them at the new master: {}", keys.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_in_a_cluster_conform_on_all_its_masters() {
    let Some(mut cluster) = support::RedisCluster::start_or_skip() else { return };
    let store = RedisSessions::new(&Secret::new(cluster.url()), "test:").unwrap();
    conforms(&store).await;
    let counts: Vec<usize> = cluster.keys().iter().map(Vec::len).collect();
    assert!(counts.iter().all(|count| *count > 50) && counts.iter().sum::<usize>() > 500, "{counts:?}");
    // one master is gone: the others' accounts are still played and renewed
    cluster.server(2).stop();
    let records: Vec<Record> = (2_000..2_064).map(|account| record(account, true)).collect();
    let mut given = 0;
    for record in &records {
        given += usize::from(store.claim(record).await == Ok(Claim::Given));
    }
    assert!((16..64).contains(&given), "{given} of 64 are given");
    assert!(store.hold(&records).await.is_err(), "some of them are not known");
    cluster.server(2).run();
    support::until("all are held", async || store.hold(&records).await.is_ok()).await;
}

#[test]
fn what_is_no_redis_is_refused_without_showing_it() {
    let error = RedisSessions::new(&Secret::new("http://:hunter2@example.org"), "").err().unwrap();
    assert!(!error.to_string().contains("hunter2"));
}
