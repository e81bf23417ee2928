//! Accounts: what an operator or a sign-up does with them, against any store.
//!
//! Used by NRSrv itself, and in process by the command line when no cluster is running.

use crate::hashing::{Cost, HashError, HashPool, Urgency};
use crate::retry::retry;
use model::account::{PASSWORD_MAX, PASSWORD_MIN};
use model::calls::database::{
    AccountChange, ChangeAccount, CreateAccount, Failure, FindAccount, GetAccount, ListCharacters, NameTaken,
};
use model::calls::registry::{AccountInfo, SignUpRefusal};
use model::{Account, AccountId, AccountName, OperationId, Secret};
use rand::Rng;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Store;

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The rules say no.
    #[error("{0}")]
    Refused(#[from] SignUpRefusal),
    /// There is no account of that name.
    #[error("there is no such account")]
    NoSuchAccount,
    /// Too many hashes wait, or hashing does not work.
    #[error("{0}")]
    Hash(#[from] HashError),
    /// The store does not answer.
    #[error("{0}")]
    Store(#[from] Failure),
}

/// Makes hashes for these operations.
#[derive(Clone, Copy)]
pub struct Hasher<'a> {
    /// The threads.
    pub pool: &'a HashPool,
    /// What a hash costs.
    pub cost: Cost,
    /// How much it matters.
    pub urgency: Urgency,
}

impl Hasher<'_> {
    async fn hash(&self, secret: &Secret) -> Result<String, HashError> {
        self.pool.hash(secret, self.cost, self.urgency).await
    }
}

/// Checks a new password: 4 to 11 visible ASCII characters, as every client can type them.
pub fn check_password(password: &Secret) -> Result<(), SignUpRefusal> {
    let text = password.expose().as_bytes();
    let good = (PASSWORD_MIN..=PASSWORD_MAX).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    if good { Ok(()) } else { Err(SignUpRefusal::BadPassword { min: PASSWORD_MIN, max: PASSWORD_MAX }) }
}

/// Checks name and password of a new account.
pub fn check_new(name: &str, password: &Secret) -> Result<AccountName, SignUpRefusal> {
    let name = AccountName::new(name).map_err(SignUpRefusal::BadName)?;
    check_password(password)?;
    Ok(name)
}

/// Creates an account.
pub async fn create(
    store: &dyn Store,
    hasher: Hasher<'_>,
    name: &str,
    password: &Secret,
) -> Result<AccountId, AccountError> {
    let name = check_new(name, password)?;
    if find(store, name.as_str()).await?.is_some() {
        return Err(SignUpRefusal::NameTaken.into()); // a taken name costs no hash
    }
    let id = AccountId(rand::rng().random_range(1..1 << 63));
    let account = Account {
        id,
        name,
        password_hash: hasher.hash(password).await?,
        pin_hash: None,
        blocked: None,
        frozen: None,
        created_ms: now_ms(),
    };
    let request = CreateAccount { operation: OperationId(rand::rng().random()), account };
    match retry(|| store.create_account(request.clone())).await? {
        Ok(()) => Ok(id),
        Err(NameTaken) => Err(SignUpRefusal::NameTaken.into()),
    }
}

/// The account of a name, whatever its case.
pub async fn find(store: &dyn Store, name: &str) -> Result<Option<Account>, Failure> {
    match AccountName::new(name) {
        Err(_) => Ok(None),
        Ok(name) => retry(|| store.find_account(FindAccount { key: name.key() })).await,
    }
}

/// As an operator names it: by its name, or by `id:` and the id that findings and log lines show.
async fn existing(store: &dyn Store, name: &str) -> Result<Account, AccountError> {
    let found = match name.strip_prefix("id:").map(str::parse) {
        None => find(store, name).await?,
        Some(Err(_)) => None,
        Some(Ok(account)) => retry(|| store.get_account(GetAccount { account })).await?,
    };
    found.ok_or(AccountError::NoSuchAccount)
}

/// Writes one change of an account.
pub async fn change(
    store: &dyn Store,
    account: AccountId,
    change: AccountChange,
) -> Result<(), AccountError> {
    let request = ChangeAccount { account, change };
    match retry(|| store.change_account(request.clone())).await? {
        true => Ok(()),
        false => Err(AccountError::NoSuchAccount),
    }
}

/// Blocks an account; the account as it was before.
pub async fn block(store: &dyn Store, name: &str, reason: &str) -> Result<Account, AccountError> {
    let account = existing(store, name).await?;
    change(store, account.id, AccountChange::Blocked(Some(reason.to_owned()))).await?;
    Ok(account)
}

/// Unblocks an account; the account as it was before.
pub async fn unblock(store: &dyn Store, name: &str) -> Result<Account, AccountError> {
    let account = existing(store, name).await?;
    change(store, account.id, AccountChange::Blocked(None)).await?;
    Ok(account)
}

/// Freezes an account with a reason, unfreezes it without; the account as it was before. It is felt at the next
/// transfer: the store looks in the transaction that would move something.
pub async fn freeze(store: &dyn Store, name: &str, reason: Option<&str>) -> Result<Account, AccountError> {
    let account = existing(store, name).await?;
    change(store, account.id, AccountChange::Frozen(reason.map(str::to_owned))).await?;
    Ok(account)
}

/// Sets a new password; the account as it was before.
pub async fn set_password(
    store: &dyn Store,
    hasher: Hasher<'_>,
    name: &str,
    password: &Secret,
) -> Result<Account, AccountError> {
    check_password(password)?;
    let account = existing(store, name).await?;
    let hash = hasher.hash(password).await?;
    change(store, account.id, AccountChange::Password(hash)).await?;
    Ok(account)
}

/// Removes the PIN, so that the next one typed becomes it; the account as it was before.
pub async fn clear_pin(store: &dyn Store, name: &str) -> Result<Account, AccountError> {
    let account = existing(store, name).await?;
    change(store, account.id, AccountChange::Pin(None)).await?;
    Ok(account)
}

/// What there is to show of an account. `online` is false: only NRSrv knows who plays.
pub async fn show(store: &dyn Store, name: &str) -> Result<AccountInfo, AccountError> {
    let account = existing(store, name).await?;
    let request = ListCharacters { account: account.id };
    let characters = retry(|| store.list_characters(request.clone())).await?;
    Ok(AccountInfo {
        id: account.id,
        name: account.name.to_string(),
        blocked: account.blocked,
        frozen: account.frozen,
        has_pin: account.pin_hash.is_some(),
        created_ms: account.created_ms,
        characters: characters.iter().map(|c| (c.slot, c.name.to_string())).collect(),
        online: false,
    })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_every_client_can_type() {
        for good in ["abcd", "A1!~#x", "12345678901"] {
            assert_eq!(check_password(&Secret::new(good)), Ok(()), "{good}");
        }
        for bad in ["", "abc", "123456789012", "with space", "acentuação", "tab\tx", "nul\0x"] {
            assert!(check_password(&Secret::new(bad)).is_err(), "{bad:?}");
        }
    }
}
