//! What an operator can set: the table of `config/TSSSrv.conf`.

use model::Secret;
use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};

/// Everything of TSSSrv; read when the process starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `memory`, or the URL of a Redis: `redis://host:port/db`.
    pub values: Secret,
    /// In Redis: what every key begins with; clusters that share a Redis need different ones.
    pub redis_prefix: String,
    /// In memory: most values at a time.
    pub entries_max: usize,
    /// In memory: most bytes of keys and values together.
    pub bytes_max: usize,
    /// The auction house.
    pub auction: Auction,
}

/// What the auction house takes and allows: the table `[auction]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Auction {
    /// Fee for a new lot, in percent of its first bid; lost whatever comes of it.
    pub fee_percent: u8,
    /// The least fee in gold.
    pub fee_min: i64,
    /// Tax on what a lot brought, in percent.
    pub tax_percent: u8,
    /// By how much a bid must be higher than the last one, in percent of it.
    pub step_percent: u8,
    /// Most lots of an account at a time.
    pub lots_per_account: u32,
    /// Hours of a lot when the seller names none.
    pub hours: u32,
    /// Most hours of a lot.
    pub hours_max: u32,
}

impl Default for Auction {
    fn default() -> Self {
        Self {
            fee_percent: 1,
            fee_min: 10,
            tax_percent: 5,
            step_percent: 5,
            lots_per_account: 20,
            hours: 24,
            hours_max: 72,
        }
    }
}

impl Check for Auction {
    fn check(&self) -> Result<(), BadValue> {
        for (key, value) in [
            ("auction.fee_percent", self.fee_percent),
            ("auction.tax_percent", self.tax_percent),
            ("auction.step_percent", self.step_percent),
        ] {
            within(key, u64::from(value), 0..=99, "0 to 99")?;
        }
        let fee_min = u64::try_from(self.fee_min).unwrap_or(0);
        within("auction.fee_min", fee_min, 1..=1_000_000, "1 to 1000000")?;
        within("auction.lots_per_account", u64::from(self.lots_per_account), 1..=1_000, "1 to 1000")?;
        within("auction.hours_max", u64::from(self.hours_max), 1..=720, "1 to 720")?;
        within(
            "auction.hours",
            u64::from(self.hours),
            1..=u64::from(self.hours_max),
            "1 to auction.hours_max",
        )
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            values: Secret::new("memory"),
            redis_prefix: "wydbr:temporary:".to_owned(),
            entries_max: 100_000,
            bytes_max: 256 * 1024 * 1024,
            auction: Auction::default(),
        }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        let values = self.values.expose();
        let redis = ["redis://", "redis+unix://", "unix://"].iter().any(|scheme| values.starts_with(scheme));
        if values != "memory" && !redis {
            // never shown: a URL may hold a password
            return Err(BadValue::new("values", "something else", "memory, or redis://host:port/db"));
        }
        let smallest = (model::calls::temporary::KEY_MAX + model::calls::temporary::VALUE_MAX) as u64;
        within("entries_max", self.entries_max as u64, 1..=u64::MAX, "at least 1")?;
        within("bytes_max", self.bytes_max as u64, smallest..=u64::MAX, "at least 65664, one full value")?;
        self.auction.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_a_bad_value_names_its_key() {
        assert_eq!(Settings::default().check(), Ok(()));
        let bad = Settings { bytes_max: 10, ..Settings::default() };
        assert_eq!(bad.check().map_err(|bad| bad.key), Err("bytes_max"));
    }
}
