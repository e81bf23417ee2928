//! Which processes there are, on which ports, and with which flags.

use super::{BadConfiguration, UpArgs};
use crate::data_dir::DataDir;
use anyhow::Context;
use model::Secret;
use model::membership::{ProcessName, Role};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// Default settings, copied into the data folder once, for the operator to edit.
const DEFAULT_FILES: [(&str, &str); 7] = [
    ("LogSrv", include_str!("../../config/LogSrv.conf")),
    ("DBSrv", include_str!("../../config/DBSrv.conf")),
    ("NRSrv", include_str!("../../config/NRSrv.conf")),
    ("BISrv", include_str!("../../config/BISrv.conf")),
    ("TSSSrv", include_str!("../../config/TSSSrv.conf")),
    ("TMSrv", include_str!("../../config/TMSrv.conf")),
    ("Edge", include_str!("../../config/Edge.conf")),
];

/// Every process of the cluster, in start order.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The processes.
    pub processes: Vec<Planned>,
}

/// One process to be.
#[derive(Clone, Debug)]
pub struct Planned {
    /// `tmsrv-1`
    pub name: ProcessName,
    /// What it is.
    pub role: Role,
    /// Where its internal link will listen.
    pub link: SocketAddr,
    /// Where its health and metrics will listen.
    pub http: SocketAddr,
    /// Program to run.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its extra environment: what may hold a password stands here and not among the arguments.
    pub environment: Vec<(String, Secret)>,
}

impl Planned {
    /// The same with its health and metrics elsewhere.
    pub fn with_http(mut self, http: SocketAddr) -> Self {
        let (old, new) = (format!("process.http={}", self.http), format!("process.http={http}"));
        self.arguments
            .iter_mut()
            .filter(|argument| **argument == old)
            .for_each(|argument| argument.clone_from(&new));
        self.http = http;
        self
    }
}

impl Layout {
    /// Chooses ports, writes missing configuration files and links, checks what can be checked.
    pub fn prepare(data: &DataDir, args: &UpArgs) -> anyhow::Result<Self> {
        if let Some(content) = args.content.as_ref().filter(|content| !content.is_dir()) {
            return Err(BadConfiguration(format!(
                "--content: found {}, expected a directory with content",
                content.display()
            ))
            .into());
        }
        for (flag, port) in [("--edge-port", args.edge_port), ("--http-port", args.http_port)] {
            if let Err(error) = TcpListener::bind((args.listen, port)) {
                let text = format!("{flag}: cannot listen on {}:{port}: {error}", args.listen);
                return Err(BadConfiguration(text).into());
            }
        }
        write_defaults(data)?;
        let program = std::env::current_exe().context("cannot find the own program")?;
        let mut ports = Ports::new(data)?;
        let mut processes = Vec::new();
        for role in Role::START_ORDER {
            let count = if role == Role::TmSrv { usize::from(args.nodes) } else { 1 };
            let link = data.path(&format!("bin/{}", role.program()));
            let _ = fs::remove_file(&link);
            symlink(&program, &link).with_context(|| format!("cannot make the link {}", link.display()))?;
            for index in 1..=count {
                let name = ProcessName::numbered(role, index);
                let (link_address, http) = (ports.next()?, ports.next()?);
                processes.push(Planned {
                    name,
                    role,
                    link: link_address,
                    http,
                    program: link.clone(),
                    arguments: Vec::new(),
                    environment: Vec::new(),
                });
            }
        }
        let mut layout = Self { processes };
        layout.fill_arguments(data, args);
        Ok(layout)
    }

    /// A loopback address that is free now.
    pub fn free_address(data: &DataDir) -> anyhow::Result<SocketAddr> {
        Ports::new(data)?.next()
    }

    /// The first process of a role.
    pub fn first(&self, role: Role) -> Option<&Planned> {
        self.processes.iter().find(|process| process.role == role)
    }

    fn fill_arguments(&mut self, data: &DataDir, args: &UpArgs) {
        let address_of = |role| self.first(role).map(|process| process.link);
        let (dbsrv, logsrv) = (address_of(Role::DbSrv), address_of(Role::LogSrv));
        for process in &mut self.processes {
            let mut set = vec![
                format!("process.name={}", process.name),
                format!("process.data={}", data.root().display()),
                format!("process.key_file={}", data.key_file().display()),
                format!("process.link={}", process.link),
                format!("process.http={}", process.http),
            ];
            set.extend(dbsrv.map(|address| format!("process.dbsrv=[\"{address}\"]")));
            set.extend(logsrv.map(|address| format!("process.logsrv=[\"{address}\"]")));
            if args.tls {
                let files = data.certificates();
                set.push(format!("process.tls.ca={}", files.ca.display()));
                set.push(format!("process.tls.certificate={}", files.certificate.display()));
                set.push(format!("process.tls.key={}", files.key.display()));
            }
            set.extend(own_flags(process.role, args));
            let config = data.path(&format!("config/{}.conf", process.role.program()));
            process.arguments =
                vec!["--stop-with-parent".into(), "--config".into(), config.display().to_string()];
            process.arguments.extend(set.into_iter().flat_map(|pair| ["--set".to_owned(), pair]));
            process.environment = own_environment(process.role, args);
        }
    }
}

fn own_flags(role: Role, args: &UpArgs) -> Vec<String> {
    match role {
        Role::Edge => vec![
            format!("listen={}", SocketAddr::new(args.listen, args.edge_port)),
            format!("http_public={}", SocketAddr::new(args.listen, args.http_port)),
        ],
        Role::TmSrv | Role::NrSrv => {
            args.content.iter().map(|dir| format!("content={}", dir.display())).collect()
        }
        Role::DbSrv if !args.postgres.is_empty() => vec!["storage=postgres".to_owned()],
        _ => Vec::new(),
    }
}

fn own_environment(role: Role, args: &UpArgs) -> Vec<(String, Secret)> {
    let redis = |variable: &str| args.redis.iter().map(|url| (variable.to_owned(), url.clone())).collect();
    match role {
        Role::DbSrv if !args.postgres.is_empty() => {
            let list: Vec<String> = args.postgres.iter().map(|dsn| format!("{:?}", dsn.expose())).collect();
            vec![("WYDBR_DBSRV__POSTGRES".to_owned(), Secret::new(format!("[{}]", list.join(", "))))]
        }
        Role::NrSrv => redis("WYDBR_NRSRV__SESSIONS"),
        Role::TssSrv => redis("WYDBR_TSSSRV__VALUES"),
        _ => Vec::new(),
    }
}

fn write_defaults(data: &DataDir) -> anyhow::Result<()> {
    for (program, content) in DEFAULT_FILES {
        let path = data.path(&format!("config/{program}.conf"));
        if !path.exists() {
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Where ports of processes come from: below those that systems give to outgoing connections, so that nobody
/// takes the port of a process in the moment in which it is started again.
const PORTS: Range<u16> = 20_000..32_000;

/// Free loopback ports; those of the last run first, so that bookmarks and dashboards stay right. Clusters
/// that start at the same time begin to look at different places.
struct Ports {
    last: std::vec::IntoIter<u16>,
    fresh: Box<dyn Iterator<Item = u16>>,
    given: Vec<u16>,
}

impl Ports {
    fn new(data: &DataDir) -> anyhow::Result<Self> {
        let last: Vec<u16> = data
            .read_cluster()
            .unwrap_or_default()
            .map(|cluster| cluster.processes.iter().flat_map(|p| [p.link.port(), p.http.port()]).collect())
            .unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        data.root().hash(&mut hasher);
        let begin = PORTS.start + (hasher.finish() % u64::from(PORTS.end - PORTS.start)) as u16;
        Ok(Self {
            last: last.into_iter(),
            fresh: Box::new((begin..PORTS.end).chain(PORTS.start..begin)),
            given: Vec::new(),
        })
    }

    fn next(&mut self) -> anyhow::Result<SocketAddr> {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let last = self.last.next().filter(|port| PORTS.contains(port));
        for port in last.into_iter().chain(self.fresh.by_ref()) {
            if !self.given.contains(&port) && TcpListener::bind((local, port)).is_ok() {
                self.given.push(port);
                return Ok(SocketAddr::new(local, port));
            }
        }
        anyhow::bail!("no free port on the loopback address in {PORTS:?}")
    }
}
