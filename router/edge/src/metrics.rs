//! What the edge counts.

use crate::phase::Phase;
use telemetry::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Metrics};

/// All metrics of the edge, registered once.
#[derive(Clone)]
pub(crate) struct EdgeMetrics {
    /// Connections now.
    pub(crate) connections: IntGauge,
    /// Relays now.
    pub(crate) relays: IntGauge,
    /// Players behind relays whose connection is lost.
    pub(crate) relayed_waiting: IntGauge,
    relayed: IntCounterVec,
    relayed_bytes: IntCounterVec,
    /// Connections by phase.
    pub(crate) sessions: IntGaugeVec,
    packets: IntCounterVec,
    bytes: IntCounterVec,
    strikes: IntCounterVec,
    closes: IntCounterVec,
    refused: IntCounterVec,
    /// Clients that did not read fast enough.
    pub(crate) dropped_slow: IntCounter,
    /// Known packets that are not served yet.
    pub(crate) unhandled: IntCounter,
    /// Entities hidden from a client that had enough to show.
    pub(crate) hidden: IntCounter,
    /// Events of a node that has the player no more.
    pub(crate) stale: IntCounter,
    /// Requests dropped because the node or the hold was full.
    pub(crate) commands_dropped: IntCounter,
    /// From the attach to the first event.
    pub(crate) attach: Histogram,
    /// From the moment that a zone held a player to hand it over until the next zone has it.
    pub(crate) handover: Histogram,
    /// Node streams that are open.
    pub(crate) nodes: IntGauge,
    /// Failures to accept a connection.
    pub(crate) accept_errors: IntCounter,
}

impl EdgeMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let handover = [
            0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05, 0.06, 0.075, 0.1, 0.15,
            0.25, 0.5, 1.0, 2.0, 5.0,
        ];
        let seconds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
        Self {
            connections: metrics.gauge("connections_count", "Connections of clients."),
            relays: metrics.gauge("relays_count", "Relays that are connected over QUIC."),
            relayed_waiting: metrics
                .gauge("relayed_waiting_count", "Players behind relays that wait for another connection."),
            relayed: metrics.counter_vec(
                "relayed_total",
                "Streams of relays that were resumed, expired, or refused for an unknown ticket.",
                &["outcome"],
            ),
            relayed_bytes: metrics.counter_vec(
                "relayed_bytes_total",
                "Bytes of players behind relays, as the client has them (whole) and as QUIC carries them (packed).",
                &["direction", "form"],
            ),
            sessions: metrics.gauge_vec("sessions_count", "Connections by phase.", &["phase"]),
            packets: metrics.counter_vec("packets_total", "Packets from and to clients.", &["direction"]),
            bytes: metrics.counter_vec("bytes_total", "Bytes from and to clients.", &["direction"]),
            strikes: metrics.counter_vec("strikes_total", "Strikes of clients by reason.", &["reason"]),
            closes: metrics.counter_vec("closes_total", "Ended connections by reason.", &["reason"]),
            refused: metrics.counter_vec(
                "refused_total",
                "Connections closed at once, by reason.",
                &["reason"],
            ),
            dropped_slow: metrics.counter("dropped_slow_total", "Clients that did not read fast enough."),
            unhandled: metrics.counter("packets_unhandled_total", "Known packets that are not served yet."),
            hidden: metrics.counter("entities_hidden_total", "Entities that did not fit a client's view."),
            stale: metrics.counter("events_stale_total", "Events of a node that has the player no more."),
            commands_dropped: metrics.counter("commands_dropped_total", "Requests dropped at a full queue."),
            attach: metrics.histogram("attach_seconds", "From attach to the first event.", &seconds),
            handover: metrics.histogram(
                "handover_seconds",
                "From the hold of a player by its zone until the next zone has it.",
                &handover,
            ),
            nodes: metrics.gauge("node_streams_count", "Open streams to nodes."),
            accept_errors: metrics.counter("accept_errors_total", "Failures to accept a connection."),
        }
    }

    pub(crate) fn packets(&self, direction: Direction, packets: u64, bytes: u64) {
        self.packets.with_label_values(&[direction.label()]).inc_by(packets);
        self.bytes.with_label_values(&[direction.label()]).inc_by(bytes);
    }

    pub(crate) fn relayed(&self, outcome: &'static str) {
        self.relayed.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn relayed_bytes(&self, direction: &'static str, whole: u64, packed: u64) {
        self.relayed_bytes.with_label_values(&[direction, "whole"]).inc_by(whole);
        self.relayed_bytes.with_label_values(&[direction, "packed"]).inc_by(packed);
    }

    pub(crate) fn strike(&self, reason: &'static str) {
        self.strikes.with_label_values(&[reason]).inc();
    }

    pub(crate) fn close(&self, reason: CloseReason) {
        self.closes.with_label_values(&[reason.label()]).inc();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    pub(crate) fn phase(&self, from: Option<Phase>, to: Option<Phase>) {
        if let Some(from) = from {
            self.sessions.with_label_values(&[from.label()]).dec();
        }
        if let Some(to) = to {
            self.sessions.with_label_values(&[to.label()]).inc();
        }
    }
}

/// Seen from the edge.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    In,
    Out,
}

impl Direction {
    fn label(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseReason {
    /// The client went.
    Gone = 1,
    /// The socket failed.
    Failed,
    /// Not a client of this game.
    BadInit,
    /// A frame that cannot be.
    BadFrame,
    /// A packet in a phase where it has no place.
    WrongPhase,
    /// Too many strikes.
    Strikes,
    /// A deadline of the handshake passed.
    Handshake,
    /// A packet was never completed.
    PartialFrame,
    /// Silence.
    Idle,
    /// The login was refused.
    LoginRefused,
    /// Too many wrong PINs.
    Pin,
    /// It did not read fast enough.
    Slow,
    /// Made room for others before it logged in.
    Evicted,
    /// The registry ended the session.
    Kicked,
    /// Another copy of the character took over.
    Fenced,
    /// No node took the player in time.
    NoNode,
    /// A part of the cluster did not answer.
    Unavailable,
    /// The edge stops.
    Stopping,
}

impl CloseReason {
    /// Every reason, by number.
    pub const ALL: [Self; 18] = [
        Self::Gone,
        Self::Failed,
        Self::BadInit,
        Self::BadFrame,
        Self::WrongPhase,
        Self::Strikes,
        Self::Handshake,
        Self::PartialFrame,
        Self::Idle,
        Self::LoginRefused,
        Self::Pin,
        Self::Slow,
        Self::Evicted,
        Self::Kicked,
        Self::Fenced,
        Self::NoNode,
        Self::Unavailable,
        Self::Stopping,
    ];

    /// Short form for the metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failed => "failed",
            Self::BadInit => "bad_init",
            Self::BadFrame => "bad_frame",
            Self::WrongPhase => "wrong_phase",
            Self::Strikes => "strikes",
            Self::Handshake => "handshake",
            Self::PartialFrame => "partial_frame",
            Self::Idle => "idle",
            Self::LoginRefused => "login_refused",
            Self::Pin => "pin",
            Self::Slow => "slow",
            Self::Evicted => "evicted",
            Self::Kicked => "kicked",
            Self::Fenced => "fenced",
            Self::NoNode => "no_node",
            Self::Unavailable => "unavailable",
            Self::Stopping => "stopping",
        }
    }
}
