//! Typed calls: many in flight on one connection that is kept up in the background.
//!
//! ```text
//! idle --first call--> connecting <--lost, target changed-- connected
//!                        |    ^ back-off 50 ms .. 2 s           ^
//!                        \----/--------------ok-----------------/
//! ```

use crate::backoff::Backoff;
use crate::connection::{Connection, Handle, open};
use crate::error::CallError;
use crate::frame::{Frame, Kind, Refusal, Unsendable, decode, encode};
use crate::handshake::Purpose;
use crate::queue::{Rx, Tx};
use crate::rated::Rated;
use crate::stream::dial;
use crate::{Credentials, MAX_CALLS_IN_FLIGHT, Target};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer deadlines are taken for this one: a clock cannot be moved on without end.
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// Calls to whatever server the target names at the moment. Clones share the connection.
pub struct Client<Q, R> {
    inner: Arc<Inner>,
    types: PhantomData<fn(Q) -> R>,
}

impl<Q, R> Clone for Client<Q, R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), types: PhantomData }
    }
}

struct Inner {
    /// What the background task needs, until the first call starts it.
    idle: Mutex<Option<Driver>>,
    line: watch::Receiver<Option<Arc<Line>>>,
    _stop: DropGuard,
}

impl<Q: Serialize, R: DeserializeOwned> Client<Q, R> {
    /// Connects at the first call and again whenever the connection is lost or the target changes. Calls in
    /// flight on a dropped connection fail with [`CallError::Lost`].
    pub fn new(credentials: Credentials, target: watch::Receiver<Option<Target>>) -> Self {
        let (publish, line) = watch::channel(None);
        let stop = CancellationToken::new();
        let driver = Driver { credentials, target, publish, stop: stop.clone() };
        let inner = Inner { idle: Mutex::new(Some(driver)), line, _stop: stop.drop_guard() };
        Self { inner: Arc::new(inner), types: PhantomData }
    }

    /// Calls to one address for ever.
    pub fn fixed(credentials: Credentials, target: Target) -> Self {
        Self::new(credentials, watch::channel(Some(target)).1)
    }

    /// Asks, and waits for the answer until the deadline. A request that was surely not sent is sent again
    /// on the next connection while there is time; one that may have been done is not.
    pub async fn call(&self, request: &Q, deadline: Duration) -> Result<R, CallError> {
        let end = Instant::now() + deadline.min(LONGEST_DEADLINE);
        if let Some(driver) = self.inner.idle.lock().take() {
            // Ends when the last clone of this client is dropped.
            tokio::spawn(driver.run());
        }
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let frame = encode(Kind::Request, Some(id), request).map_err(|error| match error {
            Unsendable::TooLarge => CallError::TooLarge,
            Unsendable::Unserialisable => CallError::Protocol,
        })?;
        let mut line = self.inner.line.clone();
        loop {
            let usable = line.wait_for(|line| line.as_ref().is_some_and(|line| !line.outgoing.is_closed()));
            let connected = match timeout_at(end, usable).await {
                Ok(Ok(line)) => line.as_ref().map(Arc::clone),
                Ok(Err(_)) | Err(_) => None,
            };
            let Some(connected) = connected else { return Err(CallError::NotConnected) };
            match connected.ask(id, frame.clone(), end).await {
                Asked::NotSent => {}
                Asked::Failed(error) => return Err(error),
                Asked::Answered(body) => return decode(&body).ok_or(CallError::Protocol),
            }
        }
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

type Answer = Result<Bytes, CallError>;

/// A connection that calls can use.
struct Line {
    outgoing: Tx<Bytes>,
    in_flight: Semaphore,
    /// Who waits for which answer; `None` when the connection is gone.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>,
}

enum Asked {
    NotSent,
    Failed(CallError),
    Answered(Bytes),
}

impl Line {
    async fn ask(&self, id: u64, frame: Bytes, end: Instant) -> Asked {
        let _permit = match timeout_at(end, self.in_flight.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Asked::NotSent,
            Err(_) => return Asked::Failed(CallError::NotConnected),
        };
        let (tx, rx) = oneshot::channel();
        match self.waiting.lock().as_mut() {
            Some(waiting) => waiting.insert(id, tx),
            None => return Asked::NotSent,
        };
        let _forget = Forget { line: self, id };
        let bytes = frame.len();
        match timeout_at(end, self.outgoing.send(frame, bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Asked::NotSent,
            Err(_) => return Asked::Failed(CallError::NotConnected),
        }
        match timeout_at(end, rx).await {
            Ok(Ok(Ok(body))) => Asked::Answered(body),
            Ok(Ok(Err(error))) => Asked::Failed(error),
            Ok(Err(_)) => Asked::Failed(CallError::Lost),
            Err(_) => Asked::Failed(CallError::Deadline),
        }
    }

    /// Hands an arriving frame to its caller; a caller that has given up is no error.
    fn answer(&self, frame: Frame) -> Result<(), CallError> {
        let kind = frame.kind;
        let (id, body) = frame.into_call().ok_or(CallError::Protocol)?;
        let answer = match kind {
            Kind::Reply => Ok(body),
            Kind::Refused => Err(match body.first().copied().and_then(Refusal::from_byte) {
                Some(Refusal::TooLarge) => CallError::TooLarge,
                Some(Refusal::Failed) => CallError::Lost,
                Some(Refusal::Protocol) | None => CallError::Protocol,
            }),
            Kind::Heartbeat | Kind::Request | Kind::Message => return Err(CallError::Protocol),
        };
        let caller = self.waiting.lock().as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(caller) = caller {
            let _ = caller.send(answer);
        }
        Ok(())
    }

    /// Everybody who still waits learns that the answer is lost.
    fn close(&self) {
        self.in_flight.close();
        self.waiting.lock().take();
    }
}

/// Takes a call off the list however it ends.
struct Forget<'a> {
    line: &'a Line,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.line.waiting.lock().as_mut() {
            waiting.remove(&self.id);
        }
    }
}

/// The background task that keeps the connection up.
struct Driver {
    credentials: Credentials,
    target: watch::Receiver<Option<Target>>,
    publish: watch::Sender<Option<Arc<Line>>>,
    stop: CancellationToken,
}

impl Driver {
    async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_up() => {}
        }
    }

    async fn keep_up(&mut self) {
        let complaints = Rated::new(Duration::from_secs(10));
        let mut backoff = Backoff::new();
        loop {
            let target = wanted(&mut self.target).await;
            let mut changed = self.target.clone();
            let current = target.clone();
            tokio::select! {
                lasted = Self::serve(&self.credentials, &self.publish, &target, &complaints) => {
                    if lasted >= crate::connection::SILENCE {
                        backoff.reset();
                    }
                    tokio::select! {
                        () = sleep(backoff.delay()) => {}
                        () = other_than(&mut changed, &current) => backoff.reset(),
                    }
                }
                () = other_than(&mut self.target, &current) => backoff.reset(),
            }
        }
    }

    /// One connection from dialling to its end; says how long it was up.
    async fn serve(
        credentials: &Credentials,
        publish: &watch::Sender<Option<Arc<Line>>>,
        target: &Target,
        complaints: &Rated,
    ) -> Duration {
        let (socket, packing) = match dial(credentials, target, Purpose::Calls).await {
            Ok(connected) => connected,
            Err(error) => {
                if let Some(held_back) = complaints.allow() {
                    tracing::warn!(server = %target.name, held_back, "cannot connect: {error}");
                }
                return Duration::ZERO;
            }
        };
        let since = Instant::now();
        tracing::debug!(server = %target.name, address = %target.address, "connected");
        let (Connection { outgoing, incoming, handle, .. }, running) =
            open(socket, target.name.to_string(), packing);
        let line = Arc::new(Line {
            outgoing,
            in_flight: Semaphore::new(MAX_CALLS_IN_FLIGHT),
            waiting: Mutex::new(Some(HashMap::new())),
        });
        publish.send_replace(Some(Arc::clone(&line)));
        let _unpublish = Unpublish { publish, line: Arc::clone(&line) };
        tokio::join!(running, dispatch(&line, incoming, &handle));
        since.elapsed()
    }
}

/// Hands answers out until the connection ends.
async fn dispatch(line: &Line, mut incoming: Rx<Frame>, handle: &Handle) {
    while let Some(frame) = incoming.recv().await {
        if line.answer(frame).is_err() {
            tracing::warn!("the server answered with a frame that is no answer, closing the connection");
            break;
        }
    }
    line.close();
    handle.finish();
}

/// Withdraws a connection however its use ends.
struct Unpublish<'a> {
    publish: &'a watch::Sender<Option<Arc<Line>>>,
    line: Arc<Line>,
}

impl Drop for Unpublish<'_> {
    fn drop(&mut self) {
        self.line.close();
        self.publish.send_replace(None);
    }
}

/// Waits until there is a target.
async fn wanted(target: &mut watch::Receiver<Option<Target>>) -> Target {
    loop {
        match target.wait_for(Option::is_some).await.map(|target| target.clone()) {
            Ok(Some(target)) => return target,
            Ok(None) => {}
            // Nobody will ever set one; the task ends when the client is dropped.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Waits until the target is another one, or none.
async fn other_than(target: &mut watch::Receiver<Option<Target>>, current: &Target) {
    if target.wait_for(|target| target.as_ref() != Some(current)).await.is_err() {
        std::future::pending::<()>().await; // it will never change
    }
}
