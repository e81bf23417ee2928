//! However the homes are spread over shards, a transfer comes to the same: outcome, rows, and entries of each bucket.

use super::{
    AccountSeen, CharacterSeen, ItemSeen, No, Part, Plan, PurseKey, RecordId, RecordSeen, Seen, outcome,
};
use crate::ledger::{Spot, Written};
use model::guild::Place;
use model::id::{AccountId, CharacterId, Epoch, GuildId, ItemId, LotId, OperationId};
use model::item::{Effect, GOLD_MAX, Item, ItemKind};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{
    Fence, GoldLocation, ItemLocation, Move, Record, RecordChange, RecordKey, Transfer, TransferRefusal,
    Transferred,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const PLAYERS: u64 = 6;
const SLOTS: u8 = 3;
const LOTS: u64 = 3;

/// All rows of one shard, in a form that can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rows {
    /// Account, epoch, gold.
    characters: BTreeMap<i64, (i64, i64, i64)>,
    /// Frozen, gold in the bank.
    accounts: BTreeMap<i64, (bool, i64)>,
    /// Version, home.
    records: BTreeMap<RecordId, (i64, i64)>,
    items: BTreeMap<u128, (i16, i64, Vec<u8>, Spot)>,
    purses: BTreeMap<PurseKey, i64>,
    /// Buckets with a row of the operation, and whether it holds the outcome.
    claims: Vec<(OperationId, i16, bool)>,
}

impl Rows {
    fn see(&self, part: &Part<'_>) -> Seen {
        let mut seen = Seen::default();
        for id in &part.characters {
            let found = self.characters.get(id);
            let found = found.map(|(account, epoch, gold)| CharacterSeen {
                place: Place::NONE,
                account: *account,
                epoch: *epoch,
                gold: *gold,
            });
            seen.characters.extend(found.map(|found| (*id, found)));
        }
        for id in &part.accounts {
            let found = self.accounts.get(id);
            let found =
                found.map(|(is_frozen, gold)| AccountSeen { is_frozen: *is_frozen, cargo_gold: *gold });
            seen.accounts.extend(found.map(|found| (*id, found)));
        }
        for id in &part.records {
            let found = self.records.get(id);
            let found = found.map(|(version, home)| RecordSeen { version: *version, home: *home });
            seen.records.extend(found.map(|found| (*id, found)));
        }
        for id in &part.purses {
            seen.purses.extend(self.purses.get(id).map(|balance| (*id, *balance)));
        }
        for id in &part.items {
            let found = self.items.get(id).cloned();
            let found = found.map(|(bucket, kind, effects, spot)| ItemSeen { bucket, kind, effects, spot });
            seen.items.extend(found.map(|found| (*id, found)));
        }
        for (id, (_, _, _, spot)) in &self.items {
            if part.spots.contains(spot) || part.ending.contains(&(spot.kind as i16, spot.owner)) {
                seen.lying.insert(*spot, *id);
            }
        }
        seen
    }
}

/// Some shards, and the entries of each bucket.
struct Cluster {
    shards: Vec<Rows>,
    lines: BTreeMap<i16, Vec<Written>>,
}

impl Cluster {
    fn shard_of(count: usize, home: AccountId) -> u16 {
        placement::bucket_of(home) % count as u16
    }

    fn new(count: usize) -> Self {
        let mut shards = vec![Rows::default(); count];
        for player in 1..=PLAYERS {
            let home = AccountId(player);
            let shard = &mut shards[usize::from(Self::shard_of(count, home))];
            shard.characters.insert(player as i64, (player as i64, 1, 1_000));
            shard.accounts.insert(player as i64, (false, 0));
        }
        Self { shards, lines: BTreeMap::new() }
    }

    fn transfer(&mut self, transfer: &Transfer) -> Result<Transferred, TransferRefusal> {
        let plan = Plan::of(transfer)?;
        let count = self.shards.len();
        let parts = plan.parts(|home| Self::shard_of(count, home));
        let mut no: Option<No> = None;
        let mut all = Vec::new();
        for (shard, part) in &parts {
            let seen = self.shards[usize::from(*shard)].see(part);
            match part.judge(&seen).expect("nothing is corrupt") {
                Ok(doings) => all.push((*shard, part, doings)),
                Err(other) => no = Some(no.map_or_else(|| other.clone(), |no| no.or(other.clone()))),
            }
        }
        if let Some(no) = no {
            return Err(no.refusal);
        }
        for (shard, part, doings) in &all {
            let rows = &mut self.shards[usize::from(*shard)];
            for (id, gold) in &doings.carried {
                rows.characters.entry(*id).and_modify(|row| row.2 = *gold);
            }
            for (id, gold) in &doings.banked {
                rows.accounts.entry(*id).and_modify(|row| row.1 = *gold);
            }
            for (key, _, balance) in &doings.purses {
                rows.purses.insert(*key, *balance);
                rows.purses.retain(|_, balance| *balance != 0);
            }
            for id in doings.gone.iter().chain(doings.moved.iter().map(|row| &row.id)) {
                assert!(rows.items.remove(id).is_some(), "what goes was there");
            }
            for row in doings.moved.iter().chain(&doings.come) {
                let stored = (row.bucket, row.kind.into(), row.effects.to_vec(), row.spot);
                assert!(rows.items.insert(row.id, stored).is_none(), "what comes was not there");
            }
            for (row, is_new) in &doings.put {
                let before = rows.records.insert(row.id, (row.version, row.home));
                assert_eq!(before.is_none(), *is_new);
            }
            for id in &doings.ended {
                assert!(rows.records.remove(id).is_some());
            }
            for line in &doings.lines {
                self.lines.entry(line.bucket).or_default().push(line.clone());
            }
            let claims = part.claims.iter();
            rows.claims.extend(claims.map(|claim| (transfer.operation, claim.bucket, claim.is_home)));
        }
        Ok(outcome(all.iter().map(|(_, _, doings)| doings)))
    }

    /// All shards as one.
    fn together(&self) -> Rows {
        let mut all = Rows::default();
        for rows in &self.shards {
            all.characters.extend(rows.characters.clone());
            all.accounts.extend(rows.accounts.clone());
            all.records.extend(rows.records.clone());
            for (id, row) in &rows.items {
                assert!(all.items.insert(*id, row.clone()).is_none(), "item {id:x} is on two shards");
            }
            all.purses.extend(rows.purses.clone());
            all.claims.extend(rows.claims.iter().copied());
        }
        all.claims.sort_unstable();
        all
    }
}

/// Draws transfers, most of which are in order.
struct Dice {
    dice: StdRng,
    next: u128,
}

impl Dice {
    fn player(&mut self) -> AccountId {
        AccountId(self.dice.random_range(1..=PLAYERS))
    }

    /// Its home is always the same.
    fn lot(&mut self) -> (LotId, AccountId) {
        let lot = self.dice.random_range(1..=LOTS);
        (LotId(lot), AccountId(lot))
    }

    fn place(&mut self) -> ItemLocation {
        let (home, slot) = (self.player(), self.dice.random_range(0..SLOTS));
        match self.dice.random_range(0..5) {
            0 => ItemLocation { home, place: ItemPlace::Cargo(home, slot) },
            1 => {
                let (lot, home) = self.lot();
                ItemLocation { home, place: ItemPlace::Lot(lot, slot) }
            }
            2 => {
                let guild = GuildId(slot.into());
                ItemLocation { home: guild.home(), place: ItemPlace::Guild(guild, slot) }
            }
            _ => ItemLocation { home, place: ItemPlace::Carry(CharacterId(home.0), slot) },
        }
    }

    fn purse(&mut self) -> GoldLocation {
        let home = self.player();
        match self.dice.random_range(0..6) {
            0 => GoldLocation { home, account: GoldAccount::Cargo(home) },
            1 => {
                let (lot, home) = self.lot();
                GoldLocation { home, account: GoldAccount::Lot(lot) }
            }
            2 => GoldLocation { home, account: GoldAccount::Cash(home) },
            _ => GoldLocation { home, account: GoldAccount::Character(CharacterId(home.0)) },
        }
    }

    fn step(&mut self, there: &Rows) -> Move {
        let mut known: Vec<_> = there.items.iter().collect();
        let index = self.dice.random_range(0..known.len() + 3);
        let effects = [Effect { code: 61, value: self.dice.random_range(0..4) }; 3];
        if self.dice.random_bool(0.4) {
            let (amount, from, to) = (self.dice.random_range(1..700), self.purse(), self.purse());
            let home = from.home;
            return match self.dice.random_range(0..6) {
                0 => {
                    let mint = GoldLocation { home, account: GoldAccount::Mint("dice".to_owned()) };
                    Move::Gold { amount, from: mint, to: from }
                }
                1 => {
                    let burn = GoldLocation { home, account: GoldAccount::Burn("dice".to_owned()) };
                    Move::Gold { amount, from, to: burn }
                }
                _ => Move::Gold { amount, from, to },
            };
        }
        if index >= known.len() {
            self.next += 1;
            let item = Item { id: ItemId(self.next), kind: ItemKind(400), effects };
            return Move::Birth { item, to: self.place() };
        }
        let (id, (_, kind, bytes, spot)) = known.swap_remove(index);
        let seen = crate::rows::effects(bytes).expect("six bytes");
        let item = Item { id: ItemId(*id), kind: ItemKind(*kind as u16), effects: seen };
        let from = location(*spot);
        match self.dice.random_range(0..12) {
            0 => Move::Death { item, from },
            1 => Move::Item { item, from: self.place(), to: from, effects },
            _ => Move::Item { item, from, to: self.place(), effects },
        }
    }

    fn transfer(&mut self, there: &Rows) -> Transfer {
        let moves = (0..self.dice.random_range(1..6)).map(|_| self.step(there)).collect();
        let mut records = Vec::new();
        if self.dice.random_bool(0.5) {
            let (lot, home) = self.lot();
            let key = RecordKey::Lot(lot);
            let version = there.records.get(&(4, lot.0 as i64)).map_or(0, |row| row.0 as u64);
            let expected = if self.dice.random_bool(0.1) { version + 1 } else { version };
            let record = Record { key, home, version: 0, scope: 1, until_ms: 0, body: Vec::new() };
            records.push(match self.dice.random_range(0..5) {
                0 => RecordChange::Remove { key, home, expected },
                _ => RecordChange::Put { record, expected },
            });
        }
        let stale = self.dice.random_range(0..60);
        let fence = |player| Fence {
            account: AccountId(player),
            character: CharacterId(player),
            epoch: Epoch(if player == stale { 2 } else { 1 }),
        };
        Transfer {
            operation: OperationId(self.dice.random()),
            actor: Actor::Player(self.player()),
            reason: "dice".to_owned(),
            fences: (1..=PLAYERS).map(fence).collect(),
            moves,
            records,
            softs: Vec::new(),
            standings: Vec::new(),
        }
    }
}

fn location(spot: Spot) -> ItemLocation {
    let (owner, slot) = (spot.owner as u64, spot.slot as u8);
    let (home, place) = match spot.kind {
        2 => (AccountId(owner), ItemPlace::Carry(CharacterId(owner), slot)),
        3 => (AccountId(owner), ItemPlace::Cargo(AccountId(owner), slot)),
        4 => (AccountId(owner), ItemPlace::Lot(LotId(owner), slot)),
        _ => (AccountId(owner), ItemPlace::Guild(GuildId(owner as u16), slot)),
    };
    ItemLocation { home, place }
}

#[test]
fn any_number_of_shards_comes_to_the_same() {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut dice = Dice { dice: StdRng::seed_from_u64(seed), next: 0 };
    let mut clusters = [1, 2, 5].map(Cluster::new);
    let (mut done, mut refused, mut malformed) = (0, 0, 0);
    for round in 0..1_500 {
        let transfer = dice.transfer(&clusters[0].together());
        let [one, two, five] = clusters.each_mut().map(|cluster| cluster.transfer(&transfer));
        assert_eq!(one, two, "seed {seed}, round {round}: {transfer:#?}");
        assert_eq!(one, five, "seed {seed}, round {round}: {transfer:#?}");
        match one {
            Ok(_) => done += 1,
            Err(TransferRefusal::Malformed(_)) => malformed += 1,
            Err(_) => refused += 1,
        }
        let [one, two, five] = clusters.each_ref().map(Cluster::together);
        assert_eq!((&one, &one), (&two, &five), "seed {seed}, round {round}: {transfer:#?}");
    }
    assert_eq!(clusters[0].lines, clusters[1].lines, "seed {seed}");
    assert_eq!(clusters[0].lines, clusters[2].lines, "seed {seed}");
    assert!(
        done > 100 && refused > 100,
        "seed {seed}: {done} done, {refused} refused, {malformed} malformed"
    );
    let crossing = |side: &Option<crate::ledger::WrittenSide>| {
        side.is_some_and(|side| i64::from(side.kind) == crate::ledger::ELSEWHERE)
    };
    let lines = || clusters[0].lines.values().flatten();
    let left = lines().filter(|line| crossing(&line.to)).count();
    let arrived = lines().filter(|line| crossing(&line.from)).count();
    assert!(left == arrived && left > 30, "seed {seed}: {left} left, {arrived} arrived");
}

#[test]
fn gold_that_comes_and_goes_in_one_transfer_counts_once() {
    let mut cluster = Cluster::new(2);
    let (ana, ben) = (AccountId(1), AccountId(2));
    let purse = |home: AccountId| GoldLocation { home, account: GoldAccount::Character(CharacterId(home.0)) };
    let pay = |amount, from, to| Move::Gold { amount, from: purse(from), to: purse(to) };
    let fence = |account: AccountId| Fence { account, character: CharacterId(account.0), epoch: Epoch(1) };
    let transfer = Transfer {
        operation: OperationId(7),
        actor: Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: vec![fence(ana), fence(ben)],
        // more than it has, before it gets it back
        moves: vec![pay(GOLD_MAX, ana, ben), pay(GOLD_MAX - 400, ben, ana)],
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    };
    let outcome = cluster.transfer(&transfer).expect("it is done");
    assert_eq!(outcome.balances, [(purse(ana).account, 600), (purse(ben).account, 1_400)]);
    let balances: Vec<_> = cluster.lines[&super::part::bucket(ana)]
        .iter()
        .filter_map(|line| line.from.or(line.to))
        .map(|side| side.balance)
        .collect();
    assert_eq!(balances, [Some(1_000 - GOLD_MAX), None], "each line follows from the one before");
}
