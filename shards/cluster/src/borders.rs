//! How the map is divided: the share of the borders that lies between nodes, and the parts of zones that are cut, as metrics of whoever
//! controls.

use crate::View;
use placement::{Borders, ZoneTable};
use telemetry::{IntGauge, Metrics};

/// Steps over borders of zones, all and between nodes; both are 0 on processes that do not control.
pub(crate) struct BorderShare {
    all: IntGauge,
    between_nodes: IntGauge,
    parts: IntGauge,
    /// The borders of the division that was looked at last; instances have none.
    known: Option<(ZoneTable, Borders)>,
    /// Version of the table that is shown; 0 for none.
    shown: u64,
}

impl BorderShare {
    /// Nothing is shown yet.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            all: metrics.gauge("border_steps_count", "Steps from zone to zone, counted by the controller"),
            between_nodes: metrics
                .gauge("border_steps_between_nodes_count", "Of these, the steps from node to node"),
            parts: metrics.gauge("zone_parts_count", "Parts that are cut off from their zones"),
            known: None,
            shown: 0,
        }
    }

    /// Shows the shares of a view; each version of a table is looked at once.
    pub(crate) fn show(&mut self, view: &View) {
        if view.version == self.shown {
            return;
        }
        let stale = self.known.as_ref().is_none_or(|(zones, _)| !zones.divides_like(&view.zones));
        if stale {
            self.known = Some((view.zones.clone(), Borders::of(&view.zones)));
        }
        if let Some((_, borders)) = &self.known {
            let crossings = borders.crossings(view.slots());
            self.all.set(crossings.all as i64);
            self.between_nodes.set(crossings.between_nodes as i64);
            self.parts.set(view.zones.parts().count() as i64);
        }
        self.shown = view.version;
    }

    /// Shows nothing: another process controls.
    pub(crate) fn clear(&mut self) {
        if self.shown != 0 {
            self.all.set(0);
            self.between_nodes.set(0);
            self.parts.set(0);
            self.shown = 0;
        }
    }
}
