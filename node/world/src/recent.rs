//! What is perceived only in the moment in which it happens: lines of chat and emotes. It is kept for a moment, so that
//! who was on its way in that moment, over a border or to another node that has its zone now, perceives it all the same.

use crate::effects::Effects;
use crate::tick::Tick;
use crate::zone::Zone;
use model::{Event, SessionId, Tile};
use std::collections::VecDeque;

/// How long it is kept: longer than handovers take.
const KEPT_MS: u64 = 2_000;
/// How much is kept.
const KEPT_MAX: usize = 512;
/// What a neighbour tells comes so much later.
const LAG_MS: u64 = 2 * Tick::MS;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<(u64, Tile, Event)>);

impl Zone {
    /// Remembers what happened on a tile, when it is perceived only now.
    pub(crate) fn remember(&mut self, tile: Tile, event: &Event) {
        if !matches!(event, Event::Said { .. } | Event::Motion { .. }) {
            return;
        }
        let (now_ms, all) = (self.now.ms(), &mut self.recent.0);
        while all.len() >= KEPT_MAX || all.front().is_some_and(|(at_ms, ..)| at_ms + KEPT_MS < now_ms) {
            all.pop_front();
        }
        all.push_back((now_ms, tile, event.clone()));
    }

    /// Tells a player who was on its way here for so long what it has missed; some of it it may have perceived where it
    /// came from, which its edge knows by the numbers.
    pub(crate) fn catch_up_with_recent(
        &self,
        session: SessionId,
        slot: usize,
        away_ms: u64,
        fx: &mut Effects,
    ) {
        let Some(entity) = self.entities.get(slot) else { return };
        let since_ms = self.now.ms().saturating_sub(away_ms.min(KEPT_MS) + LAG_MS);
        for (_, _, event) in
            self.recent.0.iter().filter(|(at_ms, tile, _)| *at_ms >= since_ms && entity.tile.sees(*tile))
        {
            let own = match event {
                Event::Said { entity: who, .. } | Event::Motion { entity: who, .. } => *who == entity.id,
                _ => true,
            };
            if !own {
                fx.tell(session, event.clone());
            }
        }
    }
}
