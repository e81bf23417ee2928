//! What a player does within its own slots: wearing, carrying, stacking, splitting, throwing away.

use super::{No, Then};
use crate::effects::Effects;
use crate::plan::{Change, Plan, Spot, carry, item_in};
use crate::zone::Zone;
use model::event::NoticeKey;
use model::{Container, EntityId, Event, Item, ItemKind, Slot};
use rules::{bag, price, stack, wear};

impl Zone {
    pub(super) fn move_item(
        &mut self,
        slot: usize,
        from: Slot,
        to: Slot,
        keeper: Option<EntityId>,
        fx: &mut Effects,
    ) -> Result<(), No> {
        if [from, to].iter().any(|of| of.container == Container::Cargo) {
            return self.move_banked(slot, from, to, keeper, fx);
        }
        let player = self.player(slot)?;
        let item = item_in(&player.character, from).ok_or(NoticeKey::ItemGone)?;
        let there = item_in(&player.character, to);
        self.check_usable(slot, from)?;
        self.check_usable(slot, to)?;
        if from == to {
            return Ok(());
        }
        let def = self.content.items.get(item.kind);
        let both_carried = from.container == Container::Carry && to.container == Container::Carry;
        let joined = match (there, def) {
            (Some(there), Some(def)) if both_carried => {
                stack::join(&item, &there, def).map(|joined| (there, joined))
            }
            _ => None,
        };
        if let Some((there, joined)) = joined {
            let changes = vec![
                match joined.rest {
                    Some(effects) => in_place(item, from, effects),
                    None => Change::Death { item, from: Spot::Own(from) },
                },
                in_place(there, to, joined.onto),
            ];
            self.begin(slot, Plan::of("stack-join", changes), Then::Slots, fx);
            return Ok(());
        }
        self.check_worn(slot, &item, from, to)?;
        if let Some(there) = there {
            self.check_worn(slot, &there, to, from)?;
        }
        let mut changes = vec![moved(item, from, to)];
        changes.extend(there.map(|there| moved(there, to, from)));
        self.begin(slot, Plan::of("slot-move", changes), Then::Moved { from, to, keeper }, fx);
        Ok(())
    }

    pub(super) fn split_item(
        &mut self,
        slot: usize,
        of: u8,
        kind: ItemKind,
        amount: u16,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let item = self.shown_item(slot, of, kind)?;
        let def = self.content.items.get(item.kind).ok_or(NoticeKey::ItemGone)?;
        let (stays, off) = stack::split(&item, amount, def).ok_or(NoticeKey::ItemGone)?;
        let free = bag::free_slot(&self.player(slot)?.character.carry, None).ok_or(NoticeKey::NoRoom)?;
        let spec = model::item::ItemSpec { effects: off, ..item.spec() };
        let changes = vec![in_place(item, carry(of), stays), Change::Birth { spec, to: carry(free) }];
        self.begin(slot, Plan::of("stack-split", changes), Then::Slots, fx);
        Ok(())
    }

    pub(super) fn destroy_item(
        &mut self,
        slot: usize,
        of: u8,
        kind: ItemKind,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let item = self.shown_item(slot, of, kind)?;
        let changes = vec![Change::Death { item, from: Spot::Own(carry(of)) }];
        self.begin(slot, Plan::of("destroy", changes), Then::Slots, fx);
        Ok(())
    }

    /// The item in an inventory slot, if it is of the kind that the client shows.
    fn shown_item(&self, slot: usize, of: u8, kind: ItemKind) -> Result<Item, No> {
        self.check_usable(slot, carry(of))?;
        let item = item_in(&self.player(slot)?.character, carry(of));
        Ok(item.filter(|item| item.kind == kind).ok_or(NoticeKey::ItemGone)?)
    }

    /// An item that may leave its owner by drop or sale; never the face, nor what is bound.
    pub(super) fn free_item(&self, slot: usize, from: Slot) -> Result<Item, No> {
        self.check_usable(slot, from)?;
        let item = item_in(&self.player(slot)?.character, from).ok_or(NoticeKey::ItemGone)?;
        let def = self.content.items.get(item.kind);
        match def.is_none_or(|def| price::is_bound(&item.spec(), def)) {
            true => Err(NoticeKey::ItemBound.into()),
            false => Ok(item),
        }
    }

    /// Slots that a player may use by hand: worn ones but the face, carried ones that its bags give.
    pub(super) fn check_usable(&self, slot: usize, of: Slot) -> Result<(), No> {
        match of.container {
            Container::Equip if of.index > 0 => Ok(()),
            Container::Carry if bag::is_usable(&self.player(slot)?.character.carry, of.index) => Ok(()),
            Container::Equip => Err(NoticeKey::ItemBound.into()),
            Container::Carry => Err(NoticeKey::NoRoom.into()),
            Container::Cargo => Err(NoticeKey::TooFar.into()),
        }
    }

    /// Refuses when an item would come into a slot of the equipment where it cannot be worn.
    fn check_worn(&self, slot: usize, item: &Item, from: Slot, to: Slot) -> Result<(), No> {
        if to.container != Container::Equip {
            return Ok(());
        }
        let player = self.player(slot)?;
        let mut equip = player.character.equip.clone();
        if from.container == Container::Equip
            && let Some(left) = equip.get_mut(usize::from(from.index))
        {
            // both are worn: what lay in `to` lies here then
            *left = item_in(&player.character, to);
        }
        let wearer = (player.character.class, &player.derived.score);
        wear::check(item, usize::from(to.index), wearer, &equip, &self.content.items)
            .map_err(|_| NoticeKey::CannotWear.into())
    }

    /// What a player wears changed: its numbers and its look, for itself and for who sees it.
    pub(super) fn dress(&mut self, slot: usize, fx: &mut Effects) {
        let items = std::sync::Arc::clone(&self.content);
        let pace_percent = self.relief().pace_percent;
        let Some(player) = self.entities[slot].player_mut() else { return };
        let before = std::mem::take(&mut player.derived);
        player.derived = rules::derive(&player.character, &items.items);
        let score = &player.derived.score;
        let soft = &mut player.character.soft;
        let (hp, mp) = (soft.hp.min(score.hp_max), soft.mp.min(score.mp_max));
        if (hp, mp) != (soft.hp, soft.mp) {
            player.unwritten.touch();
        }
        (soft.hp, soft.mp) = (hp, mp);
        let session = player.session;
        let score = crate::look::shown_score(player, pace_percent);
        let (dressed, stronger) = (player.derived.look != before.look, player.derived.score != before.score);
        let equip = player.derived.look;
        let entity = self.entities[slot].id;
        if dressed {
            fx.tell(session, Event::LookChanged { entity, equip });
            self.tell_viewers(slot, Event::LookChanged { entity, equip }, fx);
        }
        if stronger {
            fx.tell(session, Event::ScoreChanged { entity, score });
            self.tell_viewers(slot, Event::ScoreChanged { entity, score }, fx);
        }
    }
}

/// An item goes to another slot as it is.
fn moved(item: Item, from: Slot, to: Slot) -> Change {
    Change::Move { item, from: Spot::Own(from), to: Spot::Own(to), effects: item.effects }
}

/// An item stays where it is and changes.
fn in_place(item: Item, at: Slot, effects: [model::Effect; 3]) -> Change {
    Change::Move { item, from: Spot::Own(at), to: Spot::Own(at), effects }
}
