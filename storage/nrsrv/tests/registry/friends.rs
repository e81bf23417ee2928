//! Friends at the directory: requests and answers, the list, who is told of whom, and what a restart does to it.

use crate::edge::{Edge, held, persona};
use crate::stage::{PASSWORD, Stage, quick};
use model::calls::database::Request as Asked;
use model::calls::registry::{HeldSession, Reply, Request, ToEdge};
use model::event::{Notice, NoticeKey};
use model::friend::{Asker, FriendAsk, FriendLine, FriendPage};
use model::ledger::Actor;
use model::membership::ProcessName;
use model::transfer::{RecordChange, Transfer};
use model::{AccountId, Character, CharacterId, OperationId, Secret, SessionId};
use nrsrv::{FriendLimits, Settings};
use std::collections::BTreeSet;
use store::friends::{self, Circle, Known};
use support::until;

/// Somebody with a character.
struct Someone {
    account: AccountId,
    character: Character,
    session: SessionId,
}

impl Someone {
    fn id(&self) -> CharacterId {
        self.character.id
    }

    fn name(&self) -> &str {
        self.character.name.as_str()
    }

    /// As its edge reports it after it was told of these friends.
    fn held(&self, friends: Option<&[CharacterId]>) -> HeldSession {
        let name = format!("{}1", self.name().to_lowercase());
        HeldSession {
            character: Some((self.id(), self.character.name.clone())),
            persona: Some(persona(0, 0)),
            friends: friends.map(<[CharacterId]>::to_vec),
            ..held(self.session, self.account, &name)
        }
    }
}

/// Logs in and makes a character: account `anita1` for `Anita`.
async fn someone(stage: &Stage, edge: &Edge, name: &str) -> Someone {
    let account = stage.account(&format!("{}1", name.to_lowercase())).await;
    let session = edge.login(&format!("{}1", name.to_lowercase())).await.unwrap();
    let character = edge.create(session, 0, name).await.remove(0);
    Someone { account, character, session }
}

async fn plays(edge: &Edge, who: &Someone) {
    edge.play_as(who.session, who.id().0, who.name(), 0, 0).await;
}

async fn asks(edge: &Edge, who: &Someone, ask: FriendAsk) -> (FriendLine, String) {
    match edge.call(Request::Friend { session: who.session, ask }).await {
        Reply::Friend(notice) => line(&notice),
        other => panic!("{other:?}"),
    }
}

fn line(notice: &Notice) -> (FriendLine, String) {
    match notice {
        Notice::Catalogue { key: NoticeKey::Friend(line), arguments } => (*line, arguments[0].clone()),
        other => panic!("{other:?}"),
    }
}

fn add(name: &str) -> FriendAsk {
    FriendAsk::Add(name.to_owned())
}

fn accept(name: &str) -> FriendAsk {
    FriendAsk::Accept(Asker::named(name))
}

/// Who asked last, if anybody asks.
async fn newest(edge: &Edge, who: &Someone) -> Option<Asker> {
    match edge.call(Request::NewestAsker { session: who.session }).await {
        Reply::NewestAsker(asker) => Some(asker),
        Reply::Friend(notice) if line(&notice).0 == FriendLine::NobodyAsks => None,
        other => panic!("{other:?}"),
    }
}

async fn page(edge: &Edge, who: &Someone) -> FriendPage {
    match edge.call(Request::Friends { session: who.session, page: 1 }).await {
        Reply::Friends(page) => *page,
        other => panic!("{other:?}"),
    }
}

/// Next it is told which friends are here, and of whom nothing is said.
async fn told_here(edge: &mut Edge, who: &Someone) -> (Vec<CharacterId>, Vec<CharacterId>) {
    match edge.pushed().await {
        ToEdge::Friends { session, of, here, quiet, .. } if (session, of) == (who.session, who.id()) => {
            (here.into_iter().map(|one| one.character).collect(), quiet)
        }
        other => panic!("{}: {other:?}", who.name()),
    }
}

async fn told_line(edge: &mut Edge, who: &Someone) -> (FriendLine, String) {
    match edge.pushed().await {
        ToEdge::Tell { session, notice } if session == who.session => line(&notice),
        other => panic!("{}: {other:?}", who.name()),
    }
}

async fn reports(stage: &Stage, edge: &str, held: Vec<HeldSession>) -> Edge {
    let mut edge = Edge::connect(edge, stage.running(), held).await;
    edge.hears_of_friends = true;
    edge
}

/// Two in the world, on an edge each, who were told that no friend is there.
async fn two(stage: &Stage) -> (Edge, Someone, Edge, Someone) {
    let (mut one, mut two) = (reports(stage, "edge-1", vec![]).await, reports(stage, "edge-2", vec![]).await);
    let (ana, ben) = (someone(stage, &one, "Anita").await, someone(stage, &two, "Benito").await);
    plays(&one, &ana).await;
    plays(&two, &ben).await;
    assert_eq!(told_here(&mut one, &ana).await, (vec![], vec![]));
    assert_eq!(told_here(&mut two, &ben).await, (vec![], vec![]));
    (one, ana, two, ben)
}

/// The same two as friends.
async fn two_friends(stage: &Stage) -> (Edge, Someone, Edge, Someone) {
    let (mut one, ana, mut two, ben) = two(stage).await;
    asks(&one, &ana, add("Benito")).await;
    asks(&two, &ben, add("Anita")).await;
    for _ in 0..2 {
        one.pushed().await;
        two.pushed().await;
    }
    (one, ana, two, ben)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn friends_are_who_both_agreed_and_are_told_of_each_other() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, ben) = two(&stage).await;
    let name = |who: &Someone| who.name().to_owned();
    assert_eq!(asks(&one, &ana, add("bENITO")).await, (FriendLine::Asked, name(&ben)));
    assert_eq!(told_line(&mut two, &ben).await, (FriendLine::AskedBy, name(&ana)));
    assert_eq!(asks(&one, &ana, add("Benito")).await, (FriendLine::AskedAlready, name(&ben)));
    assert!(two.has_nothing_pushed(), "asked once");
    let asked = page(&two, &ben).await;
    assert_eq!((asked.friends, asked.asking, asked.asked), (0, vec![name(&ana)], vec![]));

    let newest = newest(&two, &ben).await.unwrap();
    assert_eq!(newest, Asker { character: Some(ana.id()), name: name(&ana) });
    assert_eq!(asks(&two, &ben, FriendAsk::Accept(newest)).await, (FriendLine::Friends, name(&ana)));
    assert_eq!(told_line(&mut one, &ana).await, (FriendLine::Friends, name(&ben)));
    assert_eq!(told_here(&mut one, &ana).await, (vec![ben.id()], vec![ben.id()]));
    assert_eq!(told_here(&mut two, &ben).await, (vec![ana.id()], vec![ana.id()]));
    // a repeat finds it done
    assert_eq!(asks(&two, &ben, accept("anita")).await, (FriendLine::Already, name(&ana)));
    assert_eq!(asks(&one, &ana, add("Benito")).await, (FriendLine::Already, name(&ben)));
    let list = page(&one, &ana).await;
    assert_eq!((list.friends, list.playing, list.rows[0].level, list.asked.len()), (1, 1, Some(4), 0));

    two.play(ben.session, None).await;
    assert_eq!(told_here(&mut one, &ana).await, (vec![], vec![]));
    until("it is written down that he left", || async { page(&one, &ana).await.rows[0].away_s.is_some() })
        .await;
    two.play(ben.session, Some((ben.id().0, ben.name()))).await;
    assert!(one.has_nothing_pushed(), "he is not in the world before his node says so");
    plays(&two, &ben).await;
    assert_eq!(told_here(&mut one, &ana).await, (vec![ben.id()], vec![]));
    assert_eq!(told_here(&mut two, &ben).await, (vec![ana.id()], vec![]), "at first he is told who is there");

    assert_eq!(
        asks(&two, &ben, FriendAsk::Remove("ANITA".to_owned())).await,
        (FriendLine::Removed, name(&ana))
    );
    assert_eq!(told_here(&mut one, &ana).await, (vec![], vec![ben.id()]), "and nothing is said of it");
    assert_eq!(told_here(&mut two, &ben).await, (vec![], vec![ana.id()]));
    assert_eq!(
        asks(&one, &ana, FriendAsk::Remove("Benito".to_owned())).await,
        (FriendLine::NotFriend, name(&ben))
    );
    two.logout(ben.session).await;
    assert!(one.has_nothing_pushed(), "strangers are told nothing");
    let found = store::fsck::run(stage.store.as_ref()).await.unwrap().checked.findings;
    assert_eq!(found, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_wait_for_who_is_away_and_can_be_refused_and_taken_back() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, ben) = two(&stage).await;
    two.play(ben.session, None).await;
    asks(&one, &ana, add("Benito")).await;
    plays(&two, &ben).await;
    match two.pushed().await {
        ToEdge::Friends { here, asking, .. } => assert_eq!((here.len(), asking), (0, 1), "one request waits"),
        other => panic!("{other:?}"),
    }
    let newest_of_ben = newest(&two, &ben).await.unwrap();
    let refuse = || FriendAsk::Refuse(newest_of_ben.clone());
    assert_eq!(asks(&two, &ben, refuse()).await, (FriendLine::Refused, "Anita".to_owned()));
    assert!(one.has_nothing_pushed(), "she does not hear that he is there");
    assert_eq!(newest(&two, &ben).await, None);
    assert_eq!(asks(&two, &ben, accept("Anita")).await.0, FriendLine::NotAsked);
    assert_eq!(asks(&two, &ben, FriendAsk::Refuse(Asker::named("Anita"))).await.0, FriendLine::NotAsked);
    assert_eq!(asks(&two, &ben, refuse()).await, (FriendLine::NotAsked, "Anita".to_owned()));

    assert_eq!(asks(&one, &ana, add("Benito")).await.0, FriendLine::Asked);
    assert_eq!(asks(&one, &ana, FriendAsk::Remove("benito".to_owned())).await.0, FriendLine::Withdrawn);
    assert_eq!(told_line(&mut two, &ben).await.0, FriendLine::AskedBy);
    assert_eq!(newest(&two, &ben).await, None);
    assert_eq!(page(&one, &ana).await, FriendPage { page: 1, pages: 1, ..FriendPage::default() });

    assert_eq!(asks(&one, &ana, add("Anita")).await.0, FriendLine::Oneself);
    let nobody = one.call(Request::Friend { session: ana.session, ask: add("Ninguem") }).await;
    let none = Notice::Catalogue { key: NoticeKey::NoSuchPlayer, arguments: vec!["Ninguem".to_owned()] };
    assert_eq!(nobody, Reply::Friend(none));
    assert!(two.has_nothing_pushed() && one.has_nothing_pushed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_an_end_to_friends_and_to_requests() {
    let stage = Stage::with(Settings { friends: FriendLimits { max: 1, requests: 1 }, ..quick() }).await;
    let (one, ana, _two, _ben) = two_friends(&stage).await;
    let (eva, leo) = (someone(&stage, &one, "Evita").await, someone(&stage, &one, "Leonor").await);
    plays(&one, &eva).await;
    plays(&one, &leo).await;
    assert_eq!(asks(&one, &ana, add("Evita")).await, (FriendLine::Full, "1".to_owned()));
    // who asks need not know how many friends somebody has; who agrees finds out
    assert_eq!(asks(&one, &eva, add("Anita")).await.0, FriendLine::Asked);
    assert_eq!(asks(&one, &eva, add("Leonor")).await, (FriendLine::TooManyAsked, "1".to_owned()));
    assert_eq!(asks(&one, &leo, add("Anita")).await, (FriendLine::OtherTooManyAsked, "Anita".to_owned()));
    assert_eq!(asks(&one, &ana, accept("Evita")).await.0, FriendLine::Full);
    stage.settings.set(Settings { friends: FriendLimits { max: 2, requests: 1 }, ..quick() });
    assert_eq!(asks(&one, &ana, accept("Evita")).await, (FriendLine::Friends, "Evita".to_owned()));
    assert_eq!(page(&one, &ana).await.friends, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_tells_nobody_of_who_stayed_and_everybody_of_who_came_or_went() {
    let mut stage = Stage::with(Settings { linger_ms: 600, ..quick() }).await;
    let (one, ana, two, ben) = two_friends(&stage).await;
    let eva = someone(&stage, &two, "Evita").await;
    plays(&two, &eva).await;
    asks(&one, &ana, add("Evita")).await;
    asks(&two, &eva, add("Anita")).await;
    // she leaves while it is down
    drop((one, two));
    stage.restart().await;
    let mut one = reports(&stage, "edge-1", vec![ana.held(Some(&[ben.id(), eva.id()]))]).await;
    let mut two = reports(&stage, "edge-2", vec![ben.held(Some(&[ana.id()]))]).await;
    assert_eq!(
        told_here(&mut one, &ana).await,
        (vec![ben.id()], vec![]),
        "when nobody has reported her for a while"
    );
    assert!(one.has_nothing_pushed() && two.has_nothing_pushed(), "nothing else was ever told");
    // and comes back while it is down
    drop((one, two));
    stage.restart().await;
    let mut two = reports(&stage, "edge-2", vec![ben.held(Some(&[ana.id()])), eva.held(None)]).await;
    let mut one = reports(&stage, "edge-1", vec![ana.held(Some(&[ben.id()]))]).await;
    let (here, quiet) = told_here(&mut one, &ana).await;
    assert_eq!((here.len(), quiet), (2, vec![]));
    // her own friends may be read before the other edge has reported
    while told_here(&mut two, &eva).await.0 != [ana.id()] {}
    assert!(one.has_nothing_pushed() && two.has_nothing_pushed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_stays_away_takes_its_players_with_it_and_one_that_comes_back_in_time_does_not() {
    let stage = Stage::new().await;
    let (mut one, ana, two, ben) = two_friends(&stage).await;
    let name = ProcessName("edge-2".to_owned());
    let gone = || async { !stage.registry().is_connected(&name) };
    drop(two);
    until("NRSrv sees the closed stream", gone).await;
    let mut two = reports(&stage, "edge-2", vec![ben.held(Some(&[ana.id()]))]).await;
    plays(&two, &ben).await;
    assert!(one.has_nothing_pushed() && two.has_nothing_pushed());
    drop(two);
    until("NRSrv sees the closed stream", gone).await;
    stage.settings.set(Settings { linger_ms: 100, ..quick() });
    assert_eq!(told_here(&mut one, &ana).await, (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_deleted_is_no_friend_and_neither_is_who_has_the_name_next() {
    let stage = Stage::new().await;
    let (mut one, ana, two, ben) = two_friends(&stage).await;
    two.play(ben.session, None).await;
    told_here(&mut one, &ana).await;
    let (name, password) = (ben.name().to_owned(), Secret::new(PASSWORD));
    let delete = Request::DeleteCharacter { session: ben.session, slot: 0, name, password };
    assert_eq!(two.call(delete).await, Reply::Characters(Vec::new()));
    let again = two.create(ben.session, 0, "Benito").await.remove(0);
    assert_ne!(again.id, ben.id());
    two.play_as(ben.session, again.id.0, "Benito", 0, 0).await;
    assert_eq!(page(&one, &ana).await.friends, 0);
    assert!(one.has_nothing_pushed(), "the next one is a stranger");
    assert_eq!(asks(&one, &ana, add("Benito")).await.0, FriendLine::Asked, "and can be asked");
    let found = store::fsck::run(stage.store.as_ref()).await.unwrap().checked.findings;
    assert_eq!(found, []);
}

/// One side of a friendship, as a commit leaves it that has not reached the other shard yet.
async fn write_side(stage: &Stage, of: &Someone, other: &Someone) {
    write(stage, vec![side(of, other, 0)]).await;
}

/// Makes friends of two of whom one asked the other, past the NRSrv of the stage.
async fn befriend(stage: &Stage, [one, other]: [&Someone; 2]) {
    write(stage, vec![side(one, other, 1), side(other, one, 1)]).await;
}

fn side(of: &Someone, other: &Someone, version: u64) -> RecordChange {
    let known = Known(other.id(), other.account, other.name().to_owned());
    let circle = Circle { name: of.name().to_owned(), friends: vec![known], ..Circle::default() };
    friends::put(of.account, of.id(), &circle, version).unwrap()
}

async fn write(stage: &Stage, records: Vec<RecordChange>) {
    let transfer = Transfer {
        operation: OperationId(rand::random()),
        actor: Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: Vec::new(),
        moves: Vec::new(),
        records,
        softs: Vec::new(),
        standings: Vec::new(),
    };
    stage.store.transfer(transfer).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_on_the_other_shard_yet_is_neither_forgotten_nor_undone_by_half() {
    let stage = Stage::new().await;
    let (one, ana, two, ben) = two(&stage).await;
    write_side(&stage, &ana, &ben).await;
    two.play(ben.session, None).await;
    let list = page(&one, &ana).await;
    assert_eq!((list.friends, list.rows[0].away_s), (1, None));
    let remove = Request::Friend { session: ana.session, ask: FriendAsk::Remove("Benito".to_owned()) };
    assert_eq!(one.call(remove.clone()).await, Reply::Unavailable);
    assert_eq!(page(&one, &ana).await.friends, 1);
    write_side(&stage, &ben, &ana).await;
    assert!(matches!(one.call(remove).await, Reply::Friend(_)));
    assert_eq!(page(&one, &ana).await.friends, 0);
    let found = store::fsck::run(stage.store.as_ref()).await.unwrap().checked.findings;
    assert_eq!(found, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_answered_twice_is_one_and_the_same_whoever_asks_meanwhile() {
    let stage = Stage::new().await;
    let (one, ana, two, ben) = two(&stage).await;
    let eva = someone(&stage, &one, "Evita").await;
    plays(&one, &eva).await;
    asks(&one, &ana, add("Benito")).await;
    asks(&one, &eva, add("Benito")).await;
    let newest_of_ben = newest(&two, &ben).await.unwrap();
    assert_eq!(newest_of_ben.name, "Evita");
    // the answer to the first is lost on its way to the edge, which asks again
    let accept = FriendAsk::Accept(newest_of_ben);
    assert_eq!(asks(&two, &ben, accept.clone()).await, (FriendLine::Friends, "Evita".to_owned()));
    assert_eq!(asks(&two, &ben, accept).await, (FriendLine::Already, "Evita".to_owned()));
    let list = page(&two, &ben).await;
    assert_eq!((list.friends, list.asking), (1, vec!["Anita".to_owned()]), "she waits for her own answer");
    // a number says who is meant, whatever the name
    let another = Asker { character: Some(eva.id()), name: "Anita".to_owned() };
    assert_eq!(asks(&two, &ben, FriendAsk::Refuse(another)).await.0, FriendLine::NotAsked);
    assert_eq!(page(&two, &ben).await.asking, ["Anita"]);
}

/// More than are read at once, and two friends who come after them and are read after them, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_is_away_keeps_nobody_of_another_one_from_hearing_of_friends() {
    let stage = Stage::new().await;
    let mut edge = reports(&stage, "edge-1", vec![]).await;
    let mut all = Vec::new();
    for letter in b'a'..=b'z' {
        all.push(someone(&stage, &edge, &format!("Filho{}", char::from(letter))).await);
    }
    all.sort_by_key(Someone::id);
    let (ana, ben) = (all.pop().unwrap(), all.pop().unwrap());
    write_side(&stage, &ana, &ben).await;
    write_side(&stage, &ben, &ana).await;
    let away: BTreeSet<AccountId> = all.iter().map(|one| one.account).collect();
    stage.faults.refuse_if(move |asked| match asked {
        Asked::GetRecord(asked) => asked.home.is_some_and(|home| away.contains(&home)),
        _ => false,
    });
    for one in &all {
        plays(&edge, one).await;
    }
    plays(&edge, &ana).await;
    assert_eq!(told_here(&mut edge, &ana).await, (vec![], vec![]), "nobody else can be read");
    plays(&edge, &ben).await;
    let mut both = BTreeSet::new();
    for _ in 0..2 {
        match edge.pushed().await {
            ToEdge::Friends { of, here, .. } => both.insert((of, here[0].character)),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(both, BTreeSet::from([(ana.id(), ben.id()), (ben.id(), ana.id())]));
    // it is back
    stage.faults.refuse_if(|_| false);
    let mut told = BTreeSet::new();
    for _ in &all {
        match edge.pushed().await {
            ToEdge::Friends { of, here, .. } if here.is_empty() => told.insert(of),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(told, all.iter().map(Someone::id).collect());
}

fn is_a_deed(asked: &Asked) -> bool {
    matches!(asked, Asked::Transfer(transfer) if ["friend-accept", "friend-remove"].contains(&&*transfer.reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_without_anybody_hearing_of_it_is_told_all_the_same() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, ben) = two(&stage).await;
    asks(&one, &ana, add("Benito")).await;
    assert_eq!(told_line(&mut two, &ben).await.0, FriendLine::AskedBy);
    // it happens; the store is not heard, and the edge does not ask again
    stage.faults.lose_answers_if(is_a_deed);
    let accept = Request::Friend { session: ben.session, ask: accept("Anita") };
    assert_eq!(two.call(accept).await, Reply::Unavailable);
    assert_eq!(told_here(&mut one, &ana).await, (vec![ben.id()], vec![ben.id()]), "he did not come just now");
    assert_eq!(told_here(&mut two, &ben).await, (vec![ana.id()], vec![ana.id()]));
    let remove = Request::Friend { session: ana.session, ask: FriendAsk::Remove("Benito".to_owned()) };
    assert_eq!(one.call(remove).await, Reply::Unavailable);
    assert_eq!(told_here(&mut one, &ana).await, (vec![], vec![ben.id()]));
    assert_eq!(told_here(&mut two, &ben).await, (vec![], vec![ana.id()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_after_nobody_waited_for_it_any_more_is_told_all_the_same() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, ben) = two(&stage).await;
    asks(&one, &ana, add("Benito")).await;
    assert_eq!(told_line(&mut two, &ben).await.0, FriendLine::AskedBy);
    stage.faults.refuse_if(is_a_deed);
    let accept = Request::Friend { session: ben.session, ask: accept("Anita") };
    assert_eq!(two.call(accept).await, Reply::Unavailable);
    // the records were read since, and say what they said before
    let list = page(&two, &ben).await;
    assert_eq!((list.friends, list.asking.len()), (0, 1));
    befriend(&stage, [&ana, &ben]).await;
    assert_eq!(told_here(&mut one, &ana).await, (vec![ben.id()], vec![ben.id()]));
    assert_eq!(told_here(&mut two, &ben).await, (vec![ana.id()], vec![ana.id()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_finds_done_what_another_nrsrv_did_and_both_are_told_of_each_other() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, ben) = two(&stage).await;
    asks(&one, &ana, add("Benito")).await;
    assert_eq!(told_line(&mut two, &ben).await.0, FriendLine::AskedBy);
    befriend(&stage, [&ana, &ben]).await;
    assert_eq!(asks(&two, &ben, accept("Anita")).await, (FriendLine::Already, "Anita".to_owned()));
    assert_eq!(told_here(&mut one, &ana).await, (vec![ben.id()], vec![ben.id()]));
    assert_eq!(told_here(&mut two, &ben).await, (vec![ana.id()], vec![ana.id()]));
}
