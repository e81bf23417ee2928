//! A player's stream that outlives the QUIC streams that carry it.
//!
//! ```text
//!              lane is lost                    time is over
//!   carried ------------------> waiting ---------------------> over
//!      ^                           |                             ^
//!      +------- another lane ------+      the other end gave up  |
//!      +---------------------------------------------------------+
//! ```
//! While it waits, what is written is kept and nothing is read. It does something only while somebody waits for it.

use crate::berth::{Arrival, Berth};
use crate::flow::{Flow, KeptFlow, Side};
use crate::lane::{Fate, Lane, fate};
use crate::message::Broken;
use crate::opening::Answer;
use crate::streams::Place;
use crate::traffic::{Note, Watcher};
use serde::{Deserialize, Serialize};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes taken off a lane at once.
const CHUNK: usize = 8 << 10;
/// Reads before others get their turn.
const ROUNDS_MAX: usize = 32;
/// Room that is not given back between two blocks.
const ROOM_KEPT: usize = 4 << 10;

/// A stream as it goes from one edge to its successor.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    pub(crate) ticket: crate::ticket::Ticket,
    pub(crate) flow: KeptFlow,
}

/// See the module. `S` carries it: a stream of QUIC.
pub struct Carried<S = Lane> {
    flow: Flow,
    lane: Option<Connected<S>>,
    berth: Arc<Berth<S>>,
    /// How long it waits for another lane; a relay's end is told from outside when to give up.
    keep: Option<Duration>,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Why there is nothing more to wait for.
    over: Option<String>,
    watcher: Watcher,
    /// Where resuming relays find it; an edge's end has one.
    place: Option<Place<S>>,
}

struct Connected<S> {
    stream: S,
    output: Vec<u8>,
    written: usize,
    finished: bool,
    /// The other end takes nothing more off this one. What is written is kept as always: should another lane come, the other
    /// end has given up a lane and not its player, and nothing may be missing there.
    deaf: bool,
}

impl<S> Connected<S> {
    fn new(stream: S, output: Vec<u8>) -> Self {
        Self { stream, output, written: 0, finished: false, deaf: false }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Carried<S> {
    /// The relay's end of a stream that was granted.
    pub(crate) fn of_relay(stream: S, berth: Arc<Berth<S>>, watcher: Watcher) -> Self {
        let lane = Some(Connected::new(stream, Vec::new()));
        Self::new(Flow::new(Side::Relay), lane, berth, None, watcher, None)
    }

    /// The edge's end of a stream that begins; `granted` is said first.
    pub(crate) fn of_edge(
        stream: S,
        granted: &Answer,
        berth: Arc<Berth<S>>,
        keep: Duration,
        watcher: Watcher,
        place: Place<S>,
    ) -> Self {
        let lane = Some(Connected::new(stream, granted.bytes()));
        Self::new(Flow::new(Side::Edge), lane, berth, Some(keep), watcher, Some(place))
    }

    /// The edge's end of a stream that another edge had.
    pub(crate) fn going_on(
        flow: KeptFlow,
        berth: Arc<Berth<S>>,
        keep: Duration,
        watcher: Watcher,
        place: Place<S>,
    ) -> Self {
        let mut carried = Self::new(Flow::going_on(flow), None, berth, Some(keep), watcher, Some(place));
        carried.wait_for_lane();
        carried
    }

    fn new(
        flow: Flow,
        lane: Option<Connected<S>>,
        berth: Arc<Berth<S>>,
        keep: Option<Duration>,
        watcher: Watcher,
        place: Option<Place<S>>,
    ) -> Self {
        Self { flow, lane, berth, keep, waiting: None, over: None, watcher, place }
    }

    /// What is needed to go on elsewhere; nothing must be read or written here after it.
    pub fn keep(&self) -> Option<Kept> {
        let place = self.place.as_ref()?;
        Some(Kept { ticket: place.ticket.clone(), flow: self.flow.keep() })
    }

    /// Waits until there is something to read (or the end), or room to write, as asked for. Cancelling it loses nothing.
    pub async fn ready(&mut self, to_read: bool, to_write: bool) -> io::Result<()> {
        poll_fn(|context| {
            self.drive(context);
            let readable = to_read && (!self.flow.unread().is_empty() || self.flow.has_ended());
            let writable = to_write && (self.flow.has_room() || self.is_abandoned());
            if readable || writable || self.over.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    /// What is there now; `Ok(0)` when the other end closed, [`io::ErrorKind::WouldBlock`] when nothing is.
    pub fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let unread = self.flow.unread();
        if unread.is_empty() {
            return match &self.over {
                _ if self.flow.has_ended() => Ok(0),
                Some(why) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, why.clone())),
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let count = unread.len().min(into.len());
        into[..count].copy_from_slice(&unread[..count]);
        self.flow.read(count);
        Ok(count)
    }

    /// As much as there is room for; [`io::ErrorKind::WouldBlock`] when there is none. It is on its way when somebody waits
    /// next.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(why) = &self.over {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, why.clone()));
        }
        if self.is_abandoned() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match self.flow.write(bytes) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    /// Nothing more is written; what was written is on its way when this returns.
    pub async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_shut_down(context)).await
    }

    fn poll_shut_down(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flow.end();
        self.drive(context);
        let finished = self.lane.as_ref().is_some_and(|lane| lane.finished || lane.deaf);
        if finished || self.over.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// The other end neither says nor takes anything more.
    fn is_abandoned(&self) -> bool {
        self.flow.has_ended() && self.lane.as_ref().is_some_and(|lane| lane.deaf)
    }

    /// Does all that can be done now, and has the task woken when there is more.
    fn drive(&mut self, context: &mut Context<'_>) {
        while let Some(arrival) = self.berth.take(context) {
            self.attach(arrival);
        }
        let mut rounds = 0;
        while self.over.is_none() && self.lane.is_some() {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                return context.waker().wake_by_ref();
            }
            let sent = self.send(context);
            let received = self.receive(context);
            match sent.and_then(|sent| Ok(sent | received?)) {
                Ok(true) => {}
                Ok(false) => return,
                Err(End::Lane(error)) => self.on_error(&error),
                Err(End::Broken(broken)) => self.break_off(broken),
            }
        }
        if let Some(waiting) = &mut self.waiting
            && waiting.as_mut().poll(context).is_ready()
        {
            (self.watcher)(Note::Expired);
            self.give_up("the relay did not come back in time");
        }
    }

    fn attach(&mut self, arrival: Arrival<S>) {
        if self.over.is_some() {
            return;
        }
        if let Err(broken) = self.flow.attach(arrival.peer_received) {
            return self.break_off(broken);
        }
        let greeting = match self.flow.side() {
            Side::Edge => Answer::Resumed { received: self.flow.received() }.bytes(),
            Side::Relay => Vec::new(),
        };
        self.lane = Some(Connected::new(arrival.stream, greeting));
        self.stop_waiting();
        (self.watcher)(Note::Resumed);
    }

    /// Sends what there is; true when more could be done after it.
    fn send(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let Some(lane) = &mut self.lane else { return Ok(false) };
        let mut sent = false;
        while !lane.finished && !lane.deaf {
            if lane.written == lane.output.len() {
                lane.output.clear();
                lane.output.shrink_to(ROOM_KEPT);
                lane.written = 0;
                let before = self.flow.given();
                self.flow.output(&mut lane.output);
                if !lane.output.is_empty() {
                    let whole = self.flow.given() - before;
                    (self.watcher)(Note::Sent { whole, packed: lane.output.len() as u64 });
                }
            }
            if lane.output.is_empty() {
                if !self.flow.is_done() {
                    break;
                }
                match Pin::new(&mut lane.stream).poll_shutdown(context) {
                    Poll::Ready(shut) => shut.map_err(End::Lane)?,
                    Poll::Pending => break,
                }
                lane.finished = true;
                break;
            }
            let rest = &lane.output[lane.written..];
            match Pin::new(&mut lane.stream).poll_write(context, rest) {
                Poll::Ready(written) => lane.written += written.map_err(End::Lane)?,
                Poll::Pending => break,
            }
            sent = true;
        }
        Ok(sent)
    }

    /// Takes something off the lane when there is room for it; true when it did.
    fn receive(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let Some(lane) = &mut self.lane else { return Ok(false) };
        if self.flow.is_full() {
            self.flow.input(&[]).map_err(End::Broken)?;
        }
        if !self.flow.wants_input() {
            return Ok(false);
        }
        let mut chunk = [0; CHUNK];
        let mut into = ReadBuf::new(&mut chunk);
        match Pin::new(&mut lane.stream).poll_read(context, &mut into) {
            Poll::Ready(read) => read.map_err(End::Lane)?,
            Poll::Pending => return Ok(false),
        }
        let bytes = into.filled();
        if bytes.is_empty() {
            self.flow.end_of_input();
            return Ok(true);
        }
        let before = self.flow.received();
        self.flow.input(bytes).map_err(End::Broken)?;
        let whole = self.flow.received() - before;
        (self.watcher)(Note::Received { whole, packed: bytes.len() as u64 });
        Ok(true)
    }

    fn on_error(&mut self, error: &io::Error) {
        match fate(error) {
            Fate::Deaf => self.lane.iter_mut().for_each(|lane| lane.deaf = true),
            Fate::Over => self.give_up(&format!("the other end left: {error}")),
            Fate::Lost => {
                tracing::debug!("a stream waits for its relay: {error}");
                self.wait_for_lane();
            }
        }
    }

    fn wait_for_lane(&mut self) {
        self.lane = None;
        if let (None, Some(keep)) = (&self.waiting, self.keep) {
            self.waiting = Some(Box::pin(sleep(keep)));
            (self.watcher)(Note::Waiting(true));
        }
        self.berth.lose(self.flow.received());
    }

    fn stop_waiting(&mut self) {
        if self.waiting.take().is_some() {
            (self.watcher)(Note::Waiting(false));
        }
    }

    fn break_off(&mut self, broken: Broken) {
        tracing::warn!("a stream between relay and edge is ended: {broken}");
        self.give_up(&broken.to_string());
    }

    fn give_up(&mut self, why: &str) {
        self.stop_waiting();
        self.lane = None;
        self.over = Some(why.to_owned());
    }
}

impl Carried<Lane> {
    /// Asks the relay to resume at whoever listens next. Its whole connection ends, and nothing more passes here.
    pub fn come_back(&self) {
        let arrived = self.berth.clear().map(|arrival| arrival.stream);
        for lane in self.lane.iter().map(|lane| &lane.stream).chain(&arrived) {
            lane.come_back();
        }
    }
}

impl<S> Drop for Carried<S> {
    fn drop(&mut self) {
        if self.waiting.is_some() {
            (self.watcher)(Note::Waiting(false));
        }
    }
}

/// Why a lane carries nothing more.
enum End {
    Lane(io::Error),
    Broken(Broken),
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Carried<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.drive(context);
        let space = into.initialize_unfilled();
        match self.try_read(space) {
            Ok(count) => into.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Carried<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.flow.has_room() {
            self.drive(context);
        }
        match self.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    /// What was written is kept until the other end has it: there is nothing to wait for.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.drive(context);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_shut_down(context))?;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
