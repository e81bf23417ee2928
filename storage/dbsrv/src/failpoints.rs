//! Lets a script stop this process at a step, to kill it there. Only in programs built with the feature `failpoints`.
//!
//! `FAILPOINTS_FOLDER` names a folder. When its file `move` names a step of a move of buckets, the mover stands still
//! there, and says so in the file `reached`. What its file `commit` does is told at [`Hold`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Postgres;
use store::testing::Hold;

fn folder() -> Option<PathBuf> {
    std::env::var_os("FAILPOINTS_FOLDER").map(PathBuf::from)
}

/// Stops the mover of buckets where it is told to.
pub(crate) fn arm_moves(store: &Postgres) {
    let Some(folder) = folder() else { return };
    let folder: Arc<Path> = Arc::from(folder);
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

/// Stops a coordinator of a two-phase commit where it is told to.
pub(crate) fn arm_commits(store: Postgres) -> Postgres {
    let Some(folder) = folder() else { return store };
    store.watched_by(Arc::new(Hold::new(folder)))
}
