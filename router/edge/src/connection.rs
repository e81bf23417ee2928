//! The connection of one client: bytes in, bytes out, deadlines. What they mean is the session's business.
//!
//! | on | what the task does |
//! |---|---|
//! | the client goes, or is closed | its character is detached (saved) and its session logged out, then the task ends |
//! | a mark from outside (too slow, evicted) | the same: the mark comes first, the removal is done here |
//! | the process stops | tells the player, then the same, within the drain deadline |

use crate::metrics::{CloseReason, Direction};
use crate::outbox::Outbox;
use crate::session::{Done, Moved, Session};
use crate::sessions::{Kill, ToSession};
use crate::shared::Shared;
use crate::takeover::Left;
use crate::transport::{Line, Transport};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wire::Deframer;
use wire::frame::FrameError;

/// Bytes read at once.
const CHUNK: usize = 4_096;
/// Reads in a row before others get their turn.
const READS_MAX: usize = 8;
/// Messages of the edge taken in a row.
const MESSAGES_MAX: usize = 256;
/// How long a closing connection may take to hand over its last words.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a login under way is waited for after its client went.
const LOGIN_ENDS: Duration = Duration::from_secs(12);
/// Pause between two tries to queue a detach.
const DETACH_RETRY: Duration = Duration::from_millis(20);

/// Runs one connection to its end, and everything that has to follow.
pub(crate) async fn run<T: Transport>(
    shared: Arc<Shared>,
    socket: T,
    session: Session,
    admission: Admission,
) {
    let reading = Reading { deframer: Deframer::new(), spoke: false, partial_since_ms: None, moving: false };
    serve(shared, socket, session, reading, admission).await;
}

/// A connection between two edges: its session, and the bytes that are on their way.
#[derive(Serialize, Deserialize)]
pub(crate) struct MovedConnection {
    session: Moved,
    past_init: bool,
    unread: Vec<u8>,
    unwritten: Vec<u8>,
    /// The stream of a relay, which is no socket.
    relayed: Option<relay::Kept>,
}

impl MovedConnection {
    /// Where the client is.
    pub(crate) fn address(&self) -> IpAddr {
        self.session.address
    }

    /// The stream of a relay, when it came through one.
    pub(crate) fn take_relayed(&mut self) -> Option<relay::Kept> {
        self.relayed.take()
    }
}

/// Goes on with a connection that was left.
pub(crate) fn go_on(shared: &Arc<Shared>, left: Left) {
    let Left { connection, line, admission } = left;
    let MovedConnection { session, past_init, unread, unwritten, relayed: _ } = connection;
    let kill = Arc::new(Kill::default());
    let number = admission.number;
    let mut session = Session::unpack(Arc::clone(shared), session, number, Arc::clone(&kill));
    if session.is_half_open() {
        let mut half_open = shared.half_open.lock();
        half_open.add(number, kill, usize::MAX);
        if past_init {
            half_open.spoke(number);
        }
    }
    session.out = Outbox::going_on(unwritten);
    let reading = Reading {
        deframer: Deframer::going_on(&unread, past_init),
        spoke: past_init,
        partial_since_ms: (past_init && !unread.is_empty()).then(|| shared.clock.now_ms()),
        moving: false,
    };
    match line {
        Line::Tcp(socket) => spawn(shared, socket, session, reading, admission),
        Line::Relayed(stream) => spawn(shared, stream, session, reading, admission),
    }
}

fn spawn<T: Transport>(
    shared: &Arc<Shared>,
    socket: T,
    session: Session,
    reading: Reading,
    admission: Admission,
) {
    let serving = serve(Arc::clone(shared), socket, session, reading, admission);
    shared.tasks.spawn("connection", shared.connections.track_future(serving));
}

async fn serve<T: Transport>(
    shared: Arc<Shared>,
    mut socket: T,
    mut session: Session,
    mut reading: Reading,
    admission: Admission,
) {
    if talk(&shared, &mut socket, &mut session, &mut reading).await == End::Moves {
        let line = socket.into_line();
        let connection = MovedConnection {
            session: session.pack(),
            past_init: reading.deframer.is_past_init(),
            unread: reading.deframer.rest().to_vec(),
            unwritten: session.out.rest().to_vec(),
            relayed: match &line {
                Line::Tcp(_) => None,
                Line::Relayed(stream) => stream.keep(),
            },
        };
        return shared.takeover.leave(Left { connection, line, admission });
    }
    let mut out = std::mem::take(&mut session.out);
    tokio::join!(last_words(socket, &mut out, admission), farewell(&shared, &mut session));
    shared.pool.give(out.reclaim());
}

/// What was counted when the connection was let in; given back when the socket is gone.
pub(crate) struct Admission {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: IpAddr,
    pub(crate) number: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shared.addresses.lock().disconnect(self.address);
        self.shared.half_open.lock().remove(self.number);
        self.shared.metrics.connections.dec();
    }
}

enum Wake {
    Killed(CloseReason),
    Stop,
    Message(Option<ToSession>),
    Done(Done),
    View,
    Moving,
    Socket(io::Result<()>),
    Time,
}

/// How it ends that a connection is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closes,
    /// Somebody else goes on with it.
    Moves,
}

struct Reading {
    deframer: Deframer,
    spoke: bool,
    /// Since when a packet is incomplete.
    partial_since_ms: Option<u64>,
    /// Nothing more is read: the connection goes to another edge.
    moving: bool,
}

async fn talk<T: Transport>(
    shared: &Shared,
    socket: &mut T,
    session: &mut Session,
    reading: &mut Reading,
) -> End {
    while session.closing.is_none() {
        if let Some(reason) = session.kill.reason() {
            session.close(reason);
            break;
        }
        // as it is now: who was let in a moment ago hears of no change, and a change back must not come second
        let moving = *session.moving.borrow_and_update();
        if moving != std::mem::replace(&mut reading.moving, moving) && !moving {
            session.stay();
        }
        if reading.moving {
            session.prepare_to_move();
            if session.is_movable() {
                return End::Moves;
            }
        }
        match wait(shared, socket, session, reading).await {
            Wake::Killed(reason) => session.close(reason),
            Wake::Stop => session.on_stop(),
            Wake::Message(message) => on_messages(session, message),
            Wake::Done(done) => {
                session.work.pop_front();
                session.on_done(done);
            }
            Wake::View => session.on_view(),
            Wake::Moving => continue,
            Wake::Socket(Ok(())) if reading.moving => {}
            Wake::Socket(Ok(())) => read(shared, socket, session, reading),
            Wake::Socket(Err(_)) => session.close(CloseReason::Failed),
            Wake::Time => {}
        }
        session.on_time();
        check_deadlines(shared, session, reading);
        write(shared, socket, session);
    }
    End::Closes
}

async fn wait<T: Transport>(
    shared: &Shared,
    socket: &mut T,
    session: &mut Session,
    reading: &Reading,
) -> Wake {
    let now_ms = shared.clock.now_ms();
    let due_ms = session.next_time_ms().min(reading_due_ms(shared, session, reading));
    let in_play = session.is_placed();
    let interest = match (reading.moving, session.out.is_empty()) {
        (false, true) => Some(Interest::READABLE),
        (false, false) => Some(Interest::READABLE | Interest::WRITABLE),
        (true, true) => None,
        (true, false) => Some(Interest::WRITABLE),
    };
    let Session { kill, inbox, work, view, moving, .. } = session;
    tokio::select! {
        reason = kill.killed() => Wake::Killed(reason),
        () = shared.stop.cancelled() => Wake::Stop,
        done = async { match work.front_mut() { Some(work) => work.await, None => std::future::pending().await } } => {
            Wake::Done(done)
        }
        message = async { match inbox { Some(inbox) => inbox.recv().await, None => std::future::pending().await } } => {
            Wake::Message(message)
        }
        changed = view.changed(), if in_play => match changed {
            Ok(()) => Wake::View,
            Err(_) => std::future::pending().await,
        },
        Ok(()) = moving.changed() => Wake::Moving,
        ready = async { match interest { Some(interest) => socket.ready(interest).await, None => std::future::pending().await } } => {
            Wake::Socket(ready)
        }
        () = sleep(Duration::from_millis(due_ms.saturating_sub(now_ms))) => Wake::Time,
    }
}

fn reading_due_ms(shared: &Shared, session: &Session, reading: &Reading) -> u64 {
    let deadlines = &shared.settings.get().deadlines;
    let init = match reading.spoke {
        true => u64::MAX,
        false => session.connected_ms() + deadlines.init_code_ms,
    };
    let partial = reading.partial_since_ms.map_or(u64::MAX, |since_ms| since_ms + deadlines.partial_frame_ms);
    init.min(partial)
}

fn check_deadlines(shared: &Shared, session: &mut Session, reading: &Reading) {
    let deadlines = &shared.settings.get().deadlines;
    let now_ms = shared.clock.now_ms();
    if !reading.spoke && session.is_silent_too_long(deadlines.init_code_ms) {
        session.close(CloseReason::Handshake);
    }
    if reading.partial_since_ms.is_some_and(|since_ms| now_ms >= since_ms + deadlines.partial_frame_ms) {
        session.close(CloseReason::PartialFrame);
    }
}

fn on_messages(session: &mut Session, first: Option<ToSession>) {
    let Some(first) = first else { return session.close(CloseReason::Unavailable) };
    session.on_message(first);
    for _ in 1..MESSAGES_MAX {
        let next = session.inbox.as_mut().and_then(|inbox| inbox.try_recv().ok());
        match next {
            Some(message) => session.on_message(message),
            None => return,
        }
    }
}

/// Reads what is there, a few chunks at most.
fn read<T: Transport>(shared: &Shared, socket: &mut T, session: &mut Session, reading: &mut Reading) {
    let mut chunk = [0; CHUNK];
    for _ in 0..READS_MAX {
        if session.closing.is_some() {
            return;
        }
        match socket.try_read(&mut chunk) {
            Ok(0) => return session.close(CloseReason::Gone),
            Ok(count) => on_bytes(shared, session, reading, &chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return session.close(CloseReason::Gone),
        }
    }
}

fn on_bytes(shared: &Shared, session: &mut Session, reading: &mut Reading, mut bytes: &[u8]) {
    let mut progress = false;
    while !bytes.is_empty() && session.closing.is_none() {
        let taken = reading.deframer.push(bytes);
        bytes = &bytes[taken..];
        loop {
            match reading.deframer.next() {
                Ok(Some(frame)) => {
                    progress = true;
                    session.on_frame(&frame);
                }
                Ok(None) => break,
                Err(FrameError::BadInit) => return session.close(CloseReason::BadInit),
                Err(FrameError::BadSize { .. }) => return session.close(CloseReason::BadFrame),
            }
        }
    }
    if !reading.spoke && reading.deframer.is_past_init() {
        reading.spoke = true;
        shared.half_open.lock().spoke(session.number());
    }
    let is_partial = reading.spoke && reading.deframer.buffered() > 0;
    reading.partial_since_ms = match reading.partial_since_ms {
        _ if !is_partial => None,
        Some(since_ms) if !progress => Some(since_ms),
        _ => Some(shared.clock.now_ms()),
    };
}

fn write<T: Transport>(shared: &Shared, socket: &mut T, session: &mut Session) {
    if session.out.is_empty() {
        return;
    }
    match session.out.write(socket) {
        Ok((packets, bytes)) => shared.metrics.packets(Direction::Out, packets, bytes),
        Err(_) => session.close(CloseReason::Gone),
    }
    if session.out.is_idle() {
        shared.pool.give(session.out.reclaim());
    }
}

/// Writes what is left, and lets the client read it before the socket goes.
async fn last_words<T: Transport>(mut socket: T, out: &mut crate::outbox::Outbox, admission: Admission) {
    let until = Instant::now() + LAST_WORDS;
    while !out.is_empty() {
        match timeout_at(until, socket.ready(Interest::WRITABLE)).await {
            Ok(Ok(())) => match out.write(&mut socket) {
                Ok((packets, bytes)) => admission.shared.metrics.packets(Direction::Out, packets, bytes),
                Err(_) => return,
            },
            _ => return,
        }
    }
    if !matches!(timeout_at(until, socket.shut_down()).await, Ok(Ok(()))) {
        return;
    }
    // a socket closed with unread bytes in it takes the last words back
    let mut rest = vec![0; CHUNK];
    for _ in 0..READS_MAX {
        match timeout_at(until, socket.ready(Interest::READABLE)).await {
            Ok(Ok(())) => match socket.try_read(&mut rest) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                _ => {}
            },
            _ => return,
        }
    }
}

/// Saves the character and ends the session.
async fn farewell(shared: &Shared, session: &mut Session) {
    let detach = Duration::from_millis(shared.settings.get().deadlines.detach_ms);
    if session.is_logging_in()
        && let Some(login) = session.work.pop_front()
    {
        // the registry may be opening the session just now; a logout must not overtake that
        let _ = timeout(LOGIN_ENDS, login).await;
    }
    let until = Instant::now() + detach;
    while session.is_on_a_node() && !session.detach() && Instant::now() < until {
        sleep(DETACH_RETRY).await;
    }
    while session.is_on_a_node() {
        let Some(inbox) = &mut session.inbox else { break };
        match timeout_at(until, inbox.recv()).await {
            Ok(Some(ToSession::Node(stream, message))) if session.is_released_by(stream, &message) => break,
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => {
                tracing::warn!("the node did not say in time that a character is saved");
                break;
            }
        }
    }
    session.leave_world();
    session.inbox = None;
    if let Some(id) = session.end() {
        shared.registry.logout(id).await;
    }
}
