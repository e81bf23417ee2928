//! What entries past the retention led to, bucket by bucket: replaying the others begins here.
//!
//! Entries are folded into the base of their bucket before they are removed, and only when they follow from it: what
//! does not add up is kept, for it is all that tells what happened.

use super::{Base, ItemRow, PurseRow, Shelf, crossings, replay::Replayed};
use crate::ledger::{CASH, ELSEWHERE, Line, Spot, Subject};
use crate::rows::Fields;
use model::calls::database::{Checked, Failure};
use std::collections::{BTreeMap, BTreeSet};

/// Sums of digests by the first byte of the operation.
pub(crate) type Sums = BTreeMap<u8, i128>;

/// Buckets and entries that are folded at once.
pub(crate) const FOLDED_BUCKETS: usize = 32;
pub(crate) const FOLDED_ENTRIES: usize = 5_000;
/// How far back the clock of a database may go without an entry being folded before one that it follows.
pub(crate) const CLOCK_BACK_MS: i64 = 86_400_000;

/// Statements that fill a base: the first bucket and the last one.
pub(crate) const HORIZONS: &str =
    "SELECT bucket, until_ms, crossings FROM ledger_horizons WHERE bucket BETWEEN $1 AND $2";
pub(crate) const BASE_ITEMS: &str = "SELECT item, bucket, kind, effects, place_kind, place_owner, place_slot \
     FROM ledger_base_items WHERE bucket BETWEEN $1 AND $2";
pub(crate) const BASE_PURSES: &str =
    "SELECT kind, owner, bucket, balance FROM ledger_base_purses WHERE bucket BETWEEN $1 AND $2";
pub(crate) const BASE_SUMS: &str =
    "SELECT bucket, cash, way, reason, amount FROM ledger_base_sums WHERE bucket BETWEEN $1 AND $2";

/// Until when the entries of a bucket are past the retention, and the sums of what crossed its border by them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Horizon {
    pub(crate) bucket: i64,
    pub(crate) until_ms: i64,
    pub(crate) crossings: Sums,
}

impl Horizon {
    /// From [`HORIZONS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        let bytes = row.bytes(2)?;
        let (sums, []) = bytes.as_chunks::<17>() else {
            return Err(Failure::Corrupt(format!("sums of {} bytes", bytes.len())));
        };
        let sum = |[class, digest @ ..]: &[u8; 17]| (*class, i128::from_be_bytes(*digest));
        Ok(Self { bucket: row.int(0)?, until_ms: row.int(1)?, crossings: sums.iter().map(sum).collect() })
    }
}

/// Sums as stored.
pub(crate) fn sums_bytes(sums: &Sums) -> Vec<u8> {
    let bytes = sums.iter().flat_map(|(class, digest)| [*class].into_iter().chain(digest.to_be_bytes()));
    bytes.collect()
}

/// Where gold or cash of a bucket came from or went, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub(crate) enum Way {
    /// The world made it.
    Minted = 1,
    /// The world took it.
    Burned = 2,
    /// From other buckets, less what went there.
    Arrived = 3,
}

/// A sum of movements past the retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SumRow {
    pub(crate) bucket: i64,
    pub(crate) is_cash: bool,
    pub(crate) way: Way,
    pub(crate) reason: String,
    pub(crate) amount: i64,
}

impl SumRow {
    /// From [`BASE_SUMS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        let way = match row.int(2)? {
            1 => Way::Minted,
            2 => Way::Burned,
            3 => Way::Arrived,
            other => return Err(Failure::Corrupt(format!("a sum of way {other}"))),
        };
        let (bucket, is_cash) = (row.int(0)?, row.int(1)? == 1);
        Ok(Self { bucket, is_cash, way, reason: row.text(3)?, amount: row.int(4)? })
    }
}

/// What the base of a bucket becomes.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) horizon: Horizon,
    /// How many entries are in it now that were not.
    pub(crate) entries: u64,
    /// Items that are in the bucket.
    pub(crate) here: Vec<ItemRow>,
    /// Items that are not, any more.
    pub(crate) gone: Vec<u128>,
    /// Purses that changed.
    pub(crate) purses: Vec<PurseRow>,
    /// To be added.
    pub(crate) sums: Vec<SumRow>,
}

/// Folds entries of one bucket into its base. The shelf holds them and what the base says of their items and of all
/// purses; `late` are entries that are not folded although they have a lower number than one that is.
///
/// # Errors
/// Why they must stay.
pub(crate) fn fold(horizon: Horizon, shelf: &Shelf, late: &[Line]) -> Result<Folded, String> {
    let mut report = Checked::default();
    let replayed = Replayed::of(shelf, &mut report);
    if let Some(finding) = report.findings.first() {
        let entry = finding.entry.map(|entry| format!("entry {entry} ")).unwrap_or_default();
        return Err(format!("{entry}{}", finding.what));
    }
    if let Some(line) = overtaken(&shelf.lines, late) {
        return Err(format!("entry {} is older than one before it: the clock went back", line.entry));
    }
    let bucket = horizon.bucket;
    let mut folded = Folded { entries: shelf.lines.len() as u64, ..Folded::default() };
    let mut sums: BTreeMap<(bool, Way, &str), i64> = BTreeMap::new();
    for line in &shelf.lines {
        if let Subject::Gold { amount, from, to } = &line.subject {
            let sides = [from.map(|side| side.0.kind), to.map(|side| side.0.kind)];
            for (way, signed) in ways(sides, *amount) {
                let sum = sums.entry((sides.contains(&Some(CASH)), way, line.reason.as_str())).or_default();
                *sum = sum.saturating_add(signed);
            }
        }
    }
    let sum = |((is_cash, way, reason), amount): ((bool, Way, &str), i64)| SumRow {
        bucket,
        is_cash,
        way,
        reason: reason.to_owned(),
        amount,
    };
    folded.sums = sums.into_iter().map(sum).collect();
    let told: BTreeSet<Thing> = shelf.lines.iter().flat_map(things).collect();
    folded.purses = replayed.purses(bucket);
    folded.purses.retain(|purse| told.contains(&Thing::Purse(purse.kind, purse.owner)));
    (folded.here, folded.gone) = replayed.items(bucket);
    folded.here.retain(|item| told.contains(&Thing::Item(item.id)));
    let mut crossings = horizon.crossings;
    for line in &shelf.lines {
        if let Some(side) = crossings::side(line).map_err(|failure| failure.to_string())? {
            crossings::digest(&side, &mut crossings);
        }
    }
    folded.horizon = Horizon { crossings, ..horizon };
    Ok(folded)
}

/// What a movement between these kinds of places adds to which sums.
fn ways([from, to]: [Option<i64>; 2], amount: i64) -> impl Iterator<Item = (Way, i64)> {
    let came = match from {
        None => Some((Way::Minted, amount)),
        Some(ELSEWHERE) => Some((Way::Arrived, amount)),
        Some(_) => None,
    };
    let went = match to {
        None => Some((Way::Burned, amount)),
        Some(ELSEWHERE) => Some((Way::Arrived, -amount)),
        Some(_) => None,
    };
    came.into_iter().chain(went)
}

/// An item or a purse.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Item(u128),
    Purse(i64, i64),
}

fn things(line: &Line) -> impl Iterator<Item = Thing> {
    let purse = |side: &Option<(Spot, i64)>| side.map(|(spot, _)| Thing::Purse(spot.kind, spot.owner));
    let found = match &line.subject {
        Subject::Item { item, .. } => [Some(Thing::Item(*item)), None],
        Subject::Gold { from, to, .. } => [purse(from), purse(to)],
    };
    found.into_iter().flatten()
}

/// An entry that stays though a later one of the same thing is folded.
fn overtaken<'a>(folded: &[Line], late: &'a [Line]) -> Option<&'a Line> {
    if late.is_empty() {
        return None;
    }
    let mut newest: BTreeMap<Thing, i64> = BTreeMap::new();
    for line in folded {
        for thing in things(line) {
            let entry = newest.entry(thing).or_default();
            *entry = line.entry.max(*entry);
        }
    }
    let is_older =
        |line: &&Line| things(line).any(|thing| newest.get(&thing).is_some_and(|n| *n > line.entry));
    late.iter().find(is_older)
}

/// Entries of one bucket that may be folded at once.
pub(crate) struct Portion {
    pub(crate) bucket: i16,
    /// Until when all its entries are in it.
    pub(crate) until_ms: i64,
    /// By their numbers.
    pub(crate) lines: Vec<Line>,
}

/// Divides the first `limit` and one more entries before `cut_ms` of some buckets, which are in order of bucket and
/// time, into portions; a bucket that does not fit gets an earlier time, one that was not reached no portion.
pub(crate) fn portions(
    buckets: &[i16],
    mut lines: Vec<Line>,
    cut_ms: i64,
    limit: usize,
) -> Result<Vec<Portion>, Failure> {
    if !lines.is_sorted_by_key(|line| (line.bucket, line.at_ms)) {
        return Err(Failure::Corrupt("entries came in no order of buckets and times".to_owned()));
    }
    let cut_off = (lines.len() > limit).then(|| lines.pop()).flatten().map(|line| (line.bucket, line.at_ms));
    let mut by_bucket: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
    for line in lines {
        by_bucket.entry(line.bucket).or_default().push(line);
    }
    let mut portions = Vec::new();
    for bucket in buckets {
        let key = i64::from(*bucket);
        let until_ms = match cut_off {
            Some((last, _)) if key > last => break,
            Some((last, at_ms)) if key == last => at_ms,
            _ => cut_ms,
        };
        let mut lines = by_bucket.remove(&key).unwrap_or_default();
        lines.retain(|line| line.at_ms < until_ms);
        if until_ms < cut_ms && lines.is_empty() {
            if portions.is_empty() {
                return Err(Failure::Corrupt(format!("bucket {bucket} has too many entries of one moment")));
            }
            break;
        }
        lines.sort_by_key(|line| line.entry);
        portions.push(Portion { bucket: *bucket, until_ms, lines });
    }
    Ok(portions)
}

/// Where folding goes on after these portions of these buckets, the last of which may have been kept; `None` when all is
/// done.
pub(crate) fn next_bucket(
    portions: &[Portion],
    buckets: &[i16],
    cut_ms: i64,
    last_kept: bool,
) -> Option<i16> {
    let last = portions.last()?;
    let is_whole = last.until_ms >= cut_ms || last_kept;
    let is_end = is_whole && portions.len() == buckets.len() && buckets.len() < FOLDED_BUCKETS;
    (!is_end).then(|| if is_whole { last.bucket } else { last.bucket - 1 })
}

/// The base of some buckets without what belongs to others.
pub(crate) fn base_of(base: &Base, bucket: i64) -> Base {
    Base {
        items: base.items.iter().filter(|item| item.bucket == bucket).cloned().collect(),
        purses: base.purses.iter().filter(|purse| purse.bucket == bucket).copied().collect(),
        ..Base::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::ledger::Actor;

    /// Gold that the world gives to one purse, one piece at a time.
    fn line(entry: i64, bucket: i64, at_ms: i64, balance: i64) -> Line {
        let to = Some((Spot { kind: 2, owner: 7, slot: 0 }, balance));
        Line {
            entry,
            bucket,
            at_ms,
            operation: Some(1),
            actor: Actor::System("test".to_owned()),
            reason: "drop".to_owned(),
            subject: Subject::Gold { amount: 1, from: None, to },
        }
    }

    fn told(portions: &[Portion]) -> Vec<(i16, i64, Vec<i64>)> {
        let entries = |portion: &Portion| portion.lines.iter().map(|line| line.entry).collect();
        portions.iter().map(|portion| (portion.bucket, portion.until_ms, entries(portion))).collect()
    }

    #[test]
    fn what_is_too_much_is_cut_off_between_two_moments() {
        let lines = |count: usize| {
            let all = [(4, 1, 10), (3, 1, 20), (5, 3, 30), (6, 3, 40), (8, 3, 40), (9, 5, 10)];
            all[..count].iter().map(|(entry, bucket, at)| line(*entry, *bucket, *at, 1)).collect::<Vec<_>>()
        };
        let buckets = [1, 2, 3, 5];
        let whole = portions(&buckets, lines(6), 100, 6).unwrap();
        let of = |bucket, until: i64, entries: &[i64]| (bucket, until, entries.to_vec());
        let rest = [of(2, 100, &[]), of(3, 100, &[5, 6, 8]), of(5, 100, &[9])];
        assert_eq!(told(&whole), [vec![of(1, 100, &[3, 4])], rest.to_vec()].concat());
        assert_eq!(next_bucket(&whole, &buckets, 100, false), None);
        // the fifth does not fit, and the fourth is of the same moment
        let some = portions(&buckets, lines(5), 100, 4).unwrap();
        assert_eq!(told(&some), [of(1, 100, &[3, 4]), of(2, 100, &[]), of(3, 40, &[5])]);
        assert_eq!(next_bucket(&some, &buckets, 100, false), Some(2), "bucket 3 is not done");
        assert_eq!(next_bucket(&some, &buckets, 100, true), Some(3), "and is left when it is kept");
        // nothing of the third bucket fits
        let fewer = portions(&buckets, lines(3), 100, 2).unwrap();
        assert_eq!(told(&fewer), [of(1, 100, &[3, 4]), of(2, 100, &[])]);
        assert_eq!(next_bucket(&fewer, &buckets, 100, false), Some(2));
        let moment = (0..4).map(|entry| line(entry, 1, 50, 1)).collect();
        assert!(portions(&[1], moment, 100, 3).is_err(), "no cut is possible");
        let disorder = vec![line(1, 2, 5, 1), line(2, 1, 5, 1)];
        assert!(portions(&[1, 2], disorder, 100, 3).is_err());
    }

    #[test]
    fn folding_twice_is_folding_at_once() {
        let lines: Vec<Line> = (1..=6).map(|n| line(n, 1, n, n)).collect();
        let shelf = |base: Base, lines: &[Line]| Shelf { base, lines: lines.to_vec(), ..Shelf::default() };
        let horizon = |until_ms| Horizon { bucket: 1, until_ms, ..Horizon::default() };
        let once = fold(horizon(7), &shelf(Base::default(), &lines), &[]).unwrap();
        let first = fold(horizon(4), &shelf(Base::default(), &lines[..3]), &lines[3..]).unwrap();
        let base = Base { purses: first.purses, ..Base::default() };
        let second = fold(horizon(7), &shelf(base, &lines[3..]), &[]).unwrap();
        assert_eq!((once.purses[0].balance, second.purses[0].balance), (6, 6));
        assert_eq!(once.sums[0].amount, first.sums[0].amount + second.sums[0].amount);
        // without its base it does not follow, and one that was overtaken stays
        assert!(fold(horizon(7), &shelf(Base::default(), &lines[3..]), &[]).is_err());
        let late = [Line { entry: 2, ..line(2, 1, 9, 2) }];
        let error = fold(horizon(7), &shelf(Base::default(), &lines), &late).unwrap_err();
        assert!(error.contains("entry 2 ") && error.contains("clock"), "{error}");
        let bytes = sums_bytes(&Sums::from([(7, -3), (250, i128::MAX)]));
        assert_eq!(bytes.len(), 34);
    }
}
