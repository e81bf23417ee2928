//! Follows the map of buckets, and carries out moves between shards when it is this DBSrv's turn.

use std::sync::Arc;
use store::Postgres;
use telemetry::Process;

/// Spawns both; they end where they stand when the process stops, which is as harmless as a crash.
pub(crate) fn spawn(process: &Process, store: &Arc<Postgres>) {
    #[cfg(feature = "failpoints")]
    failpoints::arm(store);
    let (stop, followed) = (process.stop.clone(), Arc::clone(store));
    process.tasks.spawn("map", async move {
        stop.run_until_cancelled(followed.follow_map_for_ever()).await;
    });
    let (stop, moved) = (process.stop.clone(), Arc::clone(store));
    process.tasks.spawn("moves", async move {
        stop.run_until_cancelled(moved.carry_moves_for_ever()).await;
    });
}

/// `FAILPOINTS_FOLDER` names a folder. When its file `move` names a step, the mover stands still there, and says so in
/// the file `reached`.
#[cfg(feature = "failpoints")]
mod failpoints {
    use std::path::Path;
    use std::sync::Arc;
    use store::Postgres;

    pub(super) fn arm(store: &Postgres) {
        let Some(folder) = std::env::var_os("FAILPOINTS_FOLDER") else { return };
        let folder: Arc<Path> = Arc::from(Path::new(&folder));
        store.at_move_steps(Arc::new(move |step| {
            let folder = Arc::clone(&folder);
            Box::pin(async move {
                let wanted = std::fs::read_to_string(folder.join("move")).unwrap_or_default();
                if wanted.trim() == step && std::fs::write(folder.join("reached"), step).is_ok() {
                    std::future::pending::<()>().await;
                }
            })
        }));
    }
}
