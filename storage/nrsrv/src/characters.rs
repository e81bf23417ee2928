//! The characters of an account: list, create, delete.

use crate::directory::Entry;
use crate::hashing::{Cost, HashError, Verdict};
use crate::registry::{Answer, Registry, Unavailable};
use crate::retry::retry;
use model::account::BadName;
use model::calls::database::{
    CreateCharacter, CreateCharacterRefusal, DeleteCharacter, GetAccount, ListCharacters, NoSuchCharacter,
};
use model::calls::registry::{CreateRefusal, DeleteRefusal, Reply};
use model::character::CHARACTER_SLOTS;
use model::{CharacterName, Class, OperationId, Secret, SessionId};
use rand::Rng;
use std::time::Instant;
use store::friends::Known;

/// Names that nobody may have: words of whispered commands, and those that people take for the server itself.
/// Characters that have one already keep it.
const KEPT: [&str; 30] = [
    "abandonar",
    "admin",
    "amigo",
    "amigos",
    "contaprincipal",
    "create",
    "expulsar",
    "fimguerra",
    "fimirma",
    "friend",
    "friends",
    "gamemaster",
    "getout",
    "gfame",
    "handover",
    "king",
    "kingdom",
    "moderador",
    "relo",
    "server",
    "servidor",
    "sistema",
    "subcreate",
    "summon",
    "summonguild",
    "suporte",
    "system",
    "time",
    "wydbr",
    "administrador",
];

impl Registry {
    pub(crate) async fn characters(&self, session: SessionId) -> Answer {
        match self.entry(session) {
            Some(entry) => self.list(&entry).await,
            None => Ok(Reply::NoSuchSession),
        }
    }

    async fn list(&self, entry: &Entry) -> Answer {
        let request = ListCharacters { account: entry.record.account };
        Ok(Reply::Characters(retry(|| self.store.list_characters(request.clone())).await?))
    }

    pub(crate) async fn create_character(
        &self,
        session: SessionId,
        slot: u8,
        name: &str,
        class: Class,
    ) -> Answer {
        let Some(entry) = self.entry(session) else { return Ok(Reply::NoSuchSession) };
        if usize::from(slot) >= CHARACTER_SLOTS {
            return Ok(Reply::CreateRefused(CreateRefusal::BadSlot));
        }
        let name = match CharacterName::new(name) {
            Ok(name) if KEPT.contains(&name.key().as_str()) => {
                return Ok(Reply::CreateRefused(CreateRefusal::BadName(BadName::Kept)));
            }
            Ok(name) => name,
            Err(bad) => return Ok(Reply::CreateRefused(CreateRefusal::BadName(bad))),
        };
        let request = CreateCharacter {
            operation: OperationId(rand::rng().random()),
            character: self.newcomers.create(entry.record.account, slot, name, class),
        };
        match retry(|| self.store.create_character(request.clone())).await? {
            Ok(()) => self.list(&entry).await,
            Err(CreateCharacterRefusal::NameTaken) => Ok(Reply::CreateRefused(CreateRefusal::NameTaken)),
            Err(CreateCharacterRefusal::SlotTaken) => Ok(Reply::CreateRefused(CreateRefusal::BadSlot)),
            Err(CreateCharacterRefusal::NoSuchAccount) => {
                tracing::error!(account = %entry.record.account, "a session of an account that is not stored");
                Err(Unavailable)
            }
        }
    }

    /// Refuses while the session is in the world, as if there were no such character.
    pub(crate) async fn delete_character(
        &self,
        session: SessionId,
        slot: u8,
        name: &str,
        password: &Secret,
    ) -> Answer {
        let Some(entry) = self.entry(session) else { return Ok(Reply::NoSuchSession) };
        let name = match CharacterName::new(name) {
            Ok(name) if entry.character.is_none() => name,
            _ => return Ok(Reply::DeleteRefused(DeleteRefusal::NoSuchCharacter)),
        };
        if !self.is_password(&entry, password).await? {
            return Ok(Reply::DeleteRefused(DeleteRefusal::WrongPassword));
        }
        // nobody joins a guild who does not play, so this stays so until it is deleted
        let request = ListCharacters { account: entry.record.account };
        let all = retry(|| self.store.list_characters(request.clone())).await?;
        let found = all.iter().find(|one| one.slot == slot && one.name.key() == name.key());
        if found.is_some_and(|one| one.hard.guild != 0) {
            return Ok(Reply::DeleteRefused(DeleteRefusal::InGuild));
        }
        // its own record goes with it; those who have it for a friend forget it soon after
        let known = match found {
            Some(one) => Some(self.known_to(Known(one.id, one.account, one.name.to_string())).await?),
            None => None,
        };
        let request = DeleteCharacter {
            operation: OperationId(rand::rng().random()),
            account: entry.record.account,
            slot,
            key: name.key(),
        };
        match retry(|| self.store.delete_character(request.clone())).await? {
            Ok(()) => {
                tracing::info!(account = %entry.record.account, slot, %name, "a player deleted a character");
                if let Some((character, knew)) = known {
                    self.directory.lock().presence().was_deleted(character, knew);
                }
                self.list(&entry).await
            }
            Err(NoSuchCharacter) => Ok(Reply::DeleteRefused(DeleteRefusal::NoSuchCharacter)),
        }
    }

    /// Counts like a login: whoever sits at somebody else's session cannot try passwords here.
    async fn is_password(&self, entry: &Entry, password: &Secret) -> Result<bool, Unavailable> {
        let settings = self.settings();
        let key = entry.record.account_name.key();
        let rules = Self::password_rules(&settings);
        let Ok(attempt) = self.passwords.begin(&key, None, rules, Instant::now()) else {
            return Ok(false);
        };
        let request = GetAccount { account: entry.record.account };
        let Some(account) = retry(|| self.store.get_account(request.clone())).await? else {
            return Ok(false);
        };
        match self.pool.verify(password, &account.password_hash, Cost::from(&settings.hashing)).await {
            Ok(Verdict::Right { .. }) => {
                attempt.right(Instant::now());
                Ok(true)
            }
            Ok(Verdict::Wrong) => {
                attempt.wrong(Instant::now());
                Ok(false)
            }
            Err(HashError::Unreadable) => {
                tracing::error!(account = %account.id, "the stored password hash cannot be read");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
