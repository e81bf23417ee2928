//! From the first packet to the selection screen.

use super::requests::{self, Done, LoginOutcome};
use super::{SECOND_LOGIN_MS, Session};
use crate::messages::Line;
use crate::metrics::CloseReason;
use crate::phase::{Input, Phase, verdict};
use crate::settings::Settings;
use crate::translate::{self, asks};
use model::calls::registry::{Login, LoginRefusal};
use model::{Secret, SessionId};
use std::sync::Arc;
use tokio::sync::mpsc;
use wire::login::{LoginError, recognise};
use wire::packet::{AccountLogin, AlreadyPlaying, ClientPacket, StillPlaying};
use wire::{AcceptedVersions, Frame, Profile, SCENE_CHARACTER_LIST};

impl Session {
    pub(super) fn on_first_frame(&mut self, frame: &Frame<'_>, settings: &Settings) {
        let accepted = AcceptedVersions {
            v748: settings.versions.v748.clone(),
            v759: settings.versions.v759.clone(),
            v769: settings.versions.v769.clone(),
        };
        match recognise(frame, &accepted) {
            Ok((profile, login)) => {
                self.profile = profile;
                self.begin_login(&login, settings);
            }
            Err(LoginError::UnknownVersion { found }) => {
                tracing::info!(version = found, address = %self.address, "client version is not accepted");
                self.say(Line::WrongVersion, &[&found.to_string()]);
                self.close(CloseReason::LoginRefused);
            }
            Err(LoginError::NotALogin { .. }) => {
                // the profile is not known yet; a ping looks the same in all
                let is_ping = matches!(ClientPacket::parse(self.profile, frame), Ok(ClientPacket::Ping(_)));
                let input = if is_ping { Input::Ping } else { Input::Unhandled };
                self.apply(verdict(Phase::Connected, input), "phase");
            }
        }
    }

    fn begin_login(&mut self, login: &AccountLogin, settings: &Settings) {
        let now_ms = self.now_ms();
        if !self.shared.addresses.lock().login(self.address, &settings.addresses, now_ms) {
            self.say(Line::Busy, &[]);
            return self.close(CloseReason::LoginRefused);
        }
        let id = SessionId(rand::random());
        let (sender, receiver) = mpsc::channel(settings.connections.events_queued.max(1));
        let handle = self.shared.sessions.add(id, Arc::clone(&self.kill), sender);
        if let Some(old) = self.id.replace(id) {
            self.shared.sessions.remove(old);
        }
        self.inbox = Some(receiver);
        self.handle = Some(Arc::clone(&handle));
        self.set_phase(Phase::LoggingIn);
        let request = Login {
            session: id,
            edge: self.shared.name.clone(),
            name: login.account.clone(),
            password: Secret::new(login.password.reveal()),
            force: login.force,
            address: self.address,
        };
        let (shared, cargo_slots) = (Arc::clone(&self.shared), asks::cargo_slots(self.profile));
        self.work.push_back(Box::pin(async move {
            Done::Login(Box::new(requests::login(shared, handle, request, cargo_slots).await))
        }));
    }

    pub(super) fn on_login_done(&mut self, outcome: LoginOutcome) {
        match outcome {
            LoginOutcome::Accepted { account, name, characters, cargo, parcels } => {
                tracing::info!(account = %name, profile = self.profile.label(), session = ?self.id, "logged in");
                let list = translate::char_list(&characters, &cargo.items, cargo.gold, name.as_str());
                self.send(SCENE_CHARACTER_LIST, list);
                self.account = Some((account, name));
                self.characters = characters;
                self.bank = cargo.into();
                self.parcels = parcels;
                let has_pin = self.profile != Profile::V748;
                self.set_phase(if has_pin { Phase::Pin } else { Phase::Selecting });
            }
            LoginOutcome::Refused(refusal) => self.on_login_refused(&refusal),
            LoginOutcome::Unavailable => {
                self.say(Line::Unavailable, &[]);
                self.close(CloseReason::Unavailable);
            }
        }
    }

    fn on_login_refused(&mut self, refusal: &LoginRefusal) {
        match refusal {
            LoginRefusal::AlreadyPlaying => self.send(SCENE_CHARACTER_LIST, AlreadyPlaying {}),
            LoginRefusal::StillPlaying => self.send(SCENE_CHARACTER_LIST, StillPlaying {}),
            LoginRefusal::WrongNameOrPassword => return self.refuse_login(Line::WrongNameOrPassword, &[]),
            LoginRefusal::LockedOut { seconds } => {
                return self.refuse_login(Line::LockedOut, &[&seconds.to_string()]);
            }
            LoginRefusal::Busy => return self.refuse_login(Line::Busy, &[]),
            LoginRefusal::Blocked => return self.refuse_login(Line::Blocked, &[]),
        }
        // the player may try again on this connection
        if let Some(id) = self.id.take() {
            self.shared.sessions.remove(id);
        }
        self.handle = None;
        self.inbox = None;
        self.login_until_ms = self.now_ms() + SECOND_LOGIN_MS;
        self.set_phase(Phase::Connected);
    }

    fn refuse_login(&mut self, line: Line, arguments: &[&str]) {
        self.say(line, arguments);
        self.close(CloseReason::LoginRefused);
    }
}
