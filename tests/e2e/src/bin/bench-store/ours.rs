//! The same purchase through a DBSrv process over the link, and the write-behind of characters.

use crate::sample::Sample;
use crate::world::{EPOCH, FIRST, Place, World};
use anyhow::Context;
use dbclient::RemoteStore;
use model::SoftState;
use model::calls::database::{SaveCharacter, SaveCharacters, SaveOutcome, Transfer};
use model::character::Affect;
use model::id::{AccountId, CharacterId, Epoch, ItemId, OperationId};
use model::item::{Effect, Item, ItemKind};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::place::Tile;
use model::transfer::{Fence, GoldLocation, ItemLocation, Move};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::fsck::Report;

/// Characters of the write-behind and how often they are saved.
const SAVED: u64 = 2_000;
const EVERY: Duration = Duration::from_secs(30);
/// Rounds of saving that are measured.
const SAVINGS: u32 = 10;
/// How long DBSrv is watched doing nothing.
const IDLE: Duration = Duration::from_secs(5);
/// Ticks of the kernel's clock in a second.
const TICKS: f64 = 100.0;

/// The first argument of the process that is DBSrv; then the link, the folder, and the database.
pub const AS_DBSRV: &str = "as-dbsrv";

/// What `wydbr run DBSrv` does with these settings; runs until it is killed.
pub fn be_dbsrv(arguments: &[String]) -> anyhow::Result<()> {
    let [link, folder, database] = arguments else { anyhow::bail!("{AS_DBSRV} LINK FOLDER DATABASE") };
    let common = settings::Common {
        link: link.parse()?,
        log_level: "warn".into(),
        ..support::common(std::path::Path::new(folder), "dbsrv-9")
    };
    let own = dbsrv::Settings {
        storage: "postgres".into(),
        postgres: vec![model::Secret::new(database)],
        ..dbsrv::Settings::default()
    };
    // as many threads as every process of the program has
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let started = telemetry::start(model::membership::Role::DbSrv, &common).await?;
        Ok(dbsrv::run(started.process, common, settings::Live::new(own)).await?)
    })
}

/// A running DBSrv, killed when dropped.
pub struct DbSrv {
    process: Child,
    folder: tempfile::TempDir,
    link: SocketAddr,
}

impl DbSrv {
    /// Over our database.
    pub fn start(world: &World) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let link = SocketAddr::from(([127, 0, 0, 1], support::free_port()));
        let process = Command::new(std::env::current_exe()?)
            .arg(AS_DBSRV)
            .args([link.to_string(), folder.path().display().to_string(), world.ours.clone()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("DBSrv")?;
        Ok(Self { process, folder, link })
    }

    fn store(&self) -> Arc<RemoteStore> {
        RemoteStore::connect(support::credentials("tmsrv-1"), vec![self.link])
    }

    /// CPU time since its start.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS)
    }
}

impl Drop for DbSrv {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.folder.path();
    }
}

fn purchase(Place { id, slot }: Place) -> Transfer {
    let (account, character) = (AccountId(id), CharacterId(id));
    let gold = |of| GoldLocation { home: account, account: of };
    let item =
        Item { id: ItemId(rand::random()), kind: ItemKind(400), effects: [Effect { code: 0, value: 0 }; 3] };
    Transfer {
        operation: OperationId(rand::random()),
        actor: Actor::Player(account),
        reason: "shop-buy".to_owned(),
        fences: vec![Fence { account, character, epoch: Epoch(EPOCH) }],
        moves: vec![
            Move::Gold {
                amount: 10,
                from: gold(GoldAccount::Character(character)),
                to: gold(GoldAccount::Burn("shop-buy".to_owned())),
            },
            Move::Birth {
                item,
                to: ItemLocation { home: account, place: ItemPlace::Carry(character, slot) },
            },
        ],
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

/// How a round of purchases goes.
#[derive(Clone, Copy)]
pub struct Load {
    /// Which places they go to.
    pub round: u32,
    /// Buyers at the same time.
    pub clients: u32,
    /// All together.
    pub lasts: Duration,
    /// From one purchase of a client to its next; without it the next begins when one is done.
    pub every: Option<Duration>,
}

/// One round of purchases. One that is due counts from then on, even if its client is still at the one before.
pub async fn buy(world: &World, dbsrv: &DbSrv, load: Load) -> anyhow::Result<Sample> {
    let Load { round, clients, lasts, every } = load;
    let (first, most) = (world.first_place(round), world.places_of_a_round());
    let store = dbsrv.store();
    // the first connection and the first statements are not part of it, as for pgbench
    support::until("DBSrv answers", async || store.get_account(account(FIRST)).await.is_ok()).await;
    let begin = Instant::now();
    let buying = (0..u64::from(clients)).map(|client| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut micros = Vec::new();
            // the clients do not all begin at the same moment
            let mut due = every.map(|every| begin + every.mul_f64(client as f64 / f64::from(clients)));
            for number in (client..most).step_by(clients as usize) {
                if let (Some(due), Some(every)) = (&mut due, every) {
                    tokio::time::sleep_until((*due).into()).await;
                    *due += every;
                }
                if begin.elapsed() >= lasts {
                    break;
                }
                let since = due.zip(every).map_or_else(Instant::now, |(next, every)| next - every);
                store.transfer(purchase(Place::number(first + number))).await??;
                micros.push(since.elapsed().as_micros() as u32);
            }
            anyhow::Ok(micros)
        })
    });
    let mut micros = Vec::new();
    for client in buying.collect::<Vec<_>>() {
        micros.extend(client.await??);
    }
    Ok(Sample { micros, lasted: begin.elapsed() })
}

fn account(id: u64) -> model::calls::database::GetAccount {
    model::calls::database::GetAccount { account: AccountId(id) }
}

/// Percent of a core that DBSrv needs to save 2,000 characters every 30 s.
pub async fn save(world: &World, dbsrv: &mut DbSrv) -> anyhow::Result<f64> {
    let store = dbsrv.store();
    let before = dbsrv.cpu();
    tokio::time::sleep(IDLE).await;
    let idle = (dbsrv.cpu() - before).as_secs_f64() / IDLE.as_secs_f64();
    let before = dbsrv.cpu();
    for round in 0..SAVINGS {
        let saves = (FIRST..FIRST + SAVED).map(|id| saved(id, round as u16)).collect();
        let outcomes = store.save_characters(SaveCharacters { saves }).await?;
        let unsaved = outcomes.iter().filter(|outcome| **outcome != SaveOutcome::Saved).count();
        anyhow::ensure!(unsaved == 0, "{unsaved} characters were not saved in {}", world.ours);
    }
    let of_a_round = (dbsrv.cpu() - before).as_secs_f64() / f64::from(SAVINGS);
    Ok(100.0 * (idle + of_a_round / EVERY.as_secs_f64()))
}

fn saved(id: u64, round: u16) -> SaveCharacter {
    let mut soft = SoftState::fresh(Tile::new(2_100 + round, 2_100), 0, 1_000, 900);
    soft.affects = (0..8).map(|kind| Affect { kind, level: 3, value: 25, time: 800 }).collect();
    let (account, character) = (AccountId(id), CharacterId(id));
    let (epoch, number) = (Epoch(EPOCH), u64::from(round) + 1);
    SaveCharacter { account, character, epoch, number, soft, release: false }
}

/// Whether all of it adds up.
pub async fn examine(dbsrv: &DbSrv) -> anyhow::Result<Report> {
    Ok(store::fsck::run(&*dbsrv.store()).await?)
}
