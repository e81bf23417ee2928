//! Accounts and their names.

use crate::id::AccountId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest account name that every client can type (the field is 16 bytes, NUL ended).
pub const ACCOUNT_NAME_MAX: usize = 15;
/// Shortest account name.
pub const ACCOUNT_NAME_MIN: usize = 4;
/// Longest password that every client can type (the field is 12 bytes, NUL ended).
pub const PASSWORD_MAX: usize = 11;
/// Shortest password.
pub const PASSWORD_MIN: usize = 4;

/// Why a name cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum BadName {
    /// Too short or too long.
    #[error("a name has {min} to {max} characters, this one has {found}")]
    Length {
        /// Shortest allowed.
        min: usize,
        /// Longest allowed.
        max: usize,
        /// What was given.
        found: usize,
    },
    /// A character other than a letter or a digit.
    #[error("a name has only letters and digits")]
    Character,
    /// A name that the game keeps for itself.
    #[error("this name is kept by the game")]
    Kept,
}

/// A valid account name, in the case it was given; compared and stored by [`AccountName::key`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountName(String);

impl AccountName {
    /// Checks a name: ASCII letters and digits, 4 to 15.
    pub fn new(text: &str) -> Result<Self, BadName> {
        check_name(text, ACCOUNT_NAME_MIN, ACCOUNT_NAME_MAX)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folded form that is unique.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountName({})", self.0)
    }
}

pub(crate) fn check_name(text: &str, min: usize, max: usize) -> Result<(), BadName> {
    let found = text.chars().count();
    if !(min..=max).contains(&found) {
        return Err(BadName::Length { min, max, found });
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(BadName::Character);
    }
    let folded = text.to_ascii_lowercase();
    let device = folded.len() == 4 && (folded.starts_with("com") || folded.starts_with("lpt"));
    if device && folded.ends_with(|c: char| c.is_ascii_digit()) {
        return Err(BadName::Kept);
    }
    Ok(())
}

/// One account as it is stored; `Debug` hides the hashes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name as given at creation.
    pub name: AccountName,
    /// argon2id hash in PHC format.
    pub password_hash: String,
    /// argon2id hash of the PIN; `None` until the first PIN is given.
    pub pin_hash: Option<String>,
    /// Set when an operator has blocked the account: the reason.
    pub blocked: Option<String>,
    /// Set when the account may move no item and no gold: the reason.
    pub frozen: Option<String>,
    /// Milliseconds since 1970 when it was created.
    pub created_ms: i64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("has_pin", &self.pin_hash.is_some())
            .field("blocked", &self.blocked)
            .field("frozen", &self.frozen)
            .field("created_ms", &self.created_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::database::AccountChange;

    #[test]
    fn hashes_are_never_shown() {
        let account = Account {
            id: AccountId(7),
            name: AccountName("ana1".to_owned()),
            password_hash: "$argon2id$one".to_owned(),
            pin_hash: Some("$argon2id$two".to_owned()),
            blocked: None,
            frozen: None,
            created_ms: 1,
        };
        let changes = [
            AccountChange::Password(account.password_hash.clone()),
            AccountChange::Pin(account.pin_hash.clone()),
        ];
        let shown = format!("{account:?} {changes:?}");
        assert!(shown.contains("ana1") && shown.contains("has_pin: true"), "{shown}");
        assert!(!shown.contains("argon2id"), "{shown}");
    }
}
