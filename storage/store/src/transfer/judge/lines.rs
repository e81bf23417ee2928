//! The entries of the ledger that a transfer writes on one shard.
//!
//! What goes from one bucket to another has an entry in each, so that both replay by themselves:
//!
//! ```text
//!   bucket of the source:  place -> elsewhere (the target's home)
//!   bucket of the target:  elsewhere (the source's home) -> place
//! ```

use super::{Balances, Judge, effect_bytes, is_purse_here};
use crate::ledger::{Spot, Written, WrittenSide, purse_of};
use crate::planted::{self, Bug};
use crate::transfer::part::bucket;
use crate::transfer::rules::item_ways;
use model::item::{Effect, Item};
use model::ledger::GoldAccount;
use model::transfer::{GoldLocation, ItemLocation, Move};
use std::collections::BTreeMap;

impl Judge<'_> {
    pub(super) fn lines(&self, purses: &Balances) -> Vec<Written> {
        let mut lines = Vec::new();
        let mut running: BTreeMap<(i16, i64), i64> =
            purses.iter().map(|(key, purse)| (*key, purse.before)).collect();
        for step in &self.transfer.moves {
            match step {
                Move::Gold { amount, from, to } => self.gold(*amount, [from, to], &mut running, &mut lines),
                Move::Item { item, effects, .. } => self.item_lines(step, item, effects, &mut lines),
                Move::Birth { item, .. } | Move::Death { item, .. } => {
                    self.item_lines(step, item, &item.effects, &mut lines);
                }
            }
        }
        lines
    }

    fn item_lines(&self, step: &Move, item: &Item, effects: &[Effect; 3], lines: &mut Vec<Written>) {
        let (from, to) = item_ways(step).unwrap_or_default();
        let (before, after) = (effect_bytes(&item.effects), effect_bytes(effects));
        let line = |home, from: Option<(Spot, [u8; 6])>, to: Option<(Spot, [u8; 6])>| Written {
            bucket: bucket(home),
            reason: self.transfer.reason.clone(),
            item: Some((item.id.0, item.kind.0.into())),
            amount: None,
            from: from.map(|(spot, effects)| WrittenSide::item(spot, effects)),
            to: to.map(|(spot, effects)| WrittenSide::item(spot, effects)),
        };
        let spot = |location: ItemLocation| Spot::of(&location.place);
        let is_here = |location: &ItemLocation| self.part.is_here(location.home);
        match (from, to) {
            (Some(from), Some(to)) if bucket(from.home) == bucket(to.home) => {
                if is_here(&from) && (from != to || before != after) {
                    lines.push(line(from.home, Some((spot(from), before)), Some((spot(to), after))));
                }
            }
            (Some(from), Some(to)) => {
                // it is changed where it arrives
                if is_here(&from) && !planted::is(Bug::DepartureNotEntered) {
                    let elsewhere = Spot::elsewhere(to.home);
                    lines.push(line(from.home, Some((spot(from), before)), Some((elsewhere, before))));
                }
                if is_here(&to) {
                    let elsewhere = Spot::elsewhere(from.home);
                    lines.push(line(to.home, Some((elsewhere, before)), Some((spot(to), after))));
                }
            }
            (from, to) => {
                for location in from.into_iter().chain(to).filter(is_here) {
                    let side = |way: Option<ItemLocation>| way.map(|way| (spot(way), before));
                    lines.push(line(location.home, side(from), side(to)));
                }
            }
        }
    }

    fn gold(
        &self,
        amount: i64,
        [from, to]: [&GoldLocation; 2],
        running: &mut BTreeMap<(i16, i64), i64>,
        lines: &mut Vec<Written>,
    ) {
        let mut side = |location: &GoldLocation, change: i64| {
            let key = purse_of(&location.account)?;
            let balance = running.entry(key).or_default();
            *balance = balance.saturating_add(change);
            Some(WrittenSide::gold(key, *balance))
        };
        // what the world makes or takes stands under its own name
        let reason = match (&from.account, &to.account) {
            (GoldAccount::Mint(reason), _) | (_, GoldAccount::Burn(reason)) => reason,
            _ => &self.transfer.reason,
        };
        let line = |home, from, to| Written {
            bucket: bucket(home),
            reason: reason.clone(),
            item: None,
            amount: Some(amount),
            from,
            to,
        };
        if bucket(from.home) == bucket(to.home) {
            if self.part.is_here(from.home) {
                let (from_side, to_side) = (side(from, -amount), side(to, amount));
                if !planted::is(Bug::GoldNotEntered) {
                    lines.push(line(from.home, from_side, to_side));
                }
            }
            return;
        }
        if is_purse_here(self.part, from.home, &from.account) {
            lines.push(line(from.home, side(from, -amount), Some(WrittenSide::elsewhere(to.home))));
        }
        if is_purse_here(self.part, to.home, &to.account) {
            lines.push(line(to.home, Some(WrittenSide::elsewhere(from.home)), side(to, amount)));
        }
    }
}
