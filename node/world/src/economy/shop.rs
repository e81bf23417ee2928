//! Merchants: what they show, buy, sell, and give back.
//!
//! What a merchant sells lies in the slots of its inventory that its window shows: 0..8, 27..35 and 54..62. Goods
//! are born when they are bought and end when they are sold; what was sold lately is remembered as long as the
//! player is in the zone, and is born anew when it is bought back.

use super::{Dealings, No, Then};
use crate::effects::Effects;
use crate::plan::{Change, Plan, Spot, carry};
use crate::zone::Zone;
use model::event::NoticeKey;
use model::item::{GOLD_MAX, ItemSpec};
use model::{EntityId, Event, Slot};
use rules::bag;
use rules::price::{self, Price};

/// Places of a shop's window.
const SHELF: usize = 27;
/// Kinds of merchants: goods, and skills.
const GOODS: u8 = 1;
const SKILLS: u8 = 19;
/// Sales that are remembered.
const SOLD_MAX: usize = 10;

/// The slot of a merchant's inventory that a place of its window shows.
fn shelf_slot(place: usize) -> usize {
    place % 9 + 27 * (place / 9)
}

impl Dealings {
    pub(super) fn remember_sale(&mut self, spec: ItemSpec, price: i64) {
        self.sold.push_front((spec, price));
        self.sold.truncate(SOLD_MAX);
    }

    pub(super) fn forget_sale(&mut self, spec: ItemSpec, price: i64) {
        if let Some(index) = self.sold.iter().position(|sale| *sale == (spec, price)) {
            self.sold.remove(index);
        }
    }
}

impl Zone {
    /// A merchant in sight and what kind it is; `None` asks for the one whose shop was opened last.
    fn merchant(&self, slot: usize, merchant: Option<EntityId>) -> Result<(EntityId, usize), No> {
        let player = self.player(slot)?;
        let entity = merchant.or(player.dealings.merchant).ok_or(NoticeKey::TooFar)?;
        let found = self.slot_of_entity(entity).map(|slot| &self.entities[slot]).ok_or(NoticeKey::TooFar)?;
        let kind = found.creature_kind().ok_or(NoticeKey::TooFar)?;
        match self.entities[slot].tile.sees(found.tile) {
            true => Ok((entity, kind)),
            false => Err(NoticeKey::TooFar.into()),
        }
    }

    /// The same for one who sells goods.
    fn trader(&self, slot: usize, merchant: Option<EntityId>) -> Result<(EntityId, usize), No> {
        let (entity, kind) = self.merchant(slot, merchant)?;
        match self.content.creatures[kind].merchant {
            GOODS => Ok((entity, kind)),
            _ => Err(NoticeKey::TooFar.into()),
        }
    }

    pub(super) fn open_shop(&mut self, slot: usize, merchant: EntityId, fx: &mut Effects) -> Result<(), No> {
        let (entity, kind) = self.merchant(slot, Some(merchant))?;
        let creature = &self.content.creatures[kind];
        let skills = match creature.merchant {
            GOODS => false,
            SKILLS => true,
            _ => return Err(NoticeKey::TooFar.into()),
        };
        let shelf =
            (0..SHELF).map(|place| creature.carry.get(shelf_slot(place)).copied().flatten()).collect();
        let shown = Event::ShopShown { merchant: entity, skills, shelf, tax: price::TAX_PERCENT };
        let Some(player) = self.entities[slot].player_mut() else { return Ok(()) };
        player.dealings.merchant = Some(entity);
        fx.tell(player.session, shown);
        Ok(())
    }

    pub(super) fn buy(
        &mut self,
        slot: usize,
        merchant: Option<EntityId>,
        shelf: u8,
        to: u8,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let (merchant, kind) = self.trader(slot, merchant)?;
        let shown = (0..SHELF).any(|place| shelf_slot(place) == usize::from(shelf));
        let creature = &self.content.creatures[kind];
        let goods = creature.carry.get(usize::from(shelf)).copied().flatten().filter(|_| shown);
        let spec = goods.ok_or(NoticeKey::ItemGone)?;
        let def = self.content.items.get(spec.kind).ok_or(NoticeKey::ItemGone)?;
        let price = price::asked(def).ok_or(NoticeKey::ItemGone)?;
        let free = self.affords(slot, price.with_tax(), Some(to))?;
        let mut changes = vec![Change::Birth { spec, to: carry(free) }];
        changes.push(Change::Burn { amount: price.net, reason: "shop" });
        if price.tax > 0 {
            changes.push(Change::Burn { amount: price.tax, reason: "tax" });
        }
        // where it lies, not where it was wanted: a client shows it in the slot that it is told
        let then = Then::Bought { merchant, shelf, to: free };
        self.begin(slot, Plan::of("shop-buy", changes), then, fx);
        Ok(())
    }

    pub(super) fn sell(
        &mut self,
        slot: usize,
        merchant: Option<EntityId>,
        from: Slot,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let (merchant, _) = self.trader(slot, merchant)?;
        let item = self.free_item(slot, from)?;
        let character = &self.player(slot)?.character;
        let def = self.content.items.get(item.kind).ok_or(NoticeKey::ItemGone)?;
        let spec = item.spec();
        let price = price::given(&spec, def, character.class, &character.hard).ok_or(NoticeKey::ItemBound)?;
        if character.hard.gold + price.net > GOLD_MAX {
            return Err(NoticeKey::TooMuchGold.into());
        }
        let mut changes = vec![Change::Death { item, from: Spot::Own(from) }];
        changes.extend(sale(price));
        let then = Then::Sold { merchant, from, spec, price: price.less_tax() };
        self.begin(slot, Plan::of("shop-sell", changes), then, fx);
        Ok(())
    }

    pub(super) fn list_sold(&mut self, slot: usize, fx: &mut Effects) -> Result<(), No> {
        self.tell_sold(slot, fx);
        Ok(())
    }

    pub(super) fn tell_sold(&self, slot: usize, fx: &mut Effects) {
        if let Some(player) = self.entities[slot].player() {
            let list = player.dealings.sold.iter().copied().collect();
            fx.tell(player.session, Event::SoldLately { list });
        }
    }

    pub(super) fn buy_back(&mut self, slot: usize, order: u8, fx: &mut Effects) -> Result<(), No> {
        self.trader(slot, None)?;
        let sold = self.player(slot)?.dealings.sold.get(usize::from(order)).copied();
        let (spec, price) = sold.ok_or(NoticeKey::ItemGone)?;
        let free = self.affords(slot, price, None)?;
        let changes = vec![
            Change::Birth { spec, to: carry(free) },
            Change::Burn { amount: price.max(1), reason: "shop" },
        ];
        self.begin(slot, Plan::of("shop-back", changes), Then::BoughtBack { spec, price }, fx);
        Ok(())
    }

    /// A free slot for what costs so much, if the player can pay it.
    fn affords(&self, slot: usize, price: i64, wanted: Option<u8>) -> Result<u8, No> {
        let character = &self.player(slot)?.character;
        if character.hard.gold < price {
            return Err(No(NoticeKey::NotEnoughGold, vec![price.to_string()]));
        }
        Ok(bag::free_slot(&character.carry, wanted).ok_or(NoticeKey::NoRoom)?)
    }
}

fn sale(price: Price) -> Vec<Change> {
    let mut changes = vec![Change::Mint { amount: price.net, reason: "shop" }];
    if price.tax > 0 {
        changes.push(Change::Burn { amount: price.tax, reason: "tax" });
    }
    changes
}
