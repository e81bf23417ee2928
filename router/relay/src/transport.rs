//! The limits and times of a QUIC connection between a relay and an edge.

use quinn::{IdleTimeout, TransportConfig, VarInt};
use std::sync::Arc;
use std::time::Duration;

/// Players of one relay at once.
pub(crate) const STREAMS: u32 = 64;
/// Silence after which the connection is dead, in milliseconds. Players are resumed on another one then, so that there is no
/// reason to hope for longer.
pub(crate) const SILENCE_MS: u32 = 12_000;
/// A sign of life after this long without another packet.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// What a round trip is taken for before one is measured: the first packet of a connection is sent again after three times
/// this. An edge that is succeeded does not hear the first one.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
/// Bytes that may wait for one player: more than the edge takes from one in a second.
const STREAM_WINDOW: VarInt = VarInt::from_u32(64 << 10);
/// Bytes that may wait for all players of one relay.
const WINDOW: VarInt = VarInt::from_u32(256 << 10);
const SEND_WINDOW: u64 = 512 << 10;

fn common() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(SILENCE_MS))))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(STREAM_WINDOW)
        .receive_window(WINDOW)
        .send_window(SEND_WINDOW);
    config
}

/// The edge: relays open streams.
pub(crate) fn of_edge() -> Arc<TransportConfig> {
    let mut config = common();
    config.max_concurrent_bidi_streams(VarInt::from_u32(STREAMS));
    Arc::new(config)
}

/// The relay: the edge opens none; the relay keeps the connection and the way back to it open.
pub(crate) fn of_relay() -> Arc<TransportConfig> {
    let mut config = common();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(FIRST_ROUND_TRIP);
    Arc::new(config)
}
