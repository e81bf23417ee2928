//! The watch over a shard that says what it is told to.

use super::{Options, Round, Seen, Site, Sums, Wanted, Watch};
use crate::examine::Judged;
use async_trait::async_trait;
use model::calls::database::{Checked, Failure, Finding};
use model::calls::ledger::{FINDINGS_MAX, Wrong};
use model::id::{AccountId, CharacterId};
use parking_lot::Mutex;
use std::time::Duration;

const OPTIONS: Options = Options { share: 1.0, every: Duration::from_millis(1), rows_least: i64::MAX };

/// Three buckets.
#[derive(Default)]
struct Told(Mutex<State>);

#[derive(Default)]
struct State {
    clock: i64,
    homes: Vec<u16>,
    rows: Sums,
    base: Sums,
    news: Vec<(u16, Sums)>,
    findings: Vec<Finding>,
    is_away: bool,
    judged: Vec<u16>,
}

#[async_trait]
impl Site for Told {
    fn shards(&self) -> Vec<u16> {
        vec![0]
    }

    async fn look(&self, _: u16, wanted: &Wanted) -> Result<Seen, Failure> {
        let mut state = self.0.lock();
        if state.is_away {
            return Err(Failure::Unavailable("away".into()));
        }
        let of = |range: Option<(u16, u16)>, sums: Sums| {
            let homes = state.homes.iter().copied();
            let is_in = |bucket: &u16| range.is_some_and(|(first, last)| (first..=last).contains(bucket));
            homes.filter(is_in).map(|bucket| (bucket, sums)).collect::<Vec<_>>()
        };
        let (rows, base) = (of(wanted.rows, state.rows), of(wanted.base, state.base));
        let clock = (state.clock, state.clock);
        Ok(Seen {
            clock,
            homes: state.homes.clone(),
            news: std::mem::take(&mut state.news),
            rows,
            base,
            ..Seen::default()
        })
    }

    async fn judge(&self, _: u16, bucket: u16) -> Result<Judged, Failure> {
        let mut state = self.0.lock();
        state.judged.push(bucket);
        let report = Checked { findings: state.findings.clone(), ..Checked::default() };
        let accounts = state.findings.iter().filter_map(|finding| finding.account).collect();
        Ok(Judged { report, accounts, ..Judged::default() })
    }
}

impl Told {
    fn new(homes: &[u16]) -> Self {
        let items = Sums { items: 2, gold: 5, cash: 0, digest: 77 };
        let state = State { homes: homes.to_vec(), rows: items, base: items, clock: 9, ..State::default() };
        Self(Mutex::new(state))
    }

    /// Looks until every bucket has a book.
    async fn settle(&self, watch: &mut Watch) -> Round {
        for _ in 0..10_000 {
            let round = watch.look(self, OPTIONS).await.expect("it answers");
            if round.watched == round.at_home {
                return round;
            }
        }
        panic!("it never comes round");
    }
}

fn finding(character: u64, what: &str) -> Finding {
    let (character, account) = (Some(CharacterId(character)), Some(AccountId(7)));
    Finding { character, account, ..Finding::new(Wrong::Gold, what.to_owned()) }
}

#[tokio::test]
async fn what_the_examiner_does_not_find_is_no_alarm_and_the_book_is_made_anew() {
    let (told, mut watch) = (Told::new(&[3, 900, 4_000]), Watch::new(0));
    told.settle(&mut watch).await;
    // an entry that is seen twice
    told.0.lock().news = vec![(900, Sums { items: 1, ..Sums::default() })];
    let mut cleared = 0;
    for _ in 0..10 {
        let round = watch.look(&told, OPTIONS).await.expect("it answers");
        assert_eq!((round.fresh.len(), round.findings, round.wrong_buckets), (0, 0, 0));
        cleared += round.cleared;
    }
    assert_eq!((cleared, told.0.lock().judged.clone()), (1, vec![900]));
    assert_eq!(told.settle(&mut watch).await.suspected, 0);
}

#[tokio::test]
async fn an_alarm_is_told_once_whatever_its_numbers_become_and_ends_with_its_cause() {
    let (told, mut watch) = (Told::new(&[3]), Watch::new(0));
    told.settle(&mut watch).await;
    told.0.lock().rows.gold += 1;
    told.0.lock().findings = vec![finding(1, "6 gold; by the ledger 5")];
    let round = watch.look(&told, OPTIONS).await.expect("it answers");
    assert_eq!((round.fresh.len(), round.findings, round.accounts.len()), (1, 1, 1));
    told.0.lock().findings = vec![finding(1, "16 gold; by the ledger 15"), finding(2, "another")];
    let round = watch.look(&told, OPTIONS).await.expect("it answers");
    assert_eq!((round.fresh, round.findings), (vec![finding(2, "another")], 2));
    told.0.lock().findings = (0..FINDINGS_MAX as u64).map(|number| finding(number, "many")).collect();
    let round = watch.look(&told, OPTIONS).await.expect("it answers");
    assert!(round.fresh.len() <= 100 && round.findings == FINDINGS_MAX, "it keeps only some");
    told.0.lock().findings.clear();
    told.0.lock().rows.gold -= 1;
    let round = watch.look(&told, OPTIONS).await.expect("it answers");
    assert_eq!((round.findings, round.cleared, round.accounts.len()), (0, 0, 0));
}

#[tokio::test]
async fn a_bucket_that_leaves_is_watched_no_more_and_one_that_comes_gets_a_book() {
    let (told, mut watch) = (Told::new(&[3, 5]), Watch::new(0));
    told.settle(&mut watch).await;
    told.0.lock().homes = vec![5, 9];
    // what was copied in advance counts only with the book
    told.0.lock().news = vec![(9, Sums { items: 2, gold: 5, cash: 0, digest: 77 })];
    let round = told.settle(&mut watch).await;
    assert_eq!((round.watched, round.at_home), (2, 2));
    assert_eq!(told.0.lock().judged, [0; 0]);
}

#[tokio::test]
async fn a_database_that_was_restored_is_no_alarm() {
    let (told, mut watch) = (Told::new(&[3]), Watch::new(0));
    told.settle(&mut watch).await;
    told.0.lock().is_away = true;
    assert!(watch.look(&told, OPTIONS).await.is_err());
    let older = Sums { items: 1, gold: 1, cash: 1, digest: 1 };
    {
        let mut state = told.0.lock();
        (state.is_away, state.clock, state.rows, state.base) = (false, 8, older, older);
    }
    told.settle(&mut watch).await;
    for _ in 0..3 {
        let round = told.settle(&mut watch).await;
        assert_eq!((round.findings, round.cleared), (0, 0));
    }
    assert_eq!(told.0.lock().judged, [0; 0], "nothing was even suspected");
}
