//! A service to talk to, and a proxy that can hold its breath.
#![allow(dead_code, clippy::unwrap_used)]

use async_trait::async_trait;
use link::{Client, Credentials, Peer, Server, Service, Stream, Target};
use model::Secret;
use model::membership::ProcessName;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const SOON: Duration = Duration::from_secs(10);
pub const KEY: &str = "00112233445566778899aabbccddeeff";

pub fn credentials(name: &str) -> Credentials {
    Credentials::new(ProcessName(name.to_owned()), Secret::new(KEY))
}

pub fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    Echo(String),
    WhoAmI,
    /// Answered only when the stage says so.
    Wait,
    HugeReply,
    Break,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Told {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Default)]
pub struct Stage {
    pub waiting: AtomicUsize,
    pub release: Notify,
    pub streams_ended: AtomicUsize,
    pub changed: Notify,
}

#[async_trait]
impl Service for Stage {
    type Request = Ask;
    type Reply = Told;
    type In = u32;
    type Out = u32;

    async fn call(&self, peer: &Peer, request: Ask) -> Told {
        match request {
            Ask::Echo(text) => Told::Text(text),
            Ask::WhoAmI => Told::Text(peer.name.to_string()),
            Ask::Wait => {
                let released = self.release.notified();
                self.waiting.fetch_add(1, Ordering::SeqCst);
                self.changed.notify_waiters();
                released.await;
                Told::Text("released".to_owned())
            }
            Ask::HugeReply => Told::Bytes(vec![7; link::MAX_FRAME]),
            Ask::Break => panic!("broken on purpose"),
        }
    }

    /// 0 is "read nothing from here on", 1 is "that was all", others are sent back doubled.
    async fn stream(&self, _peer: Peer, mut stream: Stream<u32, u32>) {
        while let Some(number) = stream.recv().await {
            match number {
                0 => stream.split().0.closed().await,
                1 => break,
                number => {
                    if stream.send(&(number * 2)).await.is_err() {
                        break;
                    }
                    continue;
                }
            }
            break;
        }
        self.streams_ended.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

impl Stage {
    pub async fn until(&self, what: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if what(self) {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), changed).await;
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("the condition holds in time");
    }
}

pub struct Running {
    pub stage: Arc<Stage>,
    pub target: Target,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

pub async fn server(name: &str, address: SocketAddr) -> Running {
    server_of(credentials(name), address).await
}

pub async fn server_of(credentials: Credentials, address: SocketAddr) -> Running {
    let name = credentials.name.clone();
    let server = Server::bind(address, credentials).await.unwrap();
    let target = Target { name, address: server.local_addr() };
    let (stage, stop) = (Arc::new(Stage::default()), CancellationToken::new());
    let task = tokio::spawn(server.serve(Arc::clone(&stage), stop.clone()));
    Running { stage, target, stop, task }
}

impl Running {
    pub async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.task).await.expect("it stops in time").unwrap();
    }

    pub fn client(&self) -> Client<Ask, Told> {
        Client::fixed(credentials("edge-1"), self.target.clone())
    }
}

pub fn text(text: &str) -> Told {
    Told::Text(text.to_owned())
}

/// A proxy between client and server. When told to, it stops moving bytes but keeps both sockets open: that
/// is what a dead machine looks like.
pub struct Proxy {
    pub address: SocketAddr,
    frozen: watch::Sender<bool>,
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (frozen, state) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => return,
                        _ = state.wait_for(|frozen| *frozen) => {}
                    }
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { address, frozen }
    }

    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }
}

/// A proxy that keeps a copy of every byte that passes, both ways.
pub struct Tap {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(server).await.unwrap();
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                tokio::spawn(record(near_read, far_write, Arc::clone(&copy)));
                tokio::spawn(record(far_read, near_write, Arc::clone(&copy)));
            }
        });
        Self { address, seen }
    }

    /// How many bytes passed.
    pub fn bytes(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn saw(&self, text: &str) -> bool {
        self.seen.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    }
}

async fn record(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = vec![0; 16 << 10];
    while let Ok(count) = from.read(&mut chunk).await {
        seen.lock().unwrap().extend_from_slice(&chunk[..count]);
        if count == 0 || to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}
