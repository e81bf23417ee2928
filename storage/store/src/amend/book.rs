//! What a planner has read so far, and what it still has to read.

use model::calls::database::{Cargo, FoundCharacter, HeldRecord, ProgressThen};
use model::calls::ledger::LocatedItem;
use model::character::Character;
use model::id::{AccountId, CharacterId, GuildId, ItemId, OperationId};
use model::ledger::{Entry, GoldAccount};
use model::transfer::RecordKey;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// All entries of an operation.
    Operation(OperationId),
    /// All entries of an item.
    Life(ItemId),
    /// What a holder got and gave since a moment.
    Holder(GoldAccount, i64),
    /// Everything since a moment.
    Everything(i64),
    /// Where an item lies.
    Item(ItemId),
    /// Whose a character is.
    Character(CharacterId),
    /// An account with its characters and its bank.
    Account(AccountId),
    /// The bank of a guild.
    Guild(GuildId),
    /// A record.
    Record(RecordKey),
    /// The cash of an account.
    Cash(AccountId),
    /// What a character had become at a moment.
    Progress(AccountId, CharacterId, i64),
}

/// What an account has.
#[derive(Clone, Debug, PartialEq)]
pub struct Household {
    /// Its characters.
    pub characters: Vec<Character>,
    /// Its bank.
    pub cargo: Cargo,
}

/// What was read. Filled by [`super::Clerk`] from a store, or by a test.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Entries by operation.
    pub operations: BTreeMap<OperationId, Vec<Entry>>,
    /// Entries by item, oldest first.
    pub lives: BTreeMap<ItemId, Vec<Entry>>,
    /// Entries by holder and moment.
    pub holders: BTreeMap<(GoldAccount, i64), Vec<Entry>>,
    /// Everything since a moment.
    pub since: BTreeMap<i64, Vec<Entry>>,
    /// Items by their rows; `None` for one that does not live, or lies with nobody.
    pub items: BTreeMap<ItemId, Option<LocatedItem>>,
    /// Characters.
    pub characters: BTreeMap<CharacterId, Option<FoundCharacter>>,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, Option<Household>>,
    /// Banks of guilds.
    pub guilds: BTreeMap<GuildId, Cargo>,
    /// Records.
    pub records: BTreeMap<RecordKey, Option<HeldRecord>>,
    /// Cash.
    pub cash: BTreeMap<AccountId, i64>,
    /// What characters had become at a moment.
    pub progress: BTreeMap<(CharacterId, i64), ProgressThen>,
}

/// Reads a book, and remembers what was missing.
pub(super) struct Reader<'a> {
    book: &'a Book,
    wants: RefCell<BTreeSet<Want>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(book: &'a Book) -> Self {
        Self { book, wants: RefCell::default() }
    }

    /// What was missing.
    pub(super) fn wants(self) -> BTreeSet<Want> {
        self.wants.into_inner()
    }

    /// True when nothing was missing so far.
    pub(super) fn has_all(&self) -> bool {
        self.wants.borrow().is_empty()
    }

    fn or_want<T: ?Sized>(&self, found: Option<&'a T>, want: impl FnOnce() -> Want) -> Option<&'a T> {
        if found.is_none() {
            self.wants.borrow_mut().insert(want());
        }
        found
    }

    pub(super) fn operation(&self, id: OperationId) -> &'a [Entry] {
        let found = self.book.operations.get(&id);
        self.or_want(found, || Want::Operation(id)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn life(&self, id: ItemId) -> &'a [Entry] {
        let found = self.book.lives.get(&id);
        self.or_want(found, || Want::Life(id)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn holder(&self, of: &GoldAccount, since_ms: i64) -> &'a [Entry] {
        let key = (of.clone(), since_ms);
        let found = self.book.holders.get(&key);
        self.or_want(found, || Want::Holder(key.0.clone(), since_ms)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn everything(&self, since_ms: i64) -> &'a [Entry] {
        let found = self.book.since.get(&since_ms);
        self.or_want(found, || Want::Everything(since_ms)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn item(&self, id: ItemId) -> Option<&'a LocatedItem> {
        let found = self.book.items.get(&id);
        self.or_want(found, || Want::Item(id)).and_then(Option::as_ref)
    }

    pub(super) fn character(&self, id: CharacterId) -> Option<&'a FoundCharacter> {
        let found = self.book.characters.get(&id);
        self.or_want(found, || Want::Character(id)).and_then(Option::as_ref)
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&'a Household> {
        let found = self.book.accounts.get(&id);
        self.or_want(found, || Want::Account(id)).and_then(Option::as_ref)
    }

    pub(super) fn guild(&self, id: GuildId) -> Option<&'a Cargo> {
        let found = self.book.guilds.get(&id);
        self.or_want(found, || Want::Guild(id))
    }

    pub(super) fn record(&self, key: RecordKey) -> Option<&'a HeldRecord> {
        let found = self.book.records.get(&key);
        self.or_want(found, || Want::Record(key)).and_then(Option::as_ref)
    }

    pub(super) fn progress(&self, of: &FoundCharacter, at_ms: i64) -> Option<&'a ProgressThen> {
        let found = self.book.progress.get(&(of.character, at_ms));
        self.or_want(found, || Want::Progress(of.account, of.character, at_ms))
    }

    pub(super) fn cash(&self, id: AccountId) -> Option<i64> {
        let found = self.book.cash.get(&id);
        self.or_want(found, || Want::Cash(id)).copied()
    }
}
