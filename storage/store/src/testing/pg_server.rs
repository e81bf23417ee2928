//! A PostgreSQL of one's own: in a temporary folder, on a free port, ended with the test.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Set to `1` to leave out the tests that need PostgreSQL.
const SKIP: &str = "WYDBR_SKIP_POSTGRES";
/// How long starting and stopping may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ports tried: another program may take a free one before PostgreSQL does.
const PORTS: usize = 10;
const HOW_TO_GET_IT: &str = "PostgreSQL was not found: install it (Debian: apt-get install postgresql), \
                             put its pg_config into PATH, or set WYDBR_SKIP_POSTGRES=1 to leave these tests out";

/// False when the operator asked to leave out the tests that need PostgreSQL; says so then.
pub fn postgres_wanted() -> bool {
    let skipped = std::env::var(SKIP).is_ok_and(|value| value == "1");
    if skipped {
        eprintln!("SKIPPED: {SKIP}=1 leaves out the tests that need PostgreSQL");
    }
    !skipped
}

/// One running server; stopped, and its folder removed, when dropped.
pub struct PgServer {
    folder: TempDir,
    binaries: PathBuf,
    run_as: Option<(u32, u32)>,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl PgServer {
    /// Makes a database cluster and starts a server on it.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start, with what to do.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further settings of PostgreSQL: `fsync=on`.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start, with what to do.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same with its data in a folder of its own below `parent`.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start, with what to do.
    pub fn start_in(parent: &Path, settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let binaries = find_binaries().expect(HOW_TO_GET_IT);
        let run_as =
            am_root().then(|| user_ids("postgres").expect("the user postgres, who owns test databases"));
        let folder =
            tempfile::Builder::new().prefix("wydbr-pg-").tempdir_in(parent).expect("a temporary folder");
        if let Some((uid, gid)) = run_as {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))
                .expect("chown of the temporary folder");
        }
        let mut server = Self { folder, binaries, run_as, port: free_port(), settings, process: None };
        server.initdb();
        for _ in 0..PORTS {
            if server.try_resume() {
                return server;
            }
            server.port = free_port();
        }
        panic!("postgres did not start: {}", server.log());
    }

    /// Makes an empty database; its address for a store.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_database(&self, name: &str) -> String {
        self.psql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.dsn(name)
    }

    /// The address of a database.
    pub fn dsn(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs one statement as the owner of everything; what it printed.
    ///
    /// # Panics
    /// When the statement fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|why| panic!("psql: {why}"))
    }

    /// The same; what psql said when the statement fails.
    ///
    /// # Panics
    /// When there is no psql.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.binaries.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", "127.0.0.1"])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .output()
            .expect("psql runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Kills the server as a crash of its machine would; what was committed is there after
    /// [`PgServer::resume`].
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&mut self) {
        // its children outlive it for a moment, and would go on answering
        self.signal("-STOP", &[]);
        let children = self.children();
        self.signal("-KILL", &children);
        let mut process = self.process.take().expect("a running server");
        process.wait().expect("the end of the server");
        let deadline = Instant::now() + PATIENCE;
        while children.iter().any(|child| lives(child)) {
            assert!(Instant::now() < deadline, "a part of the killed server lives on");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops every process of the server where it stands: connections stay open and nothing answers.
    ///
    /// # Panics
    /// When it is not running.
    pub fn freeze(&self) {
        self.signal("-STOP", &self.children());
    }

    /// Lets a frozen server go on.
    ///
    /// # Panics
    /// When it is not running.
    pub fn thaw(&self) {
        self.signal("-CONT", &self.children());
    }

    fn children(&self) -> Vec<String> {
        let server = self.process.as_ref().expect("a running server").id();
        let children =
            std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        children.split_whitespace().map(str::to_owned).collect()
    }

    /// Sends a signal to the server and to some of its children.
    fn signal(&self, signal: &str, children: &[String]) {
        let server = self.process.as_ref().expect("a running server").id();
        // a child may have ended meanwhile; the server itself has not
        let _ = Command::new("kill").arg(signal).args(children).stderr(Stdio::null()).status();
        let sent = Command::new("kill").arg(signal).arg(server.to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Starts the server again on the same port and the same data.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn resume(&mut self) {
        // the children of a killed server need a moment to notice
        let deadline = Instant::now() + PATIENCE;
        while !self.try_resume() {
            assert!(Instant::now() < deadline, "postgres did not come up: {}", self.log());
        }
    }

    /// False when the port was taken by somebody else meanwhile.
    fn try_resume(&mut self) -> bool {
        let port = self.port.to_string();
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log file");
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path())
            .args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "max_prepared_transactions=64"])
            .args(["-c", "max_connections=200", "-c", "fsync=off", "-c", "shared_buffers=32MB"])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting.as_str()]))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        self.process = Some(child);
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "postgres did not come up: {}", self.log());
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if ended.is_some() {
                self.process = None;
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    fn initdb(&self) {
        let output = self
            .command("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(self.data())
            .output()
            .expect("initdb runs");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asked through the private socket: on the port somebody else might answer.
    fn is_ready(&self) -> bool {
        Command::new(self.binaries.join("pg_isready"))
            .arg("-q")
            .arg("-h")
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.current_dir(self.folder.path());
        if let Some((uid, gid)) = self.run_as {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PgServer {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // immediate shutdown, the children included; a frozen server must go on to hear it
        for signal in ["-QUIT", "-CONT"] {
            let _ = Command::new("kill").args([signal, &process.id().to_string()]).status();
        }
        let deadline = Instant::now() + PATIENCE;
        while matches!(process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = process.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// False for who ended, whether or not somebody has collected it.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with(['Z', 'X'])))
}

fn find_binaries() -> Option<PathBuf> {
    let has_server = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    if let Some(folder) = told.filter(|folder| has_server(folder)) {
        return Some(folder);
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| has_server(folder))
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

fn am_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn user_ids(user: &str) -> Option<(u32, u32)> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').next() == Some(user))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
