//! A Cluster: which master has which slot. Any server of it knows; what it says is corrected by `MOVED`.

use crate::Unanswered;
use crate::link::{Address, Gate, Links};
use crate::slot::SLOTS;
use crate::url;
use parking_lot::Mutex;
use redis::{RedisResult, Value};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use tokio::time::Instant;

/// How long nobody asks again after the map was read.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// See the module.
pub(crate) struct SlotMap {
    seeds: Vec<Address>,
    known: Mutex<Known>,
    reading: Gate,
}

#[derive(Default)]
struct Known {
    ranges: Vec<(RangeInclusive<u16>, Address)>,
    /// Slots that a server said lie elsewhere since the map was read.
    moved: HashMap<u16, Address>,
    read: Option<Instant>,
    is_doubted: bool,
}

impl SlotMap {
    pub(crate) fn new(seeds: Vec<Address>) -> Self {
        Self { seeds, known: Mutex::default(), reading: Gate::default() }
    }

    /// A server said that a slot lies there.
    pub(crate) fn moved(&self, slot: u16, owner: Address) {
        let mut known = self.known.lock();
        known.moved.insert(slot, owner);
        known.is_doubted = true;
    }

    /// What was read may be wrong.
    pub(crate) fn doubt(&self) {
        self.known.lock().is_doubted = true;
    }

    /// The master of a slot.
    pub(crate) async fn owner(&self, slot: u16, links: &Links) -> Result<Address, Unanswered> {
        let read = async {
            self.read(links).await?;
            self.find(slot).ok_or_else(|| Unanswered("a slot that no server has".to_owned()))
        };
        self.reading.pass(|| self.find(slot), read).await
    }

    /// `None`: the map must be read.
    fn find(&self, slot: u16) -> Option<Address> {
        let known = self.known.lock();
        let is_new = known.read.is_some_and(|read| read.elapsed() < PAUSE);
        if known.is_doubted && !is_new {
            return None;
        }
        let listed = known.ranges.iter().find(|(range, _)| range.contains(&slot));
        known.moved.get(&slot).or(listed.map(|(_, owner)| owner)).cloned()
    }

    /// Reads the map from the first server that knows it.
    async fn read(&self, links: &Links) -> Result<(), Unanswered> {
        let mut servers = links.addresses();
        servers.extend(self.seeds.iter().cloned());
        let mut why = Unanswered("no server of the cluster answers".to_owned());
        for server in servers {
            let link = match links.any(&server).await {
                Ok(link) => link,
                Err(error) => {
                    why = error;
                    continue;
                }
            };
            match link.ask::<Vec<Value>>(redis::cmd("CLUSTER").arg("SLOTS")).await {
                Ok(rows) => {
                    let ranges = rows.into_iter().filter_map(|row| range(row, &server).ok().flatten());
                    let mut known = self.known.lock();
                    *known = Known {
                        ranges: ranges.collect(),
                        moved: HashMap::new(),
                        read: Some(Instant::now()),
                        is_doubted: false,
                    };
                    if !known.ranges.is_empty() {
                        return Ok(());
                    }
                    why = Unanswered("a server that has no slots, or is in no cluster".to_owned());
                }
                Err(error) => {
                    links.forget(&link);
                    why = Unanswered::of(&error);
                }
            }
        }
        Err(why)
    }
}

/// First slot, last slot, then the master and its replicas, each with host, port and more.
fn range(row: Value, asked: &Address) -> RedisResult<Option<(RangeInclusive<u16>, Address)>> {
    let (first, last, master): (u16, u16, Vec<Value>) = match redis::from_redis_value::<Vec<Value>>(row)? {
        row if row.len() >= 3 => {
            let mut parts = row.into_iter();
            let mut next = || parts.next().unwrap_or(Value::Nil);
            let (first, last, master) = (next(), next(), next());
            (
                redis::from_redis_value(first)?,
                redis::from_redis_value(last)?,
                redis::from_redis_value(master)?,
            )
        }
        _ => return Ok(None),
    };
    let mut parts = master.into_iter();
    let host: Option<String> = redis::from_redis_value(parts.next().unwrap_or(Value::Nil))?;
    let port: u16 = redis::from_redis_value(parts.next().unwrap_or(Value::Nil))?;
    if last >= SLOTS || first > last {
        return Ok(None);
    }
    let owner = url::address(&format!("{}:{port}", host.unwrap_or_default()), asked);
    Ok(owner.map(|owner| (first..=last, owner)))
}
