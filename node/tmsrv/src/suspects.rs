//! Nodes that edges do not reach. Whoever hears of one looks for itself: two that find it dead need not wait for its lease.
//!
//! | found | done |
//! |---|---|
//! | it does not answer this node either | taken off the list of members; whoever controls gives its zones away at once |
//! | it answers, but no edge reaches it | told so, left in the list and given nothing, see [`Suspects::unreached`] |
//! | it answers, and some edge reaches it | nothing |
//!
//! A node that was taken off and lives finds that out by its next renewal, and joins again without zones. What it did meanwhile
//! is fenced off by the store.

use crate::node::Node;
use cluster::View;
use model::Incarnation;
use model::calls::database::LeaveMember;
use model::calls::sibling::{Reply, Request};
use model::membership::{ProcessName, Role};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a sign of life is waited for.
const ANSWER: Duration = Duration::from_millis(300);
/// How long a report counts; edges repeat them more often.
const FRESH: Duration = Duration::from_millis(1_500);
/// How long an edge reports a node before that alone counts.
const LASTING: Duration = Duration::from_millis(400);

/// What edges said.
#[derive(Default)]
pub(crate) struct Suspects {
    reports: Mutex<BTreeMap<ProcessName, BTreeMap<ProcessName, Report>>>,
    /// Nodes that are being looked for, each with the edge that asked for it.
    looking: Mutex<BTreeSet<(ProcessName, ProcessName)>>,
    /// A report has lasted: whoever controls looks at once.
    pub(crate) lasted: Arc<Notify>,
}

/// What one edge says of one node.
#[derive(Clone, Copy, Debug)]
struct Report {
    first: Instant,
    last: Instant,
}

impl Report {
    fn lasts(&self) -> bool {
        self.last.duration_since(self.first) >= LASTING
    }
}

impl Suspects {
    /// An edge does not reach a node, this one perhaps.
    pub(crate) fn note(&self, node: &ProcessName, by: &ProcessName, now: Instant) {
        let mut reports = self.reports.lock();
        let of_node = reports.entry(node.clone()).or_default();
        let report = of_node.entry(by.clone()).or_insert(Report { first: now, last: now });
        if now.duration_since(report.last) > FRESH {
            *report = Report { first: now, last: now };
        }
        let lasted = report.lasts();
        report.last = now;
        if report.lasts() && !lasted {
            self.lasted.notify_one();
        }
    }

    /// Nodes that no edge reaches, and that for a while.
    pub(crate) fn unreached(&self, view: &View, now: Instant) -> BTreeSet<ProcessName> {
        let mut reports = self.reports.lock();
        for of_node in reports.values_mut() {
            of_node.retain(|_, report| now.duration_since(report.last) <= FRESH);
        }
        reports.retain(|_, of_node| !of_node.is_empty());
        let edges: Vec<&ProcessName> = view.members_of(Role::Edge).map(|edge| &edge.name).collect();
        let by_all = |of_node: &BTreeMap<ProcessName, Report>| {
            !edges.is_empty() && edges.iter().all(|edge| of_node.get(*edge).is_some_and(Report::lasts))
        };
        reports.iter().filter(|(_, of_node)| by_all(of_node)).map(|(node, _)| node.clone()).collect()
    }
}

/// An edge says that it does not reach a run of another node.
pub(crate) fn reported(node: &Arc<Node>, by: &ProcessName, suspect: ProcessName, run: Incarnation) {
    if suspect == node.name {
        return;
    }
    node.suspects.note(&suspect, by, Instant::now());
    let look_for = (suspect, by.clone());
    if node.suspects.looking.lock().insert(look_for.clone()) {
        let looker = Arc::clone(node);
        node.process.tasks.spawn("suspect", async move {
            look(&looker, &look_for.0, &look_for.1, run).await;
            looker.suspects.looking.lock().remove(&look_for);
        });
    }
}

/// Looks whether a node is there, and takes it off the list of members when it is not.
async fn look(node: &Arc<Node>, suspect: &ProcessName, by: &ProcessName, run: Incarnation) {
    let view = node.cluster.view();
    let is_it = |member: &&model::membership::Member| member.name == *suspect && member.incarnation == run;
    let Some(member) = view.members_of(Role::TmSrv).find(is_it) else { return };
    let client = node.siblings.client(member);
    let ping = Request::Ping { unreached_by: by.clone() };
    let answer = match tokio::time::timeout(ANSWER, client.call(&ping, ANSWER)).await {
        Ok(Ok(Reply::Alive)) => return,
        Ok(other) => format!("{other:?}"),
        Err(_) => "nothing".to_owned(),
    };
    node.metrics.suspects.with_label_values(&["expired"]).inc();
    tracing::warn!(%suspect, answer, "neither an edge nor this node reaches a node: its lease ends");
    let leave = LeaveMember { name: suspect.clone(), incarnation: run };
    if let Err(failure) = node.store.leave_member(leave).await {
        tracing::warn!(%suspect, %failure, "its lease could not be ended, and ends by itself");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::membership::{ClusterView, Member};
    use std::net::SocketAddr;

    fn view(edges: &[&str]) -> View {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let member = |name: &&str| Member {
            name: ProcessName((*name).to_owned()),
            role: Role::Edge,
            incarnation: Incarnation(1),
            link: nowhere,
            http: nowhere,
            weight: 1,
            content_hash: 0,
        };
        View::new(ClusterView { members: edges.iter().map(member).collect(), ..ClusterView::default() })
    }

    #[test]
    fn a_node_is_unreached_when_every_edge_says_so_for_a_while_and_says_so_still() {
        let suspects = Suspects::default();
        let (node, began) = (ProcessName("tmsrv-2".to_owned()), Instant::now());
        let at = |ms| began + Duration::from_millis(ms);
        let edge = |number| ProcessName(format!("edge-{number}"));
        let both = view(&["edge-1", "edge-2"]);
        suspects.note(&node, &edge(1), at(0));
        suspects.note(&node, &edge(1), at(250));
        assert!(suspects.unreached(&view(&["edge-1"]), at(250)).is_empty(), "it may be a moment");
        for ms in [500, 1_000] {
            suspects.note(&node, &edge(1), at(ms));
        }
        assert!(suspects.unreached(&both, at(1_000)).is_empty(), "one edge reaches it");
        assert_eq!(suspects.unreached(&view(&["edge-1"]), at(1_000)), [node.clone()].into());
        for ms in [1_000, 1_500, 2_000] {
            suspects.note(&node, &edge(1), at(ms));
            suspects.note(&node, &edge(2), at(ms));
        }
        assert_eq!(suspects.unreached(&both, at(2_000)), [node.clone()].into());
        assert!(suspects.unreached(&both, at(4_000)).is_empty(), "nobody says so any more");
        suspects.note(&node, &edge(1), at(5_000));
        assert!(suspects.unreached(&view(&["edge-1"]), at(5_000)).is_empty(), "it begins anew");
        assert!(suspects.unreached(&view(&[]), at(5_000)).is_empty());
    }
}
