//! The economy of a fleet finds what a server loses, doubles or does by half, and nothing else.
#![allow(clippy::unwrap_used)]

mod support;

use bot::fleet::economy::{self, Deed};
use bot::fleet::{self, Deadlines, Options, Report};
use bot::protocol::place::{Area, Tile};
use bot::protocol::profile::Mix;
use std::time::Duration;
use support::goods::KEEPER;
use support::{Fake, Flaw};

async fn run_with(flaw: Flaw, without: &[Deed], seconds: u64) -> Report {
    let fake = Fake::start(flaw).await;
    let economy = economy::Options {
        markets: vec![KEEPER],
        without: [Deed::Passage, Deed::Auction, Deed::Mail, Deed::Fetch]
            .iter()
            .chain(without)
            .copied()
            .collect(),
        patience: Duration::from_secs(2),
        pace: 1.0,
    };
    let options = Options {
        seed: Some(7),
        ramp: 500.0,
        area: Some(Area { low: Tile::new(2095, 2095), high: Tile::new(2106, 2106) }),
        pace: 0.2,
        progress: false,
        economy: Some(economy),
        deadlines: Deadlines { late: Duration::from_secs(5), missing: Duration::from_secs(10) },
        ..Options::new(&fake.edge(), 6, seconds, Mix::Mixed)
    };
    fleet::run(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correct_server_has_everything_as_it_was_shown() {
    let report = run_with(Flaw::None, &[], 6).await;
    assert!(report.is_clean(), "{:#?}", report.violations);
    let economy = report.economy.unwrap();
    assert_eq!((economy.compared, economy.as_before), (6, 6));
    assert_eq!(economy.gold_at_last, economy.gold_at_first);
    let kinds = [Deed::Move, Deed::Drop, Deed::Grab, Deed::BankItem, Deed::BankGold, Deed::Trade];
    for kind in kinds {
        assert!(economy.acknowledged_by_kind.contains_key(&kind), "no {kind:?} in {economy:#?}");
    }
    assert_eq!(economy.acknowledged, economy.acknowledged_by_kind.values().sum::<u64>());
}

async fn finds(flaw: Flaw, without: &[Deed], what: &str) {
    let report = run_with(flaw, without, 5).await;
    let found = report.violations.iter().any(|text| text.starts_with("changed: ") && text.contains(what));
    assert!(found && !report.is_clean(), "{flaw:?}: {:#?} {:#?}", report.violations, report.economy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_doubled_lost_or_half_done_is_found() {
    // nobody touches the slot of what was dropped a second time
    let quiet = [Deed::Grab, Deed::Move, Deed::Trade, Deed::BankItem, Deed::UnbankItem];
    tokio::join!(
        finds(Flaw::KeepsWhatWasDropped, &quiet, "Carry"),
        finds(Flaw::LosesDeposits, &[], "gold in the bank"),
        finds(Flaw::TradesHalf, &[], "a trade of"),
    );
}
