//! Instances: how players come in, that nobody walks out, and how much time they are told to have.
//!
//! An instance is a zone without neighbours, with all tiles of its place. Guests are summoned from wherever they stand and are handed over
//! as by a portal; what is saved of them then says where they came from. They leave by a portal, by recall, or when it ends. Its
//! end is nothing that the zone does: it is closed, and whoever loads its players finds that it is gone.

use crate::effects::{Crossing, Effects};
use crate::zone::Zone;
use content::Content;
use model::event::{Notice, NoticeKey};
use model::{Event, Rect, SessionId, Stay, Tile, ZoneId};

/// Where a guest is to be brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summons {
    /// Number of the instance.
    pub instance: u64,
    /// Its zone.
    pub zone: ZoneId,
    /// Its tiles.
    pub area: Rect,
    /// Where guests come in.
    pub entrance: Tile,
}

/// Where guests of an instance of a place come in: where a portal leads into it, else where its city receives, else the free tile nearest to
/// its middle. `None` when nobody can stand in it.
pub fn entrance(content: &Content, area: Rect) -> Option<Tile> {
    let good = |tile: &Tile| area.contains(*tile) && !content.terrain.is_blocked(*tile);
    let portals = content.portals.iter().filter(|portal| !area.contains(portal.from)).map(|portal| portal.to);
    let cities = content.cities.iter().map(|city| city.spawn);
    let middle = Tile::new(area.min.x.midpoint(area.max.x), area.min.y.midpoint(area.max.y));
    let all = (area.min.y..=area.max.y).flat_map(|y| (area.min.x..=area.max.x).map(move |x| Tile::new(x, y)));
    let nearest = || all.filter(good).min_by_key(|tile| tile.distance(middle));
    portals.chain(cities).find(good).or_else(nearest)
}

impl Zone {
    /// Brings a guest into an instance, unless it was in it before or has to stay for the moment: then it is summoned again.
    pub(crate) fn summon(&mut self, session: SessionId, summons: &Summons, fx: &mut Effects) {
        let Some(slot) = self.slot_of(session) else { return };
        let entity = &self.entities[slot];
        let Some(player) = entity.player() else { return };
        let stay = player.character.soft.stay;
        let was_in = stay.is_some_and(|stay| stay.instance >= summons.instance);
        if was_in || player.frozen || player.bound_for.is_some() || player.dealings.is_busy() {
            return;
        }
        let here = self.resting_tile(entity, player);
        let back = stay.filter(|_| self.instance.is_some()).map_or(here, |stay| stay.back);
        self.halt(slot, fx);
        let Some(player) = self.entities[slot].player_mut() else { return };
        player.frozen = true;
        player.walks_to = None;
        let mut snapshot = player.snapshot(summons.entrance);
        let Summons { instance, area, zone, .. } = *summons;
        snapshot.soft.stay = Some(Stay { instance, area, back, over: false });
        fx.crossings.push(Crossing { snapshot, to: zone, on_foot: false });
    }

    /// True when a player of this zone may be on a tile by walking: an instance has no border to walk over.
    pub(crate) fn is_walkable(&self, tile: Tile) -> bool {
        self.instance.is_none() || self.contains(tile)
    }

    /// How much time the instance has left.
    pub(crate) fn time_left(&mut self, left_s: u32, notice: bool, fx: &mut Effects) {
        let now = self.now;
        let Some(instance) = &mut self.instance else { return };
        instance.ends = Some(now.plus(u64::from(left_s) * crate::Tick::PER_SECOND));
        let sessions: Vec<SessionId> = self.sessions().collect();
        fx.tell_all(sessions.clone(), Event::TimeLeft { seconds: left_s });
        if notice {
            let told =
                if left_s >= 60 { format!("{} min", left_s.div_ceil(60)) } else { format!("{left_s} s") };
            let notice = Notice::Catalogue { key: NoticeKey::InstanceEnds, arguments: vec![told] };
            fx.tell_all(sessions, Event::Notice(notice));
        }
    }

    /// What a player who enters is told: the time that an instance has left, or that the one that it was in is gone.
    pub(crate) fn tell_instance(&self, session: SessionId, put_out: bool, fx: &mut Effects) {
        if put_out {
            fx.tell(session, Event::TimeLeft { seconds: 0 });
            let notice = Notice::Catalogue { key: NoticeKey::InstanceOver, arguments: Vec::new() };
            fx.tell(session, Event::Notice(notice));
        }
        if let Some(ends) = self.instance.as_ref().and_then(|instance| instance.ends) {
            let left = ends.0.saturating_sub(self.now.0).div_ceil(crate::Tick::PER_SECOND);
            fx.tell(session, Event::TimeLeft { seconds: u32::try_from(left).unwrap_or(u32::MAX) });
        }
    }
}
