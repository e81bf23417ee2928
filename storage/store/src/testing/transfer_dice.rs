//! Random transfers against a model so small that it is plainly right: every outcome and the whole state agree.

use super::stage::economy::{Player, born, done, moved, paid, stack_of, surely, transfer};
use crate::Store;
use model::calls::database::{LoadGuildBank, Transfer};
use model::id::GuildId;
use model::item::{GOLD_MAX, Item};
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{GoldLocation, ItemLocation, Move};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

const PLAYERS: usize = 5;
const ROUNDS: usize = 300;
/// Few slots, so that they are often taken.
const SLOTS: u8 = 4;

/// What is where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct World {
    items: BTreeMap<ItemPlace, Item>,
    gold: BTreeMap<GoldAccount, i64>,
}

impl World {
    /// What a transfer leaves; `None` when it must be refused.
    fn after(&self, transfer: &Transfer) -> Option<Self> {
        let mut next = self.clone();
        for step in &transfer.moves {
            if let Move::Item { item, from, .. } | Move::Death { item, from } = step {
                let was = next.items.remove(&from.place);
                (was == Some(*item)).then_some(())?;
            }
        }
        for step in &transfer.moves {
            match step {
                Move::Item { item, to, effects, .. } => {
                    let lies = next.items.insert(to.place, Item { effects: *effects, ..*item });
                    lies.is_none().then_some(())?;
                }
                Move::Birth { item, to } => next.items.insert(to.place, *item).is_none().then_some(())?,
                Move::Death { .. } => {}
                Move::Gold { amount, from, to } => {
                    *next.gold.entry(from.account.clone()).or_default() -= amount;
                    *next.gold.entry(to.account.clone()).or_default() += amount;
                }
            }
        }
        next.gold.retain(|account, _| !matches!(account, GoldAccount::Mint(_) | GoldAccount::Burn(_)));
        let sound = next.gold.values().all(|gold| (0..=GOLD_MAX).contains(gold));
        sound.then_some(next)
    }
}

struct Game {
    players: Vec<Player>,
    guild: GuildId,
    world: World,
    dice: StdRng,
}

impl Game {
    fn player(&mut self) -> usize {
        self.dice.random_range(0..PLAYERS)
    }

    fn place(&mut self) -> ItemLocation {
        let slot = self.dice.random_range(0..SLOTS);
        let player = self.player();
        match self.dice.random_range(0..6) {
            0 => ItemLocation { home: self.guild.home(), place: ItemPlace::Guild(self.guild, slot) },
            1 => self.players[player].cargo(slot),
            2 => self.players[player].equip(slot + 7),
            _ => self.players[player].carry(slot),
        }
    }

    fn purse(&mut self) -> GoldLocation {
        let player = self.player();
        match self.dice.random_range(0..5) {
            0 => GoldLocation { home: self.guild.home(), account: GoldAccount::Guild(self.guild) },
            1 => self.players[player].bank(),
            _ => self.players[player].purse(),
        }
    }

    /// An item that is there, mostly; sometimes it is thought to be elsewhere or otherwise.
    fn seen(&mut self) -> Option<(Item, ItemLocation)> {
        let from = self.place();
        let item = *self.world.items.get(&from.place)?;
        Some(match self.dice.random_range(0..40) {
            0 => (item, self.place()),
            1 => (Item { effects: stack_of(200), ..item }, from),
            _ => (item, from),
        })
    }

    fn step(&mut self) -> Option<Move> {
        Some(match self.dice.random_range(0..10) {
            0 => born(400, self.place()).1,
            1 => {
                let (item, from) = self.seen()?;
                Move::Death { item, from }
            }
            2..6 => {
                let (item, from) = self.seen()?;
                let to = self.place();
                let effects = if self.dice.random_bool(0.3) {
                    stack_of(self.dice.random_range(0..9))
                } else {
                    item.effects
                };
                Move::Item { item, from, to, effects }
            }
            6 => {
                let player = self.player();
                let (player, amount) = (&self.players[player], self.dice.random_range(1..900));
                if self.dice.random() {
                    paid(amount, player.mint("dice"), player.purse())
                } else {
                    paid(amount, player.purse(), player.burn("dice"))
                }
            }
            _ => {
                let (from, to) = (self.purse(), self.purse());
                let amount = self.dice.random_range(1..600);
                (from != to).then(|| paid(amount, from, to))?
            }
        })
    }

    /// Some steps that name no item and no target twice.
    fn transfer(&mut self) -> Transfer {
        let mut moves: Vec<Move> = Vec::new();
        for _ in 0..self.dice.random_range(1..6) {
            let Some(step) = self.step() else { continue };
            let clashes = moves.iter().any(|other| {
                let same = |a: Option<ItemPlace>, b| a.is_some() && a == b;
                item_of(other).is_some() && item_of(other) == item_of(&step)
                    || same(target_of(other), target_of(&step))
            });
            if !clashes {
                moves.push(step);
            }
        }
        let everybody: Vec<&Player> = self.players.iter().collect();
        transfer(&everybody, moves)
    }
}

fn item_of(step: &Move) -> Option<model::ItemId> {
    match step {
        Move::Item { item, .. } | Move::Birth { item, .. } | Move::Death { item, .. } => Some(item.id),
        Move::Gold { .. } => None,
    }
}

fn target_of(step: &Move) -> Option<ItemPlace> {
    match step {
        Move::Item { to, .. } | Move::Birth { to, .. } => Some(to.place),
        _ => None,
    }
}

/// What is stored of everybody.
async fn stored(store: &Arc<dyn Store>, game: &Game) -> World {
    let mut world = World::default();
    for player in &game.players {
        let (now, cargo) = (player.now(store).await, player.cargo_now(store).await);
        let slots = [(now.equip, 0), (now.carry, 1), (cargo.items, 2)];
        for (items, kind) in slots {
            for (slot, item) in items.into_iter().enumerate() {
                let at = [player.equip(slot as u8), player.carry(slot as u8), player.cargo(slot as u8)][kind];
                item.and_then(|item| world.items.insert(at.place, item));
            }
        }
        world.gold.insert(player.purse().account, now.hard.gold);
        world.gold.insert(player.bank().account, cargo.gold);
    }
    let load = LoadGuildBank { guild: game.guild };
    let bank = store.load_guild_bank(load).await.expect("the store answers");
    for (slot, item) in bank.items.into_iter().enumerate() {
        item.and_then(|item| world.items.insert(ItemPlace::Guild(game.guild, slot as u8), item));
    }
    world.gold.insert(GoldAccount::Guild(game.guild), bank.gold);
    world
}

pub(super) async fn random_transfers_do_what_a_small_model_says(store: &Arc<dyn Store>) {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut game = Game {
        players: Vec::new(),
        guild: GuildId(rand::random()),
        world: World::default(),
        dice: StdRng::seed_from_u64(seed),
    };
    for _ in 0..PLAYERS {
        game.players.push(Player::new(store).await);
    }
    game.world = stored(store, &game).await;
    let (mut did, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let transfer = game.transfer();
        if transfer.moves.is_empty() {
            continue;
        }
        let outcome = done(store, &transfer).await;
        let expected = game.world.after(&transfer);
        assert_eq!(
            outcome.is_ok(),
            expected.is_some(),
            "seed {seed}, round {round}: {outcome:?} of {transfer:#?} on {:#?}",
            game.world
        );
        match (outcome, expected) {
            (Ok(outcome), Some(next)) => {
                for (account, balance) in &outcome.balances {
                    assert_eq!(next.gold.get(account), Some(balance), "seed {seed}, round {round}");
                }
                game.world = next;
                did += 1;
            }
            _ => refused += 1,
        }
        if round % 50 == 0 {
            assert_eq!(stored(store, &game).await, game.world, "seed {seed}, round {round}");
        }
    }
    assert_eq!(stored(store, &game).await, game.world, "seed {seed}");
    assert!(did > 50 && refused > 20, "seed {seed}: {did} done, {refused} refused");
    empty_the_guild(store, &game).await;
}

/// The next run of the stories may draw the same guild.
async fn empty_the_guild(store: &Arc<dyn Store>, game: &Game) {
    let by = &game.players[0];
    let home = game.guild.home();
    let mut moves = Vec::new();
    for (place, item) in &game.world.items {
        if let ItemPlace::Guild(..) = place {
            moves.push(Move::Death { item: *item, from: ItemLocation { home, place: *place } });
        }
    }
    let account = GoldAccount::Guild(game.guild);
    let gold = game.world.gold.get(&account).copied().unwrap_or_default();
    if gold > 0 {
        let burn = GoldLocation { home, account: GoldAccount::Burn("dice".to_owned()) };
        moves.push(paid(gold, GoldLocation { home, account }, burn));
    }
    // something to do, whatever is there
    let (gift, birth) = born(400, by.carry(40));
    moves.push(birth);
    surely(store, &by.does(moves)).await;
    surely(store, &by.does(vec![moved(gift, by.carry(40), by.carry(41))])).await;
}
