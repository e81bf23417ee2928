//! Guilds at the directory: invitations, rosters, and nodes that have to look again.

use crate::edge::{Edge, persona};
use crate::stage::{PASSWORD, Stage};
use model::calls::database::{CreateCharacter, ListCharacters};
use model::calls::registry::{DeleteRefusal, Reply, Request, ToEdge};
use model::event::{Notice, NoticeKey};
use model::guild::{GuildAsk, GuildLine, LEADER, MEMBER, Place, Roster};
use model::ledger::Actor;
use model::social::{Persona, SocialRefusal, Whom};
use model::transfer::{RecordChange, Standing, Transfer};
use model::{AccountId, CharacterId, GuildId, OperationId, Secret, SessionId, Tile};
use std::time::Duration;
use store::guild::{self, Guild, Member};
use support::{character, until};

const LOBOS: GuildId = GuildId(41);

/// A guild with these members, as BISrv would have left it.
async fn guild_of(stage: &Stage, members: &[(AccountId, u64, &str, u8)]) {
    let guild = Guild {
        name: "Lobos".to_owned(),
        kingdom: 0,
        leader: CharacterId(members[0].1),
        members: members.len() as u32,
        founded_ms: 0,
        ended_ms: None,
        founded_by: None,
    };
    let mut transfer = Transfer {
        operation: OperationId(rand::random()),
        actor: Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: Vec::new(),
        moves: Vec::new(),
        records: vec![RecordChange::Put { record: guild::guild_record(LOBOS, &guild).unwrap(), expected: 0 }],
        softs: Vec::new(),
        standings: Vec::new(),
    };
    for (account, id, name, rank) in members {
        let (account, rank, id) = (*account, *rank, CharacterId(*id));
        let hero = character(account, id, name, Tile::new(2_100, 2_100));
        let made = CreateCharacter { operation: OperationId(rand::random()), character: hero.clone() };
        stage.store.create_character(made).await.unwrap().unwrap();
        let body = Member { name: (*name).to_owned(), account, rank, since_ms: 0, seen_ms: None };
        let record = guild::member_record(LOBOS, id, &body).unwrap();
        transfer.records.push(RecordChange::Put { record, expected: 0 });
        let before = Place { guild: GuildId(hero.hard.guild), rank: hero.hard.guild_rank };
        transfer.standings.push(Standing {
            account,
            character: id,
            before,
            after: Place { guild: LOBOS, rank },
        });
    }
    stage.store.transfer(transfer).await.unwrap().unwrap();
}

async fn plays(edge: &Edge, session: SessionId, id: u64, name: &str, rank: u8) {
    edge.play(session, Some((id, name))).await;
    let persona = Persona { guild_rank: rank, ..persona(LOBOS.0, 0) };
    assert_eq!(edge.call(Request::Describe { session, persona }).await, Reply::Done);
}

async fn roster(edge: &Edge, session: SessionId) -> Roster {
    match edge.call(Request::Roster { session, page: 1 }).await {
        Reply::Roster(Ok(roster)) => roster,
        other => panic!("{other:?}"),
    }
}

fn seen(roster: &Roster) -> Vec<(&str, u8, bool)> {
    roster.lines.iter().map(|line| (line.name.as_str(), line.rank, line.playing)).collect()
}

async fn asks(edge: &Edge, session: SessionId, ask: GuildAsk) -> Result<GuildLine, SocialRefusal> {
    match edge.call(Request::Guild { session, ask }).await {
        Reply::Guild(answer) => answer.map(|notice| line(&notice).0),
        other => panic!("{other:?}"),
    }
}

fn line(notice: &Notice) -> (GuildLine, Vec<String>) {
    match notice {
        Notice::Catalogue { key: NoticeKey::Guild(line), arguments } => (*line, arguments.clone()),
        other => panic!("{other:?}"),
    }
}

/// The next line that a session of an edge is told.
async fn told(edge: &mut Edge, to: SessionId) -> (GuildLine, Vec<String>) {
    match edge.pushed().await {
        ToEdge::Tell { session, notice } if session == to => line(&notice),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_roster_has_all_members_over_all_edges_and_after_a_restart() {
    let mut stage = Stage::new().await;
    let ana1 = stage.account("ana1").await;
    let bia1 = stage.account("bia1").await;
    guild_of(&stage, &[(ana1, 1, "Anita", LEADER), (bia1, 2, "Bianca", MEMBER)]).await;
    let (one, two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let (ana, bia) = (one.login("ana1").await.unwrap(), two.login("bia1").await.unwrap());
    plays(&one, ana, 1, "Anita", LEADER).await;
    plays(&two, bia, 2, "Bianca", MEMBER).await;
    let all = roster(&one, ana).await;
    assert_eq!(seen(&all), [("Anita", LEADER, true), ("Bianca", MEMBER, true)]);
    assert_eq!((all.name.as_str(), all.members, all.playing, all.page, all.pages), ("Lobos", 2, 2, 1, 1));
    assert!(all.lines.iter().all(|line| line.away_s.is_none()));

    two.logout(bia).await;
    until("it is written down that she left", || async { roster(&one, ana).await.lines[1].away_s.is_some() })
        .await;
    stage.restart().await;
    let one = Edge::connect("edge-1", stage.running(), Vec::new()).await;
    let ana = one.login("ana1").await.unwrap();
    plays(&one, ana, 1, "Anita", LEADER).await;
    let after = roster(&one, ana).await;
    assert_eq!(seen(&after), [("Anita", LEADER, true), ("Bianca", MEMBER, false)]);
    assert!(after.lines[1].away_s.is_some_and(|seconds| seconds < 60) && after.lines[1].level.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_and_agrees_is_brought_to_who_asked() {
    let stage = Stage::new().await;
    let ana1 = stage.account("ana1").await;
    stage.account("bia1").await;
    guild_of(&stage, &[(ana1, 1, "Anita", LEADER)]).await;
    let (mut one, mut two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let (ana, bia) = (one.login("ana1").await.unwrap(), two.login("bia1").await.unwrap());
    plays(&one, ana, 1, "Anita", 5).await;
    two.play_as(bia, 2, "Bianca", 0, 7).await;
    let invite = |name: &str| GuildAsk::Invite(Whom::Name(name.to_owned()));
    assert_eq!(asks(&two, bia, invite("Anita")).await, Err(SocialRefusal::NoGuild));
    let low = one.call(Request::Guild { session: ana, ask: invite("Bianca") }).await;
    let key = NoticeKey::GuildRankTooLow;
    assert_eq!(low, Reply::Guild(Ok(Notice::Catalogue { key, arguments: Vec::new() })));
    plays(&one, ana, 1, "Anita", LEADER).await;
    assert_eq!(asks(&one, ana, invite("Ninguem")).await, Err(SocialRefusal::NotConnected));
    assert_eq!(asks(&one, ana, invite("Anita")).await, Ok(GuildLine::Oneself));
    assert_eq!(asks(&two, bia, GuildAsk::Accept).await, Ok(GuildLine::NotAsked));

    assert_eq!(asks(&one, ana, invite("bianca")).await, Ok(GuildLine::Asked));
    let words = vec!["Anita".to_owned(), "Lobos".to_owned()];
    assert_eq!(told(&mut two, bia).await, (GuildLine::Invited, words));
    assert_eq!(asks(&two, bia, GuildAsk::Refuse).await, Ok(GuildLine::Refused));
    assert_eq!(told(&mut one, ana).await, (GuildLine::RefusedBy, vec!["Bianca".to_owned()]));
    assert_eq!(asks(&two, bia, GuildAsk::Accept).await, Ok(GuildLine::NotAsked), "once refused");

    assert_eq!(asks(&one, ana, invite("bianca")).await, Ok(GuildLine::Asked));
    told(&mut two, bia).await;
    assert_eq!(asks(&two, bia, GuildAsk::Accept).await, Ok(GuildLine::Accepted));
    match one.pushed().await {
        ToEdge::Admit { session, joiner } => {
            assert_eq!((session, joiner.character, joiner.clan), (ana, CharacterId(2), 7));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_look_again_when_they_are_told_and_when_nobody_told_them() {
    let stage = Stage::new().await;
    let ana1 = stage.account("ana1").await;
    let bia1 = stage.account("bia1").await;
    guild_of(&stage, &[(ana1, 1, "Anita", LEADER), (bia1, 2, "Bianca", MEMBER)]).await;
    let (mut one, mut two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let (ana, bia) = (one.login("ana1").await.unwrap(), two.login("bia1").await.unwrap());
    plays(&one, ana, 1, "Anita", LEADER).await;
    plays(&two, bia, 2, "Bianca", MEMBER).await;
    stage.registry().compare_guilds().await;
    let notice = Notice::Catalogue { key: NoticeKey::Guild(GuildLine::Ranked), arguments: Vec::new() };
    let (characters, by) = (vec![CharacterId(2)], CharacterId(1));
    let changed = Request::GuildChanged { guild: LOBOS, characters, by, notice };
    assert_eq!(stage.ask(changed).await, Reply::Done);
    assert_eq!(two.pushed().await, ToEdge::LookAtGuild { session: bia });
    assert_eq!(told(&mut two, bia).await.0, GuildLine::Ranked);
    assert!(one.has_nothing_pushed(), "she did it, and what agrees is not told");

    // her node still says that she is a captain: nobody told it otherwise
    plays(&two, bia, 2, "Bianca", 3).await;
    stage.registry().compare_guilds().await;
    assert_eq!(two.pushed().await, ToEdge::LookAtGuild { session: bia });
    assert!(one.has_nothing_pushed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_not_deleted() {
    let stage = Stage::new().await;
    let ana1 = stage.account("ana1").await;
    guild_of(&stage, &[(ana1, 1, "Anita", LEADER)]).await;
    let one = stage.edge("edge-1").await;
    let ana = one.login("ana1").await.unwrap();
    let (name, password) = ("Anita".to_owned(), Secret::new(PASSWORD));
    let delete = Request::DeleteCharacter { session: ana, slot: 0, name, password };
    assert_eq!(one.call(delete).await, Reply::DeleteRefused(DeleteRefusal::InGuild));
    let all = stage.store.list_characters(ListCharacters { account: ana1 }).await.unwrap();
    assert_eq!(all.len(), 1);
    tokio::time::timeout(Duration::from_secs(5), one.logout(ana)).await.unwrap();
}
