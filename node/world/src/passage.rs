//! Ways out of a zone: borders, portals, recall.

use crate::command::HYSTERESIS;
use crate::effects::{Crossing, Effects};
use crate::zone::Zone;
use content::{CITY_SPREAD, PORTAL_SPREAD};
use model::event::NoticeKey;
use model::item::GOLD_MAX;
use model::sight::Manner;
use model::{Event, Tile};

/// Ticks until a player who has paid for a crossing tries it again.
const CROSS_AGAIN: u64 = 10;

impl Zone {
    /// Looks whether a player is over the border after some steps, and lets it cross when it is far enough.
    pub(crate) fn note_border(&mut self, slot: usize, steps: u8, fx: &mut Effects) {
        let tile = self.entities[slot].tile;
        let inside = self.contains(tile);
        let Some(player) = self.entities[slot].player_mut() else { return };
        if inside {
            player.inside = tile;
            player.outside = 0;
            return;
        }
        player.outside = player.outside.saturating_add(steps);
        if player.outside >= HYSTERESIS {
            if self.entities[slot].player().is_some_and(|player| !player.dealings.is_busy()) {
                self.cross(slot, tile, true, fx);
            } else {
                self.halt(slot, fx);
                self.settle(slot, self.now.ms(), fx);
            }
        }
    }

    /// Ends a player's walk where it is; its viewers are told.
    pub(crate) fn halt(&mut self, slot: usize, fx: &mut Effects) {
        if self.entities[slot].walk.take().is_some() {
            self.clear_timer(slot);
            let entity = &mut self.entities[slot];
            let mark = entity.moves();
            let told = Event::Stopped { entity: entity.id, tile: entity.tile, mark };
            self.tell_viewers(slot, told, fx);
        }
    }

    /// Who walks over a border is still walking for everybody: its next zone goes on with that walk.
    pub(crate) fn cross(&mut self, slot: usize, to: Tile, on_foot: bool, fx: &mut Effects) {
        if on_foot {
            self.clear_timer(slot);
        } else {
            self.halt(slot, fx);
        }
        let zone = self.zones.zone_at(to);
        let leaves_instance = self.instance.is_some();
        if let Some(player) = self.entities[slot].player_mut() {
            player.frozen = true;
            player.walks_to = on_foot.then_some(zone);
            let mut snapshot = player.snapshot(to);
            if let Some(stay) = snapshot.soft.stay.as_mut().filter(|_| leaves_instance) {
                stay.over = true;
            }
            fx.crossings.push(Crossing { snapshot, to: zone, on_foot });
        }
    }

    /// A crossing could not be done: the player goes on here, inside of the border. Who has paid for it waits
    /// and tries again.
    pub(crate) fn turn_back(&mut self, slot: usize, fx: &mut Effects) {
        let tile = self.entities[slot].tile;
        let Some(player) = self.entities[slot].player_mut() else { return };
        if player.bound_for.is_some() {
            return self.set_timer(slot, self.now.plus(CROSS_AGAIN));
        }
        player.frozen = false;
        player.walks_to = None;
        let waiting = std::mem::take(&mut player.waiting);
        let (session, inside) = (player.session, player.inside);
        let back = if self.contains(tile) { tile } else { inside };
        self.teleport(slot, back, Manner::Placed, fx);
        self.refuse(session, NoticeKey::PlaceUnreachable, Vec::new(), fx);
        for command in waiting {
            self.obey(slot, command, fx);
        }
    }

    /// Takes a player to a tile of any zone.
    fn send_to(&mut self, slot: usize, to: Tile, fx: &mut Effects) {
        if self.contains(to) {
            self.teleport(slot, to, Manner::Teleport, fx);
        } else {
            self.cross(slot, to, false, fx);
        }
    }

    pub(crate) fn recall(&mut self, slot: usize, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player() else { return };
        if player.dealings.is_busy() {
            self.walk_off(slot, fx);
            let Some(player) = self.entities[slot].player() else { return };
            return self.refuse(player.session, NoticeKey::StillBusy, Vec::new(), fx);
        }
        let home = usize::from(player.character.soft.home_city).min(self.content.cities.len() - 1);
        let spawn = self.content.cities[home].spawn;
        let to = self.spread(spawn, CITY_SPREAD);
        if self.instance.is_some() {
            return self.cross(slot, to, false, fx); // out of it, also when it is a copy of that city
        }
        self.send_to(slot, to, fx);
    }

    /// A tile up to `spread` tiles beside another on both axes; the tile itself when that one is blocked.
    fn spread(&mut self, tile: Tile, spread: u16) -> Tile {
        let side = u32::from(spread);
        let beside = Tile::new(tile.x + self.dice.up_to(side) as u16, tile.y + self.dice.up_to(side) as u16);
        if self.content.terrain.is_blocked(beside) { tile } else { beside }
    }

    pub(crate) fn use_portal(&mut self, slot: usize, fx: &mut Effects) {
        let tile = self.entities[slot].tile;
        let portal = self.content.portal_at(tile).copied();
        let Some(player) = self.entities[slot].player() else { return };
        let (session, gold) = (player.session, player.character.hard.gold);
        let busy = player.dealings.is_busy();
        match portal {
            None => self.refuse(session, NoticeKey::NoPortalHere, Vec::new(), fx),
            Some(_) if busy => self.refuse(session, NoticeKey::StillBusy, Vec::new(), fx),
            Some(portal) if portal.conditional => {
                self.refuse(session, NoticeKey::PlaceClosed, Vec::new(), fx)
            }
            Some(portal) if portal.gold > gold => {
                self.refuse(session, NoticeKey::NotEnoughGold, vec![portal.gold.to_string()], fx);
            }
            Some(portal) => {
                let to = self.spread(portal.to, PORTAL_SPREAD);
                if portal.gold > 0 {
                    self.pay_way(slot, portal.gold.min(GOLD_MAX), to, fx);
                } else {
                    self.send_to(slot, to, fx);
                }
            }
        }
    }

    /// Goes the way that was paid for; nothing takes it back from there.
    pub(crate) fn go_paid_way(&mut self, slot: usize, to: Tile, fx: &mut Effects) {
        if !self.contains(to)
            && let Some(player) = self.entities[slot].player_mut()
        {
            player.bound_for = Some(to);
        }
        self.send_to(slot, to, fx);
    }
}
