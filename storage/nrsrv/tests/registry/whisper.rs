//! Lines to players anywhere.

use crate::stage::Stage;
use model::calls::registry::{Reply, Request, ToEdge};
use model::event::{Notice, NoticeKey};
use model::{AccountId, SessionId};

fn whisper(session: SessionId, to: &str) -> Request {
    Request::Whisper { session, to: to.to_owned(), text: "bom dia".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whisper_finds_a_player_on_another_edge() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    stage.account("bia1").await;
    let (one, mut two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let (ana, bia) = (one.login("ana1").await.unwrap(), two.login("bia1").await.unwrap());
    one.play(ana, Some((1, "Anita"))).await;
    assert_eq!(one.call(whisper(ana, "Bianca")).await, Reply::Whispered(false), "not in the world yet");
    two.play(bia, Some((2, "Bianca"))).await;
    assert_eq!(one.call(whisper(ana, "biANCA")).await, Reply::Whispered(true));
    let line = ToEdge::Whisper { session: bia, from: "Anita".to_owned(), text: "bom dia".to_owned() };
    assert_eq!(two.pushed().await, line);
    two.play(bia, None).await;
    assert_eq!(one.call(whisper(ana, "Bianca")).await, Reply::Whispered(false));
    two.play(bia, Some((3, "Outra"))).await;
    assert_eq!(one.call(whisper(ana, "Outra")).await, Reply::Whispered(true));
    two.logout(bia).await;
    assert_eq!(one.call(whisper(ana, "Outra")).await, Reply::Whispered(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_no_client_can_send_is_not_delivered() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let mut edge = stage.edge("edge-1").await;
    let ana = edge.login("ana1").await.unwrap();
    edge.play(ana, Some((1, "Anita"))).await;
    let endless = Request::Whisper { session: ana, to: "Anita".to_owned(), text: "x".repeat(100_000) };
    assert_eq!(edge.call(endless).await, Reply::Whispered(false));
    assert_eq!(edge.call(whisper(ana, "Anita")).await, Reply::Whispered(true), "to oneself is fine");
    assert!(matches!(edge.pushed().await, ToEdge::Whisper { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_reaches_every_edge() {
    let stage = Stage::new().await;
    let (mut one, mut two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let text = "manutenção às 3h".to_owned();
    assert_eq!(stage.ask(Request::Announce { text: text.clone() }).await, Reply::Done);
    assert_eq!(one.pushed().await, ToEdge::Announce { text: text.clone() });
    assert_eq!(two.pushed().await, ToEdge::Announce { text });
    let long = "ç".repeat(600);
    stage.ask(Request::Announce { text: long.clone() }).await;
    match one.pushed().await {
        ToEdge::Announce { text } => assert!(long.starts_with(&text) && text.len() == 512, "{}", text.len()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_plays_an_account_is_told_on_its_edge_and_nobody_else() {
    let stage = Stage::new().await;
    let account = stage.account("ana1").await;
    let (_one, mut two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let session = two.login("ana1").await.unwrap();
    let notice = Notice::Catalogue { key: NoticeKey::ParcelArrived, arguments: vec!["Bianca".to_owned()] };
    let tell = |account| Request::Tell { account, notice: notice.clone() };
    assert_eq!(stage.ask(tell(AccountId(account.0 ^ 1))).await, Reply::Done, "nobody plays that one");
    assert_eq!(stage.ask(tell(account)).await, Reply::Done);
    assert_eq!(two.pushed().await, ToEdge::Tell { session, notice });
}
