//! Typed values of the market: what is live, under its keys, as bytes. The only place that knows the layout.
//!
//! A value that this program cannot read is treated as none: what is live may be lost at any time.

use crate::values::{PutFailure, Swap, Unanswered, Values};
use bincode::config::standard;
use model::{CharacterId, TradeId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// What the keys of the market begin with.
pub(crate) const MARKET_KEYS: &str = "market:";
/// Version of the layout of all values, their first byte.
const LAYOUT: u8 = 1;

/// What every key of a trade's state lives: renewed by each offer.
pub(super) fn trade_key(trade: TradeId) -> String {
    format!("{MARKET_KEYS}trade:{trade}")
}

/// Which trade a character is in.
pub(super) fn seat_key(character: CharacterId) -> String {
    format!("{MARKET_KEYS}seat:{character}")
}

/// The personal shop of a character.
pub(super) fn stall_key(owner: CharacterId) -> String {
    format!("{MARKET_KEYS}stall:{owner}")
}

/// Is there as long as nothing was lost.
pub(super) fn marker_key() -> String {
    format!("{MARKET_KEYS}marker")
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![LAYOUT];
    // only enums, numbers, text and lists: nothing that could fail
    bytes.extend(bincode::serde::encode_to_vec(value, standard()).unwrap_or_default());
    bytes
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (&LAYOUT, rest) = bytes.split_first()? else { return None };
    let (value, used) = bincode::serde::decode_from_slice(rest, standard()).ok()?;
    (used == rest.len()).then_some(value)
}

/// A value as it was read: the bytes are what a [`Swap`] expects.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) value: Option<T>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Shelf(pub(super) Arc<dyn Values>);

impl Shelf {
    pub(super) async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Found<T>, Unanswered> {
        let bytes = self.0.get(key).await?;
        let value = bytes.as_deref().and_then(decode);
        if bytes.is_some() && value.is_none() {
            tracing::error!(key, "a value of the market cannot be read, and is taken for lost");
        }
        Ok(Found { bytes, value })
    }

    pub(super) async fn write<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        life: Duration,
    ) -> Result<(), PutFailure> {
        self.0.put(key, encode(value), life).await
    }

    pub(super) async fn swap(&self, swaps: &[Swap]) -> Result<bool, PutFailure> {
        self.0.swap(swaps).await
    }
}

/// A step of one value.
pub(super) fn step<T: Serialize>(
    key: String,
    expected: Option<Vec<u8>>,
    value: Option<(&T, Duration)>,
) -> Swap {
    Swap { key, expected, value: value.map(|(value, life)| (encode(value), life)) }
}
