//! Whether both sides of each friendship, and of each request to be friends, say so.
//!
//! A side is remembered until the other one is read. What is left was changed meanwhile, or is one-sided: it is looked at
//! again. Who is no more needs no side: its record went with it.

use super::{ON_ITS_WAY, PAUSE, insist};
use crate::Store;
use crate::friends::{self, Circle, Held, Known};
use model::calls::database::{Failure, Finding, ListCharacters};
use model::calls::ledger::Wrong;
use model::calls::records::RECORDS_MAX;
use model::transfer::RecordKey;
use model::{AccountId, CharacterId};
use std::collections::BTreeMap;
use std::time::Instant;

/// What two records say of each other: friends, or that the first one asked the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Friends(CharacterId, CharacterId),
    Asked(CharacterId, CharacterId),
}

/// One side of a link.
#[derive(Clone, Debug)]
struct Side {
    by: (AccountId, CharacterId),
    of: Known,
}

/// The links that the record of a character says, each with whom it is with.
fn links(by: CharacterId, circle: &Circle) -> impl Iterator<Item = (Link, &Known)> {
    let friends = circle.friends.iter().map(move |of| (Link::Friends(by.min(of.0), by.max(of.0)), of));
    let asked = circle.asked.iter().map(move |of| (Link::Asked(by, of.0), of));
    let asking = circle.asking.iter().map(move |of| (Link::Asked(of.0, by), of));
    friends.chain(asked).chain(asking)
}

fn finding((account, character): (AccountId, CharacterId), what: String) -> Finding {
    Finding { account: Some(account), character: Some(character), ..Finding::new(Wrong::Friends, what) }
}

/// What is one-sided, or cannot be read.
pub(super) async fn examine(store: &dyn Store) -> Result<Vec<Finding>, Failure> {
    let mut open: BTreeMap<Link, Side> = BTreeMap::new();
    let mut findings = Vec::new();
    let mut after = 0;
    loop {
        let page = insist(|| store.list_records(friends::asks_for_all(after))).await?;
        for held in &page {
            let RecordKey::Friends(character) = held.record.key else { continue };
            let by = (held.record.home, character);
            after = character.0;
            match friends::decode(held) {
                Ok(Held { circle, .. }) => {
                    for (link, of) in links(character, &circle) {
                        if open.remove(&link).is_none_or(|side| side.by == by) {
                            open.insert(link, Side { by, of: of.clone() });
                        }
                    }
                }
                Err(failure) => findings.push(finding(by, failure.to_string())),
            }
        }
        if page.len() < RECORDS_MAX as usize {
            break;
        }
    }
    let deadline = Instant::now() + ON_ITS_WAY;
    loop {
        for (link, side) in std::mem::take(&mut open) {
            if !agrees(store, link, &side).await? {
                open.insert(link, side);
            }
        }
        if open.is_empty() || Instant::now() >= deadline {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    findings.extend(open.into_iter().map(|(link, Side { by, of: Known(other, _, name) })| {
        let what = match link {
            Link::Friends(..) => "is a friend of",
            Link::Asked(asks, _) if asks == by.1 => "asked",
            Link::Asked(..) => "is asked by",
        };
        finding(by, format!("{what} character {other} ({name:?}), whose own record does not say so"))
    }));
    Ok(findings)
}

/// Whether the other side says the same now, or nobody says it.
async fn agrees(store: &dyn Store, link: Link, Side { by, of }: &Side) -> Result<bool, Failure> {
    if !says(store, link, *by).await? || says(store, link, (of.1, of.0)).await? {
        return Ok(true);
    }
    let account = of.1;
    let all = insist(|| store.list_characters(ListCharacters { account })).await?;
    Ok(all.iter().all(|one| one.id != of.0))
}

async fn says(
    store: &dyn Store,
    link: Link,
    (account, character): (AccountId, CharacterId),
) -> Result<bool, Failure> {
    let held = insist(|| store.get_record(friends::asks_for(account, character))).await?;
    // one that cannot be read is told of by itself
    let circle = held.map(|held| friends::decode(&held)).transpose().ok().flatten().map(|held| held.circle);
    Ok(circle.is_some_and(|circle| links(character, &circle).any(|(said, _)| said == link)))
}
