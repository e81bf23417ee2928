//! The processes of a cluster on hosts of their own, started one by one as operators with many machines do.

use crate::cluster::ProcessRow;
use crate::hosts::Hosts;
use crate::{get, wait_for};
use anyhow::ensure;
use model::membership::{ProcessName, Role};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where each process listens for its siblings and for who asks about it: two ports a number.
const FIRST_PORT: u16 = 9_100;
/// How long a process may take until it is ready, and until it has stopped.
const READY: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(25);

/// The host of DBSrv.
pub const DATABASE: &str = "database";
/// The host of the edge.
pub const EDGE: &str = "edge";
/// The host of everybody else who is no node.
const SERVICES: &str = "services";

/// Its processes; ended in reverse order when dropped.
pub struct Apart {
    /// Where they run.
    pub hosts: Hosts,
    running: Vec<Running>,
}

struct Running {
    planned: Planned,
    child: Child,
}

#[derive(Clone)]
struct Planned {
    name: String,
    role: Role,
    host: String,
    link: SocketAddr,
    http: SocketAddr,
}

impl Apart {
    /// Starts all on a folder that is not there yet, with so many nodes; returns when all are ready.
    pub fn start(data: &Path, program: &Path, nodes: u16, ports: [u16; 2]) -> anyhow::Result<Apart> {
        for folder in ["", "config", "logs", "bin", "run", "spool", "map"] {
            DirBuilder::new().recursive(true).mode(0o700).create(data.join(folder))?;
        }
        private(&data.join("cluster.key"), format!("{:064x}", rand::random::<u128>()).as_bytes())?;
        let names = [DATABASE, SERVICES, EDGE].map(str::to_owned).into_iter();
        let hosts = Hosts::new(names.chain((1..=nodes).map(node)).collect())?;
        let planned = plan(&hosts, nodes);
        let mut apart = Apart { hosts, running: Vec::new() };
        for role in Role::START_ORDER {
            let before = apart.running.len();
            for process in planned.iter().filter(|process| process.role == role) {
                apart.spawn(data, program, process, &planned, ports)?;
            }
            for process in &mut apart.running[before..] {
                process.until_ready(data);
            }
        }
        apart.connect(data, program)?;
        Ok(apart)
    }

    fn spawn(
        &mut self,
        data: &Path,
        program: &Path,
        process: &Planned,
        all: &[Planned],
        [edge_port, http_port]: [u16; 2],
    ) -> anyhow::Result<()> {
        let Planned { name, role, host, link, http } = process;
        let of = |wanted: Role| all.iter().find(|process| process.role == wanted).map(|process| process.link);
        let mut set = vec![
            format!("process.name={name}"),
            format!("process.data={}", data.display()),
            format!("process.key_file={}", data.join("cluster.key").display()),
            format!("process.link={link}"),
            format!("process.http={http}"),
        ];
        set.extend(of(Role::DbSrv).map(|dbsrv| format!("process.dbsrv=[\"{dbsrv}\"]")));
        set.extend(of(Role::LogSrv).map(|logsrv| format!("process.logsrv=[\"{logsrv}\"]")));
        if *role == Role::Edge {
            set.push(format!("listen={}:{edge_port}", link.ip()));
            set.push(format!("http_public={}:{http_port}", link.ip()));
            // all players come from one address, as they do on the loopback
            set.push(format!("addresses.exempt=[\"{}\"]", self.hosts.router(host)));
        }
        if *role == Role::DbSrv {
            // the hosts are namespaces of this machine
            set.push("sqlite_elsewhere=true".to_owned());
        }
        if *role == Role::NrSrv {
            // on the loopback they sign up without a limit
            set.push("signup.burst=1000000".to_owned());
        }
        let output = OpenOptions::new().create(true).append(true).open(out(data, name))?;
        let child = self
            .hosts
            .command(host, program)
            .args(["run", role.program(), "--stop-with-parent"])
            .args(set.into_iter().flat_map(|pair| ["--set".to_owned(), pair]))
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        self.running.push(Running { planned: process.clone(), child });
        Ok(())
    }

    /// Makes the folder one from which operators reach the cluster.
    fn connect(&self, data: &Path, program: &Path) -> anyhow::Result<()> {
        let address = |wanted: Role| {
            let of = self.running.iter().find(|process| process.planned.role == wanted);
            of.map(|process| process.planned.link.to_string()).expect("all roles run")
        };
        let output = Command::new(program)
            .args(["connect", "--dbsrv", &address(Role::DbSrv), "--logsrv", &address(Role::LogSrv)])
            .args(["--key-file".as_ref(), data.join("cluster.key").as_os_str()])
            .args(["--data".as_ref(), data.as_os_str()])
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "connect: {said}{}", String::from_utf8_lossy(&output.stderr));
        println!("{said}");
        Ok(())
    }

    /// As `wydbr ps` would list them.
    pub fn rows(&self) -> Vec<ProcessRow> {
        let row = |Running { planned, child }: &Running| ProcessRow {
            name: planned.name.clone(),
            pid: child.id(),
            state: "running".to_owned(),
            restarts: 0,
            link: planned.link.to_string(),
            http: planned.http.to_string(),
        };
        self.running.iter().map(row).collect()
    }

    /// Where everybody reaches a process: for its metrics. Edges listen for no siblings.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn http(&self, name: &str) -> SocketAddr {
        let found = self.running.iter().find(|process| process.planned.name == name);
        found.unwrap_or_else(|| panic!("no process {name}")).planned.http
    }
}

impl Running {
    fn until_ready(&mut self, data: &Path) {
        let url = format!("http://{}/readyz", self.planned.http);
        let name = self.planned.name.clone();
        wait_for(&format!("{name} is ready"), READY, || {
            let words = || std::fs::read_to_string(out(data, &name)).unwrap_or_default();
            assert!(matches!(self.child.try_wait(), Ok(None)), "{name} ended: {}", words());
            get(&url).is_ok_and(|answer| answer.status == 200).then_some(())
        });
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        while let Some(mut last) = self.running.pop() {
            drop(last.child.stdin.take()); // the request to stop
            let end = Instant::now() + STOP;
            while Instant::now() < end && matches!(last.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20)); // pacing of the poll
            }
            let _ = last.child.kill();
            let _ = last.child.wait();
        }
    }
}

/// Where everybody will be.
fn plan(hosts: &Hosts, nodes: u16) -> Vec<Planned> {
    let mut planned = Vec::new();
    for role in Role::START_ORDER {
        for index in 1..=(if role == Role::TmSrv { nodes } else { 1 }) {
            let host = host_of(role, index);
            let address = IpAddr::V4(hosts.address(&host));
            let port = FIRST_PORT + 2 * planned.len() as u16;
            planned.push(Planned {
                name: ProcessName::numbered(role, index.into()).to_string(),
                role,
                host,
                link: SocketAddr::new(address, port),
                http: SocketAddr::new(address, port + 1),
            });
        }
    }
    planned
}

/// The host of a node.
pub fn node(number: u16) -> String {
    format!("tmsrv-{number}")
}

fn host_of(role: Role, index: u16) -> String {
    match role {
        Role::TmSrv => node(index),
        Role::DbSrv => DATABASE.to_owned(),
        Role::Edge => EDGE.to_owned(),
        Role::LogSrv | Role::NrSrv | Role::BiSrv | Role::TssSrv => SERVICES.to_owned(),
    }
}

fn out(data: &Path, name: &str) -> std::path::PathBuf {
    data.join("run").join(format!("{name}.out"))
}

fn private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    Ok(())
}
