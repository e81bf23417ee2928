//! Recorders on the way between two processes: they pass everything on and keep a copy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often a thread looks whether the tap is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOPBACK: &str = "127.0.0.1:0";

/// What passed, each read or datagram for itself, both ways.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<Vec<u8>>>>);

impl Recording {
    fn keep(&self, bytes: &[u8]) {
        self.0.lock().expect("the recording").push(bytes.to_vec());
    }

    /// How many bytes passed.
    pub fn bytes(&self) -> usize {
        self.0.lock().expect("the recording").iter().map(Vec::len).sum()
    }

    /// True when the bytes stand somewhere in what passed, also across two reads.
    pub fn saw(&self, text: &[u8]) -> bool {
        let all = self.0.lock().expect("the recording").concat();
        all.windows(text.len()).any(|window| window == text)
    }

    /// Every piece that passed.
    pub fn pieces(&self) -> Vec<Vec<u8>> {
        self.0.lock().expect("the recording").clone()
    }
}

/// A TCP proxy on the loopback address; it ends with the test's process.
pub struct TcpTap {
    /// Where to connect instead.
    pub address: SocketAddr,
    /// What passed.
    pub recording: Recording,
}

impl TcpTap {
    /// A tap on the way to a server.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(LOOPBACK).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let recording = Recording::default();
        let kept = recording.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(server) else { continue };
                for socket in [&near, &far] {
                    let _ = socket.set_nodelay(true);
                }
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
                let (up, down) = (kept.clone(), kept.clone());
                thread::spawn(move || pass(near, far, &up));
                thread::spawn(move || pass(far_too, near_too, &down));
            }
        });
        Self { address, recording }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, recording: &Recording) {
    let mut chunk = [0; 16 << 10];
    while let Ok(count) = from.read(&mut chunk) {
        if count == 0 || to.write_all(&chunk[..count]).is_err() {
            break;
        }
        recording.keep(&chunk[..count]);
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A UDP proxy for one client, as a router at home is one; its outer address can change.
pub struct UdpTap {
    /// Where to send instead.
    pub address: SocketAddr,
    /// What passed.
    pub recording: Recording,
    near: Arc<UdpSocket>,
    server: SocketAddr,
    far: Arc<Mutex<Arc<UdpSocket>>>,
    client: Arc<Mutex<Option<SocketAddr>>>,
    cut: Arc<AtomicBool>,
}

impl UdpTap {
    /// A tap on the way to a server.
    pub fn before(server: SocketAddr) -> Self {
        let near = Arc::new(UdpSocket::bind(LOOPBACK).expect("a free port"));
        let address = near.local_addr().expect("its address");
        let far = Arc::new(Mutex::new(outer()));
        let (recording, client, cut) = (Recording::default(), Arc::default(), Arc::default());
        let tap = Self { address, recording, near, server, far, client, cut };
        tap.pass_up();
        tap.pass_down();
        tap
    }

    fn pass_up(&self) {
        let (near, far, server) = (Arc::clone(&self.near), Arc::clone(&self.far), self.server);
        let (client, recording) = (Arc::clone(&self.client), self.recording.clone());
        let cut = Arc::clone(&self.cut);
        thread::spawn(move || {
            let mut datagram = [0; 64 << 10];
            while let Ok((count, from)) = near.recv_from(&mut datagram) {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                *client.lock().expect("the client") = Some(from);
                recording.keep(&datagram[..count]);
                let out = Arc::clone(&far.lock().expect("the outer socket"));
                let _ = out.send_to(&datagram[..count], server);
            }
        });
    }

    fn pass_down(&self) {
        let (near, far) = (Arc::clone(&self.near), Arc::clone(&self.far));
        let (client, recording) = (Arc::clone(&self.client), self.recording.clone());
        let cut = Arc::clone(&self.cut);
        thread::spawn(move || {
            let mut datagram = [0; 64 << 10];
            loop {
                let from = Arc::clone(&far.lock().expect("the outer socket"));
                let Ok(count) = from.recv(&mut datagram) else { continue };
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                recording.keep(&datagram[..count]);
                if let Some(to) = *client.lock().expect("the client") {
                    let _ = near.send_to(&datagram[..count], to);
                }
            }
        });
    }

    /// From now on the server sees another address; what it still sends to the old one is lost.
    pub fn change_address(&self) {
        *self.far.lock().expect("the outer socket") = outer();
    }

    /// From now on nothing passes, either way.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Everything passes again.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    /// The address that the server sees.
    pub fn seen_by_the_server(&self) -> SocketAddr {
        self.far.lock().expect("the outer socket").local_addr().expect("its address")
    }
}

/// A socket whose reader looks up often enough to notice that it was replaced.
fn outer() -> Arc<UdpSocket> {
    let socket = UdpSocket::bind(LOOPBACK).expect("a free port");
    socket.set_read_timeout(Some(LOOK_EVERY)).expect("a timeout");
    Arc::new(socket)
}
