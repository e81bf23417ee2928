//! One client: its phase, what it may send, and what it is told. No sockets here.

mod attach;
mod bank;
mod footing;
mod friends;
mod goods;
mod login;
mod moving;
mod parked;
mod play;
mod requests;
mod selection;
mod shown;
mod social;

use crate::budget::{Bucket, Strikes, WalkGate};
use crate::clock::tick;
use crate::messages::Line;
use crate::metrics::CloseReason;
use crate::outbox::Outbox;
use crate::phase::{Input, Phase, Refusal, Verdict, any_size_will_do, verdict};
use crate::sessions::{Handle, Kill, ToSession};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::translate::{self, Sent};
use attach::Place;
use bank::Bank;
use cluster::View;
use model::Command;
use model::calls::registry::KickReason;
use model::{AccountId, AccountName, Character, SessionId};
pub(crate) use moving::Moved;
use play::World;
pub(crate) use requests::Done;
use requests::{Parcels, Work};
use social::Social;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use wire::packet::{
    AccountPinFail, ClientPacket, CreateCharacterFail, DeleteCharacterFail, MessagePanel, ServerPacket,
};
use wire::table::ParseError;
use wire::{Frame, Profile, SCENE_ENTER, SCENE_FIELD};

/// Frames with a wrong checksum after which a connection is closed.
const BAD_CHECKSUMS_MAX: u32 = 3;
/// How long a client may stay on the login screen after it was told that the account plays already.
const SECOND_LOGIN_MS: u64 = 60_000;

/// What guards against a client that sends too much.
struct Guard {
    packets: Bucket,
    bytes: Bucket,
    chat: Bucket,
    goods: Bucket,
    shout: Bucket,
    strikes: Strikes,
    walks: WalkGate,
    bad_checksums: u32,
}

/// One client.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) kill: Arc<Kill>,
    pub(crate) out: Outbox,
    pub(crate) inbox: Option<mpsc::Receiver<ToSession>>,
    /// Calls under way, one after the other.
    pub(crate) work: VecDeque<Work>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    /// Whether the connection is to go to another edge.
    pub(crate) moving: watch::Receiver<bool>,
    pub(crate) closing: Option<CloseReason>,
    number: u64,
    id: Option<SessionId>,
    handle: Option<Arc<Handle>>,
    address: IpAddr,
    phase: Phase,
    profile: Profile,
    guard: Guard,
    connected_ms: u64,
    login_until_ms: u64,
    last_packet_ms: u64,
    account: Option<(AccountId, AccountName)>,
    characters: Vec<Character>,
    /// The bank of the account, as its client was told.
    bank: Bank,
    /// What the login did with parcels, until the player is told.
    parcels: Parcels,
    pin_tries: u32,
    own_number: Option<u16>,
    place: Option<Place>,
    world: Option<World>,
    social: Social,
    leaving_until_ms: u64,
    /// When its character was last loaded elsewhere.
    fenced_ms: Vec<u64>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, address: IpAddr, number: u64, kill: Arc<Kill>) -> Self {
        let now_ms = shared.clock.now_ms();
        let settings = shared.settings.get();
        let guard = Guard {
            packets: Bucket::full(settings.budgets.packets, now_ms),
            bytes: Bucket::full(settings.budgets.bytes, now_ms),
            chat: Bucket::full(settings.budgets.chat, now_ms),
            goods: Bucket::full(settings.budgets.goods, now_ms),
            shout: Bucket::full(settings.budgets.shout, now_ms),
            strikes: Strikes::default(),
            walks: WalkGate::default(),
            bad_checksums: 0,
        };
        shared.metrics.phase(None, Some(Phase::Connected));
        Self {
            kill,
            out: Outbox::default(),
            inbox: None,
            work: VecDeque::new(),
            view: shared.view.clone(),
            moving: shared.takeover.watch(),
            closing: None,
            number,
            id: None,
            handle: None,
            address,
            phase: Phase::Connected,
            profile: Profile::V759,
            guard,
            connected_ms: now_ms,
            login_until_ms: now_ms + settings.deadlines.login_ms,
            last_packet_ms: now_ms,
            account: None,
            characters: Vec::new(),
            bank: Bank::default(),
            parcels: Parcels::default(),
            pin_tries: 0,
            own_number: None,
            place: None,
            world: None,
            social: Social::default(),
            leaving_until_ms: u64::MAX,
            fenced_ms: Vec::new(),
            shared,
        }
    }

    /// One whole frame from the client.
    pub(crate) fn on_frame(&mut self, frame: &Frame<'_>) {
        if self.closing.is_some() {
            return;
        }
        let now_ms = self.now_ms();
        let settings = self.shared.settings.get();
        self.last_packet_ms = now_ms;
        let bytes = frame.bytes().len();
        self.shared.metrics.packets(crate::metrics::Direction::In, 1, bytes as u64);
        let within = self.guard.packets.take(1.0, settings.budgets.packets, now_ms)
            && self.guard.bytes.take(bytes as f64, settings.budgets.bytes, now_ms);
        if !within {
            return self.strike("budget");
        }
        if !frame.checksum_ok() {
            self.guard.bad_checksums += 1;
            if self.guard.bad_checksums >= BAD_CHECKSUMS_MAX {
                return self.close(CloseReason::BadFrame);
            }
            return self.strike("checksum");
        }
        if self.phase == Phase::Connected {
            return self.on_first_frame(frame, &settings);
        }
        let parsed = ClientPacket::parse(self.profile, frame);
        if !matches!(parsed, Ok(ClientPacket::Action(_))) {
            self.guard.walks.other();
        }
        match parsed {
            Ok(packet) => self.on_packet(packet, frame.header().tick),
            Err(error) => self.on_unparsed(&error),
        }
    }

    fn on_unparsed(&mut self, error: &ParseError) {
        match error {
            ParseError::KnownUnhandled { .. } => {
                self.shared.metrics.unhandled.inc();
                self.apply(verdict(self.phase, Input::Unhandled), "phase");
            }
            ParseError::WrongSize { name, .. } if any_size_will_do(name) => self.strike("size"),
            ParseError::WrongSize { .. } => {
                tracing::debug!(%error, "closing a client");
                self.close(CloseReason::BadFrame);
            }
            ParseError::UnknownOpcode { .. } => self.strike("unknown_opcode"),
            ParseError::WrongDirection { .. } => self.strike("direction"),
            ParseError::BadField { .. } => self.strike("field"),
        }
    }

    fn on_packet(&mut self, packet: ClientPacket, client_tick: u32) {
        let input = input_of(&packet);
        if input == Input::Unhandled {
            self.shared.metrics.unhandled.inc();
        }
        let verdict = verdict(self.phase, input);
        if verdict != Verdict::Serve {
            return self.apply(verdict, "phase");
        }
        match packet {
            ClientPacket::AccountPin(packet) => self.on_pin(&packet),
            ClientPacket::CreateCharacter(packet) => self.on_create(packet),
            ClientPacket::DeleteCharacter(packet) => self.on_delete(packet),
            ClientPacket::CharacterLogin(packet) => self.on_character_login(packet.slot),
            ClientPacket::CharacterLogout(_) => self.on_character_logout(),
            packet => self.on_play_packet(packet, client_tick),
        }
    }

    fn apply(&mut self, verdict: Verdict, reason: &'static str) {
        match verdict {
            Verdict::Serve | Verdict::Ignore | Verdict::Drop => {}
            Verdict::Strike => self.strike(reason),
            Verdict::Close => self.close(CloseReason::WrongPhase),
            Verdict::Refuse(refusal) => {
                match refusal {
                    Refusal::PinFirst => self.send(SCENE_FIELD, AccountPinFail {}),
                    Refusal::NoCreation => self.send(SCENE_ENTER, CreateCharacterFail {}),
                    Refusal::NoDeletion => self.send(SCENE_ENTER, DeleteCharacterFail {}),
                    Refusal::Wait => self.say(Line::StillBusy, &[]),
                }
                self.strike(reason);
            }
        }
    }

    /// A message of the rest of the edge.
    pub(crate) fn on_message(&mut self, message: ToSession) {
        if self.closing.is_some() {
            return;
        }
        match message {
            ToSession::Node(stream, from_node) => self.on_node(stream, from_node),
            ToSession::Kick(reason) => {
                if reason == KickReason::Replaced {
                    self.say(Line::Replaced, &[]);
                } else {
                    self.say(Line::Blocked, &[]);
                }
                self.close(CloseReason::Kicked);
            }
            ToSession::Channel { channel, from, text } => self.on_channel_line(channel, from, text),
            ToSession::Invited(by) => self.on_invited(*by),
            ToSession::Party(party) => self.on_party(party.map(|party| *party)),
            ToSession::Friends(said) => self.on_friends(said),
            ToSession::Whisper { from, text } => self.on_whispered(from, text),
            ToSession::LookAtGuild => self.command(Command::LookAtGuild),
            ToSession::Admit(joiner) => self.command(Command::AdmitToGuild(joiner)),
            ToSession::Notice(_) if self.phase != Phase::Playing => {}
            ToSession::Notice(notice) => {
                let text = crate::messages::notice(&notice, self.language());
                self.send(0, MessagePanel { text });
            }
        }
    }

    /// A call was answered.
    pub(crate) fn on_done(&mut self, done: Done) {
        if self.closing.is_some() {
            return;
        }
        match done {
            Done::Login(outcome) => self.on_login_done(*outcome),
            Done::Pin { reply, change } => self.on_pin_done(reply.as_ref(), change),
            Done::Created(reply) => self.on_created(reply),
            Done::Deleted(reply) => self.on_deleted(reply),
            Done::Claimed => self.on_claimed(),
            Done::Checked(reply) => self.on_checked(reply.as_ref()),
            Done::Left(characters) => self.on_left(characters),
            Done::GaveUp => self.set_phase(Phase::Selecting),
            Done::Recounted { cargo, told, tries } => self.on_recounted(cargo, told, tries),
            Done::Whispered { to, found } => self.on_whisper_done(&to, found),
            Done::Spoken(reply) => self.on_spoken(reply.as_ref()),
            Done::Party { reply, invites } => self.on_party_done(reply.as_ref(), invites),
            Done::Who(reply) => self.on_who(reply.as_ref()),
            Done::Roster(reply) => self.on_roster(reply.as_ref()),
            Done::Guild(reply) => self.on_guild_asked(reply.as_ref()),
            Done::Friend(reply) => self.on_friend_asked(reply.as_ref()),
            Done::Friends { reply, part } => self.on_friend_page(reply.as_ref(), part),
            Done::Described(reply) => self.on_described(reply.as_ref()),
        }
    }

    /// What is due by now; called after everything that happened.
    pub(crate) fn on_time(&mut self) {
        if self.closing.is_some() {
            return;
        }
        let now_ms = self.now_ms();
        if self.phase == Phase::Connected && now_ms >= self.login_until_ms {
            return self.close(CloseReason::Handshake);
        }
        if now_ms >= self.idle_until_ms() {
            self.say(Line::Idle, &[]);
            return self.close(CloseReason::Idle);
        }
        if self.phase == Phase::Leaving && now_ms >= self.leaving_until_ms {
            tracing::warn!(session = ?self.id, "the node did not say that the character is saved");
            self.finish_leaving();
        }
        self.describe_on_time(now_ms);
        self.attach_on_time(now_ms);
    }

    /// When [`Session::on_time`] has something to do at the latest.
    pub(crate) fn next_time_ms(&self) -> u64 {
        let login = if self.phase == Phase::Connected { self.login_until_ms } else { u64::MAX };
        let leaving = if self.phase == Phase::Leaving { self.leaving_until_ms } else { u64::MAX };
        self.idle_until_ms().min(login).min(leaving).min(self.attach_time_ms()).min(self.describe_time_ms())
    }

    fn idle_until_ms(&self) -> u64 {
        let deadlines = &self.shared.settings.get().deadlines;
        let idle_ms = match self.phase {
            Phase::Pin | Phase::Selecting | Phase::Working => deadlines.selection_idle_ms,
            _ => deadlines.idle_ms,
        };
        self.last_packet_ms + idle_ms
    }

    /// The process stops: say so and go.
    pub(crate) fn on_stop(&mut self) {
        if !self.phase.is_half_open() {
            self.say(Line::Stopping, &[]);
        }
        self.close(CloseReason::Stopping);
    }

    /// Ends the connection; the first reason counts.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.closing.is_some() {
            return;
        }
        tracing::debug!(?reason, phase = self.phase.label(), address = %self.address, "closing a client");
        self.closing = Some(reason);
        self.shared.metrics.close(reason);
        self.set_phase(Phase::Closing);
    }

    /// True while the answer to a login may still come.
    pub(crate) fn is_logging_in(&self) -> bool {
        self.id.is_some() && self.account.is_none()
    }

    /// Forgets the session here: its id, when the registry has to be told.
    pub(crate) fn end(&mut self) -> Option<SessionId> {
        let id = self.id.take()?;
        self.shared.sessions.remove(id);
        Some(id)
    }

    /// True once the init code has to have come.
    pub(crate) fn is_silent_too_long(&self, deadline_ms: u64) -> bool {
        self.now_ms() >= self.connected_ms + deadline_ms
    }

    /// True while nobody has logged in.
    pub(crate) fn is_half_open(&self) -> bool {
        self.phase.is_half_open()
    }

    /// When the connection was made.
    pub(crate) fn connected_ms(&self) -> u64 {
        self.connected_ms
    }

    /// Number of the connection on this edge.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    fn strike(&mut self, reason: &'static str) {
        let budgets = self.shared.settings.get().budgets.clone();
        let now_ms = self.now_ms();
        self.shared.metrics.strike(reason);
        if self.guard.strikes.strike(budgets.strikes_max, budgets.strike_forgiven_ms, now_ms) {
            tracing::info!(reason, address = %self.address, phase = self.phase.label(), "too many strikes");
            self.close(CloseReason::Strikes);
        }
    }

    fn send(&mut self, id: u16, packet: impl Into<ServerPacket>) {
        self.send_all([(id, packet.into())]);
    }

    fn send_all(&mut self, packets: impl IntoIterator<Item = Sent>) {
        if self.closing == Some(CloseReason::Slow) {
            return;
        }
        if self.out.is_empty() {
            self.out.lend(self.shared.pool.take());
        }
        let tick = tick(self.now_ms());
        for sent in packets {
            self.out.push(self.profile, tick, &sent);
        }
        if self.out.waiting() > self.shared.settings.get().connections.write_queue_bytes {
            if self.kill.kill(CloseReason::Slow) {
                self.shared.metrics.dropped_slow.inc();
            }
            self.close(CloseReason::Slow);
        }
    }

    fn say(&mut self, line: Line, arguments: &[&str]) {
        let text = line.text(self.language(), arguments);
        self.send_all([(0, translate::panel(text))]);
    }

    fn set_phase(&mut self, phase: Phase) {
        if phase == self.phase {
            return;
        }
        self.shared.metrics.phase(Some(self.phase), Some(phase));
        if self.phase.is_half_open() && !phase.is_half_open() {
            self.shared.half_open.lock().remove(self.number);
        }
        self.phase = phase;
        if let Some(handle) = &self.handle {
            handle.set_playing(phase == Phase::Playing);
        }
    }

    fn language(&self) -> crate::settings::Language {
        self.shared.settings.get().language
    }

    fn now_ms(&self) -> u64 {
        self.shared.clock.now_ms()
    }

    fn settings(&self) -> Arc<Settings> {
        self.shared.settings.get()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.metrics.phase(Some(self.phase), None);
        if let Some(number) = self.own_number {
            self.shared.numbers.lock().give_back(number);
        }
    }
}

fn input_of(packet: &ClientPacket) -> Input {
    match packet {
        ClientPacket::AccountLogin(_) => Input::Login,
        ClientPacket::AccountPin(_) => Input::Pin,
        ClientPacket::CreateCharacter(_) => Input::CreateCharacter,
        ClientPacket::DeleteCharacter(_) => Input::DeleteCharacter,
        ClientPacket::CharacterLogin(_) => Input::EnterWorld,
        ClientPacket::TransferCharacter(_) => Input::TransferCharacter,
        ClientPacket::CharacterLogout(_) => Input::LeaveWorld,
        ClientPacket::Action(_) | ClientPacket::ActionStop(_) | ClientPacket::ActionIllusion(_) => {
            Input::Move
        }
        ClientPacket::Motion(_) => Input::Motion,
        ClientPacket::Chat(_) => Input::Chat,
        ClientPacket::Whisper(_) => Input::Whisper,
        ClientPacket::Restart(_) => Input::Recall,
        ClientPacket::TeleportRequest(_) => Input::Portal,
        ClientPacket::ChangeCity(_) => Input::EnterCity,
        ClientPacket::RequestMob(_) => Input::Inspect,
        ClientPacket::SkillBar(_) => Input::SkillBar,
        ClientPacket::Ping(_) => Input::Ping,
        ClientPacket::ClientLog(_) | ClientPacket::MoveStop(_) | ClientPacket::QuitDelay(_) => Input::Report,
        ClientPacket::MoveItem(_)
        | ClientPacket::UseItem(_)
        | ClientPacket::SplitItem(_)
        | ClientPacket::DeleteItem(_)
        | ClientPacket::DropItem(_)
        | ClientPacket::PickItem(_) => Input::Items,
        ClientPacket::ShopOpen(_)
        | ClientPacket::ShopBuy(_)
        | ClientPacket::ShopSell(_)
        | ClientPacket::Repurchase(_) => Input::Shop,
        ClientPacket::CargoDepositGold(_) | ClientPacket::CargoWithdrawGold(_) => Input::BankGold,
        ClientPacket::Trade(_) | ClientPacket::TradeQuit(_) => Input::Trade,
        ClientPacket::Autotrade(_) | ClientPacket::AutotradeOpen(_) | ClientPacket::AutotradeBuy(_) => {
            Input::Stall
        }
        ClientPacket::PartyRequest(_) | ClientPacket::PartyAccept(_) | ClientPacket::PartyRemove(_) => {
            Input::Party
        }
        ClientPacket::PkMode(_) | ClientPacket::NpcClick(_) | ClientPacket::Shout(_) => Input::Unhandled,
    }
}
