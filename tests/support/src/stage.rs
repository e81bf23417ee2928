//! One whole process, started like an operator starts it, against a DBSrv of the test's own.

use crate::{SOON, any_port, common, credentials, until};
use async_trait::async_trait;
use dbclient::RemoteStore;
use link::{Client, Peer, Server, Service, Stream, Target};
use model::calls::database::{ReadClusterView, Reply, Request};
use model::membership::{Member, ProcessName, Role};
use settings::Common;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use store::{Sqlite, Store};
use telemetry::Process;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A folder with a cluster key and a DBSrv over an empty SQLite store; gone when dropped.
pub struct Stage {
    folder: TempDir,
    dbsrv: SocketAddr,
    db: Arc<dyn Store>,
    stop: CancellationToken,
}

/// A process that runs and is ready.
pub struct Running<E> {
    /// As the service was handed it.
    pub process: Process,
    http: SocketAddr,
    task: JoinHandle<Result<(), E>>,
}

struct DbSrv(Sqlite);

#[async_trait]
impl Service for DbSrv {
    type Request = Request;
    type Reply = Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _peer: &Peer, request: Request) -> Reply {
        store::dispatch(&self.0, request).await
    }

    async fn stream(&self, _peer: Peer, _stream: Stream<(), ()>) {}
}

impl Stage {
    /// With nobody in the cluster.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Server::bind(any_port(), credentials("dbsrv-1")).await.expect("a link");
        let dbsrv = server.local_addr();
        let sqlite = Sqlite::open(&folder.path().join("wydbr.sqlite")).expect("a store");
        let stop = CancellationToken::new();
        tokio::spawn(server.serve(Arc::new(DbSrv(sqlite)), stop.clone()));
        let db = RemoteStore::connect(credentials("edge-1"), vec![dbsrv]);
        Self { folder, dbsrv, db, stop }
    }

    /// Settings of the first process of a role.
    pub fn common(&self, role: Role) -> Common {
        let name = ProcessName::numbered(role, 1);
        Common { dbsrv: vec![self.dbsrv], ..common(self.folder.path(), name.as_str()) }
    }

    /// Starts a service and waits until it says that it is ready.
    pub async fn start<F, E>(&self, role: Role, service: impl FnOnce(Process, Common) -> F) -> Running<E>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        let common = self.common(role);
        let started = telemetry::start(role, &common).await.expect("the process starts");
        let task = tokio::spawn(service(started.process.clone(), common));
        let running = Running { process: started.process, http: started.http, task };
        until("the process is ready", async || {
            assert!(!running.task.is_finished(), "it ended before it was ready");
            running.page("/readyz").await.starts_with("HTTP/1.1 200")
        })
        .await;
        running
    }

    /// Who is in the cluster.
    pub async fn members(&self) -> Vec<Member> {
        self.db.cluster_view(ReadClusterView).await.expect("DBSrv answers").members
    }

    /// A client, named `edge-1`, of the member of a role; waits until it has joined.
    pub async fn client<Q, R>(&self, role: Role) -> Client<Q, R>
    where
        Q: serde::Serialize,
        R: serde::de::DeserializeOwned,
    {
        let mut found = None;
        until("it joins", async || {
            found = self.members().await.into_iter().find(|member| member.role == role);
            found.is_some()
        })
        .await;
        let member = found.expect("the member that was waited for");
        Client::fixed(credentials("edge-1"), Target { name: member.name, address: member.link })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl<E: Debug> Running<E> {
    /// Stops it and waits for its end, which must be in time and without an error.
    pub async fn stop(self) {
        self.process.stop.cancel();
        let ended = timeout(SOON, self.task).await.expect("it ends in time");
        ended.expect("it does not panic").expect("it ends well");
        telemetry::stop(self.process).await;
    }
}

impl<E> Running<E> {
    /// A page of its HTTP, with the head: `/metrics`, `/readyz`.
    pub async fn page(&self, path: &str) -> String {
        let asked = timeout(SOON, async {
            let mut socket = TcpStream::connect(self.http).await?;
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            socket.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.map(|_| answer)
        });
        asked.await.expect("an answer in time").expect("an answer")
    }
}
