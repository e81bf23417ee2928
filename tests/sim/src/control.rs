//! The scenario of the cluster: edges with players, nodes, DBSrv and an operator; nodes and DBSrv die, are cut off and started anew, zones are cut,
//! joined, moved and drained, answers get lost, and the arbiter's clock jumps.
//!
//! ```text
//!  edge-1 .. (players) ──▶ tmsrv-1 .. tmsrv-n ──▶ dbsrv-0, dbsrv-1 (one store in memory)
//!      └───────────────────────────────────────────┘        ▲ operator
//! ```
//! Every fourth seed is *calm*: only DBSrv is away, for as long as the seed says, and nobody may notice.
//!
//! | part | is |
//! |---|---|
//! | leases, views, the forgiven silence, the map on disk, the controller | production code (`cluster`, `placement`) |
//! | members, slots, wishes, characters with epochs and owners, transfers | production SQL (`store`, SQLite in memory, on a simulated clock) |
//! | which wish can be followed, how zones are cut, who is whose heir | production code (`placement`) |
//! | what an edge remembers of what it sent | production code (`model::calls::node::Sent`) |
//! | what a buddy keeps, who is asked for a soft state, what is taken up | production code (`cluster::journal`) |
//! | streams, who is listened to, searching, resuming, handover at an edge | a model of `edge::nodes` and `edge::session::attach`, with their times |
//! | opening and closing zones, admission, handover, saving, jobs at a node | a model of `tmsrv`'s `keeper`, `attach`, `session`, `saver`, `jobs`, `suspects`, `journal` |
//! | the world | none: a body on a tile that counts gestures |
//! | queue, parking, registry, nodes that no edge reaches, announcements of changes | not here |
//!
//! | module | holds |
//! |---|---|
//! | [`dbsrv`] | DBSrv, and the operator |
//! | [`node`], [`lodger`], [`written`], [`journal`] | a node, a session at it, what that writes, and what nodes keep for each other |
//! | [`edge`], [`session`] | an edge, and a session at it with its player |
//! | [`talk`] | what edges and nodes say |
//! | [`board`], [`deeds`], [`softs`] | what is noted, and what must hold |

pub mod board;
pub mod dbsrv;
pub mod deeds;
pub mod edge;
pub mod journal;
pub mod lodger;
pub mod node;
pub mod session;
pub mod softs;
pub mod talk;
pub mod written;

use crate::faults::{self, Fault, Victim};
use crate::run::{Plan, Report, play};
use crate::trace::Trace;
use crate::{coordinator, held};
use ::cluster::View;
use ::store::testing::{InMemory, stage};
use board::{Board, SharedBoard};
use deeds::Fate;
use model::calls::database::{CreateAccount, CreateCharacter, Reply, Request};
use model::character::HardState;
use model::id::{AccountId, CharacterId, OperationId, SessionId};
use model::membership::{ClusterView, NamedZone, ProcessName, Role};
use model::{Account, Character, Rect, SoftState, Tile};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use session::Player;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often hosts are looked at, in simulated time.
const TICK: Duration = Duration::from_millis(10);
/// The cluster stands, and players log in, before anything breaks.
pub const STANDS_AFTER: Duration = Duration::from_secs(5);
const LOGINS_FROM: Duration = Duration::from_secs(3);
/// Players go on wanting something for so long after the last fault.
const WANT_ON: Duration = Duration::from_secs(3);
/// After the last fault all has come to rest within: leases of a clock that was set back, the start of a controller, moves of a few
/// districts a second.
const REST: Duration = Duration::from_secs(45);
/// For so long it has to stay so.
const STILL: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(250);
/// How far the arbiter's clock jumps at most, to either side.
const JUMP_MS: i64 = 6_000;
/// For how long the controller stands still: longer than its lease.
const CONTROLLER_AWAY_MS: std::ops::Range<u64> = 3_200..6_500;
/// How long DBSrv is away in a calm seed.
const AWAY_MS: std::ops::Range<u64> = 200..25_000;
/// Of so many seeds with three nodes one ends with a [`succession`].
const SUCCESSIONS: f64 = 0.5;
/// Between two such times: everybody had time to renew.
const BETWEEN_MS: std::ops::Range<u64> = 8_000..15_000;
/// The content that all nodes have.
const CONTENT: u64 = 7;
/// DBSrvs over the one store.
const DBSRVS: u16 = 2;
/// Towns, from the north-west.
const TOWNS: [&str; 5] = ["Armia", "Azran", "Erion", "Nippleheim", "Noatum"];

/// Name of a node, and of its host.
fn node_name(index: u16) -> ProcessName {
    ProcessName::numbered(Role::TmSrv, index.into())
}

fn town(index: usize) -> String {
    TOWNS[index % TOWNS.len()].to_owned()
}

/// Some towns, beside the blocks of the rest of the map.
fn content() -> Vec<NamedZone> {
    let zone = |(index, name): (u16, &&str)| {
        let min = Tile::new(300 * index + 40, 300 * index + 40);
        NamedZone { name: (*name).to_owned(), area: Rect::new(min, Tile::new(min.x + 90, min.y + 90)) }
    };
    (1..).zip(&TOWNS).map(zone).collect()
}

/// A tile in one of three towns, or near them.
fn somewhere(dice: &mut ChaCha8Rng) -> Tile {
    let from = 300 * dice.random_range(1..=3_u16) + 20;
    Tile::new(from + dice.random_range(0..=130), from + dice.random_range(0..=130))
}

/// What a seed throws.
struct Cast {
    nodes: u16,
    edges: u16,
    players: Vec<Player>,
    is_calm: bool,
    faults: Vec<(Duration, Fault)>,
    /// Of the last fault, or of the last wish.
    quiet_from: Duration,
}

impl Cast {
    fn thrown(plan: &Plan, dice: &mut ChaCha8Rng) -> Self {
        let (nodes, edges) = (dice.random_range(2..=4_u16), dice.random_range(1..=2_u16));
        let is_calm = plan.seed.is_multiple_of(4);
        let mut faults =
            if is_calm { outages(dice, nodes, edges) } else { schedule(dice, nodes, edges, plan.breaking) };
        let breaks_until = STANDS_AFTER + plan.breaking;
        let (succession, rests_ms) = match is_calm {
            true => Default::default(),
            false => succession(plan.seed, nodes, breaks_until),
        };
        faults.extend(succession);
        let last = faults.last().map_or(STANDS_AFTER, |(at, _)| *at);
        let quiet_from = last.max(breaks_until);
        let player = |index: u64, dice: &mut ChaCha8Rng| Player {
            id: SessionId(index + 1),
            account: AccountId(0xA000 + index),
            character: CharacterId(0xC000 + index),
            tile: somewhere(dice),
            from: LOGINS_FROM + Duration::from_millis(dice.random_range(0..500)),
            until: quiet_from + WANT_ON,
            rests_ms,
            seed: dice.random(),
        };
        let count = dice.random_range(3..=7_u64);
        let players = (0..count).map(|index| player(index, dice)).collect();
        Self { nodes, edges, players, is_calm, faults, quiet_from }
    }

    /// All that have a view, and DBSrvs.
    fn hosts(&self) -> Vec<String> {
        let members = self.members().into_iter().map(|name| name.0);
        members.chain((0..DBSRVS).map(coordinator::host)).collect()
    }

    /// All that have a view.
    fn members(&self) -> Vec<ProcessName> {
        let edges = (1..=self.edges).map(edge_name);
        (1..=self.nodes).map(node_name).chain(edges).collect()
    }
}

fn edge_name(index: u16) -> ProcessName {
    ProcessName::numbered(Role::Edge, index.into())
}

/// Runs a seed to its end.
pub fn run(plan: Plan) -> Report {
    match run_or_fail(plan) {
        Ok(report) => report,
        Err(error) => Report { wrong: vec![format!("{error:#}")], ..Report::default() },
    }
}

fn run_or_fail(plan: Plan) -> anyhow::Result<Report> {
    let mut dice = ChaCha8Rng::seed_from_u64(plan.seed);
    let cast = Cast::thrown(&plan, &mut dice);
    let end = cast.quiet_from + REST;
    let board = Arc::new(Mutex::new(Board::new(Trace::told(plan.told))));
    // maps are synced to disk: where that costs nothing, if there is such a place
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
    let seed = dice.random();
    let latency = Duration::from_millis(dice.random_range(3..60));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(latency)
        // calls that were held arrive at once
        .tcp_capacity(1 << 14)
        .simulation_duration(end + TICK * 100)
        .build();
    let store = Arc::new(Mutex::new(dbsrv::store(board.clone())?));
    cast.players.iter().for_each(|player| register(&held(&store), player));
    let percent = |dice: &mut ChaCha8Rng| if cast.is_calm { 0 } else { dice.random_range(0..4) };
    let (lost_percent, late_percent) = (percent(&mut dice), percent(&mut dice));
    let service = dbsrv::Service { lost_percent, late_percent, from: STANDS_AFTER, until: cast.quiet_from };
    for index in 0..DBSRVS {
        let (store, board) = (store.clone(), board.clone());
        let own = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(dice.random())));
        let run = move || dbsrv::run(store.clone(), board.clone(), service, own.clone());
        sim.host(coordinator::host(index), run);
    }
    for index in 1..=cast.nodes {
        let (name, board) = (node_name(index), board.clone());
        let data = folder.path().join(name.as_str());
        sim.host(name.clone().0, move || node::run(name.clone(), index, board.clone(), data.clone()));
    }
    for index in 1..=cast.edges {
        let (name, board) = (edge_name(index), board.clone());
        let data = folder.path().join(name.as_str());
        let own =
            cast.players.iter().filter(|player| player.id.0 % u64::from(cast.edges) + 1 == u64::from(index));
        let players: Vec<Player> = own.copied().collect();
        let run = move || edge::run(name.clone(), index, board.clone(), data.clone(), players.clone());
        sim.host(edge_name(index).0, run);
    }
    if !cast.is_calm {
        let (nodes, until, seed) = (cast.nodes, cast.quiet_from, dice.random());
        sim.client("operator", dbsrv::operate(board.clone(), nodes, until, seed));
    }
    // a connection, a question and an answer, each seen with the next tick of who it is for
    let call = 4 * (latency + TICK);
    let rest = Rest { members: cast.members(), quiet_from: cast.quiet_from, end, call };
    sim.client("end", rest.comes(board.clone(), store));
    let broken = play(&mut sim, &cast.faults, |at, fault| {
        held(&board).strikes(at, fault);
        let Fault::PauseController(ms) = fault else { return Vec::new() };
        let Some(name) = held(&board).controller().map(ToString::to_string) else { return Vec::new() };
        let others = cast.hosts().into_iter().filter(|host| *host != name).collect::<Vec<_>>();
        let until = at + Duration::from_millis(*ms);
        vec![(at, Fault::Pause(name.clone(), others.clone())), (until, Fault::Resume(name, others))]
    });
    let simulated_ms = sim.elapsed().as_millis() as u64;
    drop(sim);
    let mut board = held(&board);
    if cast.is_calm {
        board.judge_calm();
    }
    let mut wrong = std::mem::take(&mut board.wrong);
    wrong.extend(broken);
    Ok(Report {
        done: board.deeds.count(Fate::Heard),
        refused: board.deeds.count(Fate::Dropped) + board.deeds.count(Fate::Unknown),
        faults: cast.faults.len() as u64 / 2,
        simulated_ms,
        bytes: board.trace.bytes(),
        wrong,
    })
}

/// The end of a run.
struct Rest {
    /// All that have a view.
    members: Vec<ProcessName>,
    quiet_from: Duration,
    end: Duration,
    /// How long a call takes at most when nothing is broken.
    call: Duration,
}

impl Rest {
    /// Waits until nothing is broken, and all has come to rest and stays so.
    async fn comes(self, board: SharedBoard, store: Arc<Mutex<InMemory>>) -> turmoil::Result {
        let until =
            |at: Duration| tokio::time::sleep(at.saturating_sub(turmoil::sim_elapsed().unwrap_or_default()));
        until(STANDS_AFTER - Duration::from_millis(100)).await;
        held(&board).stands();
        until(self.quiet_from + WANT_ON).await;
        let mut still = Duration::ZERO;
        let mut version = held(&board).version();
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(report) = dbsrv::report(&held(&store)) else {
                held(&board).finds("the store does not answer".to_owned());
                return Ok(());
            };
            let live = report.live().cloned().collect();
            let stored =
                View::new(ClusterView { members: live, table: report.table, ..ClusterView::default() });
            let mut board = held(&board);
            board.judge_views(&self.members, self.call);
            let unrest = board.unrest(&stored, &report.wishes, &self.members);
            still =
                if unrest.is_empty() && stored.version == version { still + LOOK } else { Duration::ZERO };
            version = stored.version;
            if still >= STILL {
                board.rests();
                return Ok(());
            }
            if turmoil::sim_elapsed().unwrap_or_default() >= self.end {
                let what = format!(
                    "{} s after the last fault table {version} was written and it is not at rest",
                    REST.as_secs()
                );
                unrest.into_iter().chain([what]).for_each(|what| board.finds(what));
                return Ok(());
            }
        }
    }
}

/// An account with its character.
fn register(store: &InMemory, player: &Player) {
    let number = player.id.0;
    let account = Account { id: player.account, ..stage::account(&format!("sim{number:04}")) };
    let somebody = stage::character(player.account, 0, &format!("Sim{number:04}"));
    let character = Character {
        id: player.character,
        hard: HardState { gold: 0, ..somebody.hard },
        soft: SoftState::fresh(player.tile, 0, 1, 0),
        equip: Character::no_equip(),
        carry: Character::no_carry(),
        ..somebody
    };
    let of = |kind: u128| OperationId((kind << 120) | u128::from(number));
    let made = store.answer(&Request::CreateAccount(CreateAccount { operation: of(1), account }));
    assert!(matches!(made, Some(Reply::CreateAccount(Ok(Ok(_))))), "{made:?}");
    let made = store.answer(&Request::CreateCharacter(CreateCharacter { operation: of(2), character }));
    assert!(matches!(made, Some(Reply::CreateCharacter(Ok(Ok(_))))), "{made:?}");
}

/// Nodes and DBSrvs may die and be cut off, edges be cut off, and the arbiter's clock jumps.
fn schedule(dice: &mut ChaCha8Rng, nodes: u16, edges: u16, breaking: Duration) -> Vec<(Duration, Fault)> {
    let nodes: Vec<String> = (1..=nodes).map(|index| node_name(index).0).collect();
    let edges: Vec<String> = (1..=edges).map(|index| edge_name(index).0).collect();
    let dbsrvs: Vec<String> = (0..DBSRVS).map(coordinator::host).collect();
    let mut victims = Vec::new();
    for name in &nodes {
        let siblings = nodes.iter().filter(|other| *other != name);
        let others: Vec<String> = siblings.chain(&edges).chain(&dbsrvs).cloned().collect();
        victims.push(Victim(name.clone(), others));
    }
    for name in &dbsrvs {
        victims.push(Victim(name.clone(), nodes.iter().chain(&edges).cloned().collect()));
    }
    let mut faults = faults::schedule(dice, &victims, breaking);
    for _ in 0..dice.random_range(0..3) {
        let at = Duration::from_millis(dice.random_range(0..breaking.as_millis() as u64));
        faults.push((at, Fault::Jump(dice.random_range(-JUMP_MS..=JUMP_MS))));
    }
    // one that wakes up with an old table: its lease is over then, and another one has written
    if nodes.len() > 1 && dice.random_bool(0.4) {
        let lasts = dice.random_range(CONTROLLER_AWAY_MS);
        let at = dice.random_range(0..(breaking.as_millis() as u64).saturating_sub(lasts).max(1));
        faults.push((Duration::from_millis(at), Fault::PauseController(lasts)));
    }
    for (at, _) in &mut faults {
        *at += STANDS_AFTER;
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// A node comes back and is the buddy again of the one before it, while everybody stands about; then who was the buddy
/// meanwhile dies, and then the one before it. What of its players is not stored yet only the new buddy can have, and it has it
/// only if it was told all when it became the buddy. With the times between which everybody stands about.
fn succession(seed: u64, nodes: u16, from: Duration) -> (Vec<(Duration, Fault)>, (u64, u64)) {
    // thrown apart: what else a seed throws stays what it was
    let mut dice = ChaCha8Rng::seed_from_u64(seed ^ 0x5_0CCE);
    if nodes < 3 || !dice.random_bool(SUCCESSIONS) {
        return Default::default();
    }
    let first = dice.random_range(0..nodes);
    let [keeper, back, meanwhile] = [0, 1, 2].map(|step| node_name((first + step) % nodes + 1).0);
    let at = |ms: u64| from + Duration::from_millis(ms);
    let faults = vec![
        (at(300), Fault::Crash(back.clone())),
        // its lease has ended by then
        (at(4_300), Fault::Bounce(back)),
        (at(6_000), Fault::Crash(meanwhile.clone())),
        // so long after a change of the buddy nothing is excused
        (at(9_500), Fault::Crash(keeper.clone())),
        (at(9_800), Fault::Bounce(meanwhile)),
        (at(9_800), Fault::Bounce(keeper)),
    ];
    let ms = |ms: u64| at(ms).as_millis() as u64;
    (faults, (ms(3_800), ms(9_700)))
}

/// All DBSrvs are away, dead or silent, once or twice; nothing else.
fn outages(dice: &mut ChaCha8Rng, nodes: u16, edges: u16) -> Vec<(Duration, Fault)> {
    let others: Vec<String> =
        (1..=nodes).map(node_name).chain((1..=edges).map(edge_name)).map(|name| name.0).collect();
    let (mut faults, mut at) = (Vec::new(), STANDS_AFTER);
    for _ in 0..dice.random_range(1..=2) {
        let back = at + Duration::from_millis(dice.random_range(AWAY_MS));
        let dies = dice.random_bool(0.5);
        for name in (0..DBSRVS).map(coordinator::host) {
            let (begins, ends) = if dies {
                (Fault::Crash(name.clone()), Fault::Bounce(name))
            } else {
                (Fault::Pause(name.clone(), others.clone()), Fault::Resume(name, others.clone()))
            };
            faults.push((at, begins));
            faults.push((back, ends));
        }
        at = back + Duration::from_millis(dice.random_range(BETWEEN_MS));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}
