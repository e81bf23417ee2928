//! `fsck --repair`: examines, repairs what it found bucket by bucket, and examines again.
//!
//! ```text
//!   look --clean--> done
//!    | rows into their own buckets first: what lies in them seems to be lost before that
//!    v
//!   strays, names, then each bucket in which something is wrong: closed, examined once more, repaired; then guilds
//!    |
//!    '--> look again, a few times: what is put right may show what else is wrong
//! ```

use super::guilds::{self, Hall};
use super::{Look, Report, insist, look, run};
use crate::Store;
use crate::examine::crossings::Unmatched;
use crate::examine::repair::{account_in, operation};
use model::calls::database::{
    CheckBuckets, Failure, ListEntries, Locate, RepairBucket, RepairNames, RepairStrays,
};
use model::calls::ledger::{Crossing, ENTRIES_MAX, EntriesOf, Wrong};
use model::calls::repair::MissingSide;
use model::id::{AccountId, CharacterId, ItemId, OperationId};
use model::ledger::{Change, GoldAccount, ItemPlace};
use placement::BUCKETS;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// How often it is examined and repaired.
const PASSES: u32 = 4;
/// Names of a page.
const NAMES: u32 = 1_000;

/// What was repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// What was done, or would be, in sentences.
    pub fixes: Vec<String>,
    /// What is there after that; what it finds has no safe repair.
    pub report: Report,
}

/// Repairs what has a safe repair, in the name of an operator; with `dry_run` it only says what it would do, of the
/// first pass.
pub async fn repair(store: &dyn Store, operator: &str, dry_run: bool) -> Result<Mended, Failure> {
    let seed: u128 = rand::random();
    let mut fixes = Vec::new();
    for pass in 0..PASSES {
        let Look { report, lost, halls } = look(store).await?;
        if report.is_clean() {
            return Ok(Mended { fixes, report });
        }
        let is_row = |wrong: Wrong| wrong == Wrong::Row;
        let rows_only = pass == 0 && report.checked.findings.iter().any(|finding| is_row(finding.wrong));
        let order = Order { store, operator, dry_run, rows_only, seed, pass };
        let mut done = order.pass(&report, &lost, &halls).await?;
        if dry_run && rows_only {
            if done.is_empty() {
                done = Order { rows_only: false, ..order }.pass(&report, &lost, &halls).await?;
            } else {
                done.push("what else is wrong is looked at after that".to_owned());
            }
        }
        let nothing = done.is_empty();
        fixes.extend(done);
        if dry_run || (nothing && !rows_only) {
            return Ok(Mended { fixes, report });
        }
    }
    Ok(Mended { fixes, report: run(store).await? })
}

/// One pass.
#[derive(Clone, Copy)]
struct Order<'a> {
    store: &'a dyn Store,
    operator: &'a str,
    dry_run: bool,
    rows_only: bool,
    seed: u128,
    pass: u32,
}

impl Order<'_> {
    async fn pass(&self, report: &Report, lost: &Unmatched, halls: &[Hall]) -> Result<Vec<String>, Failure> {
        let (store, dry_run) = (self.store, self.dry_run);
        let mut fixes = Vec::new();
        let of = |wrong: Wrong| report.checked.findings.iter().filter(move |finding| finding.wrong == wrong);
        let twice: Vec<ItemId> = of(Wrong::Twice).filter_map(|finding| finding.item).collect();
        let mut missing = BTreeMap::new();
        if !twice.is_empty() || of(Wrong::Row).next().is_some() {
            let items = if self.rows_only { Vec::new() } else { twice.clone() };
            let request = RepairStrays { items, dry_run };
            fixes.extend(insist(|| store.repair_strays(request.clone())).await?.fixes);
        }
        if !self.rows_only {
            if of(Wrong::Name).chain(of(Wrong::Prepared)).next().is_some() {
                fixes.extend(self.names().await?);
            }
            missing = self.missing(lost).await?;
        }
        let mut buckets = concerned(store).await?;
        buckets.extend(missing.keys());
        for bucket in buckets {
            let request = RepairBucket {
                operation: operation(self.seed, bucket, self.pass),
                operator: self.operator.to_owned(),
                bucket,
                rows_only: self.rows_only,
                dry_run,
                missing: missing.get(&bucket).cloned().unwrap_or_default(),
                twice: twice.clone(),
            };
            fixes.extend(insist(|| store.repair_bucket(request.clone())).await?.fixes);
        }
        if !self.rows_only {
            fixes.extend(self.guilds(report, halls).await?);
        }
        Ok(fixes)
    }

    async fn guilds(&self, report: &Report, halls: &[Hall]) -> Result<Vec<String>, Failure> {
        let Self { store, operator, dry_run, seed, pass, .. } = *self;
        let rows = report.checked.findings.iter().filter(|finding| finding.wrong == Wrong::Row);
        let unsure = rows.filter_map(|finding| finding.character).collect();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = since.as_millis() as i64;
        let mender = guilds::Mender { store, operator, dry_run, seed, pass, now_ms };
        guilds::mend(mender, halls, &unsure).await
    }

    async fn names(&self) -> Result<Vec<String>, Failure> {
        let (mut fixes, mut after) = (Vec::new(), None);
        loop {
            let request = RepairNames { after, limit: NAMES, dry_run: self.dry_run };
            let page = insist(|| self.store.repair_names(request.clone())).await?;
            fixes.extend(page.fixes);
            after = page.next;
            if after.is_none() {
                return Ok(fixes);
            }
        }
    }

    /// Entries that are missing, by the bucket that lacks them.
    async fn missing(&self, lost: &Unmatched) -> Result<BTreeMap<u16, Vec<MissingSide>>, Failure> {
        let mut found: BTreeMap<u16, Vec<MissingSide>> = BTreeMap::new();
        let mut known: BTreeMap<OperationId, BTreeSet<AccountId>> = BTreeMap::new();
        for side in lost.missing() {
            if let Entry::Vacant(unknown) = known.entry(side.operation) {
                unknown.insert(self.accounts_of(side.operation).await?);
            }
            let Crossing { from, to, is_departure, .. } = side;
            let (here, other) = if is_departure { (from, to) } else { (to, from) };
            let accounts = known.get(&side.operation).into_iter().flatten();
            let there = accounts.copied().find(|account| placement::bucket_of(*account) == other);
            // what the entry that is left names may not say whose it was: a parcel, a lot, the ground
            let there = there.unwrap_or_else(|| account_in(other));
            found.entry(here).or_default().push(MissingSide { side, there });
        }
        Ok(found)
    }

    /// Accounts that the entries of an operation name.
    async fn accounts_of(&self, operation: OperationId) -> Result<BTreeSet<AccountId>, Failure> {
        let of = EntriesOf::Operations(vec![operation]);
        let request = ListEntries { of, since_ms: 0, limit: ENTRIES_MAX };
        let entries = insist(|| self.store.list_entries(request.clone())).await?.entries;
        let (mut accounts, mut characters) = (BTreeSet::new(), BTreeSet::<CharacterId>::new());
        for entry in entries {
            match entry.change {
                Change::Item { before, after, .. } => {
                    for state in before.iter().chain(&after) {
                        match state.place {
                            ItemPlace::Equip(character, _) | ItemPlace::Carry(character, _) => {
                                characters.insert(character);
                            }
                            ItemPlace::Cargo(account, _) | ItemPlace::Elsewhere(account) => {
                                accounts.insert(account);
                            }
                            ItemPlace::Guild(guild, _) => {
                                accounts.insert(guild.home());
                            }
                            _ => {}
                        }
                    }
                }
                Change::Gold { from, to, .. } => {
                    for side in [from.account, to.account] {
                        match side {
                            GoldAccount::Character(character) => {
                                characters.insert(character);
                            }
                            GoldAccount::Cargo(account)
                            | GoldAccount::Cash(account)
                            | GoldAccount::Elsewhere(account) => {
                                accounts.insert(account);
                            }
                            GoldAccount::Guild(guild) => {
                                accounts.insert(guild.home());
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        let request = Locate { items: Vec::new(), characters: characters.into_iter().collect() };
        let located = insist(|| self.store.locate(request.clone())).await?;
        accounts.extend(located.characters.iter().map(|found| found.account));
        Ok(accounts)
    }
}

/// Buckets in which something is wrong: ranges with findings are halved until they are single buckets.
async fn concerned(store: &dyn Store) -> Result<BTreeSet<u16>, Failure> {
    let mut found = BTreeSet::new();
    let step = usize::from(BUCKETS / 64);
    let mut ranges: Vec<(u16, u16)> =
        (0..BUCKETS).step_by(step).map(|first| (first, first + step as u16 - 1)).collect();
    while let Some((first, last)) = ranges.pop() {
        let checked = insist(|| store.check_buckets(CheckBuckets { first, last })).await?;
        if checked.findings.is_empty() {
            continue;
        }
        if first == last {
            found.insert(first);
        } else {
            let middle = first + (last - first) / 2;
            ranges.extend([(first, middle), (middle + 1, last)]);
        }
    }
    Ok(found)
}
