//! A town in memory: who has what, and the ledger of it.

use super::super::undo::Target;
use super::super::{Book, Goal, Household, Plan, Step, Stop, Want, mark};
use crate::derive;
use model::calls::database::{Cargo, FoundCharacter, HeldRecord, ProgressThen};
use model::calls::ledger::LocatedItem;
use model::character::{
    Attributes, Character, CharacterName, Class, HardState, Progress, SoftState, Unspent,
};
use model::id::{AccountId, CharacterId, ItemId, OperationId};
use model::item::{CARGO_SLOTS, Effect, Item, ItemKind};
use model::ledger::{Actor, Change, Entry, GoldAccount, GoldSide, ItemPlace, ItemState};
use model::place::Tile;
use model::transfer::{RecordChange, RecordKey};
use std::collections::BTreeMap;

/// A slot of what a player carries.
pub(super) fn carry(player: u64, slot: u8) -> ItemPlace {
    ItemPlace::Carry(CharacterId(100 + player), slot)
}

/// A slot of its bank.
pub(super) fn cargo(player: u64, slot: u8) -> ItemPlace {
    ItemPlace::Cargo(AccountId(player), slot)
}

fn purse(player: u64) -> GoldAccount {
    GoldAccount::Character(CharacterId(100 + player))
}

/// Players 1, 2, ... with a character and a bank each.
pub(super) struct Town {
    players: u64,
    items: BTreeMap<ItemId, ItemPlace>,
    pub(super) purses: BTreeMap<GoldAccount, i64>,
    pub(super) entries: Vec<Entry>,
    /// What was taken back by which operations.
    amendments: BTreeMap<RecordKey, HeldRecord>,
    operations: u128,
    amending: Option<(OperationId, &'static str)>,
    born: u128,
    amended: u64,
}

impl Town {
    pub(super) fn new(players: u64) -> Self {
        let (items, purses, amendments, entries) = Default::default();
        Self {
            players,
            items,
            purses,
            entries,
            amendments,
            operations: 0,
            amending: None,
            born: 0,
            amended: 0,
        }
    }

    /// What follows belongs to a new operation.
    pub(super) fn begin(&mut self) {
        self.operations += 1;
    }

    pub(super) fn operation(&self) -> OperationId {
        self.amending.map_or(OperationId(self.operations), |(operation, _)| operation)
    }

    /// A moment between what was and what will be.
    pub(super) fn now(&self) -> i64 {
        10 * self.entries.len() as i64
    }

    pub(super) fn place(&self, item: ItemId) -> Option<ItemPlace> {
        self.items.get(&item).copied()
    }

    pub(super) fn items(&self) -> &BTreeMap<ItemId, ItemPlace> {
        &self.items
    }

    pub(super) fn gold(&self, player: u64) -> i64 {
        self.purses.get(&purse(player)).copied().unwrap_or_default()
    }

    fn write(&mut self, change: Change) -> OperationId {
        let number = self.entries.len() as u64;
        let (actor, reason) = match self.amending {
            Some((_, reason)) => (Actor::Operator("root".into()), reason),
            None => (Actor::System("test".into()), "test"),
        };
        self.entries.push(Entry {
            shard: 0,
            entry: number,
            at_ms: 10 * number as i64,
            operation: Some(self.operation()),
            actor,
            reason: reason.to_owned(),
            change,
        });
        self.operation()
    }

    fn goes(&mut self, item: ItemId, to: Option<ItemPlace>) -> OperationId {
        let state = |place| ItemState { effects: [Effect::default(); 3], place };
        let before = self.items.remove(&item).map(state);
        if let Some(to) = to {
            assert!(self.items.values().all(|other| *other != to), "{to} is taken");
            self.items.insert(item, to);
        }
        self.write(Change::Item { item, kind: ItemKind(7), before, after: to.map(state) })
    }

    /// An operation by itself.
    pub(super) fn born(&mut self, at: ItemPlace) -> ItemId {
        self.begin();
        self.births(at)
    }

    pub(super) fn births(&mut self, at: ItemPlace) -> ItemId {
        self.born += 1;
        let item = ItemId(1_000 + self.born);
        self.goes(item, Some(at));
        item
    }

    /// In the operation that is on; which that is.
    pub(super) fn born_for(&mut self, at: ItemPlace) -> OperationId {
        self.births(at);
        self.operation()
    }

    /// What a player has become.
    pub(super) fn progress(&self, player: u64) -> Progress {
        hero(AccountId(player), CharacterId(100 + player), 0).hard.progress()
    }

    pub(super) fn moves(&mut self, item: ItemId, to: ItemPlace) -> OperationId {
        self.goes(item, Some(to))
    }

    pub(super) fn dies(&mut self, item: ItemId) -> OperationId {
        self.goes(item, None)
    }

    fn transfer(&mut self, from: GoldAccount, to: GoldAccount, amount: i64) -> OperationId {
        let mut side = |account: GoldAccount, change: i64| {
            let is_world = matches!(account, GoldAccount::Mint(_) | GoldAccount::Burn(_));
            let balance = (!is_world).then(|| {
                let balance = self.purses.entry(account.clone()).or_default();
                *balance += change;
                assert!(*balance >= 0, "{account} has {balance}");
                *balance
            });
            GoldSide { account, balance }
        };
        let (from, to) = (side(from, -amount), side(to, amount));
        self.write(Change::Gold { amount, from, to })
    }

    pub(super) fn pay(&mut self, from: u64, to: u64, amount: i64) -> OperationId {
        self.transfer(purse(from), purse(to), amount)
    }

    /// An operation by itself.
    pub(super) fn mint(&mut self, to: u64, amount: i64) {
        self.begin();
        self.mints(to, amount);
    }

    pub(super) fn mints(&mut self, to: u64, amount: i64) -> OperationId {
        self.transfer(GoldAccount::Mint("test".into()), purse(to), amount)
    }

    pub(super) fn burn(&mut self, from: u64, amount: i64) -> OperationId {
        self.transfer(purse(from), GoldAccount::Burn("test".into()), amount)
    }

    /// Minted less burned.
    pub(super) fn worth(&self) -> i64 {
        self.entries
            .iter()
            .map(|entry| match &entry.change {
                Change::Gold { amount, from, .. } if matches!(from.account, GoldAccount::Mint(_)) => *amount,
                Change::Gold { amount, to, .. } if matches!(to.account, GoldAccount::Burn(_)) => -*amount,
                _ => 0,
            })
            .sum()
    }

    /// Plans with all that the planner wants.
    pub(super) fn planned(&self, planner: impl Fn(&Book) -> Result<Plan, Stop>) -> Plan {
        self.ask(planner).unwrap()
    }

    pub(super) fn refused(&self, planner: impl Fn(&Book) -> Result<Plan, Stop>) -> String {
        self.ask(planner).unwrap_err()
    }

    fn ask(&self, planner: impl Fn(&Book) -> Result<Plan, Stop>) -> Result<Plan, String> {
        let mut book = Book::default();
        for _ in 0..100 {
            match planner(&book) {
                Ok(plan) => return Ok(plan),
                Err(Stop::No(why)) => return Err(why),
                Err(Stop::Wants(wants)) => wants.into_iter().for_each(|want| self.answer(&mut book, want)),
            }
        }
        panic!("it wants more and more");
    }

    fn answer(&self, book: &mut Book, want: Want) {
        let of = |wanted: &dyn Fn(&Entry) -> bool| -> Vec<Entry> {
            let mut found: Vec<Entry> = self.entries.iter().filter(|entry| wanted(entry)).cloned().collect();
            found.sort_by_key(mark);
            found
        };
        match want {
            Want::Operation(operation) => {
                book.operations.insert(operation, of(&|entry| entry.operation == Some(operation)));
            }
            Want::Life(id) => {
                let is_of = |entry: &Entry| matches!(entry.change, Change::Item { item, .. } if item == id);
                book.lives.insert(id, of(&is_of));
            }
            Want::Holder(holder, since_ms) => {
                let found = of(&|entry| entry.at_ms >= since_ms && holds(entry, &holder));
                book.holders.insert((holder, since_ms), found);
            }
            Want::Everything(since_ms) => {
                book.since.insert(since_ms, of(&|entry| entry.at_ms >= since_ms));
            }
            Want::Item(id) => {
                book.items.insert(id, self.located(id));
            }
            Want::Character(id) => {
                book.characters.insert(id, self.found(id));
            }
            Want::Account(id) => {
                book.accounts.insert(id, self.household(id));
            }
            Want::Progress(_, character, at_ms) => {
                let then = Some(hero(id_of(character), character, 0).hard.progress());
                let first = Some((0, "starter".to_owned()));
                let known = ProgressThen { then, first, newest_ms: 0, horizon_ms: None };
                book.progress.insert((character, at_ms), known);
            }
            Want::Record(key @ RecordKey::Amendment(_)) => {
                book.records.insert(key, self.amendments.get(&key).cloned());
            }
            Want::Guild(_) | Want::Record(_) | Want::Cash(_) => panic!("nobody has that here: {want:?}"),
        }
    }

    fn item(id: ItemId) -> Item {
        Item { id, kind: ItemKind(7), effects: [Effect::default(); 3] }
    }

    fn located(&self, id: ItemId) -> Option<LocatedItem> {
        let place = self.place(id)?;
        let home = match place {
            ItemPlace::Carry(CharacterId(character), _) => AccountId(character - 100),
            ItemPlace::Cargo(account, _) => account,
            other => panic!("{other}"),
        };
        Some(LocatedItem { item: Self::item(id), home, place })
    }

    fn found(&self, id: CharacterId) -> Option<FoundCharacter> {
        let number = id.0.checked_sub(100).filter(|number| (1..=self.players).contains(number))?;
        Some(FoundCharacter { account: AccountId(number), character: id, name: format!("Player{number}") })
    }

    fn household(&self, id: AccountId) -> Option<Household> {
        let character = self.found(CharacterId(100 + id.0))?.character;
        let mut hero = hero(id, character, self.gold(id.0));
        let mut cargo = Cargo { items: vec![None; CARGO_SLOTS], gold: 0 };
        for (item, place) in &self.items {
            match place {
                ItemPlace::Carry(of, slot) if *of == character => {
                    hero.carry[usize::from(*slot)] = Some(Self::item(*item));
                }
                ItemPlace::Cargo(of, slot) if *of == id => {
                    cargo.items[usize::from(*slot)] = Some(Self::item(*item));
                }
                _ => {}
            }
        }
        Some(Household { characters: vec![hero], cargo })
    }

    /// Does a plan as one operation.
    pub(super) fn apply(&mut self, plan: &Plan, target: &Target) -> OperationId {
        let operation = derive::operation("town", &[&self.amended.to_le_bytes()]);
        self.amended += 1;
        self.remember(plan, target, operation);
        self.amending = Some((operation, target.reason()));
        // places are those before and after the whole of it
        let leaving: Vec<ItemId> = plan
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Bring { item, .. } | Step::End { item, .. } => Some(item.id),
                _ => None,
            })
            .collect();
        let parked: Vec<(ItemId, ItemPlace)> =
            leaving.iter().map(|item| (*item, self.items.remove(item).unwrap())).collect();
        for step in &plan.steps {
            match step {
                Step::Bring { item, goal: Goal::At(at), .. } => {
                    let old = parked.iter().find(|(id, _)| *id == item.id).unwrap().1;
                    self.lands(item.id, Some(old), Some(at.place));
                }
                Step::End { item, from } => self.lands(item.id, Some(from.place), None),
                Step::Make { item, goal: Goal::At(at), .. } => self.lands(item.id, None, Some(at.place)),
                Step::Pay { amount, from, to } => {
                    self.transfer(from.account.clone(), to.account.clone(), *amount);
                }
                other => panic!("{other}"),
            }
        }
        self.amending = None;
        operation
    }

    fn remember(&mut self, plan: &Plan, target: &Target, operation: OperationId) {
        let change = plan.parts.put(target.id(), &[operation]).unwrap();
        let RecordChange::Put { mut record, expected } = change else { panic!("{change:?}") };
        let found = self.amendments.get(&record.key).map_or(0, |held| held.record.version);
        assert_eq!(found, expected, "somebody else took it back since it was planned");
        record.version = expected + 1;
        self.amendments.insert(record.key, HeldRecord { record, items: Vec::new(), gold: 0 });
    }

    fn lands(&mut self, item: ItemId, from: Option<ItemPlace>, to: Option<ItemPlace>) {
        let state = |place| ItemState { effects: [Effect::default(); 3], place };
        if let Some(to) = to {
            assert!(self.items.values().all(|other| *other != to), "{to} is taken");
            self.items.insert(item, to);
        }
        let (before, after) = (from.map(state), to.map(state));
        self.write(Change::Item { item, kind: ItemKind(7), before, after });
    }
}

fn id_of(character: CharacterId) -> AccountId {
    AccountId(character.0 - 100)
}

fn holds(entry: &Entry, holder: &GoldAccount) -> bool {
    let has = |place: &ItemPlace| match (place, holder) {
        (ItemPlace::Carry(one, _) | ItemPlace::Equip(one, _), GoldAccount::Character(other)) => one == other,
        (ItemPlace::Cargo(one, _), GoldAccount::Cargo(other)) => one == other,
        _ => false,
    };
    match &entry.change {
        Change::Gold { from, to, .. } => from.account == *holder || to.account == *holder,
        Change::Item { before, after, .. } => before.iter().chain(after).any(|state| has(&state.place)),
    }
}

fn hero(account: AccountId, id: CharacterId, gold: i64) -> Character {
    Character {
        id,
        account,
        slot: 0,
        name: CharacterName::new(&format!("Player{}", account.0)).unwrap(),
        class: Class::Foema,
        hard: HardState {
            level: 0,
            experience: 0,
            gold,
            attributes: Attributes::default(),
            mastery: [0; 4],
            unspent: Unspent::default(),
            learned: [0; 2],
            clan: 0,
            guild: 0,
            guild_rank: 0,
            chaos: 75,
        },
        soft: SoftState::fresh(Tile::new(1, 1), 0, 1, 1),
        equip: Character::no_equip(),
        carry: Character::no_carry(),
    }
}
