//! What the controller has heard of the operator's wishes, for the log.

use model::calls::cluster::ClusterReport;

/// Tells of each wish once.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The last one; `None` before the first look.
    version: Option<u64>,
}

impl Heard {
    /// Logs what is new since the last look; at the first one, what holds.
    pub(crate) fn tell(&mut self, report: &ClusterReport) {
        let wishes = &report.wishes;
        match self.version.replace(wishes.version) {
            Some(version) => {
                for wish in report.log.iter().filter(|wish| wish.number > version) {
                    let (number, by) = (wish.number, &wish.by);
                    tracing::info!(number, by, wish = wish.wish, before = wish.before, "the operator wishes");
                }
            }
            None if !wishes.drained.is_empty() || !wishes.placed.is_empty() => {
                let (version, placed) = (wishes.version, wishes.placed.len());
                tracing::info!(version, drained = ?wishes.drained, placed, "wishes of the operator hold");
            }
            None => {}
        }
    }
}
