//! The first account of a new cluster: made once, its password shown once.

use super::Layout;
use crate::data_dir::DataDir;
use anyhow::{Context, bail};
use link::{Client, Target};
use model::Secret;
use model::calls::registry::{Reply, Request, SignUpRefusal};
use model::membership::Role;
use rand::Rng;
use std::fs;
use std::time::Duration;

/// Name of the first account.
const NAME: &str = "admin";
/// Letters and digits that nobody mistakes for each other.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// The account that was just made.
pub struct Created {
    /// Its name.
    pub name: &'static str,
    /// Its password.
    pub password: Secret,
}

/// Makes the account when this folder has never had one; `None` when it has.
pub async fn ensure(data: &DataDir, layout: &Layout) -> anyhow::Result<Option<Created>> {
    let marker = data.path("run/first-account");
    if marker.exists() {
        return Ok(None);
    }
    let nrsrv = layout.first(Role::NrSrv).context("the cluster has no NRSrv")?;
    let target = Target { name: nrsrv.name.clone(), address: nrsrv.link };
    let client: Client<Request, Reply> = Client::fixed(data.credentials("operator")?, target);
    let mut random = rand::rng();
    let password: String =
        (0..10).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect();
    let password = Secret::new(password);
    let request = Request::CreateAccount { name: NAME.to_owned(), password: password.clone(), address: None };
    let created = match client.call(&request, Duration::from_secs(10)).await? {
        Reply::AccountCreated(Ok(_)) => Some(Created { name: NAME, password }),
        Reply::AccountCreated(Err(SignUpRefusal::NameTaken)) => None, // another folder's cluster on this database
        other => bail!("cannot create the first account: {other:?}"),
    };
    fs::write(&marker, NAME).with_context(|| format!("cannot write {}", marker.display()))?;
    Ok(created)
}
