//! `wydbr`: every process of the cluster and every tool of its operator, in one program.
//!
//! Called by the name of a process (a link in `bin/`: `TMSrv`, `DBSrv`, ...) it runs that process.

mod account;
mod auctions;
mod certs;
mod cli;
mod cluster;
mod connect;
mod content_check;
mod data_dir;
mod friends;
mod fsck;
mod guild;
mod ledger;
mod logs;
mod moment;
mod notice;
mod operator;
mod probe;
mod process;
mod ps;
mod relay;
mod restore;
mod serverlist;
mod shards;
mod stored;
mod undo;
mod up;
mod upgrade;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
