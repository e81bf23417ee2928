//! The log of a guild's bank, read from the ledger: who put what into it and took what out of it.

use crate::desk::{Desk, No};
use model::calls::bank::{BankRefusal, GUILD_LOG_LINES, GUILD_LOG_PAGES, GuildEntry, GuildThing, Reply};
use model::calls::database::{self, GuildLedger, ListCharacters, PlayerLedger};
use model::ledger::{Actor, Change, GoldAccount, ItemPlace};
use model::{AccountId, Character, CharacterId, GuildId, OperationId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Entries of a character among which an operation is looked for, when several of the account may have done it.
const LOOKED_AT: u32 = 1_000;
/// Shown for who is not known any more.
const NOBODY: &str = "?";

/// Names of those who stand in one page.
#[derive(Default)]
struct Names(BTreeMap<AccountId, Vec<Character>>);

/// One page of the log, newest first.
pub(super) async fn page(desk: &Desk<'_>, guild: GuildId, page: u32, now_ms: i64) -> Result<Reply, No> {
    if guild.0 == 0 || page >= GUILD_LOG_PAGES {
        let bad =
            format!("page {page} of guild {}; expected a guild and a page below {GUILD_LOG_PAGES}", guild.0);
        return Err(BankRefusal::BadRequest(bad).into());
    }
    let request = GuildLedger { guild, before: None, limit: (page + 1) * GUILD_LOG_LINES };
    let entries = desk.ask(|| desk.store.guild_ledger(request)).await?;
    let (mut names, mut lines) = (Names::default(), Vec::new());
    for entry in entries.iter().skip((page * GUILD_LOG_LINES) as usize) {
        let (took, what, mover) = read(entry, guild);
        let who = match &entry.actor {
            Actor::Player(account) => names.of(desk, *account, mover, entry.operation).await?,
            Actor::Operator(name) | Actor::System(name) => name.clone(),
        };
        let ago_s = u64::try_from(now_ms.saturating_sub(entry.at_ms) / 1_000).unwrap_or(0);
        lines.push(GuildEntry { who, took, what, ago_s });
    }
    Ok(Reply::GuildLog(lines))
}

/// Whether something was taken out, what, and who moved it when the entry says so.
fn read(entry: &database::Entry, guild: GuildId) -> (bool, GuildThing, Option<CharacterId>) {
    match &entry.change {
        Change::Item { kind, before, after, .. } => {
            let places = [before, after].map(|state| state.as_ref().map(|state| state.place));
            let took = matches!(places[0], Some(ItemPlace::Guild(from, _)) if from == guild);
            let carrier = places.iter().flatten().find_map(|place| match place {
                ItemPlace::Carry(character, _) => Some(*character),
                _ => None,
            });
            (took, GuildThing::Item(*kind), carrier)
        }
        Change::Gold { amount, from, to } => {
            let purse = [from, to].into_iter().find_map(|side| match side.account {
                GoldAccount::Character(character) => Some(character),
                _ => None,
            });
            (from.account == GoldAccount::Guild(guild), GuildThing::Gold(*amount), purse)
        }
    }
}

impl Names {
    /// The character of an account who did an operation. When the guild is at home in another bucket its entries name
    /// the account only; then the character's own entries tell.
    async fn of(
        &mut self,
        desk: &Desk<'_>,
        account: AccountId,
        mover: Option<CharacterId>,
        operation: Option<OperationId>,
    ) -> Result<String, No> {
        let all: &[Character] = match self.0.entry(account) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(desk.ask(|| desk.store.list_characters(ListCharacters { account })).await?)
            }
        };
        if let Some(mover) = mover {
            return Ok(named(all.iter().find(|one| one.id == mover)));
        }
        if let [only] = all {
            return Ok(named(Some(only)));
        }
        for one in all {
            let request = PlayerLedger { account, character: one.id, before: None, limit: LOOKED_AT };
            let entries = desk.ask(|| desk.store.player_ledger(request)).await?;
            if entries.iter().any(|entry| entry.operation == operation) {
                return Ok(named(Some(one)));
            }
        }
        Ok(NOBODY.to_owned())
    }
}

fn named(character: Option<&Character>) -> String {
    character.map_or(NOBODY, |character| character.name.as_str()).to_owned()
}
