//! What the record of friends of a character says. Stored as JSON, so that later fields can be added with a default.
//!
//! ```text
//!  Friends(a)  friends: b         <=>  Friends(b)  friends: a
//!  Friends(a)  asked: b           <=>  Friends(b)  asking: a
//! ```
//!
//! Both sides change in one transfer. A record ends with its character, in the operation that deletes it: who is named
//! by the record of another one and has none is no more, and is a friend no more.

use model::calls::database::{Failure, GetRecord, HeldRecord, ListRecords};
use model::calls::records::RECORDS_MAX;
use model::transfer::{Record, RecordChange, RecordKey, RecordKind};
use model::{AccountId, CharacterId};
use serde::{Deserialize, Serialize};

/// Somebody in the record of another character, short as it is stored: who, whose character, its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known(pub CharacterId, pub AccountId, pub String);

impl Known {
    /// Whether it has this name, whatever the case.
    pub fn is_named(&self, name: &str) -> bool {
        self.2.eq_ignore_ascii_case(name)
    }
}

/// What the record says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circle {
    /// Whose it is.
    pub name: String,
    /// Friends, the newest last.
    #[serde(default)]
    pub friends: Vec<Known>,
    /// Whom it asked, the newest last.
    #[serde(default)]
    pub asked: Vec<Known>,
    /// Who asks it, the newest last.
    #[serde(default)]
    pub asking: Vec<Known>,
    /// When it left the world last, as far as that was written down.
    #[serde(default)]
    pub seen_ms: Option<i64>,
}

impl Circle {
    /// Everybody that it names.
    pub fn everybody(&self) -> impl Iterator<Item = &Known> {
        self.friends.iter().chain(&self.asked).chain(&self.asking)
    }

    /// Forgets somebody, whatever it was.
    pub fn forget(&mut self, who: CharacterId) {
        for list in [&mut self.friends, &mut self.asked, &mut self.asking] {
            list.retain(|known| known.0 != who);
        }
    }
}

/// A record with the version that was read; 0: there is none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// What it says.
    pub circle: Circle,
    /// Its version.
    pub version: u64,
}

/// The question for the friends of a character.
pub fn asks_for(account: AccountId, character: CharacterId) -> GetRecord {
    GetRecord { key: RecordKey::Friends(character), home: Some(account) }
}

/// The question for the friends of all characters after one, by ascending number.
pub fn asks_for_all(after: u64) -> ListRecords {
    ListRecords { kind: RecordKind::Friends, scope: None, home: None, after, limit: RECORDS_MAX }
}

/// What a record says.
pub fn decode(held: &HeldRecord) -> Result<Held, Failure> {
    let Record { key, version, body, .. } = &held.record;
    let circle = serde_json::from_slice(body)
        .map_err(|error| Failure::Corrupt(format!("the record {key:?} cannot be read: {error}")))?;
    Ok(Held { circle, version: *version })
}

/// The change of a record that was read as this version.
pub fn put(
    account: AccountId,
    character: CharacterId,
    circle: &Circle,
    expected: u64,
) -> Result<RecordChange, Failure> {
    let key = RecordKey::Friends(character);
    let body = serde_json::to_vec(circle)
        .map_err(|error| Failure::Corrupt(format!("the record {key:?} cannot be written: {error}")))?;
    let record = Record { key, home: account, version: 0, scope: 0, until_ms: i64::MAX, body };
    Ok(RecordChange::Put { record, expected })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::friend::{FRIENDS_MAX, REQUESTS_MAX};
    use model::transfer::RECORD_BODY_MAX;

    fn many(count: u32) -> Vec<Known> {
        vec![Known(CharacterId(u64::MAX), AccountId(u64::MAX), "twelveletter".to_owned()); count as usize]
    }

    #[test]
    fn the_fullest_record_fits_with_room_for_later_fields() {
        let circle = Circle {
            name: "twelveletter".to_owned(),
            friends: many(FRIENDS_MAX),
            asked: many(REQUESTS_MAX),
            asking: many(REQUESTS_MAX),
            seen_ms: Some(i64::MAX),
        };
        let RecordChange::Put { record, expected: 3 } =
            put(AccountId(1), CharacterId(2), &circle, 3).unwrap()
        else {
            panic!("a record to be put")
        };
        assert!(record.body.len() <= RECORD_BODY_MAX - 1_024, "{} bytes", record.body.len());
        let held = HeldRecord { record: Record { version: 4, ..record }, items: Vec::new(), gold: 0 };
        assert_eq!(decode(&held).unwrap(), Held { circle, version: 4 });
    }
}
