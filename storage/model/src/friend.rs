//! Friends: what players ask about them, and what they are told.
//!
//! A friendship is mutual and agreed to. Each character that has one, or an open request, has a record of its own
//! ([`crate::transfer::RecordKey::Friends`]); both sides of a friendship, and of a request, change in one transfer.

use crate::id::CharacterId;
use serde::{Deserialize, Serialize};

/// Most friends that a character can be allowed.
pub const FRIENDS_MAX: u32 = 60;
/// Most open requests that it can be allowed, of its own and of others each.
pub const REQUESTS_MAX: u32 = 20;
/// Friends on one page of the list.
pub const FRIEND_LINES: usize = 8;

/// What a player asks the directory about friends. Each can be asked twice: what is done already is done, and it is
/// never done to somebody else, since each names whom it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FriendAsk {
    /// Ask somebody, who may be away, to be a friend; whoever asked before is one then.
    Add(String),
    /// Be the friend of who asked.
    Accept(Asker),
    /// Do not; that one is not told.
    Refuse(Asker),
    /// Be a friend no more, or take an own request back.
    Remove(String),
}

/// Who asked to be a friend, as whoever answers means it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// Its number, when the directory said who it is
    /// ([`NewestAsker`](crate::calls::registry::Request::NewestAsker)): then nobody else of that name is meant.
    pub character: Option<CharacterId>,
    /// Its name, as it was typed or as the directory said it.
    pub name: String,
}

impl Asker {
    /// Whoever of those who asked has this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { character: None, name: name.into() }
    }
}

/// A friend who is in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// Who.
    pub character: CharacterId,
    /// Its name.
    pub name: String,
}

/// A page of the friends of a character: who plays first, then by name; and all its open requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendPage {
    /// How many friends it has.
    pub friends: u32,
    /// How many of them play.
    pub playing: u32,
    /// Which page, from 1.
    pub page: u32,
    /// Of how many.
    pub pages: u32,
    /// At most [`FRIEND_LINES`].
    pub rows: Vec<FriendRow>,
    /// Who asks the character, the newest last.
    pub asking: Vec<String>,
    /// Whom the character asked, the newest last.
    pub asked: Vec<String>,
}

/// A friend in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendRow {
    /// Its name.
    pub name: String,
    /// Its level, zero based, while it plays.
    pub level: Option<u16>,
    /// For how many seconds it has been away, as far as that is known.
    pub away_s: Option<u64>,
}

/// What players are told about friends; the edge has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FriendLine {
    /// How it is typed.
    Usage,
    /// The player itself, or another character of its account, was meant.
    Oneself,
    /// `{0}` was asked.
    Asked,
    /// `{0}` was asked before, and has not answered.
    AskedAlready,
    /// `{0}` asks the player.
    AskedBy,
    /// `{0}` is a friend from now on.
    Friends,
    /// `{0}` is a friend already.
    Already,
    /// `{0}` did not ask.
    NotAsked,
    /// Nobody asks.
    NobodyAsks,
    /// The request of `{0}` is refused.
    Refused,
    /// `{0}` is a friend no more.
    Removed,
    /// The request to `{0}` is taken back.
    Withdrawn,
    /// `{0}` is no friend, and was not asked.
    NotFriend,
    /// The player has `{0}` friends, and more it may not have.
    Full,
    /// `{0}` may not have more friends.
    OtherFull,
    /// The player has `{0}` open requests, and more it may not have.
    TooManyAsked,
    /// Too many ask `{0}` already.
    OtherTooManyAsked,
    /// The friend `{0}` came into the world.
    Came,
    /// The friend `{0}` left it.
    Left,
    /// These friends are in the world: `{0}`.
    Here,
    /// `{0}` requests wait for an answer.
    Waiting,
    /// A friend who plays: `{0}` name, `{1}` level.
    RowPlays,
    /// A friend who is away: `{0}` name, `{1}` since when.
    RowAway,
    /// `{0}` friends, `{1}` of them play; this was page `{2}` of `{3}`.
    Sum,
    /// These ask the player: `{0}`.
    Asking,
    /// These were asked by the player: `{0}`.
    AskedThese,
}

impl FriendLine {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::Usage,
        Self::Oneself,
        Self::Asked,
        Self::AskedAlready,
        Self::AskedBy,
        Self::Friends,
        Self::Already,
        Self::NotAsked,
        Self::NobodyAsks,
        Self::Refused,
        Self::Removed,
        Self::Withdrawn,
        Self::NotFriend,
        Self::Full,
        Self::OtherFull,
        Self::TooManyAsked,
        Self::OtherTooManyAsked,
        Self::Came,
        Self::Left,
        Self::Here,
        Self::Waiting,
        Self::RowPlays,
        Self::RowAway,
        Self::Sum,
        Self::Asking,
        Self::AskedThese,
    ];
}
