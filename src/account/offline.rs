//! Account commands while no cluster runs: the same rules as NRSrv's, on the store itself.

use crate::data_dir::DataDir;
use crate::stored;
use anyhow::{Context, bail};
use model::calls::registry::{Reply, Request};
use model::membership::Role;
use nrsrv::HashPool;
use nrsrv::accounts::{self, AccountError, Hasher};
use nrsrv::hashing::{Cost, Urgency};
use store::Store;

/// Does a request on the store of a cluster that does not run.
pub async fn ask(data: &DataDir, request: Request) -> anyhow::Result<Reply> {
    let opened = stored::open(data).await?;
    let registry: nrsrv::Settings = stored::settings_of(data, Role::NrSrv, "WYDBR_NRSRV", Vec::new())?;
    let pool = HashPool::unmetered(&registry.hashing).context("cannot start hashing")?;
    let cost = Cost::from(&registry.hashing);
    let hasher = Hasher { pool: &pool, cost, urgency: Urgency::Player };
    match perform(opened.store.as_ref(), hasher, request).await {
        Ok(reply) => Ok(reply),
        Err(AccountError::Refused(refusal)) => bail!("{refusal}"),
        Err(error) => Err(error.into()),
    }
}

async fn perform(store: &dyn Store, hasher: Hasher<'_>, request: Request) -> Result<Reply, AccountError> {
    match request {
        Request::CreateAccount { name, password, .. } => {
            let id = accounts::create(store, hasher, &name, &password).await?;
            return Ok(Reply::AccountCreated(Ok(id)));
        }
        Request::Block { name, reason: Some(reason) } => accounts::block(store, &name, &reason).await?,
        Request::Block { name, reason: None } => accounts::unblock(store, &name).await?,
        Request::Freeze { name, reason } => accounts::freeze(store, &name, reason.as_deref()).await?,
        Request::SetPassword { name, password } => {
            accounts::set_password(store, hasher, &name, &password).await?
        }
        Request::ClearPin { name } => accounts::clear_pin(store, &name).await?,
        Request::Show { name } => {
            return accounts::show(store, &name).await.map(|info| Reply::Account(Box::new(info)));
        }
        // the command line makes no other requests of accounts
        _ => return Ok(Reply::Unavailable),
    };
    Ok(Reply::Done)
}
