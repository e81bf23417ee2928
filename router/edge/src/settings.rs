//! What an operator can set; limits, rates and the language reload live.

mod check;

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Settings of the edge. `listen`, `http_public` and `quic` are read once; the rest reloads live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the status page (`GET /SrvCont.htm`) and the sign-up (`POST /signup`) are served.
    pub http_public: SocketAddr,
    /// Where relays connect.
    pub quic: Quic,
    /// Language of the texts that players read.
    pub language: Language,
    /// Client versions that may log in.
    pub versions: Versions,
    /// How long anything may take.
    pub deadlines: Deadlines,
    /// How much one client may send.
    pub budgets: Budgets,
    /// How much one address may do.
    pub addresses: Addresses,
    /// How many connections there may be and what each may hold.
    pub connections: Connections,
    /// How much a client is shown at once.
    pub view: ViewLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8281)),
            http_public: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            quic: Quic::default(),
            language: Language::default(),
            versions: Versions::default(),
            deadlines: Deadlines::default(),
            budgets: Budgets::default(),
            addresses: Addresses::default(),
            connections: Connections::default(),
            view: ViewLimits::default(),
        }
    }
}

/// Players through relays (`wydbr relay`), over QUIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quic {
    /// Where to listen for UDP; not at all when left out.
    pub listen: Option<SocketAddr>,
    /// Certificate in PEM, and what leads from it to its CA; a self-made one in the data folder when left out.
    pub certificate: Option<PathBuf>,
    /// Its key, readable by its owner only.
    pub key: Option<PathBuf>,
    /// How long a player stays whose relay has lost its connection, in milliseconds.
    pub resume_ms: u64,
}

impl Default for Quic {
    fn default() -> Self {
        Self { listen: None, certificate: None, key: None, resume_ms: 20_000 }
    }
}

/// Language of what players read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// Brazilian Portuguese.
    #[default]
    #[serde(rename = "pt-BR")]
    Portuguese,
    /// English.
    #[serde(rename = "en")]
    English,
}

/// The version numbers of the login packet that are let in, by family of client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// Clients that speak the 7.59 protocol.
    pub v759: Vec<i32>,
    /// Clients that speak the 7.69 protocol.
    pub v769: Vec<i32>,
    /// Clients that speak the 7.48 protocol.
    pub v748: Vec<i32>,
}

impl Default for Versions {
    fn default() -> Self {
        Self { v759: vec![7640], v769: vec![1758], v748: vec![748] }
    }
}

/// Deadlines, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deadlines {
    /// From the connection to its first four bytes.
    pub init_code_ms: u64,
    /// From the connection to its login packet.
    pub login_ms: u64,
    /// From the first byte of a packet to its last.
    pub partial_frame_ms: u64,
    /// Longest silence of a client.
    pub idle_ms: u64,
    /// Longest stay on the PIN keypad and the selection screen without a packet.
    pub selection_idle_ms: u64,
    /// Longest wait for a node when a player enters the world.
    pub enter_ms: u64,
    /// Longest wait for a node when the one that held the player is gone.
    pub resume_ms: u64,
    /// Longest wait for one answer of a node.
    pub node_answer_ms: u64,
    /// Longest wait for a character to be saved when its player leaves.
    pub detach_ms: u64,
    /// Longest wait for all players to be saved and told when the edge stops.
    pub drain_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            init_code_ms: 3_000,
            login_ms: 10_000,
            partial_frame_ms: 10_000,
            idle_ms: 360_000,
            selection_idle_ms: 360_000,
            enter_ms: 15_000,
            resume_ms: 120_000,
            node_answer_ms: 5_000,
            detach_ms: 5_000,
            drain_ms: 8_000,
        }
    }
}

/// A token bucket: so much a second, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Refill.
    pub per_second: f64,
    /// Size of the bucket.
    pub burst: f64,
}

impl Rate {
    /// A rate by its refill and its size.
    pub const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst }
    }
}

/// Budgets of one client. What is over them is dropped with a strike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budgets {
    /// Packets.
    pub packets: Rate,
    /// Bytes.
    pub bytes: Rate,
    /// Chat lines and whispers.
    pub chat: Rate,
    /// Requests about items and gold.
    pub goods: Rate,
    /// Lines to everybody.
    pub shout: Rate,
    /// Strikes after which a client is closed; one is forgiven every `strike_forgiven_ms`.
    pub strikes_max: u32,
    /// How long a strike counts, in milliseconds.
    pub strike_forgiven_ms: u64,
    /// Wrong PINs after which the connection is closed.
    pub pin_tries: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            packets: Rate::new(30.0, 120.0),
            bytes: Rate::new(8_192.0, 32_768.0),
            chat: Rate::new(2.0, 10.0),
            goods: Rate::new(15.0, 60.0),
            shout: Rate::new(0.1, 2.0),
            strikes_max: 20,
            strike_forgiven_ms: 5_000,
            pin_tries: 4,
        }
    }
}

/// Limits by address: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Addresses {
    /// Connections at once.
    pub connections_max: u32,
    /// New connections.
    pub connects: Rate,
    /// Login attempts.
    pub logins: Rate,
    /// Addresses that are remembered at once.
    pub remembered_max: usize,
    /// Addresses without these limits: the machine itself, proxies, test drivers.
    pub exempt: Vec<IpAddr>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            connections_max: 32,
            connects: Rate::new(4.0, 40.0),
            logins: Rate::new(1.0, 20.0),
            remembered_max: 65_536,
            exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
        }
    }
}

/// Limits of all connections together, and of the memory of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// Connections at once.
    pub max: usize,
    /// Connections at once that have not logged in; over it the oldest of them goes.
    pub half_open_max: usize,
    /// Bytes that may wait to be written to one client before it counts as too slow.
    pub write_queue_bytes: usize,
    /// Events that may wait for one client before it counts as too slow. Read at login.
    pub events_queued: usize,
    /// Requests of a player that are held while another node takes it over.
    pub held_commands: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            max: 10_000,
            half_open_max: 4_096,
            write_queue_bytes: 262_144,
            events_queued: 2_048,
            held_commands: 16,
        }
    }
}

/// How many entities one client is shown at once: the nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewLimits {
    /// Players, at most 998.
    pub players: usize,
    /// Monsters and merchants, at most 19,000.
    pub creatures: usize,
}

impl Default for ViewLimits {
    fn default() -> Self {
        Self { players: 300, creatures: 600 }
    }
}
