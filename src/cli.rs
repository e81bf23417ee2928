//! The command line: what can be asked, and which file does it.

use crate::data_dir::keep_to_owner;
use clap::{Args, Parser, Subcommand};
use model::membership::Role;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code for a configuration that cannot be used (`EX_USAGE` of sysexits).
pub const EXIT_CONFIGURATION: u8 = 64;

/// The server cluster for the MMORPG With Your Destiny.
#[derive(Parser)]
#[command(name = "wydbr", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the whole cluster on this machine and keep it running; Ctrl-C stops it cleanly.
    Up(crate::up::UpArgs),
    /// Put another program under a running cluster, process by process, while everybody plays.
    Upgrade(crate::upgrade::UpgradeArgs),
    /// Reach a cluster that was not started by `up` on this folder: one on other hosts, or under systemd.
    Connect(crate::connect::ConnectArgs),
    /// List the processes of a running cluster.
    Ps(crate::ps::PsArgs),
    /// Create, show, block and freeze accounts; set passwords.
    Account(crate::account::AccountArgs),
    /// Print the whole life of an item, from the ledger.
    Item(crate::ledger::ItemArgs),
    /// Print what a player, or the bank of a guild, got and gave, from the ledger.
    Ledger(crate::ledger::LedgerArgs),
    /// Show a guild and its members; give one a new leader.
    Guild(crate::guild::GuildArgs),
    /// Show the friends of a character and its open requests.
    Friends(crate::friends::FriendsArgs),
    /// Examine everything that is stored; exit 0 only when nothing is wrong.
    Fsck(crate::fsck::FsckArgs),
    /// Take back an operation, what became of an item, or what a player did, while everybody plays.
    Undo(crate::undo::UndoArgs),
    /// Put one character back to what it was at a time, without taking anything from anybody else.
    RestoreCharacter(crate::restore::RestoreArgs),
    /// Show members and the map of zones; drain nodes, move and pin zones while everybody plays.
    Cluster(crate::cluster::ClusterArgs),
    /// Show shards, and move buckets between them while the cluster runs.
    Shards(crate::shards::ShardsArgs),
    /// List and show the lots of the auction house; take one off.
    Auctions(crate::auctions::AuctionsArgs),
    /// Make the CA of a cluster, and a certificate for each of its hosts.
    Certs(crate::certs::CertsArgs),
    /// Show the logs of all processes, live with --follow.
    Logs(crate::logs::LogsArgs),
    /// Send a line to every player.
    Notice(crate::notice::NoticeArgs),
    /// Look at content files.
    Content(crate::content_check::ContentArgs),
    /// Write serverlist.bin and serverlist.txt for the clients.
    Serverlist(crate::serverlist::ServerlistArgs),
    /// Carry the game of this machine to an edge, encrypted, over QUIC.
    Relay(crate::relay::RelayArgs),
    /// Play with many headless clients and check what they see.
    Bots(bot::cli::BotsArgs),
    /// Throw hostile input at an edge of your own (loopback only).
    Hostile(bot::cli::HostileArgs),
    /// Run one process: Edge, TMSrv, DBSrv, NRSrv, BISrv, TSSSrv or LogSrv.
    Run {
        /// Which.
        #[arg(value_parser = parse_role)]
        process: Role,
        #[command(flatten)]
        args: crate::process::ProcessArgs,
    },
}

impl Command {
    /// True when it may make files of the cluster, which are only for their owner.
    fn may_write_files(&self) -> bool {
        matches!(
            self,
            Self::Up(_)
                | Self::Connect(_)
                | Self::Account(_)
                | Self::Run { .. }
                | Self::Item(_)
                | Self::Ledger(_)
                | Self::Guild(_)
                | Self::Friends(_)
                | Self::Fsck(_)
                | Self::Undo(_)
                | Self::RestoreCharacter(_)
                | Self::Shards(_)
                | Self::Cluster(_)
                | Self::Certs(_)
        )
    }
}

/// Where the data of a cluster lies.
#[derive(Args, Clone, Debug)]
pub struct DataArg {
    /// Folder with everything that the cluster keeps.
    #[arg(long, default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Role::START_ORDER.iter().map(|role| role.program()).collect();
        format!("found `{text}`, expected one of {}", names.join(", "))
    })
}

/// Does what the command line asks.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let called_as = arguments.first().map(PathBuf::from).unwrap_or_default();
    if let Some(role) = role_of_program(&called_as) {
        keep_to_owner();
        return crate::process::main_of(role, arguments);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if cli.command.may_write_files() {
        keep_to_owner();
    }
    match cli.command {
        Command::Up(args) => crate::up::main(args),
        Command::Upgrade(args) => finish(crate::upgrade::main(args)),
        Command::Connect(args) => finish(crate::connect::main(args)),
        Command::Ps(args) => finish(crate::ps::main(&args)),
        Command::Account(args) => crate::account::main(args),
        Command::Item(args) => finish(crate::ledger::item(&args)),
        Command::Ledger(args) => finish(crate::ledger::owner(&args)),
        Command::Guild(args) => finish(crate::guild::main(&args)),
        Command::Friends(args) => finish(crate::friends::main(&args)),
        Command::Fsck(args) => finish(crate::fsck::main(&args)),
        Command::Undo(args) => finish(crate::undo::main(&args)),
        Command::RestoreCharacter(args) => finish(crate::restore::main(&args)),
        Command::Cluster(args) => finish(crate::cluster::main(&args)),
        Command::Shards(args) => finish(crate::shards::main(&args)),
        Command::Auctions(args) => finish(crate::auctions::main(&args)),
        Command::Certs(args) => finish(crate::certs::main(&args)),
        Command::Logs(args) => finish(crate::logs::main(args)),
        Command::Notice(args) => finish(crate::notice::main(args)),
        Command::Content(args) => crate::content_check::main(&args),
        Command::Serverlist(args) => finish(crate::serverlist::main(&args)),
        Command::Relay(args) => finish(crate::relay::main(args)),
        Command::Bots(args) => finish(in_runtime(bot::cli::bots(args)).and_then(|done| done)),
        Command::Hostile(args) => finish(in_runtime(bot::cli::hostile(args)).and_then(|done| done)),
        Command::Run { process, args } => crate::process::run(process, args),
    }
}

/// Prints clap's own message: help and version go well, anything else is a bad configuration.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(EXIT_CONFIGURATION) } else { ExitCode::SUCCESS }
}

/// Turns the result of a tool into an exit code; an error is one line, never a backtrace.
pub fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("wydbr: {}", one_line(&error));
        ExitCode::FAILURE
    })
}

/// An error with its causes in one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.join(": ").replace('\n', " ")
}

/// Runs a future to its end on a small runtime.
pub fn in_runtime<F: Future>(future: F) -> anyhow::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(runtime.block_on(future))
}

fn role_of_program(path: &Path) -> Option<Role> {
    path.file_stem().and_then(|name| name.to_str()).and_then(Role::from_name)
}
