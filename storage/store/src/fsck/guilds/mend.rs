//! Repairs of guilds, each an ordinary transfer of the operator.
//!
//! Every right follows from the row of a character: the bank of a guild is opened by it, and each change of it is in the
//! character's history. So the row counts, and the records follow it. Then a guild counts its members and knows its
//! leader by their records, and holds its own name and no other. A guild that would not be whole after that, or one of
//! whose rows is not as its history says, is left to the operator.
//!
//! ```text
//!   Hall (as read) --planned--> Hall (as it is to be) --flaws()--> none? a transfer from the one to the other
//!                                                              '--> some? nothing
//! ```

use super::hall::{Hall, Row, Stored};
use crate::Store;
use crate::amend::REPAIR;
use crate::derive;
use crate::fsck::insist;
use crate::guild::{self, Counter, Guild, Member};
use model::calls::database::Failure;
use model::guild::{GuildName, GuildNameId, LEADER, Place};
use model::id::{CharacterId, GuildId, OperationId};
use model::ledger::Actor;
use model::transfer::{RECORD_CHANGES_MAX, RecordChange, RecordKey, STANDINGS_MAX, Standing, Transfer};
use std::collections::BTreeSet;

/// Who repairs, and how.
#[derive(Clone, Copy)]
pub(in crate::fsck) struct Mender<'a> {
    pub(in crate::fsck) store: &'a dyn Store,
    pub(in crate::fsck) operator: &'a str,
    pub(in crate::fsck) dry_run: bool,
    /// No two runs have the same.
    pub(in crate::fsck) seed: u128,
    pub(in crate::fsck) pass: u32,
    pub(in crate::fsck) now_ms: i64,
}

/// Repairs what can be; `unsure` are characters whose rows are not as their histories say.
pub(in crate::fsck) async fn mend(
    mender: Mender<'_>,
    halls: &[Hall],
    unsure: &BTreeSet<CharacterId>,
) -> Result<Vec<String>, Failure> {
    let mut fixes = Vec::new();
    for hall in halls {
        let Some(after) = planned(hall, unsure, mender.now_ms) else { continue };
        let (told, changes) = (told(hall, &after), changes(hall, &after)?);
        if changes.is_empty() || told.is_empty() {
            continue;
        }
        if mender.dry_run || mender.change(hall, changes).await? {
            fixes.extend(told);
        }
    }
    Ok(fixes)
}

/// What a guild is to be; `None` when that does not follow from what is stored.
fn planned(hall: &Hall, unsure: &BTreeSet<CharacterId>, now_ms: i64) -> Option<Hall> {
    if hall.rows.keys().chain(hall.members.keys()).any(|character| unsure.contains(character)) {
        return None;
    }
    if !hall.enrolled_elsewhere.is_empty() {
        return None; // which of two guilds they are in cannot be told
    }
    let mut after = hall.clone();
    let guild = match &mut after.guild {
        // rows and names of nothing, not a guild whose record is lost
        None if hall.members.is_empty() => None,
        None => return None,
        Some(Stored { body, .. }) => Some(body.as_mut()?),
    };
    let lives = guild.as_ref().is_some_and(|guild| guild.ended_ms.is_none());
    if !lives && !hall.names.is_empty() && (!hall.members.is_empty() || !hall.rows.is_empty()) {
        return None; // it may never have ended
    }
    for (character, row) in &mut after.rows {
        let is_here = row.place.guild == hall.id;
        let Row { account, name, place } = row;
        match after.members.get_mut(character) {
            _ if !lives && is_here => *place = Place::NONE,
            Some(Stored { body, .. }) if is_here => {
                let since_ms = body.as_ref().map_or(now_ms, |member| member.since_ms);
                let seen_ms = body.as_ref().and_then(|member| member.seen_ms);
                *body = Some(Member {
                    name: name.clone(),
                    account: *account,
                    rank: place.rank,
                    since_ms,
                    seen_ms,
                });
            }
            None if is_here => {
                let (name, account, rank) = (name.clone(), *account, place.rank);
                let body = Some(Member { name, account, rank, since_ms: now_ms, seen_ms: None });
                after.members.insert(*character, Stored { body, version: 0 });
            }
            _ if place.guild.0 != 0 => return None,
            _ => {}
        }
    }
    let rows = &after.rows;
    after
        .members
        .retain(|character, _| lives && rows.get(character).is_some_and(|row| row.place.guild == hall.id));
    after.rows.retain(|character, _| after.members.contains_key(character));
    if let Some(guild) = guild {
        guild.members = u32::try_from(after.members.len()).ok()?;
        let leads =
            |stored: &Stored<Member>| stored.body.as_ref().is_some_and(|member| member.rank == LEADER);
        if let Some((leader, _)) = after.members.iter().find(|(_, stored)| leads(stored)) {
            guild.leader = *leader;
        }
        after.last.body = Some(after.last.body.unwrap_or(hall.id).max(hall.id));
    }
    let own = after.own_name().filter(|_| lives).map(|name| name.number().0);
    after.names.retain(|name, _| Some(*name) == own);
    if let Some(own) = own.filter(|_| hall.robber.is_none()) {
        after.names.entry(own).or_insert(0);
    }
    after.flaws().is_empty().then_some(after)
}

/// One thing to change.
enum Write {
    Record(RecordChange),
    Standing(Standing),
}

/// The body of one is not that of the other.
fn differ<T: PartialEq>(before: Option<&Stored<T>>, after: &Stored<T>) -> bool {
    before.is_none_or(|before| before.body != after.body)
}

fn changes(hall: &Hall, after: &Hall) -> Result<Vec<Write>, Failure> {
    let mut writes = Vec::new();
    for (character, stored) in &hall.members {
        if !after.members.contains_key(character) {
            let (key, home) = (RecordKey::GuildMember(*character), hall.id.home());
            writes.push(Write::Record(RecordChange::Remove { key, home, expected: stored.version }));
        }
    }
    for (character, stored) in &after.members {
        if let Some(body) = stored.body.as_ref().filter(|_| differ(hall.members.get(character), stored)) {
            let record = guild::member_record(hall.id, *character, body)?;
            writes.push(Write::Record(RecordChange::Put { record, expected: stored.version }));
        }
    }
    for (character, row) in &hall.rows {
        let then = after.rows.get(character).map_or(Place::NONE, |row| row.place);
        let touched = match (hall.members.get(character), after.members.get(character)) {
            (before, Some(now)) => differ(before, now),
            (Some(_), None) => true,
            (None, None) => then != row.place,
        };
        // rows that are followed must still say so
        if touched {
            let (account, character, before) = (row.account, *character, row.place);
            writes.push(Write::Standing(Standing { account, character, before, after: then }));
        }
    }
    for (name, version) in &hall.names {
        if !after.names.contains_key(name) {
            let name = GuildNameId(*name);
            let (key, home, expected) = (RecordKey::GuildName(name), name.home(), *version);
            writes.push(Write::Record(RecordChange::Remove { key, home, expected }));
        }
    }
    let own: Option<GuildName> = after.own_name();
    if let Some(name) = own.filter(|name| after.names.get(&name.number().0) == Some(&0)) {
        let record = guild::name_record(&name, hall.id)?;
        writes.push(Write::Record(RecordChange::Put { record, expected: 0 }));
    }
    if let Some(last) = after.last.body.filter(|_| differ(Some(&hall.last), &after.last)) {
        let record = guild::guild_record(GuildId::COUNTER, &Counter { last })?;
        writes.push(Write::Record(RecordChange::Put { record, expected: hall.last.version }));
    }
    // deeds of a guild are one after the other by its record, so it is always written
    if let Some(Stored { body: Some(body), version }) = after.guild.as_ref()
        && (!writes.is_empty()
            || differ(hall.guild.as_ref(), &Stored { body: Some(body.clone()), version: *version }))
    {
        let record = guild::guild_record::<Guild>(hall.id, body)?;
        writes.insert(0, Write::Record(RecordChange::Put { record, expected: *version }));
    }
    Ok(writes)
}

/// What is changed, in sentences.
fn told(hall: &Hall, after: &Hall) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let id = hall.id.0;
    let rank = |stored: &Stored<Member>| stored.body.as_ref().map(|member| member.rank);
    for (character, stored) in &after.members {
        let rank = rank(stored).unwrap_or_default();
        match hall.members.get(character) {
            None => told.push(format!(
                "character {character} gets its record as a member of guild {id}, rank {rank}"
            )),
            before if differ(before, stored) => {
                told.push(format!(
                    "the record of character {character} in guild {id} follows its row, rank {rank}"
                ));
            }
            Some(_) => {}
        }
    }
    for character in hall.members.keys().filter(|character| !after.members.contains_key(character)) {
        told.push(format!("the record of character {character} as a member of guild {id} ends"));
    }
    let gone = hall
        .rows
        .iter()
        .filter(|(character, row)| row.place.guild == hall.id && !after.rows.contains_key(character));
    told.extend(
        gone.map(|(character, _)| format!("character {character} is in no guild; there is no guild {id}")),
    );
    if hall.names.keys().ne(after.names.keys()) {
        told.push(format!("guild {id} has its own name, and no other"));
    }
    if let (Some(Stored { body: Some(before), .. }), Some(Stored { body: Some(now), .. })) =
        (&hall.guild, &after.guild)
    {
        if before.members != now.members {
            told.push(format!("guild {id} has {} members, not {}", now.members, before.members));
        }
        if before.leader != now.leader {
            told.push(format!("guild {id} is led by character {}, not {}", now.leader, before.leader));
        }
    }
    if let Some(last) = after.last.body.filter(|_| differ(Some(&hall.last), &after.last)) {
        told.push(format!("the number given last is {}", last.0));
    }
    told
}

impl Mender<'_> {
    /// False when the guild was changed meanwhile: the next look says what is wrong then.
    async fn change(&self, hall: &Hall, changes: Vec<Write>) -> Result<bool, Failure> {
        let mut blank = self.blank();
        let mut parts: Vec<Transfer> = Vec::new();
        for write in changes {
            if blank.records.len() >= RECORD_CHANGES_MAX || blank.standings.len() >= STANDINGS_MAX {
                parts.push(std::mem::replace(&mut blank, self.blank()));
            }
            match write {
                Write::Record(change) => blank.records.push(change),
                Write::Standing(standing) => blank.standings.push(standing),
            }
        }
        parts.push(blank);
        for (number, mut part) in parts.into_iter().enumerate() {
            let [id, pass, number] =
                [hall.id.0.into(), self.pass.into(), number as u64].map(u64::to_le_bytes);
            part.operation =
                derive::operation("fsck-guild", &[&self.seed.to_le_bytes(), &id, &pass, &number]);
            if let Err(refusal) = insist(|| self.store.transfer(part.clone())).await? {
                tracing::info!(guild = hall.id.0, %refusal, "a guild was changed while it was repaired");
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn blank(&self) -> Transfer {
        Transfer {
            operation: OperationId(0),
            actor: Actor::Operator(self.operator.to_owned()),
            reason: REPAIR.to_owned(),
            fences: Vec::new(),
            moves: Vec::new(),
            records: Vec::new(),
            softs: Vec::new(),
            standings: Vec::new(),
        }
    }
}
