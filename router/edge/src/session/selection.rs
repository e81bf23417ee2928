//! The PIN and the selection screen, and the way back to it.

use super::Session;
use super::requests::{self, Done};
use crate::messages::{self, Line};
use crate::metrics::CloseReason;
use crate::phase::Phase;
use crate::translate;
use model::calls::registry::{CreateRefusal, DeleteRefusal, PinOutcome, Reply, Request};
use model::character::{CHARACTER_SLOTS, Character};
use model::{Class, Secret, SessionId};
use std::sync::Arc;
use wire::packet::{
    AccountPin, AccountPinFail, AccountPinOk, CharListAfterCreate, CharListAfterDelete, CharacterLoginFail,
    CharacterLogoutOk, CreateCharacter, CreateCharacterFail, DeleteCharacter, DeleteCharacterFail,
};
use wire::{SCENE_ENTER, SCENE_FIELD};

impl Session {
    pub(super) fn on_pin(&mut self, packet: &AccountPin) {
        // a PIN is changed only after a good one in this session
        let change = packet.change && self.phase == Phase::Selecting;
        let pin = Secret::new(packet.pin.reveal());
        self.ask(|session| Request::Pin { session, pin, change }, move |reply| Done::Pin { reply, change });
    }

    pub(super) fn on_pin_done(&mut self, reply: Option<&Reply>, change: bool) {
        let before = if change { Phase::Selecting } else { Phase::Pin };
        match reply {
            Some(Reply::Pin(PinOutcome::Accepted)) => {
                self.pin_tries = 0;
                self.set_phase(Phase::Selecting);
                self.send(SCENE_FIELD, AccountPinOk {});
            }
            Some(Reply::Pin(PinOutcome::Wrong)) => self.on_wrong_pin(before),
            Some(Reply::Pin(PinOutcome::Malformed)) => {
                self.say(Line::PinMalformed, &[]);
                self.on_wrong_pin(before);
            }
            Some(Reply::Pin(PinOutcome::LockedOut)) => {
                self.say(Line::PinLockedOut, &[]);
                self.close(CloseReason::Pin);
            }
            Some(Reply::NoSuchSession) => self.lose_session(),
            _ => {
                // why first: the failure alone reads as a wrong PIN
                self.say(Line::Unavailable, &[]);
                self.set_phase(before);
                self.send(SCENE_FIELD, AccountPinFail {});
            }
        }
    }

    fn on_wrong_pin(&mut self, before: Phase) {
        self.pin_tries += 1;
        self.send(SCENE_FIELD, AccountPinFail {});
        if self.pin_tries >= self.settings().budgets.pin_tries {
            self.say(Line::PinLockedOut, &[]);
            return self.close(CloseReason::Pin);
        }
        self.set_phase(before);
    }

    pub(super) fn on_create(&mut self, packet: CreateCharacter) {
        let class = Class::from_number(i64::from(packet.class));
        let Some(class) = class.filter(|_| usize::from(packet.slot) < CHARACTER_SLOTS) else {
            self.send(SCENE_ENTER, CreateCharacterFail {});
            return self.strike("field");
        };
        let CreateCharacter { slot, name, .. } = packet;
        self.ask(|session| Request::CreateCharacter { session, slot, name, class }, Done::Created);
    }

    pub(super) fn on_created(&mut self, reply: Option<Reply>) {
        self.set_phase(Phase::Selecting);
        let language = self.language();
        let refused = match reply {
            Some(Reply::Characters(characters)) => {
                self.characters = characters;
                let list = translate::character_list(&self.characters);
                return self.send(SCENE_ENTER, CharListAfterCreate { characters: Box::new(list) });
            }
            Some(Reply::CreateRefused(CreateRefusal::BadName(bad))) => messages::bad_name(bad, language),
            Some(Reply::CreateRefused(CreateRefusal::NameTaken)) => Line::NameTaken.text(language, &[]),
            Some(Reply::CreateRefused(CreateRefusal::BadSlot)) => Line::BadSlot.text(language, &[]),
            Some(Reply::NoSuchSession) => return self.lose_session(),
            _ => Line::Unavailable.text(language, &[]),
        };
        self.send(SCENE_ENTER, CreateCharacterFail {});
        self.send_all([(0, translate::panel(refused))]);
    }

    pub(super) fn on_delete(&mut self, packet: DeleteCharacter) {
        let DeleteCharacter { slot, name, password } = packet;
        let password = Secret::new(password.reveal());
        self.ask(|session| Request::DeleteCharacter { session, slot, name, password }, Done::Deleted);
    }

    pub(super) fn on_deleted(&mut self, reply: Option<Reply>) {
        self.set_phase(Phase::Selecting);
        let line = match reply {
            Some(Reply::Characters(characters)) => {
                self.characters = characters;
                let list = translate::character_list(&self.characters);
                return self.send(SCENE_ENTER, CharListAfterDelete { characters: Box::new(list) });
            }
            Some(Reply::DeleteRefused(DeleteRefusal::WrongPassword)) => Line::WrongPassword,
            Some(Reply::DeleteRefused(DeleteRefusal::NoSuchCharacter)) => Line::NoSuchCharacter,
            Some(Reply::DeleteRefused(DeleteRefusal::InGuild)) => Line::InGuild,
            Some(Reply::NoSuchSession) => return self.lose_session(),
            _ => Line::Unavailable,
        };
        self.send(SCENE_ENTER, DeleteCharacterFail {});
        self.say(line, &[]);
    }

    pub(super) fn on_character_login(&mut self, slot: u8) {
        let character = self.characters.iter().find(|character| character.slot == slot).cloned();
        let (Some(character), Some(session)) = (character, self.id) else {
            self.send(SCENE_ENTER, CharacterLoginFail {});
            return self.strike("field");
        };
        self.begin_entering(&character);
        let known = (character.id, character.name.clone());
        if let Some(handle) = &self.handle {
            handle.set_friends(None); // those of the one before may have been told late
            handle.hold(|held| {
                if let Some(held) = held {
                    held.character = Some(known.clone());
                }
            });
        }
        let request = Request::Playing { session, character: Some(known) };
        self.work.push_back(Box::pin(requests::claim(Arc::clone(&self.shared), request)));
    }

    /// The character could not enter the world: back to the selection screen.
    pub(super) fn fail_entering(&mut self, line: Line) {
        self.send(SCENE_ENTER, CharacterLoginFail {});
        self.say(line, &[]);
        self.forget_character();
        self.set_phase(Phase::Working);
        if let Some(session) = self.id {
            self.work.push_back(Box::pin(requests::give_up(Arc::clone(&self.shared), session)));
        }
    }

    /// The player wants back to the selection screen.
    pub(super) fn on_character_logout(&mut self) {
        self.set_phase(Phase::Leaving);
        self.leaving_until_ms = self.now_ms() + self.settings().deadlines.detach_ms;
        if !self.detach() {
            self.finish_leaving();
        }
    }

    /// The character is saved and out of the world.
    pub(super) fn finish_leaving(&mut self) {
        self.leaving_until_ms = u64::MAX;
        self.forget_character();
        if let Some(session) = self.id {
            self.work.push_back(Box::pin(requests::release(Arc::clone(&self.shared), session)));
        }
    }

    pub(super) fn on_left(&mut self, characters: Option<Vec<Character>>) {
        if let Some(characters) = characters {
            self.characters = characters;
        }
        self.set_phase(Phase::Selecting);
        let own = self.own_number.unwrap_or_default();
        self.send(own, CharacterLogoutOk {});
    }

    fn forget_character(&mut self) {
        self.leave_world();
        if let Some(handle) = &self.handle {
            handle.hold(|held| {
                if let Some(held) = held {
                    held.character = None;
                    held.persona = None;
                }
            });
        }
    }

    fn ask(
        &mut self,
        request: impl FnOnce(SessionId) -> Request,
        done: impl FnOnce(Option<Reply>) -> Done + Send + 'static,
    ) {
        let Some(session) = self.id else { return };
        self.set_phase(Phase::Working);
        let (shared, request) = (Arc::clone(&self.shared), request(session));
        self.work.push_back(Box::pin(async move { done(requests::ask(shared, request).await) }));
    }

    fn lose_session(&mut self) {
        self.say(Line::SessionLost, &[]);
        self.close(CloseReason::Unavailable);
    }
}
