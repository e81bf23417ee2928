//! Transfers and records.

use super::Fault;
use model::calls::database::{
    Cargo, Failure, GetRecord, HeldRecord, ListRecords, LoadGuildBank, ReadCash, Transfer, TransferRefusal,
    Transferred,
};
use rusqlite::Connection;

macro_rules! missing {
    ($($name:ident($request:ty) -> $outcome:ty;)*) => {$(
        pub(super) fn $name(_: &Connection, _: &$request) -> Result<$outcome, Fault> {
            Err(Failure::Unavailable("being built".into()).into())
        }
    )*};
}
missing! {
    transfer(Transfer) -> Result<Transferred, TransferRefusal>;
    list_records(ListRecords) -> Vec<HeldRecord>;
    get_record(GetRecord) -> Option<HeldRecord>;
    load_guild_bank(LoadGuildBank) -> Cargo;
    read_cash(ReadCash) -> i64;
}
