//! Transfers and records.

use super::Postgres;
use model::calls::database::{
    Cargo, Failure, GetRecord, HeldRecord, ListRecords, LoadGuildBank, ReadCash, Transfer, TransferRefusal,
    Transferred,
};

macro_rules! missing {
    ($($name:ident($request:ty) -> $outcome:ty;)*) => {
        impl Postgres {$(
            pub(super) async fn $name(&self, _: &$request) -> Result<$outcome, Failure> {
                Err(Failure::Unavailable("being built".into()))
            }
        )*}
    };
}
missing! {
    do_transfer(Transfer) -> Result<Transferred, TransferRefusal>;
    do_list_records(ListRecords) -> Vec<HeldRecord>;
    do_get_record(GetRecord) -> Option<HeldRecord>;
    do_load_guild_bank(LoadGuildBank) -> Cargo;
    do_read_cash(ReadCash) -> i64;
}
