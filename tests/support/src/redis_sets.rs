//! Several Redis servers of the test's own that are one: a Sentinel set, a Cluster.

use crate::redis_server::may_run;
use crate::{RedisServer, SOON};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Master, replica and three sentinels; fails over within two seconds of the master's death.
pub struct RedisSentinels {
    servers: [RedisServer; 2],
    sentinels: Vec<RedisServer>,
}

/// Three masters without replicas.
pub struct RedisCluster {
    servers: Vec<RedisServer>,
}

/// Waits for a condition of servers, and says what did not happen.
fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        std::thread::sleep(Duration::from_millis(5)); // pacing of the poll, not the wait itself
    }
}

/// What a server answers; `None` while it answers nobody (one that is promoted ends the connections of all).
fn answer<T: redis::FromRedisValue>(server: &RedisServer, command: &[&str]) -> Option<T> {
    let (name, arguments) = command.split_first()?;
    redis::cmd(name).arg(arguments).query(&mut server.connect().ok()?).ok()
}

fn info(server: &RedisServer, command: &[&str], line: &str) -> bool {
    answer::<String>(server, command).is_some_and(|text| text.lines().any(|found| found == line))
}

impl RedisSentinels {
    /// `None` when there is no Redis and the environment allows that.
    pub fn start_or_skip() -> Option<Self> {
        if !may_run() {
            return None;
        }
        // nobody else comes: a replica that follows is not waited for
        let at_once = ["--repl-diskless-sync-delay", "0"];
        let master = RedisServer::with(&at_once);
        let of = format!("127.0.0.1 {}", master.port());
        let replica = RedisServer::with(&[&["--replicaof", of.as_str()], &at_once[..]].concat());
        wait("the replica follows", || info(&replica, &["INFO"], "master_link_status:up"));
        let port = master.port();
        let configuration = format!(
            "sentinel monitor live 127.0.0.1 {port} 2\nsentinel down-after-milliseconds live 500\n\
             sentinel failover-timeout live 2000\n"
        );
        let sentinels: Vec<_> = (0..3).map(|_| RedisServer::sentinel(&configuration)).collect();
        let set = Self { servers: [master, replica], sentinels };
        wait("the sentinels know each other and the replica", || {
            (0..3).all(|one| {
                let Some(fields) = set.told(one) else { return false };
                let is = |name: &str, value: &str| fields.get(name).is_some_and(|found| found == value);
                is("num-other-sentinels", "2") && is("num-slaves", "1")
            })
        });
        Some(set)
    }

    fn told(&self, sentinel: usize) -> Option<HashMap<String, String>> {
        answer(&self.sentinels[sentinel], &["SENTINEL", "MASTER", "live"])
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let hosts = self.sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port()));
        format!("redis+sentinel://{}/live/0", hosts.collect::<Vec<_>>().join(","))
    }

    /// The server that the sentinels named at the start.
    pub fn first(&mut self) -> &mut RedisServer {
        &mut self.servers[0]
    }

    /// The other one.
    pub fn second(&self) -> &RedisServer {
        &self.servers[1]
    }

    /// One of the sentinels.
    pub fn sentinel(&mut self, number: usize) -> &mut RedisServer {
        &mut self.sentinels[number]
    }

    /// Waits until all sentinels that run name the second server.
    pub fn waits_for_failover(&self) {
        let port = self.second().port().to_string();
        wait("the replica is the master", || {
            let told = self.told(2).is_some_and(|fields| fields.get("port") == Some(&port));
            told && info(self.second(), &["INFO"], "role:master")
        });
    }
}

impl RedisCluster {
    /// `None` when there is no Redis and the environment allows that.
    pub fn start_or_skip() -> Option<Self> {
        if !may_run() {
            return None;
        }
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        let more = ["--cluster-require-full-coverage", "no"];
        let arguments = [&arguments[..], &more[..]].concat();
        let servers: Vec<_> = (0..3).map(|_| RedisServer::with(&arguments)).collect();
        for (server, (first, last)) in servers.iter().zip([(0, 5_460), (5_461, 10_922), (10_923, 16_383)]) {
            let mut command = redis::cmd("CLUSTER");
            command.arg("ADDSLOTSRANGE").arg(first).arg(last);
            command.query::<()>(&mut server.connection()).expect("slots are given");
            let mut meet = redis::cmd("CLUSTER");
            meet.arg("MEET").arg("127.0.0.1").arg(servers[0].port());
            meet.query::<()>(&mut server.connection()).expect("the servers meet");
        }
        wait("the cluster is one", || {
            servers.iter().all(|server| {
                ["cluster_state:ok", "cluster_slots_assigned:16384", "cluster_known_nodes:3"]
                    .iter()
                    .all(|line| info(server, &["CLUSTER", "INFO"], line))
            })
        });
        Some(Self { servers })
    }

    /// Its URL: one server leads to all.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.servers[0].port())
    }

    /// All keys of all servers.
    pub fn keys(&self) -> Vec<Vec<String>> {
        let keys = |server: &RedisServer| redis::cmd("KEYS").arg("*").query(&mut server.connection());
        self.servers.iter().map(|server| keys(server).expect("Redis answers")).collect()
    }

    /// One of the servers.
    pub fn server(&mut self, number: usize) -> &mut RedisServer {
        &mut self.servers[number]
    }

    /// Begins to give the slot of a hash tag to another server: keys that are not there are asked for at the other.
    pub fn begins_to_move(&self, tag: &str) -> SlotMove {
        let slot = self.ask(0, &["KEYSLOT", tag]);
        let slot: u16 = redis::from_redis_value(slot).expect("a number");
        let from = usize::from(slot / 5_461).min(2);
        let to = (from + 1) % 3;
        let slot = slot.to_string();
        self.ask(to, &["SETSLOT", &slot, "IMPORTING", &self.id(from)]);
        self.ask(from, &["SETSLOT", &slot, "MIGRATING", &self.id(to)]);
        SlotMove { slot, from, to }
    }

    /// Moves the keys and ends it; the server that has the slot now.
    pub fn ends_to_move(&self, SlotMove { slot, from, to }: SlotMove) -> usize {
        let keys = self.ask(from, &["GETKEYSINSLOT", &slot, "100000"]);
        let keys: Vec<String> = redis::from_redis_value(keys).expect("keys");
        if !keys.is_empty() {
            let mut command = redis::cmd("MIGRATE");
            command.arg("127.0.0.1").arg(self.servers[to].port()).arg("").arg(0).arg(5_000);
            command.arg("KEYS").arg(keys);
            command.query::<()>(&mut self.servers[from].connection()).expect("keys go");
        }
        for server in [to, from] {
            self.ask(server, &["SETSLOT", &slot, "NODE", &self.id(to)]);
        }
        to
    }

    fn id(&self, server: usize) -> String {
        redis::from_redis_value(self.ask(server, &["MYID"])).expect("an id")
    }

    fn ask(&self, server: usize, arguments: &[&str]) -> redis::Value {
        let mut command = redis::cmd("CLUSTER");
        command.arg(arguments);
        command.query(&mut self.servers[server].connection()).expect("Redis answers")
    }
}

/// A slot on its way from one server to another.
pub struct SlotMove {
    slot: String,
    from: usize,
    to: usize,
}
