//! The whole process: started like an operator starts it, against a DBSrv of the test's own.

use model::calls::temporary::{Reply, Request};
use model::membership::Role;
use settings::Live;
use support::{SOON, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_is_ready_answers_and_leaves() {
    let stage = Stage::new().await;
    let settings = Live::new(tsssrv::Settings::default());
    let tsssrv = stage.start(Role::TssSrv, |process, common| tsssrv::run(process, common, settings)).await;
    let client = stage.client::<Request, Reply>(Role::TssSrv).await;
    let put = Request::Put { key: "a".to_owned(), value: b"x".to_vec(), life_ms: 60_000 };
    assert_eq!(client.call(&put, SOON).await, Ok(Reply::Stored));
    let take = Request::Take { key: "a".to_owned() };
    assert_eq!(client.call(&take, SOON).await, Ok(Reply::Value(Some(b"x".to_vec()))));
    let metrics = tsssrv.page("/metrics").await;
    let taken = "wydbr_tsssrv_requests_total{operation=\"take\",outcome=\"found\"} 1";
    assert!(metrics.contains(taken), "{metrics}");
    tsssrv.stop().await;
    assert_eq!(stage.members().await, [], "it gave its lease back");
}
