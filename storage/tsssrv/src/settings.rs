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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            values: Secret::new("memory"),
            redis_prefix: "wydbr:temporary:".to_owned(),
            entries_max: 100_000,
            bytes_max: 256 * 1024 * 1024,
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
        within("bytes_max", self.bytes_max as u64, smallest..=u64::MAX, "at least 65664, one full value")
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
