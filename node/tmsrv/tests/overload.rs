//! A node whose zones are too busy for it: what players and those who want to log in are told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::calls::node::{Attach, AttachReason, AttachRefusal, ToEdge, ToNode};
use model::event::{Notice, NoticeKey};
use model::{Event, Tile};
use support::House;
use tmsrv::{Overload, Settings};

/// In the middle of Armia, among its people.
const TOWN: Tile = Tile::new(2100, 2100);

/// Whatever a zone does is too much.
fn overloaded() -> Settings {
    let overload = Overload { tick_budget_us: 1, climb_percent: 1, calm_percent: 0, ..Overload::default() };
    Settings { overload, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ladder_is_climbed_step_by_step_and_logins_wait_while_handovers_do_not() {
    let house = House::with_nodes(1, overloaded()).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let ana = house.character(TOWN).await;
    let (ana_session, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    // a zone that becomes a cause of the load late is told several rungs of a step as one
    let mut told = Vec::new();
    while told.last() != Some(&NoticeKey::CrowdClosed) {
        let is_it = |event: &Event| match event {
            Event::Notice(Notice::Catalogue { key: told, .. }) => Some(*told),
            _ => None,
        };
        told.push(edge.perceives(ana_session, "the next step", is_it).await);
    }
    told.dedup();
    let steps = [
        NoticeKey::CrowdIdle,
        NoticeKey::CrowdTrade,
        NoticeKey::CrowdFar,
        NoticeKey::CrowdView,
        NoticeKey::CrowdClock,
        NoticeKey::CrowdClosed,
    ];
    assert_eq!(told, steps);

    // logins wait on their place, and keep it
    let newcomers = [house.character(TOWN).await, house.character(TOWN).await];
    for (place, newcomer) in (1..).zip(&newcomers) {
        for _ in 0..2 {
            let attach = house.attach(house.session(), newcomer, TOWN).await;
            let session = attach.session;
            edge.says(ToNode::Attach(attach)).await;
            assert_eq!(edge.is_refused(session).await, AttachRefusal::Queued { place });
        }
    }

    // who comes back from a node that died, or over a border, is let in
    let back = house.attach(house.session(), &newcomers[0], TOWN).await;
    let resumed = Attach { reason: AttachReason::Resume, ..back };
    let session = resumed.session;
    edge.says(ToNode::Attach(resumed)).await;
    let slow = edge.perceives(session, "its sheet", |event| match event {
        Event::Entered(sheet) => Some(sheet.score.run_speed),
        _ => None,
    });
    assert!(slow.await < sheet.score.run_speed, "who comes later walks as slow as the clock goes");

    // and who was there lives on, slowly
    edge.walks(ana_session, sheet.tile, "8", 1).await;
    edge.hears("ana walk", |heard| match heard {
        ToEdge::Events(events) => events
            .iter()
            .any(|told| {
                told.to.contains(&session)
                    && matches!(&told.event, Event::Walked { entity, .. } if *entity == sheet.entity)
            })
            .then_some(()),
        _ => None,
    })
    .await;
    house.stop().await;
}
