//! What an operator can set: the table of `config/TSSSrv.conf`.

use model::Secret;
use redisclient::{EXPECTED, RedisUrl};
use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};
use std::net::SocketAddr;
use telemetry::api::TOKEN_MIN;

/// Everything of TSSSrv; read when the process starts, but for what says otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `memory`, or the URL of a Redis, a Sentinel set or a Cluster: [`redisclient`].
    pub values: Secret,
    /// In Redis: what every key begins with; clusters that share a Redis need different ones.
    pub redis_prefix: String,
    /// In memory: most values at a time.
    pub entries_max: usize,
    /// In memory: most bytes of keys and values together.
    pub bytes_max: usize,
    /// Where web sites reach the auction house; `None`: nowhere.
    pub auctions_http: Option<SocketAddr>,
    /// What web sites show: `authorization: bearer TOKEN`. Read at every use.
    pub auctions_token: Secret,
    /// Who they are in the audit log. Read at every use.
    pub auctions_name: String,
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
            auctions_http: None,
            auctions_token: Secret::new(""),
            auctions_name: "website".to_owned(),
            auction: Auction::default(),
        }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        if self.values.expose() != "memory"
            && let Err(bad) = RedisUrl::parse(&self.values)
        {
            return Err(BadValue::new("values", bad.found, format!("memory, {EXPECTED}")));
        }
        if self.redis_prefix.contains(['{', '}']) {
            return Err(BadValue::new("redis_prefix", self.redis_prefix.escape_debug(), "no braces"));
        }
        let smallest = (model::calls::temporary::KEY_MAX + model::calls::temporary::VALUE_MAX) as u64;
        within("entries_max", self.entries_max as u64, 1..=u64::MAX, "at least 1")?;
        within("bytes_max", self.bytes_max as u64, smallest..=u64::MAX, "at least 65664, one full value")?;
        let name = &self.auctions_name;
        if name.is_empty() || name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadValue::new("auctions_name", name.escape_debug(), "1 to 32 letters and digits"));
        }
        if self.auctions_http.is_some() && self.auctions_token.expose().len() < TOKEN_MIN {
            // never shown, not even a short one
            let expected = format!("at least {TOKEN_MIN} characters when auctions_http is set");
            return Err(BadValue::new("auctions_token", "missing or too short", expected));
        }
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

    #[test]
    fn a_web_site_without_a_good_token_does_not_start_and_the_token_is_not_shown() {
        let open = Settings { auctions_http: Some(([127, 0, 0, 1], 0).into()), ..Settings::default() };
        assert_eq!(open.check().map_err(|bad| bad.key), Err("auctions_token"));
        let short = Settings { auctions_token: Secret::new("hunter2"), ..open.clone() };
        let told = short.check().err().map(|bad| bad.to_string()).unwrap_or_default();
        assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
        assert!(!format!("{short:?}").contains("hunter2"));
        let good = Settings { auctions_token: Secret::new("0123456789abcdef"), ..open };
        assert_eq!(good.check(), Ok(()));
    }

    #[test]
    fn a_url_that_leads_to_no_redis_is_refused_without_its_password() {
        for url in ["http://:hunter2@redis", "redis+sentinel://:hunter2@a,b", "redis+cluster://:hunter2@a:x"]
        {
            let bad = Settings { values: Secret::new(url), ..Settings::default() }.check();
            let told = bad.err().map(|bad| bad.to_string()).unwrap_or_default();
            assert!(told.contains("redis+sentinel://") && !told.contains("hunter2"), "{url}: {told}");
        }
        let braces = Settings { redis_prefix: "a{b}".to_owned(), ..Settings::default() };
        assert_eq!(braces.check().map_err(|bad| bad.key), Err("redis_prefix"));
    }
}
