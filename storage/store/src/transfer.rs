//! Transfers without a database: what is allowed at all, what each shard has to look at, and what follows from
//! what it saw. Both stores only read a [`Seen`] and write [`Doings`], so that they never judge differently.
//!
//! ```text
//!  Transfer --Plan::of--> Plan --parts--> a Part for each shard      (or a refusal: it breaks a rule of transfers)
//!                                           |  the database reads and locks what the part names
//!                                           v
//!                                  Seen --judge--> Doings            (or a No; of several shards the lowest counts)
//!                                                    |  the database writes them, all shards or none
//!                                                    v
//!                                          outcome(all Doings) -> Transferred
//! ```
//!
//! Order of the checks, whatever the shards: frozen, stale, no such owner, record changed, item gone, place taken, not
//! enough, too much, malformed in the light of what is there; among equals the order of the transfer.

mod judge;
mod part;
mod rules;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "testing"))]
pub(crate) use judge::outcome_of;
pub(crate) use judge::{
    AccountSeen, CharacterSeen, Doings, ItemRow, ItemSeen, No, RecordRow, RecordSeen, Seen, SoftRow, outcome,
};
pub(crate) use part::{Part, record_id, record_kind};
#[cfg(any(test, feature = "testing"))]
pub(crate) use part::{PurseKey, RecordId};
pub(crate) use rules::Plan;

/// Operations of this kind hold the outcome of a transfer.
pub(crate) const KIND: &str = "transfer";
/// Operations of this kind belong to a transfer at home in another bucket: its home is their outcome.
pub(crate) const PART_KIND: &str = "transfer-part";
