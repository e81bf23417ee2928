//! What an operator can set: the table of `config/BISrv.conf`.

use model::Secret;
use model::calls::bank::PARCELS_LISTED_MAX;
use model::guild::MEMBERS_MAX;
use model::item::GOLD_MAX;
use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};
use std::net::SocketAddr;
use telemetry::api::TOKEN_MIN;

/// Everything of BISrv; read at every use, but for `cash_http`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How long one request may ask the store, all tries together. Callers wait 3,000 ms for an answer.
    pub store_deadline_ms: u64,
    /// Requests that may wait for the store at the same time; more are answered with "unavailable" at once.
    pub requests_max: usize,
    /// Gold that a parcel costs its sender.
    pub parcel_postage: i64,
    /// Days that a parcel waits before it goes back.
    pub parcel_days: u32,
    /// Parcels that may wait for one account; what comes back to its sender is not counted.
    pub parcels_max: u32,
    /// Seconds between two looks for parcels that nobody took.
    pub parcel_sweep_s: u64,
    /// The lowest rank that may take from the bank of its guild; 9 leads and has no limit.
    pub guild_withdraw_rank: u8,
    /// Items that each member below the leader may take in a day.
    pub guild_items_day: u64,
    /// Gold that each member below the leader may take in a day.
    pub guild_gold_day: i64,
    /// Gold that founding a guild costs.
    pub guild_cost: i64,
    /// Gold that a new member costs who asked it to join.
    pub guild_member_cost: i64,
    /// Gold that a new sub-leader costs who makes it one.
    pub guild_sub_leader_cost: i64,
    /// Members that a guild may have.
    pub guild_members_max: u32,
    /// True: only who is of a kingdom founds a guild.
    pub guild_needs_kingdom: bool,
    /// The channel in the numbers of new guilds, 0 to 15: `channel * 4096 + counter`.
    pub guild_channel: u8,
    /// Where web shops reach the cash API; `None`: nowhere. Read once.
    pub cash_http: Option<SocketAddr>,
    /// What web shops show: `authorization: bearer TOKEN`.
    pub cash_token: Secret,
    /// Who they are in the ledger.
    pub cash_name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store_deadline_ms: 2_500,
            requests_max: 1_024,
            parcel_postage: 100,
            parcel_days: 30,
            parcels_max: 50,
            parcel_sweep_s: 300,
            guild_withdraw_rank: 3,
            guild_items_day: 5,
            guild_gold_day: 10_000_000,
            guild_cost: 100_000_000,
            guild_member_cost: 4_000_000,
            guild_sub_leader_cost: 100_000_000,
            guild_members_max: 100,
            guild_needs_kingdom: false,
            guild_channel: 0,
            cash_http: None,
            cash_token: Secret::new(""),
            cash_name: "webshop".to_owned(),
        }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        within("store_deadline_ms", self.store_deadline_ms, 10..=60_000, "10 to 60000")?;
        within("requests_max", self.requests_max as u64, 1..=1_000_000, "1 to 1000000")?;
        gold("parcel_postage", self.parcel_postage)?;
        within("parcel_days", u64::from(self.parcel_days), 1..=3_650, "1 to 3650")?;
        let listed = PARCELS_LISTED_MAX as u64;
        within("parcels_max", u64::from(self.parcels_max), 1..=listed, "1 to 100")?;
        within("parcel_sweep_s", self.parcel_sweep_s, 1..=86_400, "1 to 86400")?;
        within("guild_withdraw_rank", u64::from(self.guild_withdraw_rank), 0..=9, "0 to 9")?;
        gold("guild_gold_day", self.guild_gold_day)?;
        gold("guild_cost", self.guild_cost)?;
        gold("guild_member_cost", self.guild_member_cost)?;
        gold("guild_sub_leader_cost", self.guild_sub_leader_cost)?;
        let most = MEMBERS_MAX;
        within("guild_members_max", self.guild_members_max.into(), 1..=most.into(), "1 to 500")?;
        within("guild_channel", self.guild_channel.into(), 0..=15, "0 to 15")?;
        let name = &self.cash_name;
        if name.is_empty() || name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadValue::new("cash_name", name.escape_debug(), "1 to 32 letters and digits"));
        }
        if self.cash_http.is_some() && self.cash_token.expose().len() < TOKEN_MIN {
            // never shown, not even a short one
            let expected = format!("at least {TOKEN_MIN} characters when cash_http is set");
            return Err(BadValue::new("cash_token", "missing or too short", expected));
        }
        Ok(())
    }
}

fn gold(key: &'static str, amount: i64) -> Result<(), BadValue> {
    if (0..=GOLD_MAX).contains(&amount) {
        return Ok(());
    }
    Err(BadValue::new(key, amount, format!("0 to {GOLD_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_a_bad_value_names_its_key() {
        assert_eq!(Settings::default().check(), Ok(()));
        let key = |bad: Settings| bad.check().map_err(|bad| bad.key);
        assert_eq!(key(Settings { parcel_postage: -1, ..Settings::default() }), Err("parcel_postage"));
        assert_eq!(key(Settings { parcels_max: 101, ..Settings::default() }), Err("parcels_max"));
        assert_eq!(key(Settings { cash_name: "a b".to_owned(), ..Settings::default() }), Err("cash_name"));
    }

    #[test]
    fn a_web_shop_without_a_good_token_does_not_start_and_the_token_is_not_shown() {
        let open = Settings { cash_http: Some(([127, 0, 0, 1], 0).into()), ..Settings::default() };
        assert_eq!(open.check().map_err(|bad| bad.key), Err("cash_token"));
        let short = Settings { cash_token: Secret::new("hunter2"), ..open.clone() };
        let told = short.check().err().map(|bad| bad.to_string()).unwrap_or_default();
        assert!(
            !told.is_empty() && !told.contains("hunter2") && !format!("{short:?}").contains("hunter2"),
            "{told}"
        );
        let good = Settings { cash_token: Secret::new("0123456789abcdef"), ..open };
        assert_eq!(good.check(), Ok(()));
    }
}
