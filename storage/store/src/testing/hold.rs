//! Lets a coordinator of a two-phase commit stand still at a point, so that somebody can kill its process there.

use crate::two_phase::{Attempt, Died, Step, Steps};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a coordinator can be stopped, in its order.
///
/// | point | executed | prepared | committed |
/// |---|---|---|---|
/// | `begin` | none | none | none |
/// | `between-executes` | all but the last | none | none |
/// | `executed` | all | none | none |
/// | `opened` | all | none | none |
/// | `between-prepares` | all | all but the last | none |
/// | `prepared` | all | all | none |
/// | `decided` | all | all | none |
/// | `between-commits` | all | all | all but the last |
/// | `committed` | all | all | all, and nobody is told |
pub const POINTS: [&str; 9] = [
    "begin",
    "between-executes",
    "executed",
    "opened",
    "between-prepares",
    "prepared",
    "decided",
    "between-commits",
    "committed",
];

/// Most attempts that are followed at once; those beyond end without having been followed.
const FOLLOWED_MAX: usize = 4_096;

/// Watches two-phase commits: when the file `commit` of its folder names one of [`POINTS`], the first attempt that gets
/// there stands still, and the file `held` names the attempt.
pub struct Hold {
    folder: PathBuf,
    /// The last shard on which an attempt has been executed: shards come in ascending order.
    last: Mutex<HashMap<Attempt, u16>>,
    /// True while one stands still: the others go on.
    holds: AtomicBool,
}

impl Hold {
    /// With the folder of its files.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, last: Mutex::default(), holds: AtomicBool::new(false) }
    }

    /// Notes the step; the points that it is.
    fn points(&self, attempt: &Attempt, step: Step) -> [&'static str; 2] {
        let mut followed = self.last.lock();
        let last = followed.get(attempt).copied();
        let of = |shard, all, rest| if last == Some(shard) { [all, rest] } else { [all, ""] };
        match step {
            Step::Execute(shard) => {
                if followed.len() < FOLLOWED_MAX || last.is_some() {
                    followed.insert(*attempt, shard);
                }
                // of more than two the last is not known yet
                if last.is_none() { ["begin", ""] } else { ["between-executes", ""] }
            }
            Step::Open => ["executed", ""],
            Step::Prepare(shard) => of(shard, "opened", "between-prepares"),
            Step::Decide => ["prepared", ""],
            Step::Commit(shard) => of(shard, "decided", "between-commits"),
            Step::Answer => {
                followed.remove(attempt);
                ["committed", ""]
            }
        }
    }

    /// True when this attempt is to stand still: the first that gets there, with all its parts.
    fn is_held(&self, attempt: &Attempt, points: [&str; 2]) -> bool {
        let wanted = std::fs::read_to_string(self.folder.join("commit")).unwrap_or_default();
        let wanted = wanted.trim();
        if wanted.is_empty() || !points.contains(&wanted) {
            return false;
        }
        let held = self.folder.join("held");
        if self.holds.swap(true, Ordering::SeqCst) {
            return std::fs::read_to_string(held).is_ok_and(|of| of == attempt.to_string());
        }
        std::fs::write(held, attempt.to_string()).is_ok()
    }
}

#[async_trait]
impl Steps for Hold {
    async fn before(&self, attempt: &Attempt, step: Step) -> Result<(), Died> {
        let points = self.points(attempt, step);
        if self.is_held(attempt, points) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::OperationId;

    fn attempt(number: u64) -> Attempt {
        Attempt { cluster: 1, operation: OperationId(2), number }
    }

    const LIFE: [Step; 9] = [
        Step::Execute(0),
        Step::Execute(2),
        Step::Open,
        Step::Prepare(0),
        Step::Prepare(2),
        Step::Decide,
        Step::Commit(0),
        Step::Commit(2),
        Step::Answer,
    ];

    #[test]
    fn a_life_of_a_coordinator_passes_every_point_in_order_and_leaves_nothing() {
        let hold = Hold::new(PathBuf::new());
        let passed: Vec<&str> = LIFE
            .into_iter()
            .flat_map(|step| hold.points(&attempt(1), step))
            .filter(|point| !point.is_empty())
            .collect();
        let mut once = passed.clone();
        once.dedup();
        assert_eq!(once, POINTS);
        assert!(hold.last.lock().is_empty());
    }

    #[test]
    fn the_first_that_gets_there_is_held_with_all_its_parts_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let hold = Hold::new(folder.path().to_owned());
        let at = |number, step| hold.is_held(&attempt(number), hold.points(&attempt(number), step));
        std::fs::write(folder.path().join("commit"), "decided\n").unwrap();
        assert!(LIFE[..6].iter().all(|step| !at(1, *step)));
        assert!(LIFE[6..8].iter().all(|step| at(1, *step)));
        assert!(LIFE.iter().all(|step| !at(3, *step)));
        let held = std::fs::read_to_string(folder.path().join("held")).unwrap();
        assert_eq!(held, attempt(1).to_string());
    }
}
