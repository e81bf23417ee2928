//! The watch over one shard: its books, what is suspected, and what is wrong.

use super::gaps::Gaps;
use super::pace::Pace;
use super::{Seen, Site, Sums, Wanted};
use crate::examine::{Differences, Judged};
use model::calls::database::{Failure, Finding};
use model::id::AccountId;
use placement::BUCKETS;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Rows that a look takes 13 ms for: of 100,000 each is compared within a second, however busy the machine is.
const ROWS_LEAST: i64 = 30_000;
/// The share of a look that goes over what the ledger says of old.
const BASE_PART: f64 = 0.25;
/// The share of one core while there are buckets without a book.
const SETTLING: f64 = 0.5;
/// Suspected buckets examined in one look; one that is known to be wrong is looked at again besides.
const EXAMINED: usize = 8;
/// Findings kept of one bucket.
const KEPT: usize = 100;
/// Looks in a row that fail before the books are given up: what is new may be too much for one look.
const FAILURES: u32 = 200;

/// How to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The share of one core that looking may cost, 0 to 1.
    pub share: f64,
    /// How long a look is from the next.
    pub every: Duration,
    /// Rows that a look counts at least, however busy the machine is.
    pub rows_least: i64,
}

impl Options {
    /// A twentieth of a core, and small stores as a whole at each look.
    pub fn new(every: Duration) -> Self {
        Self { share: 0.05, every, rows_least: ROWS_LEAST }
    }
}

/// What one look came to.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Findings that were not there before.
    pub fresh: Vec<Finding>,
    /// All findings that stand.
    pub findings: usize,
    /// Buckets in which something is wrong.
    pub wrong_buckets: usize,
    /// Buckets that are to be examined.
    pub suspected: usize,
    /// Buckets that were suspected and are in order.
    pub cleared: usize,
    /// Accounts that hold what is wrong, where the shard has them.
    pub accounts: BTreeSet<AccountId>,
    /// What is there less what the ledger leads to.
    pub differences: Differences,
    /// Buckets that have a book, and those that are at home.
    pub watched: usize,
    /// Buckets that are at home.
    pub at_home: usize,
    /// How long the look took.
    pub took: Duration,
    /// How long it took to compare everything once; `None` before that.
    pub circle: Option<Duration>,
}

/// What is wrong in one bucket.
struct Wrong {
    /// The first of them.
    findings: Vec<Finding>,
    count: usize,
    accounts: BTreeSet<AccountId>,
    differences: Differences,
}

/// The watch over one shard.
pub struct Watch {
    shard: u16,
    books: BTreeMap<u16, Sums>,
    homes: BTreeSet<u16>,
    gaps: Option<Gaps>,
    clock: i64,
    rows: Pace,
    base: Pace,
    /// What a look costs without rows and base.
    other: Duration,
    suspects: BTreeSet<u16>,
    wrong: BTreeMap<u16, Wrong>,
    /// Where looking again at what is wrong goes on.
    again_from: u16,
    looked: Option<Instant>,
    failures: u32,
}

impl Watch {
    /// A watch that knows nothing yet.
    pub fn new(shard: u16) -> Self {
        let now = Instant::now();
        Self {
            shard,
            books: BTreeMap::new(),
            homes: BTreeSet::new(),
            gaps: None,
            clock: 0,
            rows: Pace::new(now),
            base: Pace::new(now),
            other: Duration::ZERO,
            suspects: BTreeSet::new(),
            wrong: BTreeMap::new(),
            again_from: 0,
            looked: None,
            failures: 0,
        }
    }

    /// Looks once, and examines what is suspected.
    pub async fn look(&mut self, site: &dyn Site, options: Options) -> Result<Round, Failure> {
        let began = Instant::now();
        let wanted = self.wanted(options, began);
        self.looked = Some(began);
        let seen = match site.look(self.shard, &wanted).await {
            Ok(seen) => seen,
            Err(failure) => {
                self.failures += 1;
                if self.failures >= FAILURES {
                    self.forget();
                }
                return Err(failure);
            }
        };
        self.failures = 0;
        self.learn(&wanted, seen);
        let mut round = Round::default();
        for bucket in self.choose() {
            match site.judge(self.shard, bucket).await {
                Ok(judged) => self.note(bucket, judged, &mut round),
                // it stays suspected; what was found so far is told
                Err(failure) if round.fresh.is_empty() => return Err(failure),
                Err(_) => break,
            }
        }
        self.tell(&mut round);
        round.took = began.elapsed();
        Ok(round)
    }

    /// All books are made anew; what is known to be wrong stays known.
    fn forget(&mut self) {
        self.books.clear();
        self.gaps = None;
        self.suspects.clear();
    }

    fn wanted(&mut self, options: Options, now: Instant) -> Wanted {
        let since = self.looked.map_or(options.every, |before| now.saturating_duration_since(before));
        let time = since.min(options.every * 4).mul_f64(options.share.clamp(0.0, 1.0));
        let left = time.saturating_sub(self.other).max(time / 4);
        let without_book = self.homes.iter().find(|bucket| !self.books.contains_key(bucket)).copied();
        let base_time = match without_book {
            Some(bucket) => {
                self.base.jump(bucket);
                since.min(options.every * 4).mul_f64(SETTLING)
            }
            None => left.mul_f64(BASE_PART),
        };
        let items: i64 = self.books.values().map(|book| book.items).sum();
        let per_bucket = (items / self.books.len().max(1) as i64).max(1);
        let least = u16::try_from(options.rows_least / per_bucket).unwrap_or(BUCKETS).min(BUCKETS);
        let rows = self.rows.range(left.mul_f64(1.0 - BASE_PART), least);
        Wanted {
            gaps: self.gaps.as_ref().map(Gaps::ranges),
            rows: (!self.books.is_empty()).then_some(rows),
            base: Some(self.base.range(base_time, 1)),
            touched: rows != (0, BUCKETS - 1) && !self.books.is_empty(),
        }
    }

    /// Brings the books up to the moment of a look, and compares.
    fn learn(&mut self, wanted: &Wanted, seen: Seen) {
        let now = Instant::now();
        if seen.clock.1 < self.clock {
            tracing::warn!(
                shard = self.shard,
                "the database is older than a moment ago: its books are made anew"
            );
            self.forget();
            self.clock = seen.clock.1;
            return;
        }
        self.clock = seen.clock.1;
        self.homes = seen.homes.into_iter().collect();
        let homes = &self.homes;
        self.books.retain(|bucket, _| homes.contains(bucket));
        self.wrong.retain(|bucket, _| homes.contains(bucket));
        self.gaps.get_or_insert_with(|| Gaps::above(seen.start)).fill(&seen.taken, seen.clock, now);
        for (bucket, sums) in seen.news {
            if let Some(book) = self.books.get_mut(&bucket) {
                *book += sums;
            }
        }
        let known = |bucket: &u16| self.books.contains_key(bucket);
        self.suspects.extend(seen.touched.into_iter().filter(known));
        if let Some((first, last)) = wanted.rows {
            let sums = by_bucket(seen.rows);
            let differs = |(bucket, book): (&u16, &Sums)| {
                (sums.get(bucket).copied().unwrap_or_default() != *book).then_some(*bucket)
            };
            self.suspects.extend(self.books.range(first..=last).filter_map(differs));
            self.rows.took((first, last), seen.rows_took, now);
        }
        if let Some((first, last)) = wanted.base {
            let sums = by_bucket(seen.base);
            for bucket in self.homes.range(first..=last) {
                let sums = sums.get(bucket).copied().unwrap_or_default();
                if *self.books.entry(*bucket).or_insert(sums) != sums {
                    self.suspects.insert(*bucket);
                }
            }
            self.base.took((first, last), seen.base_took, now);
        }
        let homes = &self.homes;
        self.suspects.retain(|bucket| homes.contains(bucket));
        self.other = seen.took.saturating_sub(seen.rows_took + seen.base_took);
    }

    /// Buckets to examine: some that are newly suspected, and one of those that are known to be wrong, in turn.
    fn choose(&mut self) -> Vec<u16> {
        let new = self.suspects.iter().filter(|bucket| !self.wrong.contains_key(bucket)).copied();
        let mut chosen: Vec<u16> = new.take(EXAMINED).collect();
        let again = self.wrong.range(self.again_from..).chain(&self.wrong).map(|(bucket, _)| *bucket).next();
        self.again_from = again.map_or(0, |bucket| bucket.saturating_add(1));
        chosen.extend(again);
        chosen
    }

    fn note(&mut self, bucket: u16, judged: Judged, round: &mut Round) {
        self.suspects.remove(&bucket);
        let Judged { report, accounts, differences } = judged;
        let mut findings = report.findings;
        if findings.is_empty() {
            // in order, so if it is not what its book says the book is wrong
            self.books.remove(&bucket);
            if self.wrong.remove(&bucket).is_none() {
                round.cleared += 1;
            }
            return;
        }
        let count = findings.len() + report.findings_left_out as usize;
        findings.truncate(KEPT);
        let before = self.wrong.remove(&bucket).map(|wrong| wrong.findings).unwrap_or_default();
        let is_new = |finding: &&Finding| !before.iter().any(|other| is_same(finding, other));
        round.fresh.extend(findings.iter().filter(is_new).cloned());
        self.wrong.insert(bucket, Wrong { findings, count, accounts, differences });
    }

    fn tell(&self, round: &mut Round) {
        for wrong in self.wrong.values() {
            round.findings += wrong.count;
            round.accounts.extend(&wrong.accounts);
            round.differences.add(&wrong.differences);
        }
        round.wrong_buckets = self.wrong.len();
        round.suspected = self.suspects.iter().filter(|bucket| !self.wrong.contains_key(bucket)).count();
        round.watched = self.books.len();
        round.at_home = self.homes.len();
        round.circle = self.rows.circle();
    }
}

/// True when two findings are about the same, whatever the numbers are meanwhile.
fn is_same(one: &Finding, other: &Finding) -> bool {
    let about = |of: &Finding| (of.wrong, of.item, of.character, of.account, of.operation, of.entry);
    about(one) == about(other)
}

fn by_bucket(lines: Vec<(u16, Sums)>) -> BTreeMap<u16, Sums> {
    let mut sums: BTreeMap<u16, Sums> = BTreeMap::new();
    for (bucket, line) in lines {
        *sums.entry(bucket).or_default() += line;
    }
    sums
}
