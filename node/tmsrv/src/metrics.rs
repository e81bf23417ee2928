//! What operators see of a node.

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};
use telemetry::Metrics as Registry;

/// Upper bounds of tick times, in seconds.
const TICK_BUCKETS: [f64; 10] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1];

/// All metrics of TMSrv.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) tick_seconds: Histogram,
    pub(crate) tick_overruns: IntCounter,
    pub(crate) players: IntGauge,
    pub(crate) entities: IntGauge,
    pub(crate) ghosts: IntGauge,
    pub(crate) zones: IntGauge,
    pub(crate) edges: IntGauge,
    pub(crate) slow_edges: IntCounter,
    pub(crate) events: IntCounter,
    pub(crate) commands: IntCounter,
    pub(crate) commands_dropped: IntCounter,
    pub(crate) attaches: IntCounterVec,
    pub(crate) partings: IntCounterVec,
    pub(crate) turned_back: IntCounterVec,
    pub(crate) saves: IntCounterVec,
    pub(crate) journalled: IntCounterVec,
    pub(crate) journal_kept: IntGauge,
    pub(crate) recalls: IntCounterVec,
    pub(crate) sightings: IntCounterVec,
    pub(crate) told_anew: IntCounter,
    pub(crate) suspects: IntCounterVec,
    pub(crate) creatures_passed: IntCounterVec,
    pub(crate) populations: IntCounterVec,
    pub(crate) populations_kept: IntCounterVec,
    pub(crate) jobs: IntCounterVec,
    pub(crate) jobs_running: IntGauge,
    pub(crate) load: IntGauge,
    pub(crate) zone_cost: IntGauge,
    pub(crate) overload_level: IntGauge,
    pub(crate) overload_rung: IntGauge,
    pub(crate) overload_steps: IntCounterVec,
    pub(crate) view_tiles: IntGauge,
    pub(crate) pace: IntGauge,
    pub(crate) shed: IntCounterVec,
    pub(crate) postponed: IntGauge,
    pub(crate) login_queue: IntGauge,
    pub(crate) balanced: IntCounter,
    pub(crate) instances: IntGauge,
    pub(crate) instance_players: IntGauge,
    pub(crate) instances_closed: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            tick_seconds: registry.histogram(
                "tick_seconds",
                "Time that one tick of a game thread took",
                &TICK_BUCKETS,
            ),
            tick_overruns: registry.counter("tick_overruns_total", "Ticks that took longer than a tick may"),
            players: registry.gauge("players_count", "Players in the zones of this node"),
            entities: registry.gauge("entities_count", "Players, monsters and merchants of this node"),
            ghosts: registry.gauge("ghosts_count", "Players and creatures of other zones, seen over a border"),
            zones: registry.gauge("zones_count", "Zones that this node plays"),
            edges: registry.gauge("edges_count", "Edges that are connected"),
            slow_edges: registry.counter("slow_edges_total", "Streams closed because the edge was too slow"),
            events: registry.counter("events_total", "Events sent to edges"),
            commands: registry.counter("commands_total", "Commands of players that reached a zone"),
            commands_dropped: registry.counter(
                "commands_dropped_total",
                "Commands of sessions that are in no zone of this node at the moment",
            ),
            attaches: registry.counter_vec("attaches_total", "Attaches by outcome", &["outcome"]),
            partings: registry.counter_vec("partings_total", "Sessions that left, by reason", &["reason"]),
            turned_back: registry.counter_vec(
                "turned_back_total",
                "Players who could not go to another zone and were placed back, by what kept them",
                &["why"],
            ),
            saves: registry.counter_vec("saves_total", "Saved characters by outcome", &["outcome"]),
            journalled: registry.counter_vec(
                "journalled_total",
                "States of players sent to the buddy node, by outcome",
                &["outcome"],
            ),
            journal_kept: registry.gauge("journal_kept_count", "States of players kept for other nodes"),
            recalls: registry.counter_vec(
                "recalls_total",
                "Characters that no handover brought, by what journals had beyond the store",
                &["outcome"],
            ),
            sightings: registry.counter_vec(
                "sightings_total",
                "What zones told their neighbours: within the node, sent to other nodes, heard from them, lost",
                &["way"],
            ),
            told_anew: registry.counter(
                "neighbours_told_anew_total",
                "Times that a zone was told everybody near the border of its neighbour",
            ),
            suspects: registry.counter_vec(
                "suspects_total",
                "Nodes that an edge did not reach, by what was done: their lease ended",
                &["outcome"],
            ),
            creatures_passed: registry.counter_vec(
                "creatures_passed_total",
                "Creatures that walked over a border, by what became of them: taken, put back",
                &["outcome"],
            ),
            populations: registry.counter_vec(
                "populations_total",
                "Zones whose creatures were known when a zone was opened, by who knew them: here, node, store",
                &["from"],
            ),
            populations_kept: registry.counter_vec(
                "populations_kept_total",
                "Zones whose creatures were given to the store, by outcome",
                &["outcome"],
            ),
            jobs: registry.counter_vec("jobs_total", "Durable work of zones by outcome", &["outcome"]),
            jobs_running: registry.gauge("jobs_running_count", "Durable work that waits for the store"),
            load: registry.gauge(
                "thread_load_percent",
                "Smoothed share of the tick budget that the zones of the busiest game thread take",
            ),
            zone_cost: registry.gauge(
                "zone_cost_percent",
                "Smoothed share of the tick budget that the dearest zone takes",
            ),
            overload_level: registry.gauge(
                "overload_level_count",
                "Step of the overload ladder, 0 calm to 6 no logins, of the game thread that is highest",
            ),
            overload_rung: registry.gauge(
                "overload_rung_count",
                "Rung of the overload ladder, 0 to 9: shrunk sight has two, the slowed clock three",
            ),
            overload_steps: registry.counter_vec(
                "overload_steps_total",
                "Times that a game thread climbed to a step of the overload ladder",
                &["step"],
            ),
            view_tiles: registry.gauge("view_tiles", "How far players see where they see the least"),
            pace: registry.gauge("zone_clock_percent", "Pace of the slowest clock of a zone, of real time"),
            shed: registry.counter_vec("shed_total", "What was held back because of overload", &["what"]),
            postponed: registry.gauge("postponed_count", "Mail and listings that wait because of overload"),
            balanced: registry.counter(
                "balanced_zones_total",
                "Zones that this node, as the controller, moved from a node that had too much",
            ),
            instances: registry.gauge("instances_count", "Instances that this node plays"),
            instance_players: registry.gauge("instance_players_count", "Players in the instances of this node"),
            instances_closed: registry.counter_vec(
                "instances_closed_total",
                "Instances of this node that ended, by what ended them: deadline, empty, wished",
                &["reason"],
            ),
            login_queue: registry.gauge("login_queue_count", "Players who wait to be let in"),
        }
    }
}
