//! Sessions in the process itself: the default.

use super::{Claim, Hold, Record, SessionStore, Unanswered, settle};
use async_trait::async_trait;
use model::{AccountId, SessionId};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Forgets everything when the process ends. Bounded by what the edges hold: every row is removed when its
/// session ends or its edge is gone.
#[derive(Default)]
pub struct MemorySessions {
    rows: Mutex<HashMap<AccountId, Record>>,
}

#[async_trait]
impl SessionStore for MemorySessions {
    async fn claim(&self, record: &Record) -> Result<Claim, Unanswered> {
        let mut rows = self.rows.lock();
        if let Some(held) = rows.get(&record.account)
            && held.session != record.session
        {
            return Ok(Claim::Held(Box::new(held.clone())));
        }
        rows.insert(record.account, record.clone());
        Ok(Claim::Given)
    }

    async fn hold(&self, records: &[Record]) -> Result<Vec<Hold>, Unanswered> {
        let mut rows = self.rows.lock();
        let mut outcomes = Vec::with_capacity(records.len());
        for record in records {
            let outcome = settle(rows.get(&record.account).cloned(), record);
            match &outcome {
                Hold::Kept(kept) => {
                    rows.insert(record.account, (**kept).clone());
                }
                Hold::Replaced(_) => {
                    rows.insert(record.account, record.clone());
                }
                Hold::Lost(_) => {}
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    async fn update(&self, record: &Record) -> Result<(), Unanswered> {
        if let Some(row) = self.rows.lock().get_mut(&record.account)
            && row.session == record.session
        {
            row.clone_from(record);
        }
        Ok(())
    }

    async fn release(&self, account: AccountId, session: SessionId) -> Result<bool, Unanswered> {
        let mut rows = self.rows.lock();
        let had = rows.get(&account).is_some_and(|row| row.session == session);
        if had {
            rows.remove(&account);
        }
        Ok(had)
    }

    async fn find(&self, account: AccountId) -> Result<Option<Record>, Unanswered> {
        Ok(self.rows.lock().get(&account).cloned())
    }

    fn forgets(&self) -> bool {
        true
    }
}
