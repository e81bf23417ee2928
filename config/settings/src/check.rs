//! What a type cannot say of a value.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// A value of the right type that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {found}; expected {expected}")]
pub struct BadValue {
    /// Dotted key.
    pub key: &'static str,
    /// What is set; never the text of a secret.
    pub found: String,
    /// What would do.
    pub expected: String,
}

impl BadValue {
    /// Names a key, what is set there and what would do.
    pub fn new(key: &'static str, found: impl Display, expected: impl Into<String>) -> Self {
        Self { key, found: found.to_string(), expected: expected.into() }
    }
}

/// Refuses a number outside of a range.
pub fn within(
    key: &'static str,
    found: u64,
    range: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<(), BadValue> {
    if range.contains(&found) { Ok(()) } else { Err(BadValue::new(key, found, expected)) }
}

/// Settings that know which of their values cannot work.
///
/// [`load`](crate::load) asks, so `--check`, the start of a process and a reload refuse the same values.
pub trait Check {
    /// The first value that cannot work. Settings whose types say everything need not write this.
    fn check(&self) -> Result<(), BadValue> {
        Ok(())
    }
}
