//! A tiny game server on real TCP: everybody sees everybody. It can be told to misbehave in one way.
#![allow(clippy::unwrap_used, dead_code, reason = "a test helper that several test programs share")]

pub mod goods;

use bot::protocol::bytes::{i32_at, put_i32, put_text, put_u16, text_at, u16_at, u32_at};
use bot::protocol::layout::ScoreWidth;
use bot::protocol::outgoing::{packet, stamp};
use bot::protocol::place::{Steps, Tile};
use bot::protocol::profile::Profile;
use bot::protocol::sizes::{expected, on_entry};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a fake server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// No flaw: there is a wall at x = 2101, and who walks into it is put back.
    Walls,
    /// Every arrival is told twice.
    DoublesEntities,
    /// The second arrival is told again under another id.
    SecondId,
    /// Chat reaches nobody.
    DropsChat,
    /// Chat comes that many milliseconds late.
    DelaysChat(u64),
    /// Chat comes twice.
    DoublesChat,
    /// Chat comes from the id of somebody who was never shown.
    ChatFromNobody,
    /// Walks reach nobody.
    DropsWalks,
    /// Newcomers are not shown to those who are there.
    HidesArrivals,
    /// The create packet has a wrong size.
    WrongSize,
    /// Whispers reach nobody.
    DropsWhispers,
    /// Whispers to nobody get no answer.
    SilentAboutNobody,
    /// Closes a connection at its fifth chat or walk.
    Hangs,
    /// As `Hangs`, and the character comes back poorer.
    Robs,
    /// The inventory is not sent on entering.
    ForgetsInventory,
    /// What was laid on the ground is in the inventory again after the next login.
    KeepsWhatWasDropped,
    /// Gold that was put into the bank is gone after the next login.
    LosesDeposits,
    /// A trade gives and takes nothing.
    TradesHalf,
}

struct Player {
    account: String,
    id: u16,
    name: String,
    tile: Tile,
    profile: Profile,
    out: mpsc::Sender<Vec<u8>>,
}

#[derive(Default)]
struct State {
    players: HashMap<u16, Player>,
    characters: HashMap<String, (String, i32)>,
    goods: goods::Market,
}

/// The server; it ends with the test's runtime.
pub struct Fake {
    pub address: SocketAddr,
    pub frames: Arc<AtomicU64>,
}

impl Fake {
    pub async fn start(flaw: Flaw) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let frames = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&frames);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&state), flaw, Arc::clone(&counted)));
            }
        });
        Fake { address, frames }
    }

    pub fn edge(&self) -> String {
        self.address.to_string()
    }
}

struct Session {
    profile: Profile,
    account: String,
    own: Option<u16>,
    out: mpsc::Sender<Vec<u8>>,
    acts: u32,
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>, flaw: Flaw, frames: Arc<AtomicU64>) {
    stream.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let (out, mut queue) = mpsc::channel::<Vec<u8>>(10_000);
    let writing = tokio::spawn(async move {
        while let Some(bytes) = queue.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut session = Session { profile: Profile::V759, account: String::new(), own: None, out, acts: 0 };
    let mut init = [0; 4];
    if reader.read_exact(&mut init).await.is_err() || init != [0x11, 0xF3, 0x11, 0x1F] {
        return;
    }
    loop {
        let mut frame = vec![0; 2];
        if reader.read_exact(&mut frame).await.is_err() {
            break;
        }
        let size = usize::from(u16_at(&frame, 0));
        frame.resize(size.max(12), 0);
        if reader.read_exact(&mut frame[2..]).await.is_err()
            || wire::codec::decode_in_place(&mut frame).is_err()
        {
            break;
        }
        frames.fetch_add(1, Ordering::Relaxed);
        if !handle(&mut session, &state, flaw, &frame) {
            break;
        }
    }
    leave(&mut session, &state);
    writing.abort();
}

fn send(out: &mpsc::Sender<Vec<u8>>, mut packet: Vec<u8>) {
    stamp(&mut packet, 60_000);
    wire::codec::encode_in_place(&mut packet, 0x5A);
    // a client that is gone hears nothing
    let _gone = out.try_send(packet);
}

/// Handles one packet; false closes the connection.
fn handle(session: &mut Session, state: &Arc<Mutex<State>>, flaw: Flaw, frame: &[u8]) -> bool {
    let layout = session.profile.layout();
    let opcode = u16_at(frame, 4);
    match opcode {
        0x20D => login(session, state, frame),
        0xFDE => send(&session.out, packet(0xFDE, 12, 0)),
        0x20F => {
            let name = text_at(frame, 16, 16);
            state.lock().unwrap().characters.insert(session.account.clone(), (name.clone(), 1000));
            let size = layout.selection.in_answer + selection_size(session.profile);
            let mut answer = packet(0x110, size, 30_001);
            put_text(&mut answer, layout.selection.in_answer + 16, 16, &name);
            send(&session.out, answer);
        }
        0x213 => enter(session, state, flaw),
        0x215 => {
            leave(session, state);
            send(&session.out, packet(0x116, 12, u16_at(frame, 6)));
        }
        0x333 => return chat(session, state, flaw, frame),
        0x334 => whisper(session, state, flaw, frame),
        _ if opcode == layout.action.walk => return walk(session, state, flaw, frame),
        _ => goods::handle(session, state, flaw, frame),
    }
    true
}

fn hangs(session: &mut Session, flaw: Flaw) -> bool {
    session.acts += 1;
    matches!(flaw, Flaw::Hangs | Flaw::Robs) && session.acts == 5
}

fn selection_size(profile: Profile) -> usize {
    match profile {
        Profile::V759 => 840,
        Profile::V769 => 904,
        Profile::V748 => 744,
    }
}

fn login(session: &mut Session, state: &Arc<Mutex<State>>, frame: &[u8]) {
    session.profile = match (i32_at(frame, 40), i32_at(frame, 92)) {
        (748, _) => Profile::V748,
        (_, 1758) => Profile::V769,
        _ => Profile::V759,
    };
    let layout = session.profile.layout();
    session.account = text_at(frame, layout.login.name, 16);
    let size = if session.profile == Profile::V748 { 1824 } else { 1928 };
    let mut list = packet(layout.char_list, size, 30_002);
    put_text(&mut list, layout.account_name, 16, &session.account);
    if let Some((name, _)) = state.lock().unwrap().characters.get(&session.account) {
        put_text(&mut list, layout.selection.in_list + 16, 16, name);
    }
    state.lock().unwrap().goods.put_cargo(&session.account, session.profile, &mut list);
    send(&session.out, list);
}

fn put_score(profile: Profile, packet: &mut [u8], at: usize) {
    match profile.layout().score {
        ScoreWidth::Wide => {
            packet[at + 13] = 0x15;
            put_i32(packet, at + 16, 100);
            put_i32(packet, at + 24, 100);
        }
        ScoreWidth::Narrow => {
            packet[at + 7] = 0x15;
            put_u16(packet, at + 8, 100);
            put_u16(packet, at + 12, 100);
        }
    }
}

fn enter(session: &mut Session, state: &Arc<Mutex<State>>, flaw: Flaw) {
    let mut state = state.lock().unwrap();
    let state = &mut *state;
    let (profile, layout) = (session.profile, session.profile.layout());
    let Some((name, gold)) = state.characters.get_mut(&session.account) else { return };
    let id = (1..1000).find(|id| !state.players.contains_key(id)).unwrap();
    let tile = Tile::new(2096 + id % 8, 2096 + id / 8);
    let size = match profile {
        Profile::V759 => 1712,
        Profile::V769 => 1728,
        Profile::V748 => 1244,
    };
    let mut enter = packet(0x114, size, 30_001);
    put_u16(&mut enter, 12, tile.x);
    put_u16(&mut enter, 14, tile.y);
    put_text(&mut enter, 16, 16, name);
    let coins = *gold;
    put_i32(&mut enter, 40, coins);
    if flaw == Flaw::Robs {
        *gold -= 1;
    }
    put_score(profile, &mut enter, layout.enter.score);
    put_u16(&mut enter, layout.enter.own_id, id);
    state.goods.put_carry(&session.account, &mut enter, layout.enter.carry);
    let coins = if flaw == Flaw::Robs { coins } else { state.goods.gold(&session.account, coins) };
    put_i32(&mut enter, 40, coins);
    send(&session.out, enter);
    send(&session.out, create(profile, id, name, tile, flaw));
    for &opcode in on_entry(profile).iter().filter(|&&opcode| opcode != 0x364) {
        if opcode != 0x185 || flaw != Flaw::ForgetsInventory {
            let mut detail = detail(profile, opcode, id, tile, coins);
            if opcode == 0x185 {
                state.goods.put_carry(&session.account, &mut detail, 12);
            }
            send(&session.out, detail);
        }
    }
    for other in state.players.values() {
        send(&session.out, create(profile, other.id, &other.name, other.tile, flaw));
        if flaw != Flaw::HidesArrivals {
            send(&other.out, create(other.profile, id, name, tile, flaw));
        }
        if flaw == Flaw::DoublesEntities {
            send(&other.out, create(other.profile, id, name, tile, flaw));
        }
        if flaw == Flaw::SecondId {
            send(&other.out, create(other.profile, id + 500, name, tile, flaw));
        }
    }
    send(&session.out, goods::keeper(profile));
    session.own = Some(id);
    let account = session.account.clone();
    let player = Player { account, id, name: name.clone(), tile, profile, out: session.out.clone() };
    state.players.insert(id, player);
}

/// One of the smaller packets of the entering.
fn detail(profile: Profile, opcode: u16, id: u16, tile: Tile, gold: i32) -> Vec<u8> {
    let layout = profile.layout();
    let mut detail = packet(opcode, usize::from(expected(profile, opcode).unwrap()), id);
    match opcode {
        0x336 => put_score(profile, &mut detail, 12),
        0x337 if layout.long_experience => put_i32(&mut detail, 40, gold),
        0x337 => put_i32(&mut detail, 32, gold),
        0x185 => put_i32(&mut detail, 524, gold),
        _ => {}
    }
    if opcode == layout.action.walk {
        put_i32(&mut detail, layout.action.effect, 1);
        put_u16(&mut detail, layout.action.target, tile.x);
        put_u16(&mut detail, layout.action.target + 2, tile.y);
    }
    detail
}

fn create(profile: Profile, id: u16, name: &str, tile: Tile, flaw: Flaw) -> Vec<u8> {
    let size = match profile {
        Profile::V759 => 232,
        Profile::V769 => 236,
        Profile::V748 => 176,
    };
    let mut create = packet(0x364, if flaw == Flaw::WrongSize { size + 4 } else { size }, 30_000);
    put_u16(&mut create, 12, tile.x);
    put_u16(&mut create, 14, tile.y);
    put_u16(&mut create, 16, id);
    put_text(&mut create, 18, 16, name);
    put_score(profile, &mut create, profile.layout().create_score);
    put_u16(&mut create, profile.layout().create_type, 2);
    create
}

fn leave(session: &mut Session, state: &Arc<Mutex<State>>) {
    let Some(id) = session.own.take() else { return };
    let mut state = state.lock().unwrap();
    state.players.remove(&id);
    state.goods.leaves(id);
    for other in state.players.values() {
        let mut remove = packet(0x165, 16, id);
        put_i32(&mut remove, 12, 2);
        send(&other.out, remove);
    }
}

fn chat(session: &mut Session, state: &Arc<Mutex<State>>, flaw: Flaw, frame: &[u8]) -> bool {
    let Some(own) = session.own else { return false };
    let text = text_at(frame, 12, frame.len() - 12);
    let state = state.lock().unwrap();
    for other in state.players.values().filter(|other| other.id != own) {
        let size = other.profile.layout().chat_size;
        let mut said = packet(0x333, size, if flaw == Flaw::ChatFromNobody { 777 } else { own });
        put_text(&mut said, 12, size - 12, &text);
        match flaw {
            Flaw::DropsChat => {}
            Flaw::DelaysChat(ms) => {
                let out = other.out.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    send(&out, said);
                });
            }
            Flaw::DoublesChat => {
                send(&other.out, said.clone());
                send(&other.out, said);
            }
            _ => send(&other.out, said),
        }
    }
    !hangs(session, flaw)
}

fn whisper(session: &Session, state: &Arc<Mutex<State>>, flaw: Flaw, frame: &[u8]) {
    let Some(own) = session.own else { return };
    let state = state.lock().unwrap();
    let to = text_at(frame, 12, 16);
    let text = text_at(frame, 28, session.profile.layout().whisper_text);
    match state.players.values().find(|other| other.name == to) {
        Some(_) if flaw == Flaw::DropsWhispers => {}
        Some(other) => {
            let layout = other.profile.layout();
            let mut whisper = packet(0x334, layout.whisper_size, 0);
            put_text(&mut whisper, 12, 16, &state.players[&own].name);
            put_text(&mut whisper, 28, layout.whisper_text, &text);
            send(&other.out, whisper);
        }
        None if flaw == Flaw::SilentAboutNobody => {}
        None => {
            let mut panel = packet(0x101, session.profile.layout().chat_size, 0);
            put_text(&mut panel, 12, 96, "not connected");
            send(&session.out, panel);
        }
    }
}

fn walk(session: &mut Session, state: &Arc<Mutex<State>>, flaw: Flaw, frame: &[u8]) -> bool {
    let Some(own) = session.own else { return false };
    let action = &session.profile.layout().action;
    let mut state = state.lock().unwrap();
    let from = Tile::new(u16_at(frame, 12), u16_at(frame, 14));
    let to = Tile::new(u16_at(frame, action.target), u16_at(frame, action.target + 2));
    let steps = Steps::from_field(&frame[action.route..action.route + 24]);
    assert_eq!(steps.end(from), to, "the route of a walk leads to its target");
    assert!(u32_at(frame, 8) > 0, "a client's clock goes");
    if flaw == Flaw::Walls && (from.x < 2101) != (to.x < 2101) {
        let mut back = packet(action.walk, 52, own);
        put_i32(&mut back, action.effect, 1);
        put_u16(&mut back, action.target, from.x);
        put_u16(&mut back, action.target + 2, from.y);
        send(&session.out, back);
        return true;
    }
    state.players.get_mut(&own).unwrap().tile = to;
    for other in state.players.values().filter(|other| other.id != own && flaw != Flaw::DropsWalks) {
        send(&other.out, bot::protocol::outgoing::walk(other.profile, own, from, &steps, 5));
    }
    !hangs(session, flaw)
}

/// Waits until something is so, at most ten seconds.
pub async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
