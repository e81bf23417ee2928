//! Records of guilds that do not agree with each other, or with the rows of their members, planted with plain SQL: found
//! by `fsck` with their ids, repaired where it follows what is right; and nothing is found while guilds change.

#![allow(clippy::unwrap_used)]

mod past;

use model::calls::ledger::{Finding, Wrong};
use model::guild::{GuildName, LEADER, MEMBER, Place};
use model::transfer::{RecordChange, RecordKey, Standing, Transfer};
use model::{CharacterId, GuildId};
use past::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use store::guild::{self, Guild};
use store::testing::postgres_wanted;
use store::testing::stage::economy::{Player, done, surely};
use store::testing::stage::guilds;
use store::{Store, fsck};

impl Database {
    /// The record says something else.
    fn says(&self, key: RecordKey, old: &str, new: &str) {
        let body = match self {
            Self::Sqlite(_) => format!("CAST(replace(CAST(body AS TEXT), '{old}', '{new}') AS BLOB)"),
            Self::Postgres(..) => {
                format!("convert_to(replace(convert_from(body, 'UTF8'), '{old}', '{new}'), 'UTF8')")
            }
        };
        self.sql(&format!("UPDATE records SET body = {body} WHERE {}", of(key)));
    }
}

/// Which record, for SQL.
fn of(key: RecordKey) -> String {
    let kind = match key {
        RecordKey::Guild(_) => 11,
        RecordKey::GuildName(_) => 12,
        RecordKey::GuildMember(_) => 13,
        other => panic!("{other:?} is no record of guilds"),
    };
    format!("kind = {kind} AND id = {}", key.number())
}

/// A guild of a leader, a captain and a member.
struct Town {
    id: GuildId,
    name: GuildName,
    ana: Player,
    ben: Player,
    cleo: Player,
}

impl Town {
    async fn new(store: &Arc<dyn Store>) -> Self {
        let ([ana, ben], cleo) = (Player::two(store).await, Player::new(store).await);
        let (id, name) = guilds::founded(store, &[(&ana, LEADER), (&ben, 3), (&cleo, MEMBER)]).await;
        Self { id, name, ana, ben, cleo }
    }

    fn record(&self) -> RecordKey {
        RecordKey::Guild(self.id)
    }

    fn of_ben(&self) -> RecordKey {
        RecordKey::GuildMember(self.ben.hero.id)
    }

    async fn ranks(&self, store: &Arc<dyn Store>) -> Vec<u8> {
        let held = store.list_records(guild::asks_for_members(self.id)).await.unwrap();
        guild::roll(&held).unwrap().iter().map(|one| one.member.rank).collect()
    }

    async fn body(&self, store: &Arc<dyn Store>) -> Guild {
        let held = store.get_record(guild::asks_for(self.id)).await.unwrap().unwrap();
        guild::decode(&held.record.body).unwrap()
    }
}

async fn findings(store: &Arc<dyn Store>) -> Vec<Finding> {
    let report = fsck::run(store.as_ref()).await.unwrap();
    eprintln!("{:#?}", report.checked.findings);
    report.checked.findings
}

/// Exactly one finding of a guild is about that guild and character and has these words.
fn one(findings: &[Finding], guild: GuildId, character: Option<CharacterId>, words: &str) {
    let found = findings.iter().filter(|finding| {
        (finding.wrong, finding.guild, finding.character) == (Wrong::Guild, Some(guild), character)
            && finding.what.contains(words)
    });
    assert_eq!(found.count(), 1, "{words:?} of guild {} among {findings:#?}", guild.0);
}

fn stands(of: &Player, before: Place, after: Place) -> Standing {
    Standing { account: of.account(), character: of.hero.id, before, after }
}

async fn place(store: &Arc<dyn Store>, of: &Player) -> Place {
    let hard = of.now(store).await.hard;
    Place { guild: GuildId(hard.guild), rank: hard.guild_rank }
}

async fn what_has_a_safe_repair(database: &Database) {
    let store = database.open().await;
    let mut towns = Vec::new();
    for _ in 0..9 {
        towns.push(Town::new(&store).await);
    }
    let last = towns[8].id;
    let stranger = Player::new(&store).await;
    assert_eq!(findings(&store).await, []);
    let ben = |at: usize| towns[at].ben.hero.id;

    database.says(towns[0].of_ben(), "\"rank\":3", "\"rank\":5");
    database.sql(&format!("DELETE FROM records WHERE {}", of(towns[1].of_ben())));
    database.says(towns[2].record(), "\"members\":3", "\"members\":30");
    let leads = |character: CharacterId| format!("\"leader\":{}", character.0);
    database.says(towns[3].record(), &leads(towns[3].ana.hero.id), &leads(ben(3)));
    let name = |at: usize| RecordKey::GuildName(towns[at].name.number());
    database.sql(&format!("DELETE FROM records WHERE {}", of(name(4))));
    // that of guild 5 belongs to guild 2
    database.sql(&format!("UPDATE records SET scope = {} WHERE {}", towns[2].id.0, of(name(5))));
    database.sql(&format!("DELETE FROM records WHERE {}", of(name(6))));
    database.says(towns[6].record(), "\"ended_ms\":null", "\"ended_ms\":5");
    database.sql(&format!(
        "INSERT INTO records SELECT kind, 77, home, bucket, version, scope, until_ms, body FROM records WHERE {}",
        of(towns[7].of_ben())
    ));
    let low = format!("\"last\":{}", last.0 - 1);
    database.says(RecordKey::Guild(GuildId::COUNTER), &format!("\"last\":{}", last.0), &low);
    let nowhere = Place { guild: GuildId(60_000), rank: 3 };
    let strays = vec![stands(&stranger, Place::NONE, nowhere)];
    surely(&store, &Transfer { standings: strays, ..stranger.does(Vec::new()) }).await;

    let found = findings(&store).await;
    let id = |at: usize| towns[at].id;
    one(&found, id(0), Some(ben(0)), "has the rank 3 in guild");
    one(&found, id(1), Some(ben(1)), "has no record as its member");
    one(&found, id(1), None, "says that it has 3 members, and 2 have a record");
    one(&found, id(2), None, "says that it has 30 members, and 3 have a record");
    one(&found, id(2), None, "has other names besides");
    one(&found, id(3), None, &format!("says that character {} leads it", ben(3)));
    one(&found, id(4), None, "belongs to nobody");
    one(&found, id(5), None, &format!("belongs to guild {}", id(2).0));
    for gone in [&towns[6].ana, &towns[6].ben, &towns[6].cleo] {
        one(&found, id(6), Some(gone.hero.id), "which has ended");
    }
    one(&found, id(7), Some(CharacterId(77)), "there is no such character");
    one(&found, id(7), None, "and 4 have a record");
    one(&found, last, None, &format!("the number given last is {}", last.0 - 1));
    one(&found, nowhere.guild, Some(stranger.hero.id), "which is not there");
    assert_eq!(found.len(), 15, "and nothing else");

    let done = fsck::repair(store.as_ref(), "root", false).await.unwrap();
    assert_eq!(done.report.checked.findings, [], "{:#?}", done.fixes);
    for town in &towns {
        let ended = town.id == id(6);
        assert_eq!(town.ranks(&store).await, if ended { vec![] } else { vec![LEADER, 3, MEMBER] });
        let Guild { members, leader, .. } = town.body(&store).await;
        assert_eq!((members, leader), (if ended { 0 } else { 3 }, town.ana.hero.id));
        let named = store.get_record(guild::asks_for_name(&town.name)).await.unwrap();
        let scope = named.map(|held| held.record.scope);
        assert_eq!(scope, (!ended).then_some(town.id.0.into()), "each has its name");
    }
    assert_eq!(place(&store, &towns[0].ben).await, Place { guild: id(0), rank: 3 }, "the row counts");
    assert_eq!(place(&store, &stranger).await, Place::NONE);
    assert_eq!(place(&store, &towns[6].cleo).await, Place::NONE);
}

async fn what_an_operator_must_decide(database: &Database) {
    let store = database.open().await;
    let mut towns = Vec::new();
    for _ in 0..4 {
        towns.push(Town::new(&store).await);
    }
    let id = |at: usize| towns[at].id;
    let row = |of: &Player, set: &str| {
        database.sql(&format!("UPDATE characters SET {set} WHERE id = {}", of.hero.id.0));
    };
    // not as their histories say, so they prove nothing
    row(&towns[0].ben, "guild_rank = 8");
    row(&towns[1].ben, &format!("guild = {}", id(0).0));
    let second = guild::member_record(id(2), towns[2].ben.hero.id, &guilds::member(&towns[2].ben, LEADER));
    let before = Place { guild: id(2), rank: 3 };
    let two_lead = Transfer {
        records: vec![RecordChange::Put { record: second.unwrap(), expected: 1 }],
        standings: vec![stands(&towns[2].ben, before, Place { rank: LEADER, ..before })],
        ..towns[2].ana.does(Vec::new())
    };
    surely(&store, &two_lead).await;
    database.sql(&format!("DELETE FROM records WHERE {}", of(towns[3].record())));
    let all = |found: &[Finding]| {
        one(found, id(0), Some(towns[0].ben.hero.id), "has the rank 8 in guild");
        one(found, id(1), Some(towns[1].ben.hero.id), &format!("and is in guild {} by its row", id(0).0));
        one(found, id(2), None, "has 2 leaders, expected one");
        for member in [&towns[3].ana, &towns[3].ben, &towns[3].cleo] {
            one(found, id(3), Some(member.hero.id), "which is not there");
        }
        one(found, id(3), None, "which is not there");
        let of_guilds = found.iter().filter(|finding| finding.wrong == Wrong::Guild);
        assert_eq!(
            (of_guilds.count(), found.len()),
            (7, 9),
            "besides, two rows are not as their histories say"
        );
    };
    let left = fsck::repair(store.as_ref(), "root", false).await.unwrap();
    all(&left.report.checked.findings);
    assert_eq!(left.fixes, Vec::<String>::new());
}

/// One of the town comes and goes, in transfers over the shards.
async fn comes_and_goes(
    store: Arc<dyn Store>,
    town: Arc<Town>,
    stop: Arc<AtomicBool>,
    deeds: Arc<AtomicU32>,
) {
    let [leads, follows] = [LEADER, MEMBER].map(|rank| Place { guild: town.id, rank });
    let mut is_in = true;
    while !stop.load(Ordering::Relaxed) {
        let records = if is_in {
            guilds::without(&store, town.id, &town.cleo).await
        } else {
            let held = store.get_record(guild::asks_for(town.id)).await.unwrap().unwrap();
            let mut body: Guild = guild::decode(&held.record.body).unwrap();
            body.members += 1;
            let member =
                guild::member_record(town.id, town.cleo.hero.id, &guilds::member(&town.cleo, MEMBER));
            let record = guild::guild_record(town.id, &body).unwrap();
            vec![
                RecordChange::Put { record, expected: held.record.version },
                RecordChange::Put { record: member.unwrap(), expected: 0 },
            ]
        };
        let [before, after] = if is_in { [follows, Place::NONE] } else { [Place::NONE, follows] };
        let deed = Transfer {
            records,
            standings: vec![Standing::holds(town.ana.fence(), leads), stands(&town.cleo, before, after)],
            ..town.ana.does(Vec::new())
        };
        done(&store, &deed).await.unwrap();
        is_in = !is_in;
        deeds.fetch_add(1, Ordering::Relaxed);
    }
}

async fn nothing_is_found_while_guilds_change(database: &Database) {
    let store = database.open().await;
    let (stop, deeds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let town = Arc::new(Town::new(&store).await);
        let (store, stop, deeds) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&deeds));
        tasks.push(tokio::spawn(comes_and_goes(store, town, stop, deeds)));
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut meanwhile = 0;
    for run in 0.. {
        let before = deeds.load(Ordering::Relaxed);
        let report = fsck::run(store.as_ref()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.checked.findings);
        assert_eq!(report.guilds, 6);
        meanwhile += deeds.load(Ordering::Relaxed) - before;
        if run >= 6 && meanwhile >= 20 {
            break;
        }
        assert!(Instant::now() < deadline, "guilds changed {meanwhile} times while they were examined");
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let report = fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_what_has_a_safe_repair_is_repaired() {
    what_has_a_safe_repair(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_what_has_a_safe_repair_is_repaired() {
    if postgres_wanted() {
        what_has_a_safe_repair(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_what_an_operator_must_decide_is_told_and_left() {
    what_an_operator_must_decide(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_what_an_operator_must_decide_is_told_and_left() {
    if postgres_wanted() {
        what_an_operator_must_decide(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guilds_change_while_they_are_examined() {
    nothing_is_found_while_guilds_change(&Database::sqlite()).await;
    if postgres_wanted() {
        nothing_is_found_while_guilds_change(&Database::postgres()).await;
    }
}
