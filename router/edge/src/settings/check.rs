//! Values that cannot work, whatever their type says.

use super::{Rate, Settings};
use settings::{BadValue, Check, within};

/// Longest of any deadline: a day.
const DAY_MS: u64 = 86_400_000;

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        self.check_deadlines()?;
        self.check_rates()?;
        match (&self.quic.certificate, &self.quic.key) {
            (Some(_), None) => {
                return Err(BadValue::new("quic.key", "not set", "the key of quic.certificate"));
            }
            (None, Some(_)) => {
                return Err(BadValue::new("quic.certificate", "not set", "the certificate of quic.key"));
            }
            _ => {}
        }
        // longer than a player without a connection would be let stand over TCP helps nobody
        within("quic.resume_ms", self.quic.resume_ms, 100..=600_000, "100 to 600000")?;
        let budgets = &self.budgets;
        within("budgets.strikes_max", u64::from(budgets.strikes_max), 1..=1_000_000, "1 to 1000000")?;
        within("budgets.pin_tries", u64::from(budgets.pin_tries), 1..=1_000, "1 to 1000")?;
        within("addresses.remembered_max", self.addresses.remembered_max as u64, 1..=u64::MAX, "at least 1")?;
        let connections = &self.connections;
        within("connections.max", connections.max as u64, 1..=1_000_000, "1 to 1000000")?;
        within("connections.half_open_max", connections.half_open_max as u64, 1..=1_000_000, "1 to 1000000")?;
        let write_queue = connections.write_queue_bytes as u64;
        within("connections.write_queue_bytes", write_queue, 16_384..=u64::MAX, "at least 16384")?;
        within("connections.events_queued", connections.events_queued as u64, 1..=1_000_000, "1 to 1000000")?;
        within("view.players", self.view.players as u64, 0..=998, "0 to 998")?;
        within("view.creatures", self.view.creatures as u64, 0..=19_000, "0 to 19000")
    }
}

impl Settings {
    fn check_deadlines(&self) -> Result<(), BadValue> {
        let of = &self.deadlines;
        for (key, found_ms) in [
            ("deadlines.init_code_ms", of.init_code_ms),
            ("deadlines.login_ms", of.login_ms),
            ("deadlines.partial_frame_ms", of.partial_frame_ms),
            ("deadlines.idle_ms", of.idle_ms),
            ("deadlines.selection_idle_ms", of.selection_idle_ms),
            ("deadlines.enter_ms", of.enter_ms),
            ("deadlines.resume_ms", of.resume_ms),
            ("deadlines.node_answer_ms", of.node_answer_ms),
            ("deadlines.detach_ms", of.detach_ms),
            ("deadlines.drain_ms", of.drain_ms),
        ] {
            within(key, found_ms, 1..=DAY_MS, "1 to 86400000")?;
        }
        Ok(())
    }

    fn check_rates(&self) -> Result<(), BadValue> {
        rate("budgets.packets.per_second", "budgets.packets.burst", self.budgets.packets)?;
        rate("budgets.bytes.per_second", "budgets.bytes.burst", self.budgets.bytes)?;
        rate("budgets.chat.per_second", "budgets.chat.burst", self.budgets.chat)?;
        rate("budgets.goods.per_second", "budgets.goods.burst", self.budgets.goods)?;
        rate("budgets.shout.per_second", "budgets.shout.burst", self.budgets.shout)?;
        rate("addresses.connects.per_second", "addresses.connects.burst", self.addresses.connects)?;
        rate("addresses.logins.per_second", "addresses.logins.burst", self.addresses.logins)
    }
}

/// A bucket that cannot hold one is always empty; numbers that are none compare with nothing.
fn rate(per_second: &'static str, burst: &'static str, of: Rate) -> Result<(), BadValue> {
    if !(0.0..=1e9).contains(&of.per_second) {
        return Err(BadValue::new(per_second, of.per_second, "a number from 0 to 1000000000"));
    }
    if !(1.0..=1e9).contains(&of.burst) {
        return Err(BadValue::new(burst, of.burst, "a number from 1 to 1000000000"));
    }
    Ok(())
}
