//! Temporary values over real link sockets, in memory and in a real Redis: one suite for both.
#![allow(clippy::unwrap_used)]

use link::{Client, Server, Target};
use model::Secret;
use model::calls::temporary::{KEY_MAX, LIFE_MS_MAX, Reply, Request, VALUE_MAX};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Sqlite;
use support::{RedisCluster, RedisSentinels, RedisServer, SOON, any_port, credentials};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tsssrv::{
    Auction, Cabinet, Front, Market, MemoryValues, Metrics, Parts, RedisValues, Swap, Values, random_ids,
    tokio_tasks, wall_clock,
};

const MINUTE: u64 = 60_000;

struct Stage {
    client: Client<Request, Reply>,
    values: Arc<dyn Values>,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Stage {
    async fn new(values: Arc<dyn Values>) -> Self {
        let server = Server::bind(any_port(), credentials("tsssrv-1")).await.unwrap();
        let target = Target { name: credentials("tsssrv-1").name, address: server.local_addr() };
        let cabinet = Arc::new(Cabinet::new(Arc::clone(&values), Metrics::unregistered().unwrap()));
        let stop = CancellationToken::new();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap());
        let (values, clock) = (Arc::clone(&values), wall_clock());
        let market = Market::new(Parts {
            store,
            values: Arc::clone(&values),
            auction: Auction::default(),
            clock,
            ids: random_ids(),
            spawn: tokio_tasks(),
            stop: stop.clone(),
        });
        tokio::spawn(server.serve(Arc::new(Front { cabinet, market }), stop.clone()));
        Self { client: Client::fixed(credentials("tmsrv-1"), target), values, stop, _folder: folder }
    }

    async fn ask(&self, request: Request) -> Reply {
        self.client.call(&request, SOON).await.unwrap()
    }

    async fn get(&self, key: &str) -> Option<Vec<u8>> {
        value(self.ask(Request::Get { key: key.to_owned() }).await)
    }

    async fn take(&self, key: &str) -> Option<Vec<u8>> {
        value(self.ask(Request::Take { key: key.to_owned() }).await)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn value(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Value(value) => value,
        other => panic!("no value but {other:?}"),
    }
}

fn put(key: &str, value: &[u8], life_ms: u64) -> Request {
    Request::Put { key: key.to_owned(), value: value.to_owned(), life_ms }
}

fn put_if_absent(key: &str, value: &[u8], life_ms: u64) -> Request {
    Request::PutIfAbsent { key: key.to_owned(), value: value.to_owned(), life_ms }
}

async fn conforms(stage: &Stage) {
    values_are_put_read_and_taken(stage).await;
    of_many_that_put_or_take_one_wins(stage).await;
    values_expire(stage).await;
    several_values_change_in_one_step(&stage.values).await;
    of_many_steps_one_wins(&stage.values).await;
    limits_are_named(stage).await;
}

fn swap(key: &str, expected: Option<&[u8]>, value: Option<&[u8]>) -> Swap {
    let value = value.map(|value| (value.to_owned(), Duration::from_millis(MINUTE)));
    Swap { key: key.to_owned(), expected: expected.map(<[u8]>::to_vec), value }
}

async fn several_values_change_in_one_step(values: &Arc<dyn Values>) {
    let made = [swap("s1", None, Some(b"1")), swap("s2", None, Some(b""))];
    assert_eq!(values.swap(&made).await, Ok(true));
    assert_eq!(values.swap(&made).await, Ok(false), "they are there");
    let wrong = [swap("s1", Some(b"1"), Some(b"2")), swap("s2", Some(b"?"), None)];
    assert_eq!(values.swap(&wrong).await, Ok(false));
    assert_eq!(values.get("s1").await.unwrap().as_deref(), Some(&b"1"[..]), "all or nothing");
    let nothing = [swap("s1", Some(b"1"), Some(b"2")), swap("s2", None, None)];
    assert_eq!(values.swap(&nothing).await, Ok(false), "an empty value is not nothing");
    let right = [swap("s1", Some(b"1"), Some(b"\xff\x00")), swap("s2", Some(b""), None)];
    assert_eq!(values.swap(&right).await, Ok(true));
    assert_eq!(values.get("s1").await.unwrap().as_deref(), Some(&b"\xff\x00"[..]));
    assert_eq!(values.get("s2").await, Ok(None));
    assert_eq!(values.swap(&[swap("s1", Some(b"\xff\x00"), None)]).await, Ok(true));
}

async fn of_many_steps_one_wins(values: &Arc<dyn Values>) {
    let steps: Vec<_> = (0..50_u8)
        .map(|n| {
            let values = Arc::clone(values);
            let keys = if n % 2 == 0 { ["r1", "r2"] } else { ["r2", "r1"] };
            tokio::spawn(
                async move { values.swap(&keys.map(|key| swap(key, None, Some(&[n])))).await.unwrap() },
            )
        })
        .collect();
    let mut won = 0;
    for step in steps {
        won += usize::from(step.await.unwrap());
    }
    assert_eq!(won, 1);
    assert_eq!(values.get("r1").await, values.get("r2").await, "both are the winner's");
}

async fn values_are_put_read_and_taken(stage: &Stage) {
    assert_eq!(stage.get("a").await, None);
    assert_eq!(stage.ask(put("a", b"one", MINUTE)).await, Reply::Stored);
    assert_eq!(stage.ask(put("a", b"two", MINUTE)).await, Reply::Stored);
    assert_eq!(stage.ask(put_if_absent("a", b"three", MINUTE)).await, Reply::Occupied);
    assert_eq!(stage.get("a").await.as_deref(), Some(&b"two"[..]));
    assert_eq!(stage.take("a").await.as_deref(), Some(&b"two"[..]));
    assert_eq!(stage.take("a").await, None);
    assert_eq!(stage.ask(put_if_absent("a", b"", MINUTE)).await, Reply::Stored);
    assert_eq!(stage.get("a").await, Some(Vec::new()), "nothing is a value too");
    let (long_key, full) = ("k".repeat(KEY_MAX), vec![0xff; VALUE_MAX]);
    assert_eq!(stage.ask(put(&long_key, &full, LIFE_MS_MAX)).await, Reply::Stored);
    assert_eq!(stage.take(&long_key).await, Some(full));
}

async fn of_many_that_put_or_take_one_wins(stage: &Stage) {
    let puts: Vec<_> = (0..50_u8)
        .map(|n| {
            let client = stage.client.clone();
            tokio::spawn(async move { client.call(&put_if_absent("race", &[n], MINUTE), SOON).await })
        })
        .collect();
    let mut stored = 0;
    for task in puts {
        stored += usize::from(task.await.unwrap() == Ok(Reply::Stored));
    }
    assert_eq!(stored, 1);
    let (a, b, c) = tokio::join!(stage.take("race"), stage.take("race"), stage.take("race"));
    assert_eq!([a, b, c].into_iter().flatten().count(), 1);
}

async fn values_expire(stage: &Stage) {
    stage.ask(put("short", b"x", 150)).await;
    stage.ask(put("long", b"x", MINUTE)).await;
    let deadline = Instant::now() + SOON;
    while stage.get("short").await.is_some() {
        assert!(Instant::now() < deadline, "a value of 150 ms never ends");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stage.take("short").await, None);
    assert_eq!(stage.ask(put_if_absent("short", b"y", MINUTE)).await, Reply::Stored);
    assert!(stage.get("long").await.is_some());
}

async fn limits_are_named(stage: &Stage) {
    for (request, says) in [
        (put("", b"x", 1), "key is 0 bytes; expected 1 to 128"),
        (put(&"k".repeat(129), b"x", 1), "key is 129 bytes; expected 1 to 128"),
        (put("k", &vec![0; VALUE_MAX + 1], 1), "value is 65537 bytes; expected 0 to 65536"),
        (put("k", b"x", 0), "life_ms is 0 ms; expected 1 to 86400000"),
        (put_if_absent("k", b"x", LIFE_MS_MAX + 1), "life_ms is 86400001 ms; expected 1 to 86400000"),
        (put("market:x", b"x", 1), "keys that begin with market: are the market's"),
        (Request::Get { key: String::new() }, "key is 0 bytes; expected 1 to 128"),
        (Request::Take { key: "k".repeat(500) }, "key is 500 bytes; expected 1 to 128"),
    ] {
        assert_eq!(stage.ask(request).await, Reply::Refused(says.to_owned()));
    }
    assert_eq!(stage.get("k").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_in_memory_conform() {
    conforms(&Stage::new(Arc::new(MemoryValues::new(1_000, 1 << 20))).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_in_redis_conform() {
    let Some(server) = RedisServer::start_or_skip() else { return };
    let values = RedisValues::new(&Secret::new(server.url()), "test:").unwrap();
    conforms(&Stage::new(Arc::new(values)).await).await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with("test:")), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_in_a_sentinel_set_conform_and_outlive_its_master() {
    let Some(mut set) = RedisSentinels::start_or_skip() else { return };
    let stage = Stage::new(Arc::new(RedisValues::new(&Secret::new(set.url()), "test:").unwrap())).await;
    conforms(&stage).await;
    assert_eq!(stage.ask(put("old", b"x", MINUTE)).await, Reply::Stored);
    set.sentinel(0).stop(); // most of them are enough
    set.first().hang(); // it comes back and does not know that it was replaced
    set.waits_for_failover();
    works_again(&stage, "a").await;
    assert_eq!(stage.get("old").await, None, "what the replica has may be older than what was there");
    set.first().go_on();
    for n in 0..200_u8 {
        let stored = stage.ask(put("kept", &[n], MINUTE)).await;
        assert_eq!((stored, stage.get("kept").await), (Reply::Stored, Some(vec![n])));
    }
    let mut connection = set.second().connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*:kept").query(&mut connection).unwrap();
    assert_eq!(keys.len(), 1, "written to the new master: {keys:?}");
    conforms_where_names_are_free(&stage).await;
}

/// Waits until a value can be stored, which takes as long as a failover.
async fn works_again(stage: &Stage, key: &str) {
    let deadline = Instant::now() + SOON;
    while stage.ask(put(key, b"x", MINUTE)).await != Reply::Stored {
        assert!(Instant::now() < deadline, "Redis is back and is not used");
    }
    stage.take(key).await;
}

async fn conforms_where_names_are_free(stage: &Stage) {
    several_values_change_in_one_step(&stage.values).await;
    of_many_steps_one_wins(&stage.values).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_in_a_cluster_conform_lie_in_one_slot_and_follow_it() {
    let Some(mut cluster) = RedisCluster::start_or_skip() else { return };
    let stage = Stage::new(Arc::new(RedisValues::new(&Secret::new(cluster.url()), "test:").unwrap())).await;
    conforms(&stage).await;
    let keys: Vec<usize> = cluster.keys().iter().map(Vec::len).collect();
    assert_eq!(keys.iter().filter(|count| **count > 0).count(), 1, "{keys:?}");
    assert!(cluster.keys().concat().iter().all(|key| key.starts_with("test:{live}")), "{:?}", cluster.keys());
    let slot = cluster.begins_to_move("live");
    assert_eq!(stage.ask(put("asked", b"x", MINUTE)).await, Reply::Stored, "where the slot goes to");
    assert_eq!(stage.take("asked").await.as_deref(), Some(&b"x"[..]));
    assert!(stage.get("long").await.is_some(), "where the slot comes from");
    let owner = cluster.ends_to_move(slot);
    works_again(&stage, "a").await;
    assert_eq!(stage.get("long").await, None, "another server is another era");
    conforms_where_names_are_free(&stage).await;
    cluster.server(owner).stop();
    assert_eq!(stage.ask(put("a", b"x", MINUTE)).await, Reply::Unavailable);
    cluster.server(owner).run();
    works_again(&stage, "a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_memory_refuses_and_says_how_full() {
    let stage = Stage::new(Arc::new(MemoryValues::new(1, 1 << 20))).await;
    assert_eq!(stage.ask(put("a", b"x", MINUTE)).await, Reply::Stored);
    let full = Reply::Refused("temporary storage is full: 1 of 1 values".to_owned());
    assert_eq!(stage.ask(put("b", b"x", MINUTE)).await, full);
    assert_eq!(stage.ask(put_if_absent("b", b"x", MINUTE)).await, full);
    assert_eq!(stage.ask(put("a", b"y", MINUTE)).await, Reply::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_callers_are_told_to_try_again_and_with_it_back_it_works() {
    let Some(mut server) = RedisServer::start_or_skip() else { return };
    let values = RedisValues::new(&Secret::new(server.url()), "test:").unwrap();
    let stage = Stage::new(Arc::new(values)).await;
    assert_eq!(stage.ask(put("a", b"x", MINUTE)).await, Reply::Stored);
    server.stop();
    assert_eq!(stage.ask(put("a", b"x", MINUTE)).await, Reply::Unavailable);
    assert_eq!(stage.ask(Request::Get { key: "a".to_owned() }).await, Reply::Unavailable);
    server.run();
    let deadline = Instant::now() + SOON;
    while stage.ask(put("a", b"x", MINUTE)).await != Reply::Stored {
        assert!(Instant::now() < deadline, "Redis is back and is not used");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_values_are_swept_away_unread() {
    let values = Arc::new(MemoryValues::new(1_000, 1 << 20));
    let cabinet = Cabinet::new(Arc::clone(&values) as Arc<dyn Values>, Metrics::unregistered().unwrap());
    for n in 0..100 {
        cabinet.handle(put(&format!("key{n}"), b"x", 1)).await;
    }
    let stop = CancellationToken::new();
    let (until, told) = (stop.clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let hears = Arc::clone(&told);
    let sweeping = tokio::spawn(async move {
        cabinet.maintain(until, move |ok| hears.store(ok, std::sync::atomic::Ordering::SeqCst)).await;
    });
    let deadline = Instant::now() + SOON;
    while values.size() != Some((0, 0)) || !told.load(std::sync::atomic::Ordering::SeqCst) {
        assert!(Instant::now() < deadline, "not swept: {:?}", values.size());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    sweeping.await.unwrap();
}
