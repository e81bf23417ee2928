//! A bot's way into the world: account, login, PIN, character.

use super::Shared;
use crate::client::{Client, ClientError, EnterOutcome, LoginOutcome, PinOutcome, SelectionOutcome};
use crate::protocol::incoming::Snapshot;
use crate::protocol::profile::Profile;
use crate::signup::{SignupError, SignupPage};
use std::time::Duration;

/// The PIN of every bot.
const PIN: &str = "258014";
/// Names tried for a new character before giving up.
const NAMES: u8 = 4;
/// How long a client waits to be shown its own character.
const SHOWN_DEADLINE: Duration = Duration::from_secs(10);

/// Who a bot is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Client version.
    pub profile: Profile,
    /// Account.
    pub account: String,
    /// Its password: made up for the run, of no worth outside it.
    pub password: String,
    /// Character.
    pub character: String,
    /// Class of a new character.
    pub class: u8,
}

impl Identity {
    /// The bot of a number in a fleet.
    pub fn of(profile: Profile, prefix: &str, index: usize) -> Identity {
        let account = format!("{prefix}{}", base36(index));
        let mut character = account.clone();
        character[..1].make_ascii_uppercase();
        // 11 characters are the most that every client version can send
        let password = format!("{prefix:x<8}pw1");
        Identity { profile, account, password, character, class: (index % 4) as u8 }
    }
}

/// Four digits of a number to base 36.
fn base36(mut number: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 4];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[number % 36];
        number /= 36;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

/// Why a bot is not in the world.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// No account.
    #[error(transparent)]
    Signup(#[from] SignupError),
    /// The connection failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server said no in a way that may change: the session of before is still being ended, or it is not ready.
    #[error("not yet: {0}")]
    NotYet(String),
    /// The server did something that it must not.
    #[error("{0}")]
    Wrong(String),
}

impl EntryError {
    /// True when trying again may help.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            EntryError::Client(_) | EntryError::NotYet(_) | EntryError::Signup(SignupError::NoAnswer(_))
        )
    }
}

/// Makes the account if there is a page for it.
pub async fn sign_up(page: Option<&SignupPage>, identity: &Identity) -> Result<(), EntryError> {
    if let Some(page) = page {
        page.make(&identity.account, &identity.password).await?;
    }
    Ok(())
}

/// Goes from nothing to standing in the world.
pub async fn enter(shared: &Shared, identity: &mut Identity) -> Result<(Client, Box<Snapshot>), EntryError> {
    let mut client = Client::connect(identity.profile, &shared.options.edge).await?;
    let list = match client.login(&identity.account, &identity.password, true).await? {
        LoginOutcome::CharList(list) => list,
        LoginOutcome::Panel(text) => return Err(EntryError::NotYet(format!("login answered \"{text}\""))),
        LoginOutcome::AlreadyPlaying => return Err(EntryError::NotYet("already playing".to_owned())),
        LoginOutcome::StillPlaying => return Err(EntryError::NotYet("still playing".to_owned())),
        LoginOutcome::Closed => return Err(EntryError::NotYet("closed at login".to_owned())),
    };
    if !list.account.eq_ignore_ascii_case(&identity.account) {
        return Err(EntryError::Wrong(format!("char list of \"{}\" for {}", list.account, identity.account)));
    }
    if identity.profile.has_pin() {
        match client.pin(PIN, false).await? {
            PinOutcome::Right => {}
            PinOutcome::Wrong => return Err(EntryError::Wrong("the PIN was not accepted".to_owned())),
            PinOutcome::Panel(text) => return Err(EntryError::NotYet(format!("PIN answered \"{text}\""))),
        }
    }
    let slot = match list.characters.first() {
        Some(character) => {
            identity.character = character.name.clone();
            character.slot
        }
        None => create(&mut client, identity).await?,
    };
    let snapshot = match client.enter(slot).await? {
        EnterOutcome::Entered(snapshot) => snapshot,
        EnterOutcome::Panel(text) => return Err(EntryError::NotYet(format!("entering answered \"{text}\""))),
        EnterOutcome::Refused => return Err(EntryError::NotYet("entering was refused".to_owned())),
        EnterOutcome::PinWanted => return Err(EntryError::Wrong("PIN wanted after it was given".to_owned())),
    };
    check_snapshot(identity, &snapshot)?;
    client.wait_until("creation of the own character", SHOWN_DEADLINE, |world| world.own_shown()).await?;
    Ok((client, snapshot))
}

async fn create(client: &mut Client, identity: &mut Identity) -> Result<u8, EntryError> {
    let wanted = identity.character.clone();
    for attempt in 0..NAMES {
        let name = match attempt {
            0 => wanted.clone(),
            _ => format!("{wanted}{}", char::from(b'a' + attempt)),
        };
        if let SelectionOutcome::Done(characters) = client.create_character(0, &name, identity.class).await? {
            let made = characters.iter().find(|character| character.name == name);
            let made = made
                .ok_or_else(|| EntryError::Wrong(format!("{name} is not in the list after creating it")))?;
            identity.character = name;
            return Ok(made.slot);
        }
    }
    Err(EntryError::Wrong(format!("no character could be made: {wanted} and others were refused")))
}

fn check_snapshot(identity: &Identity, snapshot: &Snapshot) -> Result<(), EntryError> {
    let wrong = |what: String| Err(EntryError::Wrong(format!("entering the world: {what}")));
    if snapshot.name != identity.character {
        return wrong(format!("the name is \"{}\", not {}", snapshot.name, identity.character));
    }
    if !(1..1000).contains(&snapshot.own_id) {
        return wrong(format!("own id {} is none of a player", snapshot.own_id));
    }
    if !snapshot.tile.is_on_map() {
        return wrong(format!("it stands off the map at {}", snapshot.tile));
    }
    if snapshot.score.hp <= 0 || snapshot.score.hp > snapshot.score.max_hp {
        return wrong(format!("hit points {} of {}", snapshot.score.hp, snapshot.score.max_hp));
    }
    if snapshot.score.speed == 0 {
        return wrong("it cannot walk: speed 0".to_owned());
    }
    Ok(())
}
