//! Calls and the push stream of NRSrv: accounts, authentication, sessions, names, whispers, parties, channels.

use crate::account::{AccountName, BadName};
use crate::character::{Character, CharacterName, Class};
use crate::event::Notice;
use crate::friend::{Asker, FriendAsk, FriendPage, Here};
use crate::guild::{GuildAsk, Joiner, Roster};
use crate::id::{AccountId, CharacterId, GuildId, PartyId, SessionId};
use crate::membership::ProcessName;
use crate::secret::Secret;
use crate::social::{Channel, Hearers, Member, Party, PartyAsk, Persona, SocialRefusal};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A call to NRSrv.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Create an account.
    CreateAccount {
        /// Wanted name, unchecked.
        name: String,
        /// Wanted password, unchecked.
        password: Secret,
        /// Who asks: sign-ups are limited by address. `None` for an operator.
        address: Option<IpAddr>,
    },
    /// Open a session.
    Login(Login),
    /// End a session; idempotent.
    Logout {
        /// Which.
        session: SessionId,
    },
    /// Check, set (when there is none yet) or change the PIN of a session's account.
    Pin {
        /// Whose.
        session: SessionId,
        /// What was typed.
        pin: Secret,
        /// True to make this the new PIN; only after a good one in this session.
        change: bool,
    },
    /// The characters of a session's account.
    Characters {
        /// Whose.
        session: SessionId,
    },
    /// Create a character.
    CreateCharacter {
        /// Whose.
        session: SessionId,
        /// Slot 0..3.
        slot: u8,
        /// Wanted name, unchecked.
        name: String,
        /// Its class.
        class: Class,
    },
    /// Delete a character; needs the account's password.
    DeleteCharacter {
        /// Whose.
        session: SessionId,
        /// Slot 0..3.
        slot: u8,
        /// The name in that slot.
        name: String,
        /// The account's password.
        password: Secret,
    },
    /// The session plays a character now: from here on it can be found by name.
    Playing {
        /// Whose.
        session: SessionId,
        /// The character; `None` when it left the world.
        character: Option<(CharacterId, CharacterName)>,
    },
    /// Send a line to a player by name.
    Whisper {
        /// From this session.
        session: SessionId,
        /// To this name, whatever the case.
        to: String,
        /// The line.
        text: String,
    },
    /// What the character of a session is like now; idempotent.
    Describe {
        /// Whose.
        session: SessionId,
        /// What it is like.
        persona: Persona,
    },
    /// A player wants something of a party. Each can be asked twice: what is done already is done.
    Party {
        /// Who.
        session: SessionId,
        /// What.
        ask: PartyAsk,
    },
    /// A line for a channel; not to be asked twice.
    Speak {
        /// Who speaks.
        session: SessionId,
        /// To whom.
        channel: Channel,
        /// The line.
        text: String,
    },
    /// Who is online: how many, and which of these.
    Who {
        /// At most [`crate::social::NAMES_MAX`] names, whatever the case.
        names: Vec<String>,
    },
    /// The members of the guild of a session.
    Roster {
        /// Whose.
        session: SessionId,
        /// Which page, from 1; the last one is answered for any beyond.
        page: u32,
    },
    /// Operator: the party of a player.
    PartyOf {
        /// Its name, whatever the case.
        name: String,
    },
    /// How many players are online.
    Count,
    /// Operator: block or unblock an account.
    Block {
        /// Which.
        name: String,
        /// The reason, or `None` to unblock.
        reason: Option<String>,
    },
    /// Operator: freeze or unfreeze an account: it may be played, and moves no item and no gold.
    Freeze {
        /// Which.
        name: String,
        /// The reason, or `None` to unfreeze.
        reason: Option<String>,
    },
    /// Operator: set a new password.
    SetPassword {
        /// Which.
        name: String,
        /// The new one.
        password: Secret,
    },
    /// Operator: remove the PIN so that the next one typed becomes it.
    ClearPin {
        /// Which.
        name: String,
    },
    /// Operator: show an account.
    Show {
        /// Which.
        name: String,
    },
    /// Operator: a line for all players.
    Announce {
        /// The line.
        text: String,
    },
    /// A line of the catalogue for whoever plays an account now; nobody hears it when nobody does.
    Tell {
        /// Whose.
        account: AccountId,
        /// What.
        notice: Notice,
    },
    /// A player asks something about guilds. Each can be asked twice.
    Guild {
        /// Who.
        session: SessionId,
        /// What.
        ask: GuildAsk,
    },
    /// Guild and rank of these characters were changed: who plays one of them is told, and its node looks again.
    GuildChanged {
        /// Which guild.
        guild: GuildId,
        /// Whose.
        characters: Vec<CharacterId>,
        /// Who did it: its node knows already.
        by: CharacterId,
        /// A line for the members who play, and for these characters.
        notice: Notice,
    },
    /// A player asks something about friends. Each can be asked twice.
    Friend {
        /// Who.
        session: SessionId,
        /// What.
        ask: FriendAsk,
    },
    /// The friends of the character of a session.
    Friends {
        /// Whose.
        session: SessionId,
        /// Which page, from 1; the last one is answered for any beyond.
        page: u32,
    },
    /// Who asked the character of a session to be a friend last: an answer without a name is about that one.
    NewestAsker {
        /// Whose.
        session: SessionId,
    },
}

/// A login attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The new session.
    pub session: SessionId,
    /// The edge that holds it.
    pub edge: ProcessName,
    /// Account name as typed.
    pub name: String,
    /// Password as typed.
    pub password: Secret,
    /// Replace a session that is there already.
    pub force: bool,
    /// The player's address.
    pub address: IpAddr,
}

/// Why a login was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginRefusal {
    /// No such account, or a wrong password: told apart to nobody.
    WrongNameOrPassword,
    /// Too many wrong passwords for this account or from this address.
    LockedOut {
        /// Seconds until the next try.
        seconds: u32,
    },
    /// An operator blocked the account.
    Blocked,
    /// The account plays already, and the client did not force.
    AlreadyPlaying,
    /// The old session was told to go and has not gone yet; try again.
    StillPlaying,
    /// Too many logins at once; try again.
    Busy,
}

/// An account as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// Id.
    pub id: AccountId,
    /// Name.
    pub name: String,
    /// Reason of the block, if blocked.
    pub blocked: Option<String>,
    /// Why it may move no item and no gold, if it is frozen.
    pub frozen: Option<String>,
    /// True when a PIN is set.
    pub has_pin: bool,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Names of the characters by slot.
    pub characters: Vec<(u8, String)>,
    /// True while somebody plays it.
    pub online: bool,
}

/// Why an account was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SignUpRefusal {
    /// The name breaks the rules.
    #[error("bad account name: {0}")]
    BadName(BadName),
    /// The password breaks the rules.
    #[error("a password has {min} to {max} characters out of ASCII letters, digits and signs")]
    BadPassword {
        /// Shortest.
        min: usize,
        /// Longest.
        max: usize,
    },
    /// Somebody has the name.
    #[error("this account name is taken")]
    NameTaken,
    /// Sign-up is switched off.
    #[error("sign-up is switched off on this server")]
    SwitchedOff,
    /// Too many from this address.
    #[error("too many sign-ups from this address; try again later")]
    TooMany,
}

/// Why a character was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreateRefusal {
    /// The name breaks the rules.
    BadName(BadName),
    /// Somebody has the name.
    NameTaken,
    /// The slot is not free, or there is no such slot.
    BadSlot,
}

/// Why a character was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteRefusal {
    /// Wrong password.
    WrongPassword,
    /// No such character in that slot.
    NoSuchCharacter,
    /// It is in a guild.
    InGuild,
}

/// What came of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PinOutcome {
    /// Right, set for the first time, or changed.
    Accepted,
    /// Wrong; the client may try again.
    Wrong,
    /// Wrong too often: the session must end.
    LockedOut,
    /// Not 4 to 14 digits.
    Malformed,
}

/// The answer of NRSrv.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Request::CreateAccount`].
    AccountCreated(Result<AccountId, SignUpRefusal>),
    /// To [`Request::Login`].
    LoggedIn(Result<(AccountId, AccountName), LoginRefusal>),
    /// To requests that only acknowledge.
    Done,
    /// To [`Request::Pin`].
    Pin(PinOutcome),
    /// To [`Request::Characters`], and to a creation or deletion that went well: the list after it.
    Characters(Vec<Character>),
    /// To [`Request::CreateCharacter`].
    CreateRefused(CreateRefusal),
    /// To [`Request::DeleteCharacter`].
    DeleteRefused(DeleteRefusal),
    /// To [`Request::Whisper`]: true when the player was found.
    Whispered(bool),
    /// To [`Request::Party`].
    Party(Result<(), SocialRefusal>),
    /// To [`Request::Speak`].
    Spoken(Result<(), SocialRefusal>),
    /// To [`Request::Who`].
    Who {
        /// Players in the world.
        playing: u32,
        /// Of the names that were asked those who play, as they write themselves.
        found: Vec<CharacterName>,
    },
    /// To [`Request::Roster`].
    Roster(Result<Roster, SocialRefusal>),
    /// To [`Request::PartyOf`]: `None` when nobody of that name plays, or in no party.
    PartyOf(Option<Party>),
    /// To [`Request::Count`].
    Count(u32),
    /// To [`Request::Show`].
    Account(Box<AccountInfo>),
    /// To operators' requests: there is no such account.
    NoSuchAccount,
    /// To operators' requests: the new password breaks the rules (shortest, longest).
    BadPassword(usize, usize),
    /// The session is unknown (NRSrv was restarted and the edge has not reported it yet, or it was replaced).
    NoSuchSession,
    /// The store did not answer in time: what became of the request is not known here, try again.
    Unavailable,
    /// To [`Request::Guild`]: what to tell the player.
    Guild(Result<Notice, SocialRefusal>),
    /// To [`Request::Friend`], and to [`Request::NewestAsker`] when nobody asks: what to tell the player.
    Friend(Notice),
    /// To [`Request::Friends`].
    Friends(Box<FriendPage>),
    /// To [`Request::NewestAsker`].
    NewestAsker(Asker),
}

/// A session that an edge holds; reported when the stream is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSession {
    /// Which.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// The account's name.
    pub account_name: AccountName,
    /// The character it plays, if it is in the world.
    pub character: Option<(CharacterId, CharacterName)>,
    /// What that is like, once a node has told.
    pub persona: Option<Persona>,
    /// The party that it was told it is in.
    pub party: Option<PartyId>,
    /// The friends of which it was told last that they are in the world; `None` before it was told anything.
    pub friends: Option<Vec<CharacterId>>,
}

/// From the edge on the push stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromEdge {
    /// First message: the edge and every session that it holds now.
    Hello {
        /// Which edge.
        edge: ProcessName,
        /// All it holds; sessions of this edge that are not named here are gone.
        sessions: Vec<HeldSession>,
        /// The last copy that it was told of each party of these sessions.
        parties: Vec<Party>,
    },
}

/// Why NRSrv ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KickReason {
    /// The same account logged in elsewhere with force.
    Replaced,
    /// An operator blocked the account.
    Blocked,
}

/// From NRSrv on the push stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToEdge {
    /// End this session: save, close, then `Logout`.
    Kick {
        /// Which.
        session: SessionId,
        /// Why.
        reason: KickReason,
    },
    /// A whisper for a session of this edge.
    Whisper {
        /// To whom.
        session: SessionId,
        /// Name of the sender.
        from: String,
        /// The line.
        text: String,
    },
    /// A line of a channel.
    Spoken {
        /// Which.
        channel: Channel,
        /// Who hears it.
        hearers: Hearers,
        /// Who spoke, and does not hear it.
        speaker: SessionId,
        /// Name of the speaker.
        from: String,
        /// The line.
        text: String,
    },
    /// A session of this edge is asked to join a party.
    Invited {
        /// Who is asked.
        session: SessionId,
        /// Who asks.
        by: Member,
    },
    /// The party of a session of this edge as it is now.
    Party {
        /// Whose.
        session: SessionId,
        /// Which; `None`: it is in none.
        party: Option<Party>,
    },
    /// A line for every player.
    Announce {
        /// The line.
        text: String,
    },
    /// A line of the catalogue for a session of this edge.
    Tell {
        /// To whom.
        session: SessionId,
        /// What.
        notice: Notice,
    },
    /// Guild or rank of a session's character were changed: its node has to look again.
    LookAtGuild {
        /// Whose.
        session: SessionId,
    },
    /// Somebody whom a session asked to join its guild agreed.
    Admit {
        /// Who asked.
        session: SessionId,
        /// Who agreed.
        joiner: Box<Joiner>,
    },
    /// The friends of a session's character who are in the world now: all of them, so that it does no harm to be told twice.
    /// The player is told of those who were not or are not among them; of all when it was told of none yet.
    Friends {
        /// Whose.
        session: SessionId,
        /// Its character; another one has nothing to do with it.
        of: CharacterId,
        /// Who is in the world.
        here: Vec<Here>,
        /// Of these nothing is said: they became friends just now, or are no friends any more.
        quiet: Vec<CharacterId>,
        /// Requests that wait for the player's answer, for the first time that it is told.
        asking: u32,
    },
}
