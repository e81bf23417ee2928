//! NRSrv as the edge uses it: calls, and the stream on which it pushes kicks and whispers.

use crate::sessions::{FriendNews, ToSession};
use crate::shared::Shared;
use link::{CallError, Credentials, Target};
use model::SessionId;
use model::calls::CALL_DEADLINE_MS;
use model::calls::registry::{FromEdge, Reply, Request, ToEdge};
use model::event::Notice;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Pause between two tries of a call.
const RETRY_EVERY: Duration = Duration::from_millis(200);
/// Pause before the push stream is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(250);
/// How long a logout is tried before the next report of held sessions has to do.
const LOGOUT_TRIES: Duration = Duration::from_secs(30);

/// Calls to NRSrv.
pub(crate) struct Registry {
    client: link::Client<Request, Reply>,
}

impl Registry {
    pub(crate) fn new(credentials: Credentials, target: watch::Receiver<Option<Target>>) -> Self {
        Self { client: link::Client::new(credentials, target) }
    }

    /// One call, tried once.
    pub(crate) async fn call(&self, request: &Request) -> Result<Reply, CallError> {
        self.client.call(request, Duration::from_millis(CALL_DEADLINE_MS)).await
    }

    /// One call that may take longer than others: a login waits for its turn, and for an old session to go.
    pub(crate) async fn call_within(
        &self,
        request: &Request,
        deadline: Duration,
    ) -> Result<Reply, CallError> {
        self.client.call(request, deadline).await
    }

    /// A call that does no harm when it is done twice: tried until it is answered or `patience` is over.
    pub(crate) async fn insist(&self, request: &Request, patience: Duration) -> Option<Reply> {
        let until = Instant::now() + patience;
        loop {
            let answer = self.call(request).await;
            let last = match answer {
                // a registry that was restarted hears of the session in a moment
                Ok(reply @ (Reply::Unavailable | Reply::NoSuchSession)) => Some(reply),
                Ok(reply) => return Some(reply),
                Err(CallError::TooLarge | CallError::Protocol) => return None,
                Err(CallError::NotConnected | CallError::Deadline | CallError::Lost) => None,
            };
            if Instant::now() + RETRY_EVERY >= until {
                return last;
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// Ends a session. It must not be among the held ones any more: then a registry that cannot be reached
    /// now learns it from the next report.
    pub(crate) async fn logout(&self, session: SessionId) {
        match self.insist(&Request::Logout { session }, LOGOUT_TRIES).await {
            Some(Reply::Done | Reply::NoSuchSession) => {}
            other => tracing::warn!(%session, answered = other.is_some(), "logout was not acknowledged"),
        }
    }
}

/// Keeps the push stream open: reports all held sessions each time it opens, and hands on what comes.
pub(crate) async fn keep_stream(shared: Arc<Shared>, mut target: watch::Receiver<Option<Target>>) {
    shared.health.ready("registry", false);
    while !shared.stop.is_cancelled() {
        let now = target.borrow_and_update().clone();
        let Some(now) = now else {
            tokio::select! {
                () = shared.stop.cancelled() => return,
                changed = target.changed() => if changed.is_err() { return },
            }
            continue;
        };
        tokio::select! {
            () = shared.gone.cancelled() => return,
            () = run_stream(&shared, &now) => {}
            () = another(&mut target, &now) => {
                tracing::info!(old = %now.name, "calls go to another registry now, the push stream follows");
            }
        }
        shared.health.ready("registry", false);
        tokio::time::sleep(REOPEN_AFTER).await;
    }
}

/// Waits until another registry is called than this one.
async fn another(target: &mut watch::Receiver<Option<Target>>, than: &Target) {
    let other = target.wait_for(|target| target.as_ref().is_some_and(|target| target != than));
    if other.await.is_err() {
        std::future::pending::<()>().await; // it will never change
    }
}

async fn run_stream(shared: &Arc<Shared>, target: &Target) {
    let opened = link::open_stream::<ToEdge, FromEdge>(&shared.credentials, target).await;
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "no stream to the registry");
            return;
        }
    };
    let (sessions, parties) = shared.sessions.report();
    let held = sessions.len();
    if stream.send(&FromEdge::Hello { edge: shared.name.clone(), sessions, parties }).await.is_err() {
        return;
    }
    shared.registry_told.send_replace(true);
    tracing::info!(registry = %target.name, held, "the registry knows all sessions");
    shared.health.ready("registry", true);
    while let Some(message) = stream.recv().await {
        hand_on(message, shared);
    }
    tracing::warn!(registry = %target.name, "lost the stream to the registry");
}

pub(crate) fn hand_on(message: ToEdge, shared: &Arc<Shared>) {
    let Some(message) = shared.takeover.keep(message) else { return };
    let sessions = &shared.sessions;
    match message {
        ToEdge::Kick { session, reason } => {
            if !sessions.send(session, ToSession::Kick(reason), &shared.metrics) {
                // it has ended here, and the registry does not know: nobody else would ever tell it
                tracing::info!(%session, "told to end a session that is not here");
                let shared = Arc::clone(shared);
                shared.tasks.clone().spawn("logout", async move { shared.registry.logout(session).await });
            }
        }
        ToEdge::Whisper { session, from, text } => {
            sessions.send(session, ToSession::Whisper { from, text }, &shared.metrics);
        }
        ToEdge::Tell { session, notice } => {
            sessions.send(session, ToSession::Notice(Arc::new(notice)), &shared.metrics);
        }
        ToEdge::Spoken { channel, hearers, speaker, from, text } => {
            let line = ToSession::Channel { channel, from, text };
            sessions.tell_channel(&hearers, speaker, &line, &shared.metrics);
        }
        ToEdge::Invited { session, by } => {
            sessions.send(session, ToSession::Invited(Box::new(by)), &shared.metrics);
        }
        ToEdge::Party { session, party } => {
            sessions.send(session, ToSession::Party(party.map(Box::new)), &shared.metrics);
        }
        ToEdge::LookAtGuild { session } => {
            sessions.send(session, ToSession::LookAtGuild, &shared.metrics);
        }
        ToEdge::Admit { session, joiner } => {
            sessions.send(session, ToSession::Admit(joiner), &shared.metrics);
        }
        ToEdge::Friends { session, of, here, quiet, asking } => {
            sessions.tell_friends(session, of, FriendNews { here, quiet, asking }, &shared.metrics);
        }
        ToEdge::Announce { text } => sessions.notice_all(Notice::Text(text), &shared.metrics),
    }
}
