//! Whole guilds, as BISrv leaves them.

use super::economy::{Player, surely, transfer};
use crate::Store;
use crate::guild::{self, Counter, Guild, Member};
use model::calls::database::Transfer;
use model::guild::{GuildName, LEADER, Place};
use model::id::GuildId;
use model::transfer::{Record, RecordChange, RecordKey, Standing};
use std::sync::Arc;

/// A number that no other guild has.
pub async fn number(store: &Arc<dyn Store>) -> GuildId {
    for _ in 0..1_000 {
        let counter = store.get_record(guild::asks_for(GuildId::COUNTER)).await.expect("the store answers");
        let (last, expected) = counter.map_or((GuildId(0), 0), |held| {
            let Counter { last } = guild::decode(&held.record.body).expect("it can be read");
            (last, held.record.version)
        });
        let next = GuildId::after(last, 0).expect("there are numbers left");
        let record = guild::guild_record(GuildId::COUNTER, &Counter { last: next }).expect("a record");
        let records = vec![RecordChange::Put { record, expected }];
        if store.transfer(Transfer { records, ..blank() }).await.expect("the store answers").is_ok() {
            return next;
        }
    }
    panic!("others were quicker a thousand times");
}

/// A name that no other guild has.
pub fn name() -> GuildName {
    GuildName::new(&format!("{:x}", rand::random_range(0x1_0000_0000_u64..0xffff_ffff_ffff))).expect("a name")
}

/// What the record of a member says.
pub fn member(of: &Player, rank: u8) -> Member {
    let name = of.hero.name.to_string();
    Member { name, account: of.account(), rank, since_ms: 0, seen_ms: None }
}

/// What founds a guild with these members, who are in none; the first one does it.
pub fn founding(members: &[(&Player, u8)], id: GuildId, name: &GuildName) -> Transfer {
    let leader = members.iter().find(|(_, rank)| *rank == LEADER).expect("somebody leads").0.hero.id;
    let operation = super::operation();
    let body = Guild {
        founded_by: Some(operation.to_string()),
        name: name.to_string(),
        kingdom: 7,
        leader,
        members: members.len() as u32,
        founded_ms: 0,
        ended_ms: None,
    };
    let mut records: Vec<Record> = vec![
        guild::guild_record(id, &body).expect("a record"),
        guild::name_record(name, id).expect("a record"),
    ];
    let enrolled = members.iter().map(|(of, rank)| guild::member_record(id, of.hero.id, &member(of, *rank)));
    records.extend(enrolled.map(|record| record.expect("a record")));
    let stands = |(of, rank): &(&Player, u8)| Standing {
        account: of.account(),
        character: of.hero.id,
        before: Place::NONE,
        after: Place { guild: id, rank: *rank },
    };
    Transfer {
        records: records.into_iter().map(|record| RecordChange::Put { record, expected: 0 }).collect(),
        standings: members.iter().map(stands).collect(),
        operation,
        reason: guild::FOUND.to_owned(),
        ..transfer(&[members[0].0], Vec::new())
    }
}

/// Founds a guild with these members.
pub async fn founded(store: &Arc<dyn Store>, members: &[(&Player, u8)]) -> (GuildId, GuildName) {
    let (id, name) = (number(store).await, name());
    surely(store, &founding(members, id, &name)).await;
    (id, name)
}

/// The records of a guild without one of its members.
pub async fn without(store: &Arc<dyn Store>, id: GuildId, gone: &Player) -> Vec<RecordChange> {
    let held = store.get_record(guild::asks_for(id)).await.expect("the store answers").expect("it is there");
    let mut body: Guild = guild::decode(&held.record.body).expect("it can be read");
    body.members -= 1;
    let key = RecordKey::GuildMember(gone.hero.id);
    let home = Some(id.home());
    let record = store.get_record(model::calls::database::GetRecord { key, home }).await;
    let version = record.expect("the store answers").expect("it is there").record.version;
    let record = guild::guild_record(id, &body).expect("a record");
    vec![
        RecordChange::Put { record, expected: held.record.version },
        RecordChange::Remove { key, home: id.home(), expected: version },
    ]
}

/// A transfer of nobody.
fn blank() -> Transfer {
    Transfer {
        operation: super::operation(),
        actor: model::ledger::Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: Vec::new(),
        moves: Vec::new(),
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}
