//! Accounts and their banks.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::{bucket, enter};
use super::names::{Kind, Name, Reserved};
use super::operations::{Conclude, Once, Stored};
use crate::rows::{self, Fields, PlaceKind, account_columns, item_columns};
use deadpool_postgres::Client;
use model::Account;
use model::calls::database::{
    AccountChange, Cargo, ChangeAccount, CreateAccount, Failure, FindAccount, GetAccount, LoadCargo,
    NameTaken,
};
use model::id::AccountId;
use tokio_postgres::types::ToSql;

type Registered = Result<(), NameTaken>;

impl Postgres {
    pub(super) async fn register(&self, request: &CreateAccount) -> Result<Registered, Failure> {
        let account = &request.account;
        let (shard, key) = (self.shard(account.id), account.name.key());
        let once = Once { operation: request.operation, kind: "create_account", account: account.id };
        if let Some(outcome) = shard.run(&Stored::<Registered>::of(once)).await? {
            return Ok(outcome);
        }
        let name = Name {
            kind: Kind::Account,
            key: &key,
            account: account.id,
            id: account.id.0,
            operation: request.operation,
        };
        match self.reserve(name).await? {
            Reserved::Done => Ok(Ok(())),
            Reserved::Taken => shard.run(&Conclude { once, refusal: Err(NameTaken) }).await,
            Reserved::Ours => {
                let (outcome, done_now) = shard.run(&Insert { once, account }).await?;
                self.finish_creation(name, outcome.is_ok(), done_now).await;
                Ok(outcome)
            }
        }
    }

    pub(super) async fn account_by_name(&self, request: &FindAccount) -> Result<Option<Account>, Failure> {
        let Some(account) = self.account_of(Kind::Account, &request.key).await? else { return Ok(None) };
        let found = self.shard(account).run(&Get(account)).await?;
        Ok(found.filter(|account| account.name.key() == request.key))
    }

    pub(super) async fn account_by_id(&self, request: &GetAccount) -> Result<Option<Account>, Failure> {
        self.shard(request.account).run(&Get(request.account)).await
    }

    pub(super) async fn alter_account(&self, request: &ChangeAccount) -> Result<bool, Failure> {
        self.shard(request.account).run(request).await
    }

    pub(super) async fn cargo(&self, request: &LoadCargo) -> Result<Option<Cargo>, Failure> {
        self.shard(request.account).run(request).await
    }
}

/// The outcome, and whether it was done now and not before.
struct Insert<'a> {
    once: Once,
    account: &'a Account,
}

impl Step for Insert<'_> {
    type Outcome = (Registered, bool);
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        let claim = self.once.claim(&transaction, &Registered::Ok(()));
        if !enter(&transaction, &[bucket(self.account.id)], claim).await? {
            transaction.rollback().await?;
            return Ok((self.once.first_outcome(client).await?, false));
        }
        let sql = "INSERT INTO accounts (id, bucket, name, name_key, password_hash, pin_hash, blocked, created_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let statement = transaction.prepare_cached(sql).await?;
        let account = self.account;
        let values: [&(dyn ToSql + Sync); 8] = [
            &(account.id.0 as i64),
            &(placement::bucket_of(account.id) as i16),
            &account.name.as_str(),
            &account.name.key(),
            &account.password_hash,
            &account.pin_hash,
            &account.blocked,
            &account.created_ms,
        ];
        transaction.execute(&statement, &values).await?;
        transaction.commit().await?;
        Ok((Ok(()), true))
    }
}

struct Get(AccountId);

impl Step for Get {
    type Outcome = Option<Account>;

    async fn run(&self, client: &mut Client) -> Result<Option<Account>, Fault> {
        let sql = concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = $1");
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_opt(&statement, &[&(self.0.0 as i64)]).await?;
        Ok(row.map(|row| rows::account(&row)).transpose()?)
    }
}

impl Step for ChangeAccount {
    type Outcome = bool;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let password;
        let (sql, value) = match &self.change {
            AccountChange::Password(hash) => {
                password = Some(hash.clone());
                ("UPDATE accounts SET password_hash = $2 WHERE id = $1", &password)
            }
            AccountChange::Pin(hash) => ("UPDATE accounts SET pin_hash = $2 WHERE id = $1", hash),
            AccountChange::Blocked(reason) => ("UPDATE accounts SET blocked = $2 WHERE id = $1", reason),
            AccountChange::Frozen(reason) => ("UPDATE accounts SET frozen = $2 WHERE id = $1", reason),
        };
        let transaction = client.transaction().await?;
        let statement = transaction.prepare_cached(sql).await?;
        let account = self.account.0 as i64;
        let change = async { Ok(transaction.execute(&statement, &[&account, value]).await?) };
        let changed = enter(&transaction, &[bucket(self.account)], change).await?;
        transaction.commit().await?;
        Ok(changed > 0)
    }
}

impl Step for LoadCargo {
    type Outcome = Option<Cargo>;

    async fn run(&self, client: &mut Client) -> Result<Option<Cargo>, Fault> {
        let id = self.account.0 as i64;
        let statement = client.prepare_cached("SELECT cargo_gold FROM accounts WHERE id = $1").await?;
        let Some(row) = client.query_opt(&statement, &[&id]).await? else { return Ok(None) };
        let sql =
            concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = $1 AND place_kind = $2");
        let statement = client.prepare_cached(sql).await?;
        let items = client.query(&statement, &[&id, &(PlaceKind::Cargo as i16)]).await?;
        let items = items.iter().map(rows::placed_item).collect::<Result<_, _>>()?;
        Ok(Some(rows::cargo(row.int(0)?, items)?))
    }
}
