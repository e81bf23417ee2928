//! The embedded store in memory, without threads and on a clock of the caller's: the same SQL as ever, for simulations.

use super::{Fault, accounts, characters, conservation, embedded, membership, transfers, weights, wishes};
use model::calls::database::{Failure, Reply, Request};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// One store, which is the arbiter of its cluster as well; see the module.
pub struct InMemory(Connection);

impl InMemory {
    /// An empty one. `clock` says the milliseconds since 1970.
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Result<Self, Failure> {
        let mut connection = Connection::open_in_memory().map_err(|error| Fault::from(error).0)?;
        let prepare = |connection: &Connection| {
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.set_prepared_statement_cache_capacity(128);
            conservation::add_hash(connection)?;
            // in the place of SQLite's own: all of the store's SQL asks it what time it is
            let flags = FunctionFlags::SQLITE_UTF8;
            connection.create_scalar_function("unixepoch", 1, flags, move |_| Ok(clock() as f64 / 1_000.0))
        };
        prepare(&connection).map_err(|error| Fault::from(error).0)?;
        let migrated = embedded::migrations::runner().run(&mut connection);
        migrated.map_err(|error| Failure::Corrupt(error.to_string()))?;
        Ok(Self(connection))
    }

    /// Answers what is asked about members, slots, wishes, accounts, characters and transfers; `None` to all else.
    pub fn answer(&self, request: &Request) -> Option<Reply> {
        macro_rules! table {
            ($($request:ident = $function:path;)*) => {
                match request {
                    $(Request::$request(asked) => Some(Reply::$request(self.whole(|all| $function(all, asked)))),)*
                    _ => None,
                }
            };
        }
        table! {
            JoinMember = membership::join;
            RenewMember = membership::renew;
            LeaveMember = membership::leave;
            ReadClusterView = membership::view;
            HoldController = membership::hold_controller;
            WriteSlots = membership::write_slots;
            ReadCluster = wishes::report;
            MakeWish = wishes::make;
            KeepCosts = weights::keep;
            CreateAccount = accounts::create;
            CreateCharacter = characters::create;
            ListCharacters = characters::list;
            LoadCharacter = characters::load;
            SaveCharacters = characters::save;
            Transfer = transfers::transfer;
        }
    }

    /// The epoch of a character, and who owns it.
    pub fn owner_of(&self, character: model::CharacterId) -> Option<(model::Epoch, Option<String>)> {
        let sql = "SELECT epoch, owner FROM characters WHERE id = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((model::Epoch(row.get::<_, i64>(0)? as u64), row.get(1)?));
        self.0.query_row(sql, [character.0 as i64], row).ok()
    }

    /// Does all of it or nothing.
    fn whole<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Failure> {
        let begun = self.0.unchecked_transaction().map_err(|error| Fault::from(error).0)?;
        let done = work(&self.0).map_err(|fault| fault.0)?;
        begun.commit().map_err(|error| Fault::from(error).0)?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::database::{HoldController, ReadClusterView};
    use model::id::Incarnation;
    use model::membership::ProcessName;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[test]
    fn its_leases_end_by_the_clock_that_it_is_given() {
        let now = Arc::new(AtomicI64::new(1_700_000_000_000));
        let clock = Arc::clone(&now);
        let memory = InMemory::new(move || clock.load(Ordering::SeqCst)).unwrap();
        let holds = |name: &str| {
            let name = ProcessName(name.to_owned());
            let hold = HoldController { name, incarnation: Incarnation(1), lease_ms: 3_000 };
            memory.answer(&Request::HoldController(hold))
        };
        assert_eq!(holds("tmsrv-1"), Some(Reply::HoldController(Ok(true))));
        now.fetch_add(2_900, Ordering::SeqCst);
        assert_eq!(holds("tmsrv-2"), Some(Reply::HoldController(Ok(false))));
        now.fetch_add(200, Ordering::SeqCst);
        assert_eq!(holds("tmsrv-2"), Some(Reply::HoldController(Ok(true))));
        let view = memory.answer(&Request::ReadClusterView(ReadClusterView));
        assert!(matches!(view, Some(Reply::ReadClusterView(Ok(view))) if view.members.is_empty()));
    }
}
