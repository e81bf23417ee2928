//! Starts everything in order, keeps the state file true, stops everything in reverse order.

use super::child::{Handle, Status, last_words};
use super::layout::Planned;
use super::upgrade::Upgrades;
use super::{BadConfiguration, Layout, UpArgs, first_account};
use crate::cli::EXIT_CONFIGURATION;
use crate::data_dir::{ClusterFile, DataDir, ProcessState};
use crate::probe;
use anyhow::bail;
use model::membership::Role;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// A group of processes that is not ready after this is a failed start.
const START_DEADLINE: Duration = Duration::from_secs(90);
/// How often readiness is asked for while starting.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How often the state file is brought up to date.
const STATE_EVERY: Duration = Duration::from_millis(200);
/// Processes that need nothing of each other start together.
const GROUPS: [&[Role]; 5] = [
    &[Role::LogSrv],
    &[Role::DbSrv],
    &[Role::NrSrv, Role::BiSrv, Role::TssSrv],
    &[Role::TmSrv],
    &[Role::Edge],
];

struct Supervisor {
    data: DataDir,
    args: UpArgs,
    children: Vec<Handle>,
    written: Vec<Status>,
    interrupt: Signal,
    terminate: Signal,
}

/// Runs the cluster until it is told to stop.
pub async fn run(data: DataDir, args: UpArgs, layout: Layout) -> anyhow::Result<ExitCode> {
    let mut supervisor = Supervisor {
        data,
        args,
        children: Vec::new(),
        written: Vec::new(),
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    let started = supervisor.start_all(&layout).await;
    let result = match started {
        Ok(true) => supervisor.keep(&layout).await,
        Ok(false) => Ok(()), // stopped while starting
        Err(error) => Err(error),
    };
    supervisor.stop_all().await;
    result.map(|()| {
        println!("stopped");
        ExitCode::SUCCESS
    })
}

/// A task that ends with who holds this.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Supervisor {
    /// False when a signal came first.
    async fn start_all(&mut self, layout: &Layout) -> anyhow::Result<bool> {
        let run_dir = self.data.path("run");
        for group in GROUPS {
            for planned in layout.processes.iter().filter(|planned| group.contains(&planned.role)) {
                let _ = std::fs::remove_file(run_dir.join(format!("{}.out", planned.name)));
                self.children.push(Handle::start(planned.clone(), &run_dir));
            }
            tokio::select! {
                ready = wait_ready(&self.children, group, &self.data) => ready?,
                _ = self.interrupt.recv() => return Ok(false),
                _ = self.terminate.recv() => return Ok(false),
            }
            self.write_state()?;
        }
        Ok(true)
    }

    async fn keep(&mut self, layout: &Layout) -> anyhow::Result<()> {
        let created = first_account::ensure(&self.data, layout).await?;
        self.greet(layout, created);
        let children = self.children.iter().map(super::child::Handle::remote).collect();
        let upgrades = Upgrades::listen(self.data.clone(), children)?;
        let _upgrades = AbortOnDrop(tokio::spawn(upgrades.serve()));
        let mut every = interval(STATE_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => break,
                _ = self.terminate.recv() => break,
                _ = every.tick() => self.write_state()?,
            }
        }
        println!("stopping");
        Ok(())
    }

    async fn stop_all(&mut self) {
        for group in GROUPS.iter().rev() {
            let (ending, staying): (Vec<Handle>, Vec<Handle>) =
                self.children.drain(..).partition(|child| group.contains(&child.planned().role));
            self.children = staying;
            futures::future::join_all(ending.into_iter().map(Handle::stop)).await;
        }
        if let Ok(Some(mut cluster)) = self.data.read_cluster() {
            cluster.supervisor = 0;
            for process in &mut cluster.processes {
                process.pid = 0;
                process.state = "stopped".to_owned();
            }
            if let Err(error) = self.data.write_cluster(&cluster) {
                eprintln!("wydbr: {error:#}");
            }
        }
    }

    fn write_state(&mut self) -> anyhow::Result<()> {
        let now: Vec<Status> = self.children.iter().map(|child| child.status.borrow().clone()).collect();
        if now == self.written {
            return Ok(());
        }
        self.report_changes(&now);
        let processes = self.children.iter().zip(&now).map(|(child, status)| {
            let planned = child.planned();
            ProcessState {
                name: planned.name.to_string(),
                role: planned.role,
                pid: status.pid,
                state: status.state.to_owned(),
                restarts: status.restarts,
                link: planned.link,
                http: planned.http,
            }
        });
        let cluster = ClusterFile {
            supervisor: std::process::id(),
            postgres: self.args.postgres.clone(),
            tls: self.args.tls,
            processes: processes.collect(),
        };
        self.data.write_cluster(&cluster)?;
        self.written = now;
        Ok(())
    }

    fn report_changes(&self, now: &[Status]) {
        for (index, (child, status)) in self.children.iter().zip(now).enumerate() {
            let before = self.written.get(index);
            let name = child.planned().name;
            if before.is_some_and(|before| before.restarts != status.restarts) {
                let why =
                    status.last_exit.map_or("killed by a signal".to_owned(), |code| format!("exit {code}"));
                println!("{name} died ({why}); restart {}", status.restarts);
            }
            if status.state == "failing" && before.is_none_or(|before| before.state != "failing") {
                let words = last_words(&self.data.path("run"), name.as_str());
                println!("ALERT {name} keeps dying: {words}");
            }
            if self.args.verbose && before.is_none_or(|before| before.state != status.state) {
                println!("{name} is {} (pid {})", status.state, status.pid);
            }
        }
    }

    fn greet(&self, layout: &Layout, created: Option<first_account::Created>) {
        let (args, data) = (&self.args, self.data.root().display());
        println!("wydbr {} with {} node(s)", env!("CARGO_PKG_VERSION"), args.nodes);
        println!("  clients connect to   {}:{}", args.listen, args.edge_port);
        if args.listen.is_loopback() {
            println!("                       (this machine only; --listen 0.0.0.0 lets others in)");
        }
        println!("  counts page          http://{}:{}/SrvCont.htm", args.listen, args.http_port);
        println!("  sign-up              POST http://{}:{}/signup", args.listen, args.http_port);
        for planned in &layout.processes {
            println!("  metrics of {:<10} http://{}/metrics", planned.name.as_str(), planned.http);
        }
        if args.tls {
            println!("  internal links       TLS 1.3, certificates in {data}/certs");
        }
        println!("  data                 {data}");
        println!("  settings             {data}/config");
        println!("  logs                 wydbr logs --follow --data {data}");
        if let Some(created) = created {
            println!("  first account        {}", created.name);
            println!("  its password         {}   (shown only now)", created.password.expose());
        }
        println!("ready: clients can log in at {}:{}; Ctrl-C stops the cluster", args.listen, args.edge_port);
    }
}

async fn wait_ready(children: &[Handle], group: &[Role], data: &DataDir) -> anyhow::Result<()> {
    let began = Instant::now();
    for child in children.iter().filter(|child| group.contains(&child.planned().role)) {
        let Planned { name, http, .. } = child.planned();
        loop {
            let why = match probe::ready(http).await {
                Ok(()) => break,
                Err(why) => why,
            };
            let status = child.status.borrow().clone();
            if status.last_exit == Some(i32::from(EXIT_CONFIGURATION)) {
                let words = last_words(&data.path("run"), name.as_str());
                return Err(BadConfiguration(words).into());
            }
            if status.state == "failing" {
                bail!("{name} cannot start: {}", last_words(&data.path("run"), name.as_str()));
            }
            if began.elapsed() > START_DEADLINE {
                bail!("{name} is not ready after {} s: {why}", START_DEADLINE.as_secs());
            }
            sleep(ASK_EVERY).await;
        }
    }
    Ok(())
}
