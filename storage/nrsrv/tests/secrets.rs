//! What is logged: nothing secret, and a trace of every operator. Alone in its program, because what a
//! program logs is decided for all its threads at once.
#![allow(clippy::unwrap_used)]

use model::calls::registry::{Login, LoginRefusal, PinOutcome, Reply, Request};
use model::membership::ProcessName;
use model::{Secret, SessionId};
use nrsrv::sessions::MemorySessions;
use nrsrv::{HashPool, Hashing, Metrics, Newcomers, Parts, Registry, Settings};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::Sqlite;
use tracing_subscriber::filter::LevelFilter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn listen() -> Self {
        let lines = Self::default();
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        lines
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn registry(folder: &Path) -> Arc<Registry> {
    let hashing = Hashing { memory_kib: 64, passes: 1, ..Hashing::default() };
    Registry::new(Parts {
        store: Arc::new(Sqlite::open(&folder.join("wydbr.sqlite")).unwrap()),
        sessions: Arc::new(MemorySessions::default()),
        pool: HashPool::unmetered(&hashing).unwrap(),
        settings: settings::Live::new(Settings { hashing, ..Settings::default() }),
        newcomers: Newcomers::new(&content::builtin().0).unwrap(),
        metrics: Metrics::unregistered().unwrap(),
        known_edges: Arc::new(|| Some(Vec::new())),
    })
}

fn login(password: &str) -> Request {
    Request::Login(Login {
        session: SessionId(7),
        edge: ProcessName("edge-1".to_owned()),
        name: "ana1".to_owned(),
        password: Secret::new(password),
        force: false,
        address: Ipv4Addr::LOCALHOST.into(),
    })
}

fn pin(pin: &str, change: bool) -> Request {
    Request::Pin { session: SessionId(7), pin: Secret::new(pin), change }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_ever_logged_and_operators_leave_a_trace() {
    let lines = Lines::listen();
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    let operator = ProcessName("cli-1".to_owned());
    let ask = |request: Request| registry.handle(&operator, request);
    let name = || "ana1".to_owned();
    let create = Request::CreateAccount { name: name(), password: Secret::new("segredo7"), address: None };
    assert!(matches!(ask(create).await, Reply::AccountCreated(Ok(_))));
    let wrong = Reply::LoggedIn(Err(LoginRefusal::WrongNameOrPassword));
    assert_eq!(ask(login("s3nhaErrada")).await, wrong);
    assert!(matches!(ask(login("segredo7")).await, Reply::LoggedIn(Ok(_))));
    assert_eq!(ask(pin("47114711", false)).await, Reply::Pin(PinOutcome::Accepted));
    assert_eq!(ask(pin("12345678", false)).await, Reply::Pin(PinOutcome::Wrong));
    assert_eq!(ask(pin("99998888", true)).await, Reply::Pin(PinOutcome::Accepted));
    let password = Secret::new("nova1234");
    assert_eq!(ask(Request::SetPassword { name: name(), password }).await, Reply::Done);
    let reason = Some("sold gold".to_owned());
    assert_eq!(ask(Request::Block { name: name(), reason }).await, Reply::Done);
    let reason = Some("a double".to_owned());
    assert_eq!(ask(Request::Freeze { name: name(), reason }).await, Reply::Done);
    assert_eq!(ask(Request::ClearPin { name: name() }).await, Reply::Done);

    let text = lines.text();
    for secret in ["segredo7", "s3nhaErrada", "47114711", "12345678", "99998888", "nova1234", "$argon2"] {
        assert!(!text.contains(secret), "{secret} was logged:\n{text}");
    }
    let audit: Vec<&str> = text.lines().filter(|line| line.contains(" audit: ")).collect();
    for what in ["create account", "set password", "block", "freeze", "clear PIN"] {
        let found = audit.iter().find(|line| line.contains(&format!("what=\"{what}\"")));
        assert!(found.is_some_and(|line| line.contains("cli-1") && line.contains("ana1")), "{what}:\n{text}");
    }
    assert!(audit.iter().any(|line| line.contains("not blocked") && line.contains("sold gold")), "{text}");
}
