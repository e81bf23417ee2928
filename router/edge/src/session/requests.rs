//! Calls that a session waits for, as futures that end in a [`Done`].

use super::friends::Part;
use crate::friends::Verdict;
use crate::sessions::Handle;
use crate::shared::Shared;
use link::CallError;
use model::calls::CALL_DEADLINE_MS;
use model::calls::bank::{self, Cargo, DeliverParcels};
use model::calls::registry::{HeldSession, Login, LoginRefusal, Reply, Request};
use model::{AccountId, AccountName, Character, OperationId, SessionId};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a call is tried that a player waits for.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long a login may take: it may wait for others to be hashed, and for an old session to be saved.
const LOGIN_PATIENCE: Duration = Duration::from_secs(12);
/// How long the registry may take to learn who plays; it also learns it from the next report.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);
/// Pause between two tries of a call.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// Time for the registry to read a report that crossed a login.
const REPORT_SETTLES: Duration = Duration::from_millis(250);

/// A call under way.
pub(crate) type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What came of a call.
pub(crate) enum Done {
    Login(Box<LoginOutcome>),
    Pin {
        reply: Option<Reply>,
        change: bool,
    },
    Created(Option<Reply>),
    Deleted(Option<Reply>),
    /// The registry knows who is played (or could not be asked).
    Claimed,
    /// Whether a session whose character was loaded elsewhere is still the one that may play.
    Checked(Option<Reply>),
    /// The registry knows that nobody is played any more; the characters as they are now.
    Left(Option<Vec<Character>>),
    /// The same after a character could not enter the world.
    GaveUp,
    /// What is in the bank; what its client had been told when that was asked, and how often it may be asked again.
    Recounted {
        cargo: Option<Cargo>,
        told: u64,
        tries: u8,
    },
    Whispered {
        to: String,
        found: Option<bool>,
    },
    /// A line was for a channel.
    Spoken(Option<Reply>),
    /// Something of a party was asked.
    Party {
        reply: Option<Reply>,
        invites: bool,
    },
    Who(Option<Reply>),
    Roster(Option<Reply>),
    /// Something of guilds was asked.
    Guild(Option<Reply>),
    /// Something of friends was asked.
    Friend(Option<Reply>),
    /// The list of friends.
    Friends {
        reply: Option<Reply>,
        part: Part,
    },
    /// The registry was told what the character is like.
    Described(Option<Reply>),
}

/// What a login did with the parcels that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parcels {
    /// Into the bank.
    pub(crate) taken: usize,
    /// Not yet: there was no room.
    pub(crate) waiting: u32,
}

/// What came of a login.
pub(crate) enum LoginOutcome {
    Accepted {
        account: AccountId,
        name: AccountName,
        characters: Vec<Character>,
        cargo: Cargo,
        parcels: Parcels,
    },
    Refused(LoginRefusal),
    Unavailable,
}

pub(super) async fn login(
    shared: Arc<Shared>,
    handle: Arc<Handle>,
    login: Login,
    cargo_slots: u8,
) -> LoginOutcome {
    let session = login.session;
    let reports = shared.sessions.reports();
    let asked = shared.registry.call_within(&Request::Login(login), LOGIN_PATIENCE).await;
    let (account, name) = match asked {
        Ok(Reply::LoggedIn(Ok(account))) => account,
        Ok(Reply::LoggedIn(Err(refusal))) => return LoginOutcome::Refused(refusal),
        Ok(_) | Err(_) => return LoginOutcome::Unavailable,
    };
    handle.hold(|held| {
        *held = Some(HeldSession {
            session,
            account,
            account_name: name.clone(),
            character: None,
            persona: None,
            party: None,
            friends: None,
        });
    });
    if shared.sessions.reports() != reports {
        tokio::time::sleep(REPORT_SETTLES).await;
    }
    let characters = characters(&shared, session);
    let cargo = async {
        let parcels = deliver_parcels(&shared, account, cargo_slots).await;
        cargo(&shared, account).await.map(|cargo| (cargo, parcels))
    };
    match tokio::join!(characters, cargo) {
        (Some(characters), Some((cargo, parcels))) => {
            LoginOutcome::Accepted { account, name, characters, cargo, parcels }
        }
        _ => LoginOutcome::Unavailable,
    }
}

async fn characters(shared: &Shared, session: SessionId) -> Option<Vec<Character>> {
    match shared.registry.insist(&Request::Characters { session }, PATIENCE).await {
        Some(Reply::Characters(characters)) => Some(characters),
        _ => None,
    }
}

/// Lets the parcels that wait for the account come into its bank. When that fails they wait for the next login.
async fn deliver_parcels(shared: &Shared, account: AccountId, cargo_slots: u8) -> Parcels {
    let operation = OperationId(rand::random());
    let request = bank::Request::DeliverParcels(DeliverParcels { operation, account, cargo_slots });
    match shared.bank.call(&request, Duration::from_millis(CALL_DEADLINE_MS)).await {
        Ok(bank::Reply::Delivered { parcels, waiting, .. }) => {
            if !parcels.is_empty() || waiting > 0 {
                tracing::info!(%account, delivered = parcels.len(), waiting, "parcels came into the bank");
            }
            return Parcels { taken: parcels.len(), waiting };
        }
        Ok(bank::Reply::Refused(refusal)) => tracing::warn!(%account, %refusal, "parcels are not delivered"),
        Ok(_) => tracing::warn!(%account, "parcels could not be delivered"),
        Err(failure) => tracing::warn!(%account, %failure, "parcels could not be delivered"),
    }
    Parcels::default()
}

async fn cargo(shared: &Shared, account: AccountId) -> Option<Cargo> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let request = bank::Request::LoadCargo { account };
        match shared.bank.call(&request, Duration::from_millis(CALL_DEADLINE_MS)).await {
            Ok(bank::Reply::Cargo(cargo)) => return Some(cargo),
            Ok(bank::Reply::NoSuchAccount) => return None,
            Ok(_) | Err(_) => {}
        }
        if tokio::time::Instant::now() >= until {
            return None;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

pub(super) async fn recount(shared: Arc<Shared>, account: AccountId, told: u64, tries: u8) -> Done {
    Done::Recounted { cargo: cargo(&shared, account).await, told, tries }
}

/// A call about the account: tried again while that can do no harm.
pub(super) async fn ask(shared: Arc<Shared>, request: Request) -> Option<Reply> {
    match request {
        // done twice, these could be refused for what they did themselves the first time
        Request::CreateCharacter { session, slot, ref name, .. } => {
            let reply = once(&shared, &request).await;
            match reply {
                Ok(reply) if reply != Reply::Unavailable => Some(reply),
                Ok(_) | Err(_) => {
                    settle(&shared, session, |list| {
                        list.iter().any(|c| c.slot == slot && c.name.as_str() == name)
                    })
                    .await
                }
            }
        }
        Request::DeleteCharacter { session, slot, .. } => match once(&shared, &request).await {
            Ok(reply) if reply != Reply::Unavailable => Some(reply),
            Ok(_) | Err(_) => settle(&shared, session, |list| list.iter().all(|c| c.slot != slot)).await,
        },
        // a wrong PIN counts each time
        Request::Pin { .. } => once(&shared, &request).await.ok(),
        _ => shared.registry.insist(&request, PATIENCE).await,
    }
}

/// Answers who asked last to be a friend. Who that is stands fast before anything is done: when an answer is lost and
/// the request is repeated, somebody else may be the last.
pub(super) async fn answer_newest(shared: Arc<Shared>, session: SessionId, verdict: Verdict) -> Done {
    let newest = shared.registry.insist(&Request::NewestAsker { session }, PATIENCE).await;
    Done::Friend(match newest {
        Some(Reply::NewestAsker(asker)) => {
            shared.registry.insist(&Request::Friend { session, ask: verdict.on(asker) }, PATIENCE).await
        }
        nobody => nobody,
    })
}

/// One call that must not be done twice. A registry that was restarted hears of the session in a moment: until
/// then it does nothing, and may be asked again.
async fn once(shared: &Shared, request: &Request) -> Result<Reply, CallError> {
    let until = tokio::time::Instant::now() + CLAIM_PATIENCE;
    loop {
        match shared.registry.call(request).await {
            Ok(Reply::NoSuchSession) if tokio::time::Instant::now() < until => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            answer => return answer,
        }
    }
}

/// The answer was lost, or nobody knew it: look whether it was done.
async fn settle(shared: &Shared, session: SessionId, done: impl Fn(&[Character]) -> bool) -> Option<Reply> {
    characters(shared, session).await.filter(|list| done(list)).map(Reply::Characters)
}

pub(super) async fn claim(shared: Arc<Shared>, request: Request) -> Done {
    let _ = shared.registry.insist(&request, CLAIM_PATIENCE).await;
    Done::Claimed
}

pub(super) async fn check(shared: Arc<Shared>, request: Request) -> Done {
    Done::Checked(shared.registry.insist(&request, CLAIM_PATIENCE).await)
}

pub(super) async fn release(shared: Arc<Shared>, session: SessionId) -> Done {
    let _ = shared.registry.insist(&Request::Playing { session, character: None }, CLAIM_PATIENCE).await;
    Done::Left(characters(&shared, session).await)
}

pub(super) async fn give_up(shared: Arc<Shared>, session: SessionId) -> Done {
    let _ = shared.registry.insist(&Request::Playing { session, character: None }, CLAIM_PATIENCE).await;
    Done::GaveUp
}

pub(super) async fn whisper(shared: Arc<Shared>, session: SessionId, to: String, text: String) -> Done {
    let request = Request::Whisper { session, to: to.clone(), text };
    let found = match once(&shared, &request).await {
        Ok(Reply::Whispered(found)) => Some(found),
        _ => None,
    };
    Done::Whispered { to, found }
}

/// A line for a channel: it must not be told twice.
pub(super) async fn speak(shared: Arc<Shared>, request: Request) -> Done {
    Done::Spoken(once(&shared, &request).await.ok())
}

pub(super) async fn describe(shared: Arc<Shared>, request: Request) -> Done {
    Done::Described(shared.registry.insist(&request, CLAIM_PATIENCE).await)
}
