//! Follows the map of buckets, and carries out moves between shards when it is this DBSrv's turn.

use std::sync::Arc;
use store::Postgres;
use telemetry::Process;

/// Spawns both; they end where they stand when the process stops, which is as harmless as a crash.
pub(crate) fn spawn(process: &Process, store: &Arc<Postgres>) {
    #[cfg(feature = "failpoints")]
    crate::failpoints::arm_moves(store);
    let (stop, followed) = (process.stop.clone(), Arc::clone(store));
    process.tasks.spawn("map", async move {
        stop.run_until_cancelled(followed.follow_map_for_ever()).await;
    });
    let (stop, moved) = (process.stop.clone(), Arc::clone(store));
    process.tasks.spawn("moves", async move {
        stop.run_until_cancelled(moved.carry_moves_for_ever()).await;
    });
}
