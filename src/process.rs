//! One process of the cluster: settings, telemetry, the service, and an orderly end.

use crate::cli::{EXIT_CONFIGURATION, usage};
use crate::data_dir::DataDir;
use clap::{Args, Parser};
use model::membership::Role;
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::{Check, Common, Live, Loaded, Source};
use std::ffi::OsString;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use telemetry::Process;

/// Longest wait of a process without a supervisor for those that need it to save players.
const DEPENDENTS_DEADLINE: Duration = Duration::from_secs(30);
/// How often it looks whether they are still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Flags that every process has.
#[derive(Args, Debug)]
pub struct ProcessArgs {
    /// Configuration file (TOML). Without it, defaults, environment and flags count.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one key, as in `--set process.link=127.0.0.1:9001`; wins over file and environment.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_assignment)]
    set: Vec<(String, String)>,
    /// Check the configuration and stop: exit 0 when it is good, 64 when it is not.
    #[arg(long)]
    check: bool,
    /// Print a configuration file with every key and its default.
    #[arg(long)]
    print_defaults: bool,
    /// Stop when standard input is closed: how a supervisor stops its children, and how they notice its death.
    #[arg(long)]
    stop_with_parent: bool,
}

fn parse_assignment(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .ok_or_else(|| format!("found `{text}`, expected KEY=VALUE"))
}

/// The process that was called by its own name, like `bin/TMSrv --config config/TMSrv.conf`.
pub fn main_of(role: Role, arguments: Vec<OsString>) -> ExitCode {
    #[derive(Parser)]
    #[command(version, about = "One process of a wydbr cluster.")]
    struct Alone {
        #[command(flatten)]
        args: ProcessArgs,
    }
    match Alone::try_parse_from(arguments) {
        Ok(alone) => run(role, alone.args),
        Err(error) => usage(&error),
    }
}

/// Runs a process until it is told to stop.
pub fn run(role: Role, args: ProcessArgs) -> ExitCode {
    match role {
        Role::LogSrv => serve("WYDBR_LOGSRV", role, args, logsrv::run),
        Role::DbSrv => serve("WYDBR_DBSRV", role, args, dbsrv::run),
        Role::NrSrv => serve("WYDBR_NRSRV", role, args, nrsrv::run),
        Role::BiSrv => serve("WYDBR_BISRV", role, args, bisrv::run),
        Role::TssSrv => serve("WYDBR_TSSSRV", role, args, tsssrv::run),
        Role::TmSrv => serve("WYDBR_TMSRV", role, args, tmsrv::run),
        Role::Edge => serve("WYDBR_EDGE", role, args, edge::run),
    }
}

fn serve<S, E, F, R>(env_prefix: &'static str, role: Role, args: ProcessArgs, service: R) -> ExitCode
where
    S: Check + Serialize + DeserializeOwned + Default + Clone + Send + Sync + 'static,
    E: std::error::Error + Send + Sync + 'static,
    F: Future<Output = Result<(), E>>,
    R: FnOnce(Process, Common, Live<S>) -> F,
{
    if args.print_defaults {
        print!("{}", settings::describe::<S>(role.program()));
        return ExitCode::SUCCESS;
    }
    let source = Source { file: args.config, env_prefix, flags: args.set };
    let Loaded { mut common, own } = match settings::load::<S>(&source) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{}: {error}", role.program());
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if let Err(error) = telemetry::check_links(&common) {
        eprintln!("{}: {error}", role.program());
        return ExitCode::from(EXIT_CONFIGURATION);
    }
    // `wydbr up` says where DBSrv is, the files that it starts processes with do not
    let alone = common.dbsrv.is_empty() && !matches!(role, Role::LogSrv | Role::DbSrv);
    if args.check {
        let but = if alone { "; process.dbsrv is left to `wydbr up`" } else { "" };
        println!("{}: configuration is good{but}", role.program());
        return ExitCode::SUCCESS;
    }
    if alone {
        eprintln!(
            "{}: `process.dbsrv`: found none, expected addresses of the DBSrv processes",
            role.program()
        );
        return ExitCode::from(EXIT_CONFIGURATION);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(format!("{}-net", role.label()))
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(role, &error),
    };
    let stop_with_parent = args.stop_with_parent;
    let code = runtime.block_on(async {
        let started = match telemetry::start(role, &common).await {
            Ok(started) => started,
            Err(error) => return fail(role, &error),
        };
        common.http = started.http; // what port 0 became, for the row of this member
        let process = started.process;
        if stop_with_parent {
            watch_parent(process.clone(), DataDir::new(&common.data));
        }
        let live = Live::new(own);
        process.tasks.spawn("settings", follow(source, live.clone(), process.clone()));
        let result = service(process.clone(), common, live).await;
        process.stop.cancel();
        if let Err(error) = &result {
            tracing::error!(error = %one_line(error), "the process ends with an error");
        }
        let tasks = process.tasks.clone();
        telemetry::stop(process).await;
        match result {
            Err(error) => fail(role, &error),
            Ok(()) if tasks.failed() => ExitCode::FAILURE, // a task panicked: the supervisor starts it again
            Ok(()) => ExitCode::SUCCESS,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

/// Follows the configuration file: limits, the log level and certificates change without a restart. Certificates are
/// read at SIGHUP, too, since their files may be new under old names.
async fn follow<S>(source: Source, live: Live<S>, process: Process)
where
    S: Check + Serialize + DeserializeOwned + Default + Send + Sync + 'static,
{
    let stop = process.stop.clone();
    let on_common = move |common: &Common| {
        if let Err(error) = process.set_log_level(&common.log_level) {
            tracing::warn!(%error, "the log level stays as it was");
        }
        if let Err(error) = process.set_links(common) {
            tracing::error!(%error, "the certificates stay as they were");
        }
    };
    settings::follow_with(source, live, on_common, stop).await;
}

/// A thread that waits for the end of standard input.
fn watch_parent(process: Process, data: DataDir) {
    std::thread::spawn(move || {
        let mut sink = [0_u8; 64];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut sink), Ok(count) if count > 0) {}
        outlive_dependents(process.role, &data);
        process.stop.cancel();
    });
}

/// When the supervisor dies, all its children hear it at once, and those who save players need the others for
/// it: everybody waits for those who start later, as the supervisor would have done. After an orderly stop of
/// those this finds nobody.
fn outlive_dependents(role: Role, data: &DataDir) {
    let position = |wanted: Role| Role::START_ORDER.iter().position(|role| *role == wanted);
    let Ok(Some(cluster)) = data.read_cluster() else { return };
    let mut later: Vec<SocketAddr> = cluster
        .processes
        .iter()
        .filter(|other| position(other.role) > position(role))
        .map(|other| other.http)
        .collect();
    let deadline = Instant::now() + DEPENDENTS_DEADLINE;
    loop {
        later.retain(|http| TcpStream::connect_timeout(http, LOOK_EVERY).is_ok());
        if later.is_empty() || Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn fail(role: Role, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{}: {}", role.program(), one_line(error));
    ExitCode::FAILURE
}

fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.replace('\n', " ")
}
