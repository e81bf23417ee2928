//! The original content, when it is there: `WYDBR_ORIGINAL_CONTENT` names its directory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use model::event::{Arrival, Departure};
use model::{Epoch, SessionId, ZoneId};
use placement::ZoneTable;
use std::sync::Arc;
use std::time::{Duration, Instant};
use world::{Effects, Entering, Input, Populate, Tick, Zone, ZoneSetup};

mod support;

fn open_all(populate: Populate) -> Option<Vec<Zone>> {
    let directory = std::env::var_os("WYDBR_ORIGINAL_CONTENT")?;
    let (content, _) = content::load(directory.as_ref()).expect("the original content loads");
    let content = Arc::new(content);
    let zones = Arc::new(ZoneTable::new(content.zones.clone()));
    let open = |id: ZoneId| {
        let setup = ZoneSetup {
            id,
            zones: Arc::clone(&zones),
            content: Arc::clone(&content),
            epoch: Epoch(1),
            seed: 1,
            populate,
            inherits: Vec::new(),
        };
        Zone::new(setup, Tick(0)).expect("a zone of the table")
    };
    Some(zones.all().into_iter().map(open).collect())
}

#[test]
fn more_than_nine_thousand_creatures_sleep_for_nothing() {
    let Some(mut zones) = open_all(Populate::Everything) else { return };
    let creatures: usize = zones.iter().map(Zone::entity_count).sum();
    assert!(creatures > 9_000, "{creatures} creatures");
    assert!(zones.iter().all(|zone| zone.next_due().is_none()), "nobody is there, so nothing is due");

    // and with somebody in every zone, 20 s of all of them is cheap
    let mut fx = Effects::default();
    let mut now = Tick(0);
    for (number, zone) in zones.iter_mut().enumerate() {
        let at = zone.positions().next().map(|(_, at, _)| at);
        let Some(at) = at else { continue };
        let entering = Entering {
            session: SessionId(number as u64 + 1),
            epoch: Epoch(1),
            character: support::character("ana", number as u64 + 1, at),
            derived: rules::Derived::default(),
            arrival: Arrival::Glow,
            on_foot: false,
            away_ms: None,
            walk: None,
            put_out: false,
        };
        zone.step(now, &mut vec![Input::Enter(Box::new(entering))], &mut fx);
    }
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..20 * Tick::PER_SECOND {
        now = now.plus(1);
        let tick = Instant::now();
        for zone in &mut zones {
            if zone.next_due().is_some_and(|due| due <= now) {
                zone.step(now, &mut Vec::new(), &mut fx);
            }
        }
        for addressed in std::mem::take(&mut fx.events) {
            fx.recycle(addressed.to);
        }
        longest = longest.max(tick.elapsed());
    }
    let all_awake: usize = zones.iter().map(Zone::entity_count).sum();
    println!(
        "{creatures} creatures, {all_awake} entities awake: 20 s took {:?}, longest tick {longest:?}",
        begun.elapsed()
    );
    for (number, zone) in zones.iter_mut().enumerate() {
        let leave = Input::Leave { session: SessionId(number as u64 + 1), departure: Departure::LoggedOut };
        zone.step(now, &mut vec![leave], &mut fx);
        assert_eq!(zone.next_due(), None);
    }
}
