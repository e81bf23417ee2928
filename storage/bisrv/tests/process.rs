//! The whole process: started like an operator starts it, against a DBSrv of the test's own.

use model::AccountId;
use model::calls::bank::{Reply, Request};
use model::membership::Role;
use settings::Live;
use support::{SOON, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_is_ready_answers_and_leaves() {
    let stage = Stage::new().await;
    let settings = Live::new(bisrv::Settings::default());
    let bisrv = stage.start(Role::BiSrv, |process, common| bisrv::run(process, common, settings)).await;
    let client = stage.client::<Request, Reply>(Role::BiSrv).await;
    let reply = client.call(&Request::LoadCargo { account: AccountId(7) }, SOON).await;
    assert_eq!(reply, Ok(Reply::NoSuchAccount));
    let metrics = bisrv.page("/metrics").await;
    assert!(
        metrics.contains("wydbr_bisrv_calls_total{call=\"load_cargo\",outcome=\"no_account\"} 1"),
        "{metrics}"
    );
    bisrv.stop().await;
    assert_eq!(stage.members().await, [], "it gave its lease back");
}
