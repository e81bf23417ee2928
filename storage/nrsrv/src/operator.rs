//! Sign-up, and what operators do with accounts. Every change by an operator is a line of the audit log.

use crate::accounts::{self, AccountError};
use crate::guard::{Net, Rate};
use crate::hashing::Urgency;
use crate::registry::{Answer, Registry};
use crate::settings::SignUp;
use model::Secret;
use model::calls::registry::{KickReason, Reply, SignUpRefusal};
use model::membership::ProcessName;
use std::net::IpAddr;
use std::time::{Duration, Instant};

impl Registry {
    pub(crate) async fn create_account(
        &self,
        who: &ProcessName,
        name: &str,
        password: &Secret,
        address: Option<IpAddr>,
    ) -> Answer {
        let outcome = self.try_create(name, password, address).await;
        let label = match &outcome {
            Ok(_) => "ok",
            Err(AccountError::Refused(SignUpRefusal::BadName(_))) => "bad_name",
            Err(AccountError::Refused(SignUpRefusal::BadPassword { .. })) => "bad_password",
            Err(AccountError::Refused(SignUpRefusal::NameTaken)) => "taken",
            Err(AccountError::Refused(SignUpRefusal::SwitchedOff)) => "switched_off",
            Err(AccountError::Refused(SignUpRefusal::TooMany)) => "too_many",
            Err(_) => "unavailable",
        };
        self.metrics.signups.with_label_values(&[label]).inc();
        match outcome {
            Ok(id) => {
                if address.is_none() {
                    audit(who, "create account", name, "none", "created");
                }
                tracing::info!(account = %id, by_operator = address.is_none(), "account created");
                Ok(Reply::AccountCreated(Ok(id)))
            }
            Err(error) => Self::account_error(error),
        }
    }

    async fn try_create(
        &self,
        name: &str,
        password: &Secret,
        address: Option<IpAddr>,
    ) -> Result<model::AccountId, AccountError> {
        let settings = self.settings();
        let Some(address) = address else {
            return accounts::create(&*self.store, self.hasher(Urgency::Player), name, password).await;
        };
        if !settings.signup.enabled {
            return Err(SignUpRefusal::SwitchedOff.into());
        }
        accounts::check_new(name, password)?; // a typing error costs nobody a place
        if !(settings.lockout.trust_loopback && address.to_canonical().is_loopback()) {
            self.signups
                .try_take(Net::from(address), rate(&settings.signup), Instant::now())
                .map_err(|_| SignUpRefusal::TooMany)?;
        }
        accounts::create(&*self.store, self.hasher(Urgency::Newcomer), name, password).await
    }

    /// Blocks with a reason, unblocks without. A live session of a blocked account is ended.
    pub(crate) async fn block(&self, who: &ProcessName, name: &str, reason: Option<String>) -> Answer {
        let _locked = self.locks.lock(&name.to_ascii_lowercase()).await; // not in the middle of a login
        let outcome = match &reason {
            Some(reason) => accounts::block(&*self.store, name, reason).await,
            None => accounts::unblock(&*self.store, name).await,
        };
        let before = match outcome {
            Ok(before) => before,
            Err(error) => return Self::account_error(error),
        };
        let old = before.blocked.as_deref().unwrap_or("not blocked");
        audit(who, "block", before.name.as_str(), old, reason.as_deref().unwrap_or("not blocked"));
        let held = self.directory.lock().of_account(before.id).map(|entry| entry.record.clone());
        if let Some(held) = held.filter(|_| reason.is_some()) {
            self.kick(&held.edge, held.session, KickReason::Blocked);
        }
        Ok(Reply::Done)
    }

    /// Freezes with a reason, unfreezes without. Whoever plays goes on playing and is refused what moves items or gold.
    pub(crate) async fn freeze(&self, who: &ProcessName, name: &str, reason: Option<String>) -> Answer {
        match accounts::freeze(&*self.store, name, reason.as_deref()).await {
            Ok(before) => {
                let old = before.frozen.as_deref().unwrap_or("not frozen");
                audit(who, "freeze", before.name.as_str(), old, reason.as_deref().unwrap_or("not frozen"));
                Ok(Reply::Done)
            }
            Err(error) => Self::account_error(error),
        }
    }

    pub(crate) async fn set_password(&self, who: &ProcessName, name: &str, password: &Secret) -> Answer {
        let _locked = self.locks.lock(&name.to_ascii_lowercase()).await; // a login may hash the old one again
        let hasher = self.hasher(Urgency::Player);
        match accounts::set_password(&*self.store, hasher, name, password).await {
            Ok(before) => {
                audit(who, "set password", before.name.as_str(), "hidden", "hidden");
                Ok(Reply::Done)
            }
            Err(AccountError::Refused(SignUpRefusal::BadPassword { min, max })) => {
                Ok(Reply::BadPassword(min, max))
            }
            Err(error) => Self::account_error(error),
        }
    }

    pub(crate) async fn clear_pin(&self, who: &ProcessName, name: &str) -> Answer {
        let _locked = self.locks.lock(&name.to_ascii_lowercase()).await;
        match accounts::clear_pin(&*self.store, name).await {
            Ok(before) => {
                let old = if before.pin_hash.is_some() { "set" } else { "none" };
                audit(who, "clear PIN", before.name.as_str(), old, "none");
                Ok(Reply::Done)
            }
            Err(error) => Self::account_error(error),
        }
    }

    pub(crate) async fn show(&self, name: &str) -> Answer {
        match accounts::show(&*self.store, name).await {
            Ok(mut info) => {
                info.online = self.directory.lock().of_account(info.id).is_some();
                Ok(Reply::Account(Box::new(info)))
            }
            Err(error) => Self::account_error(error),
        }
    }
}

fn rate(signup: &SignUp) -> Rate {
    Rate { burst: signup.burst, refill: signup.per_hour, period: Duration::from_secs(3_600) }
}

fn audit(who: &ProcessName, what: &'static str, account: &str, old: &str, new: &str) {
    tracing::info!(target: "audit", %who, what, account, old, new, "an operator changed an account");
}
