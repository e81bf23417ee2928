//! The list of friends: who plays, who is away since when, and the open requests.

use super::{Side, key_of};
use crate::directory::Entry;
use crate::registry::{Answer, Registry};
use model::calls::database::ListCharacters;
use model::calls::registry::Reply;
use model::friend::{FRIEND_LINES, FriendPage, FriendRow};
use model::{CharacterId, SessionId};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::friends::{self, Known};
use tokio::task::JoinSet;

/// How long it may take to find out since when friends are away.
const AWAY_WITHIN: Duration = Duration::from_secs(1);
/// Times that friends who are no more are found and forgotten for one list.
const ROUNDS: u32 = 3;

/// Of those who are away, as far as it is known: when they were seen last.
#[derive(Default)]
struct Away {
    seen_ms: HashMap<CharacterId, i64>,
    gone: Vec<CharacterId>,
}

pub(super) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

impl Registry {
    pub(crate) async fn friends(&self, session: SessionId, page: u32) -> Answer {
        let Some(own) = self.own(session) else { return Ok(Reply::NoSuchSession) };
        let mut round = 0;
        loop {
            round += 1;
            let own = self.side(own.clone()).await?;
            let levels = self.levels_of(&own);
            let (shown, mut told) = arrange(&own, &levels, page);
            let away = shown.iter().filter(|one| !levels.contains_key(&one.0)).cloned().collect();
            let away = self.away(away).await;
            if !away.gone.is_empty() && round < ROUNDS {
                self.forget(&own, &away.gone).await?;
                continue;
            }
            let now = now_ms();
            let since = |seen: &i64| u64::try_from(now.saturating_sub(*seen) / 1_000).unwrap_or(0);
            told.rows = shown
                .into_iter()
                .map(|Known(friend, _, name)| FriendRow {
                    level: levels.get(&friend).copied(),
                    away_s: away.seen_ms.get(&friend).map(since),
                    name,
                })
                .collect();
            return Ok(Reply::Friends(Box::new(told)));
        }
    }

    /// The friends who play, and their levels.
    fn levels_of(&self, own: &Side) -> HashMap<CharacterId, u16> {
        let directory = self.directory.lock();
        let level = |known: &Known| {
            let member = directory.playing_id(known.0).and_then(Entry::member)?;
            Some((known.0, member.persona.level))
        };
        own.held.circle.friends.iter().filter_map(level).collect()
    }

    async fn away(&self, who: Vec<Known>) -> Away {
        let mut asked = JoinSet::new();
        for one in who {
            let (store, (account, character)) = (Arc::clone(&self.store), key_of(&one));
            asked.spawn(async move {
                if let Some(held) = store.get_record(friends::asks_for(account, character)).await.ok()? {
                    return Some((character, Some(friends::decode(&held).ok()?.circle.seen_ms)));
                }
                // it went with its character, or is not written on its shard yet
                let all = store.list_characters(ListCharacters { account }).await.ok()?;
                let is_there = all.iter().any(|one| one.id == character);
                Some((character, is_there.then_some(None)))
            });
        }
        let mut away = Away::default();
        let all = async {
            while let Some(found) = asked.join_next().await {
                match found.ok().flatten() {
                    Some((character, Some(seen))) => away.seen_ms.extend(seen.map(|seen| (character, seen))),
                    Some((character, None)) => away.gone.push(character),
                    None => {}
                }
            }
        };
        // of whom it is not known in time is shown without
        let _ = tokio::time::timeout(AWAY_WITHIN, all).await;
        away
    }
}

/// Who stands on a page, and what is above and below.
fn arrange(own: &Side, levels: &HashMap<CharacterId, u16>, page: u32) -> (Vec<Known>, FriendPage) {
    let circle = &own.held.circle;
    let mut all = circle.friends.clone();
    all.sort_by_key(|known| (Reverse(levels.contains_key(&known.0)), known.2.to_lowercase()));
    let pages = all.len().div_ceil(FRIEND_LINES).max(1);
    let page = (page as usize).clamp(1, pages);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let names = |list: &[Known]| list.iter().map(|known| known.2.clone()).collect();
    let told = FriendPage {
        friends: count(all.len()),
        playing: count(levels.len()),
        page: count(page),
        pages: count(pages),
        rows: Vec::new(),
        asking: names(&circle.asking),
        asked: names(&circle.asked),
    };
    (all.into_iter().skip((page - 1) * FRIEND_LINES).take(FRIEND_LINES).collect(), told)
}
