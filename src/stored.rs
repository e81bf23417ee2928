//! The store of a cluster for an operator's command: through DBSrv while the cluster runs, the databases
//! themselves while it does not. And who else of the cluster is to be asked.

use crate::data_dir::{ClusterFile, DataDir, Elsewhere};
use anyhow::{Context, bail};
use dbclient::RemoteStore;
use link::Target;
use model::calls::database::ReadClusterView;
use model::membership::{ProcessName, Role};
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::{Check, Loaded, Source};
use std::fs::File;
use std::sync::Arc;
use store::Store;

/// A store and, when no cluster runs, the lock that keeps one from starting meanwhile.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    lock: Option<File>,
}

impl Opened {
    /// False when the databases were opened here, because no cluster runs on them.
    pub fn cluster_runs(&self) -> bool {
        self.lock.is_none()
    }
}

/// Finds the store wherever it can be asked now.
pub async fn reach(data: &DataDir) -> anyhow::Result<Opened> {
    if let Some(elsewhere) = data.elsewhere()? {
        return Ok(Opened { store: behind(&elsewhere)?, lock: None });
    }
    if !data.is_locked() {
        return open(data).await;
    }
    let target = data.running()?.target(Role::DbSrv)?;
    let store = RemoteStore::connect(data.credentials("operator")?, vec![target.address]);
    Ok(Opened { store, lock: None })
}

/// The store of a cluster that runs elsewhere.
pub fn behind(elsewhere: &Elsewhere) -> anyhow::Result<Arc<dyn Store>> {
    Ok(RemoteStore::connect(elsewhere.credentials("operator")?, elsewhere.dbsrv.clone()))
}

/// A process of a role, wherever the cluster runs.
pub async fn target(data: &DataDir, role: Role) -> anyhow::Result<Target> {
    let Some(elsewhere) = data.elsewhere()? else { return data.running()?.target(role) };
    if role == Role::LogSrv {
        // it is no member, since it has to be there before DBSrv is
        let address = elsewhere.logsrv.context("`wydbr connect` was not told where LogSrv is (--logsrv)")?;
        return Ok(Target { name: ProcessName::numbered(role, 1), address });
    }
    let view = behind(&elsewhere)?.cluster_view(ReadClusterView).await.context("DBSrv does not answer")?;
    let member = view.members.iter().find(|member| member.role == role);
    let member = member.with_context(|| format!("the cluster has no {} at the moment", role.program()))?;
    Ok(Target { name: member.name.clone(), address: member.link })
}

/// Opens the store of a cluster that does not run.
pub async fn open(data: &DataDir) -> anyhow::Result<Opened> {
    let Some(cluster) = data.read_cluster()? else {
        bail!("there is no cluster in {}; start one with `wydbr up --data`", data.root().display());
    };
    let lock = data.lock()?;
    let database = database_settings(data, &cluster)?;
    let store = dbsrv::open_store(&database, data.root()).await.context("cannot open the store")?;
    Ok(Opened { store, lock: Some(lock) })
}

fn database_settings(data: &DataDir, cluster: &ClusterFile) -> anyhow::Result<dbsrv::Settings> {
    let mut flags = Vec::new();
    if !cluster.postgres.is_empty() {
        flags.push(("storage".to_owned(), "postgres".to_owned()));
        flags.push(("postgres".to_owned(), format!("{:?}", cluster.postgres)));
    }
    settings_of(data, Role::DbSrv, "WYDBR_DBSRV", flags)
}

/// The settings that a process of the cluster would start with.
pub fn settings_of<T: Check + Serialize + DeserializeOwned + Default>(
    data: &DataDir,
    role: Role,
    env_prefix: &'static str,
    flags: Vec<(String, String)>,
) -> anyhow::Result<T> {
    let file = data.path(&format!("config/{}.conf", role.program()));
    let source = Source { file: file.exists().then_some(file), env_prefix, flags };
    let Loaded { own, .. } = settings::load::<T>(&source)?;
    Ok(own)
}
