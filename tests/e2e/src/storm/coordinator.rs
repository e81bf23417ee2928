//! Kills DBSrv in the middle of a two-phase commit: stopped at a point of it first, then killed.
//!
//! Only a DBSrv with the feature `failpoints` can be held at a point; `FAILPOINTS_FOLDER` says that it was built so.

use super::Stage;
use crate::signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};
pub use store::testing::POINTS;
use store::two_phase::Attempt;

/// How long a trade, a purchase or a lot over two shards may take to come by.
const COMES_BY: Duration = Duration::from_secs(30);
/// How long the other parts of the attempt may take to get where the point says; less than a recoverer waits.
const OTHERS: Duration = Duration::from_secs(2);

/// How far an attempt had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The coordinator stood at the point, and the shards had prepared what the point says.
    AsItShould,
    /// It stood there, but the shards had prepared something else.
    Unlike,
    /// Nothing came by.
    Never,
}

/// Where a held coordinator can be found.
#[derive(Clone, Debug)]
pub struct Coordinator {
    folder: PathBuf,
}

impl Coordinator {
    /// When the programs under test can be held.
    pub fn of_environment() -> Option<Coordinator> {
        std::env::var_os("FAILPOINTS_FOLDER").map(|folder| Coordinator { folder: folder.into() })
    }

    /// Waits until an attempt stands at a point, and stops DBSrv there; it is to be killed in any case.
    pub fn stop_at(&self, point: &str, stage: &Stage, pid: u32) -> Reached {
        let (wish, held) = (self.folder.join("commit"), self.folder.join("held"));
        let _ = std::fs::remove_file(&held);
        std::fs::write(&wish, point).expect("the folder of the failpoints can be written");
        let attempt =
            until(COMES_BY, || Attempt::parse(std::fs::read_to_string(&held).unwrap_or_default().trim()));
        let reached = attempt.map(|attempt| {
            // `begin` to `opened` leave nothing that could be seen on the shards
            let wanted = match point {
                "between-prepares" | "between-commits" => 1..=1,
                "prepared" | "decided" => 2..=usize::MAX,
                _ => 0..=0,
            };
            until(OTHERS, || wanted.contains(&prepared(stage, &attempt)).then_some(()))
        });
        signal(pid, "STOP");
        // before the next DBSrv is there
        std::fs::remove_file(&wish).expect("the folder of the failpoints can be written");
        match reached {
            Some(Some(())) => Reached::AsItShould,
            Some(None) => Reached::Unlike,
            None => Reached::Never,
        }
    }
}

/// On how many shards a part of an attempt is prepared.
fn prepared(stage: &Stage, attempt: &Attempt) -> usize {
    let sql = format!("SELECT count(*) FROM pg_prepared_xacts WHERE starts_with(gid, '{attempt}:')");
    let on_shard = |shard: &store::testing::PgServer| shard.try_psql("postgres", &sql).ok();
    stage.shards.iter().filter_map(on_shard).filter_map(|count| count.parse::<usize>().ok()).sum()
}

fn until<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        let found = look();
        if found.is_some() || Instant::now() > end {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5)); // pacing of the poll
    }
}
