//! The people and things that the stories are about.

use crate::Store;
use model::account::AccountName;
use model::calls::database::{
    CreateAccount, CreateCharacter, GetAccount, ListCharacters, LoadCharacter, LoadedCharacter,
    SaveCharacter, SaveCharacters, SaveOutcome,
};
use model::character::{Affect, Attributes, CharacterName, Class, HardState, Unspent};
use model::id::{AccountId, CharacterId, Epoch, ItemId, OperationId};
use model::item::{Effect, Item, ItemKind};
use model::membership::ProcessName;
use model::{Account, Character, Rect, SoftState, Stay, Tile};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub mod economy;
pub mod guilds;

/// A new operation.
pub fn operation() -> OperationId {
    OperationId(rand::random())
}

/// A name that nobody has: 12 letters and digits.
pub fn name() -> String {
    let number: u64 = rand::random();
    format!("Q{:011X}", number >> 20)
}

/// An account that is not stored yet.
pub fn account(name: &str) -> Account {
    Account {
        id: AccountId(rand::random::<u64>() >> 1),
        name: AccountName::new(name).expect("a valid account name"),
        password_hash: "$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$aGFzaA".into(),
        pin_hash: None,
        blocked: None,
        frozen: None,
        created_ms: 1_790_000_000_123,
    }
}

/// A stored account with a new name.
pub async fn registered(store: &Arc<dyn Store>) -> Account {
    let account = account(&name());
    let request = CreateAccount { operation: operation(), account: account.clone() };
    assert_eq!(store.create_account(request).await, Ok(Ok(())));
    account
}

/// A character that is not stored yet, with a sword and three potions.
pub fn character(account: AccountId, slot: u8, name: &str) -> Character {
    let id = CharacterId(rand::random::<u64>() >> 2);
    let mut equip = Character::no_equip();
    let mut carry = Character::no_carry();
    equip[0] = Some(item(1));
    equip[6] = Some(item(861));
    for slot in [0, 1, 63] {
        carry[slot] = Some(item(400));
    }
    let mut soft = SoftState::fresh(Tile::new(2100, 2099), 0, 120, 80);
    soft.affects.push(Affect { kind: 4, level: 1, value: -2, time: 75 });
    let area = Rect::new(Tile::new(128, 3712), Tile::new(511, 4091));
    soft.stay = Some(Stay { instance: 9, area, back: Tile::new(7, 8), over: true });
    Character {
        id,
        account,
        slot,
        name: CharacterName::new(name).expect("a valid character name"),
        class: Class::BeastMaster,
        hard: HardState {
            level: 12,
            experience: 34_567,
            gold: 1_000,
            attributes: Attributes { strength: 8, intelligence: 9, dexterity: 10, constitution: 11 },
            mastery: [1, 2, 3, 4],
            unspent: Unspent { stat: 5, mastery: 6, skill: 7 },
            learned: [0x00FF_0001, 0],
            clan: 7,
            guild: 0,
            guild_rank: 0,
            chaos: 75,
        },
        soft,
        equip,
        carry,
    }
}

/// An item with an id of its own.
pub fn item(kind: u16) -> Item {
    let effect = |code, value| Effect { code, value };
    Item {
        id: ItemId(rand::random()),
        kind: ItemKind(kind),
        effects: [effect(43, 9), effect(0, 0), effect(255, 255)],
    }
}

/// A stored character with a new name in slot 0 of a new account.
pub async fn living(store: &Arc<dyn Store>) -> Character {
    let account = registered(store).await;
    let character = character(account.id, 0, &name());
    create(store, &character).await;
    character
}

/// Stores a character.
pub async fn create(store: &Arc<dyn Store>, character: &Character) {
    let request = CreateCharacter { operation: operation(), character: character.clone() };
    assert_eq!(store.create_character(request).await, Ok(Ok(())));
}

/// What is stored of an account.
pub async fn stored(store: &Arc<dyn Store>, account: AccountId) -> Option<Account> {
    store.get_account(GetAccount { account }).await.expect("the store answers")
}

/// What is stored of an account's characters.
pub async fn listed(store: &Arc<dyn Store>, account: AccountId) -> Vec<Character> {
    store.list_characters(ListCharacters { account }).await.expect("the store answers")
}

/// Takes ownership of a character.
pub async fn load(store: &Arc<dyn Store>, character: &Character, owner: &str) -> LoadedCharacter {
    let request = LoadCharacter {
        account: character.account,
        character: character.id,
        owner: ProcessName(owner.to_owned()),
    };
    store.load_character(request).await.expect("the store answers").expect("there is such a character")
}

/// A write of where a character stands; newer than every one that was made before.
pub fn save_at(character: &Character, epoch: Epoch, x: u16) -> SaveCharacter {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let number = 1 + TAKEN.fetch_add(1, Ordering::Relaxed);
    let soft = SoftState { tile: Tile::new(x, 5), ..character.soft.clone() };
    let (account, character) = (character.account, character.id);
    SaveCharacter { account, character, epoch, number, soft, release: false }
}

/// Writes in one batch.
pub async fn save(store: &Arc<dyn Store>, saves: Vec<SaveCharacter>) -> Vec<SaveOutcome> {
    store.save_characters(SaveCharacters { saves }).await.expect("the store answers")
}

/// Waits until a condition of the store holds.
///
/// # Panics
/// When it does not hold within thirty seconds.
pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited thirty seconds in vain until {what}");
        tokio::task::yield_now().await;
    }
}

/// Does the same thing many times at once, each in a task of its own; the outcomes.
pub async fn at_once<T, F>(count: usize, make: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|index| tokio::spawn(make(index))).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.expect("no task panics"));
    }
    outcomes
}
