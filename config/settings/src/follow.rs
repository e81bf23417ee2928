//! Settings that change while the process runs.

use crate::load::{Source, load};
use crate::{Check, Common, Live};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use toml::{Table, Value};

const POLL: Duration = Duration::from_secs(1);

/// Reads the settings again when their file changes (looked at once a second) or on SIGHUP, and puts them
/// into `live`. Bad settings are logged and ignored: the old ones stay. Ends on `stop`.
pub async fn follow<T>(source: Source, live: Live<T>, stop: CancellationToken)
where
    T: Check + Serialize + DeserializeOwned + Default + Send + Sync + 'static,
{
    follow_with(source, live, |_: &Common| {}, stop).await;
}

/// Like [`follow`], and also hands `[process]` over at every reload, for what of it can change live.
pub async fn follow_with<T>(
    source: Source,
    live: Live<T>,
    on_common: impl Fn(&Common) + Send,
    stop: CancellationToken,
) where
    T: Check + Serialize + DeserializeOwned + Default + Send + Sync + 'static,
{
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick reads too: the file may have changed since the process loaded it.
    let mut seen = None;
    loop {
        let forced = tokio::select! {
            () = stop.cancelled() => return,
            () = received(&mut hangup) => true,
            _ = ticks.tick() => false,
        };
        let stamp = source.file.as_deref().and_then(stamp);
        let changed = stamp.is_some() && stamp != seen;
        if !changed && !forced {
            continue;
        }
        seen = stamp;
        match load::<T>(&source) {
            Ok(loaded) => {
                on_common(&loaded.common);
                replace(&live, loaded.own);
            }
            Err(error) => tracing::error!("settings not reloaded, the old ones stay: {error}"),
        }
    }
}

/// Puts new settings in place when they differ, and says which keys do. Values may be secret.
fn replace<T: Serialize>(live: &Live<T>, new: T) {
    let (old_table, new_table) = (table(live.get().as_ref()), table(&new));
    if old_table == new_table {
        return;
    }
    let mut keys = Vec::new();
    differences(&old_table, &new_table, "", &mut keys);
    live.set(new);
    tracing::info!(changed = keys.join(" "), "settings reloaded");
}

fn table<T: Serialize>(value: &T) -> Table {
    match Value::try_from(value) {
        Ok(Value::Table(table)) => table,
        Ok(_) | Err(_) => Table::new(),
    }
}

fn differences(old: &Table, new: &Table, prefix: &str, into: &mut Vec<String>) {
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (old.get(key), new.get(key)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => differences(old, new, &path, into),
            (old, new) if old != new => into.push(path),
            _ => {}
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
