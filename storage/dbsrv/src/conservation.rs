//! The running check: looks at each shard several times a second, says what is wrong within a second, and freezes the
//! accounts concerned when the operator wants that.

use crate::Settings;
use crate::settings_of::Conservation;
use model::calls::database::{AccountChange, ChangeAccount, Failure, Finding, GetAccount};
use model::id::AccountId;
use settings::Live;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::conservation::{Options, Round, Site, Watch};
use store::{Differences, Store};
use telemetry::{IntCounter, IntGaugeVec, Metrics, Process};

/// How often new shards are looked for.
const SHARDS: Duration = Duration::from_secs(1);
/// The shortest pause between two looks.
const PAUSE_LEAST: Duration = Duration::from_millis(20);
/// Findings that are told one by one; further ones of the same look are counted.
const TOLD: usize = 20;
/// Kinds of items that have a number of their own on the metrics page.
const KINDS: usize = 64;
/// Characters of the reason for which an account is frozen.
const REASON: usize = 200;

/// Watches all shards until the process stops.
pub(crate) async fn watch(
    process: Process,
    site: Arc<dyn Site>,
    store: Arc<dyn Store>,
    settings: Live<Settings>,
) {
    let numbers = Numbers::new(&process.metrics);
    let mut watched = BTreeSet::new();
    let mut ticks = tokio::time::interval(SHARDS);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while process.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        for shard in site.shards().into_iter().filter(|shard| watched.insert(*shard)) {
            let guard = Guard {
                process: process.clone(),
                site: Arc::clone(&site),
                store: Arc::clone(&store),
                numbers: numbers.clone(),
                shard,
                label: shard.to_string(),
                frozen: BTreeSet::new(),
                kinds: BTreeSet::new(),
                away: false,
            };
            process.tasks.spawn("conservation", guard.stand(settings.clone()));
        }
    }
}

/// The watch over one shard, and what is done about what it sees.
struct Guard {
    process: Process,
    site: Arc<dyn Site>,
    store: Arc<dyn Store>,
    numbers: Numbers,
    shard: u16,
    label: String,
    /// Accounts that were frozen for what still is wrong: an operator may unfreeze them meanwhile.
    frozen: BTreeSet<AccountId>,
    /// Kinds that have a number on the metrics page.
    kinds: BTreeSet<i64>,
    /// The last look failed.
    away: bool,
}

impl Guard {
    async fn stand(mut self, settings: Live<Settings>) {
        let stop = self.process.stop.clone();
        let mut watch = Watch::new(self.shard);
        loop {
            let wanted = settings.get().conservation.clone();
            let every = Duration::from_millis(wanted.look_ms);
            let has_buckets = self.site.shards().contains(&self.shard);
            let pause = if wanted.watch && has_buckets {
                let Some(pause) = stop.run_until_cancelled(self.look(&mut watch, &wanted, every)).await
                else {
                    return;
                };
                pause
            } else {
                watch = Watch::new(self.shard);
                self.show(&Round::default());
                if !has_buckets {
                    self.numbers.forget(&self.label);
                }
                every
            };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Looks once; how long to wait then.
    async fn look(&mut self, watch: &mut Watch, wanted: &Conservation, every: Duration) -> Duration {
        let share = wanted.share_percent as f64 / 100.0;
        let round = match watch.look(self.site.as_ref(), Options { share, ..Options::new(every) }).await {
            Ok(round) => round,
            Err(failure) => {
                // said when it begins, not at every look
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!(shard = self.shard, %failure, "nobody watches over items and gold there");
                }
                return every;
            }
        };
        if std::mem::take(&mut self.away) {
            tracing::info!(shard = self.shard, "items and gold are watched again");
        }
        self.show(&round);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.numbers.last.with_label_values(&[self.label.as_str()]).set(seconds as i64);
        self.alarm(&round);
        self.frozen.retain(|account| round.accounts.contains(account));
        if wanted.freeze {
            self.freeze(&round).await;
        }
        // until everything has its book, look after look
        let every = if round.watched < round.at_home { every / 3 } else { every };
        every.saturating_sub(round.took).max(PAUSE_LEAST)
    }

    fn alarm(&self, round: &Round) {
        for finding in round.fresh.iter().take(TOLD) {
            let Finding { wrong, item, character, account, operation, entry, what, guild: _ } = finding;
            let text = |id: Option<String>| id.unwrap_or_default();
            tracing::error!(
                shard = self.shard,
                ?wrong,
                item = text(item.map(|id| id.to_string())),
                character = text(character.map(|id| id.to_string())),
                account = text(account.map(|id| id.to_string())),
                operation = text(operation.map(|id| id.to_string())),
                entry,
                what,
                "conservation is violated"
            );
        }
        if !round.fresh.is_empty() {
            let accounts: Vec<String> = round.accounts.iter().take(TOLD).map(ToString::to_string).collect();
            let Differences { gold, cash, kinds } = &round.differences;
            let (findings, buckets) = (round.findings, round.wrong_buckets);
            let (held_by, not_told) = (accounts.join(" "), round.fresh.len().saturating_sub(TOLD));
            tracing::error!(
                shard = self.shard,
                findings,
                buckets,
                gold,
                cash,
                kinds = kinds.len(),
                held_by,
                not_told,
                "this stands: see the runbook \"conservation\""
            );
        }
    }

    /// Freezes who holds what is wrong, once for as long as it stands; who is frozen already stays as he is.
    async fn freeze(&mut self, round: &Round) {
        let what = round.fresh.first().map_or("see the log of DBSrv", |finding| finding.what.as_str());
        let reason: String = format!("items or gold that the ledger does not explain: {what}");
        let reason: String = reason.chars().take(REASON).collect();
        for account in &round.accounts {
            if self.frozen.contains(account) {
                continue;
            }
            match freeze(self.store.as_ref(), *account, &reason).await {
                Ok(done) => {
                    self.frozen.insert(*account);
                    if let Some(name) = done {
                        self.numbers.frozen.inc();
                        let who = &self.process.name;
                        tracing::warn!(target: "audit", %who, what = "freeze", account = name, id = %account,
                            old = "not frozen", new = reason, "the conservation watch changed an account");
                    }
                }
                // at the next look again
                Err(failure) => tracing::error!(%account, %failure, "an account cannot be frozen now"),
            }
        }
    }

    fn show(&mut self, round: &Round) {
        let Numbers { gold, cash, items, kinds, kind, findings, buckets, suspected, watched, .. } =
            &self.numbers;
        let shard = [self.label.as_str()];
        gold.with_label_values(&shard).set(round.differences.gold);
        cash.with_label_values(&shard).set(round.differences.cash);
        let absolute = round.differences.kinds.values().map(|count| count.saturating_abs());
        items.with_label_values(&shard).set(absolute.fold(0, i64::saturating_add));
        kinds.with_label_values(&shard).set(round.differences.kinds.len() as i64);
        let now: BTreeSet<i64> = round.differences.kinds.keys().take(KINDS).copied().collect();
        for gone in self.kinds.difference(&now) {
            // it was there, so this cannot fail
            drop(kind.remove_label_values(&[shard[0], &gone.to_string()]));
        }
        for (number, count) in round.differences.kinds.iter().take(KINDS) {
            kind.with_label_values(&[shard[0], &number.to_string()]).set(*count);
        }
        self.kinds = now;
        findings.with_label_values(&shard).set(round.findings as i64);
        buckets.with_label_values(&shard).set(round.wrong_buckets as i64);
        suspected.with_label_values(&shard).set(round.suspected as i64);
        watched.with_label_values(&shard).set(round.watched as i64);
        self.numbers.cleared.inc_by(round.cleared as u64);
        self.numbers.took.with_label_values(&shard).set(round.took.as_millis() as i64);
        let circle = round.circle.unwrap_or_default().as_millis();
        self.numbers.circle.with_label_values(&shard).set(circle as i64);
    }
}

/// Freezes an account that is not frozen; its name then.
async fn freeze(store: &dyn Store, account: AccountId, reason: &str) -> Result<Option<String>, Failure> {
    let Some(found) = store.get_account(GetAccount { account }).await? else { return Ok(None) };
    if found.frozen.is_some() {
        return Ok(None);
    }
    let change = AccountChange::Frozen(Some(reason.to_owned()));
    let changed = store.change_account(ChangeAccount { account, change }).await?;
    Ok(changed.then(|| found.name.to_string()))
}

#[derive(Clone)]
struct Numbers {
    gold: IntGaugeVec,
    cash: IntGaugeVec,
    items: IntGaugeVec,
    kinds: IntGaugeVec,
    kind: IntGaugeVec,
    findings: IntGaugeVec,
    buckets: IntGaugeVec,
    suspected: IntGaugeVec,
    watched: IntGaugeVec,
    last: IntGaugeVec,
    took: IntGaugeVec,
    circle: IntGaugeVec,
    cleared: IntCounter,
    frozen: IntCounter,
}

impl Numbers {
    fn new(metrics: &Metrics) -> Self {
        let gauge =
            |name: &str, help: &str| metrics.gauge_vec(&format!("conservation_{name}"), help, &["shard"]);
        Self {
            gold: gauge("gold_difference", "Gold that is there less what the ledger leads to."),
            cash: gauge("cash_difference", "Cash that is there less what the ledger leads to."),
            items: gauge(
                "items_difference",
                "Items too many and items too few, both counted up, over all kinds.",
            ),
            kinds: gauge("kinds_differing", "Kinds of items of which too many or too few are there."),
            kind: metrics.gauge_vec(
                "conservation_kind_difference",
                "Items of a kind that are there less those that the ledger leads to; only kinds that differ.",
                &["shard", "kind"],
            ),
            findings: gauge("findings", "What fsck finds wrong in the buckets that were suspected."),
            buckets: gauge("buckets_wrong", "Buckets in which something is wrong."),
            suspected: gauge("buckets_suspected", "Buckets that are still to be examined."),
            watched: gauge("buckets_watched", "Buckets at home that have a book."),
            last: gauge("last_look_seconds", "When the last look ended, in seconds since 1970."),
            took: gauge("look_milliseconds", "How long the last look took."),
            circle: gauge("circle_milliseconds", "How long it took to compare every row once."),
            cleared: metrics.counter(
                "conservation_cleared_total",
                "Buckets that were suspected and found in order: their books were made anew.",
            ),
            frozen: metrics.counter(
                "conservation_accounts_frozen_total",
                "Accounts that were frozen because they hold what the ledger does not explain.",
            ),
        }
    }

    /// A shard without buckets has no numbers.
    fn forget(&self, shard: &str) {
        let Self {
            gold, cash, items, kinds, findings, buckets, suspected, watched, last, took, circle, ..
        } = self;
        for gauge in [gold, cash, items, kinds, findings, buckets, suspected, watched, last, took, circle] {
            // without numbers already
            drop(gauge.remove_label_values(&[shard]));
        }
    }
}
