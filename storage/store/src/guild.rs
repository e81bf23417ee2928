//! What the records of a guild say: the guild, its name, its members. Stored as JSON, so that later fields can be added
//! with a default.
//!
//! ```text
//!  Guild(COUNTER)   the number that was given last
//!  Guild(n)         name, kingdom, leader, how many members; stays after the end, so that no number is given twice
//!  GuildName(name)  -> n
//!  GuildMember(c)   -> n: name, account, rank        characters row of c: guild n, the same rank
//! ```

use crate::rows::{Fields, guild_place};
use model::calls::database::{Belonging, Failure, GetRecord, HeldRecord, ListRecords};
use model::calls::records::RECORDS_MAX;
use model::guild::{GuildName, Place};
use model::transfer::{Record, RecordKey, RecordKind};
use model::{AccountId, CharacterId, GuildId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Reason of a transfer that founds a guild.
pub const FOUND: &str = "guild-found";
/// Reason of a transfer that takes somebody in.
pub const JOIN: &str = "guild-join";
/// Reason of a transfer that gives a member another rank.
pub const RANK: &str = "guild-rank";
/// Reasons of the deeds that cost gold; the others leave no entry in the ledger.
pub const COSTS: [&str; 3] = [FOUND, JOIN, RANK];

/// What the record of a guild says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guild {
    /// Its name.
    pub name: String,
    /// Kingdom of its founder; others than 7 and 8: none.
    pub kingdom: u8,
    /// Who leads it.
    pub leader: CharacterId,
    /// How many members it has.
    pub members: u32,
    /// When it was founded.
    pub founded_ms: i64,
    /// When it ended, if it has.
    pub ended_ms: Option<i64>,
    /// The operation that founded it, in hex; not known of guilds from before this was written down.
    #[serde(default)]
    pub founded_by: Option<String>,
}

/// What the record of a member says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whose character it is.
    pub account: AccountId,
    /// Its rank.
    pub rank: u8,
    /// When it joined.
    pub since_ms: i64,
    /// When it left the world last, as far as that was written down.
    #[serde(default)]
    pub seen_ms: Option<i64>,
}

/// What the record of numbers says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The number that was given last.
    pub last: GuildId,
}

/// A member and the version of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Who.
    pub character: CharacterId,
    /// What its record says.
    pub member: Member,
    /// The record's version.
    pub version: u64,
}

impl Enrolled {
    /// Guild and rank.
    pub fn place(&self, guild: GuildId) -> Place {
        Place { guild, rank: self.member.rank }
    }
}

/// A body as it is stored.
pub fn encode<T: Serialize>(body: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body)
        .map_err(|error| Failure::Corrupt(format!("a record of a guild cannot be written: {error}")))
}

/// A body as it was stored.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::Corrupt(format!("a record of a guild cannot be read: {error}")))
}

/// The record of a guild, or of the numbers.
pub fn guild_record<T: Serialize>(guild: GuildId, body: &T) -> Result<Record, Failure> {
    record(RecordKey::Guild(guild), guild.home(), 0, encode(body)?)
}

/// The record of a name.
pub fn name_record(name: &GuildName, guild: GuildId) -> Result<Record, Failure> {
    let number = name.number();
    record(RecordKey::GuildName(number), number.home(), guild.0.into(), encode(&name.as_str())?)
}

/// The record of a member.
pub fn member_record(guild: GuildId, character: CharacterId, body: &Member) -> Result<Record, Failure> {
    record(RecordKey::GuildMember(character), guild.home(), guild.0.into(), encode(body)?)
}

fn record(key: RecordKey, home: AccountId, scope: u64, body: Vec<u8>) -> Result<Record, Failure> {
    Ok(Record { key, home, version: 0, scope, until_ms: i64::MAX, body })
}

/// The question for a guild.
pub fn asks_for(guild: GuildId) -> GetRecord {
    GetRecord { key: RecordKey::Guild(guild), home: Some(guild.home()) }
}

/// The question for a name.
pub fn asks_for_name(name: &GuildName) -> GetRecord {
    let number = name.number();
    GetRecord { key: RecordKey::GuildName(number), home: Some(number.home()) }
}

/// The question for members: one answer has all of them, since no guild has as many as an answer.
pub fn asks_for_members(guild: GuildId) -> ListRecords {
    let (kind, scope, home) = (RecordKind::GuildMember, Some(guild.0.into()), Some(guild.home()));
    ListRecords { kind, scope, home, after: 0, limit: RECORDS_MAX }
}

/// From a row: id, account, name, guild and rank of a character.
pub(crate) fn belonging(row: &impl Fields) -> Result<Belonging, Failure> {
    let (character, account) = (CharacterId(row.int(0)? as u64), AccountId(row.int(1)? as u64));
    Ok(Belonging { character, account, name: row.text(2)?, place: guild_place(row, 3)? })
}

/// A member from its record; `None` for a record of another kind.
pub fn enrolled(held: &HeldRecord) -> Result<Option<Enrolled>, Failure> {
    let RecordKey::GuildMember(character) = held.record.key else { return Ok(None) };
    let (member, version) = (decode(&held.record.body)?, held.record.version);
    Ok(Some(Enrolled { character, member, version }))
}

/// Members from their records, the highest rank first, then by name.
pub fn roll(held: &[HeldRecord]) -> Result<Vec<Enrolled>, Failure> {
    let mut all = held.iter().filter_map(|held| enrolled(held).transpose()).collect::<Result<Vec<_>, _>>()?;
    all.sort_by_key(|one| (u8::MAX - one.member.rank, one.member.name.to_lowercase()));
    Ok(all)
}
