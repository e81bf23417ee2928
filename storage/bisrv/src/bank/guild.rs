//! The banks of guilds: who may do what there, and how much of it in a day.

use super::cargo::{balance, check_amount, once};
use crate::Settings;
use crate::desk::{Desk, No, Once, Settled, TURNS};
use crate::places;
use model::calls::bank::{BankRefusal, Cargo, GuildAct, GuildDone, GuildOrder, Reply};
use model::calls::database::{Entry, LoadGuildBank, PlayerLedger};
use model::guild::{LEADER, Place};
use model::item::{CARGO_SLOTS, CARRY_SLOTS};
use model::ledger::{Change, GoldAccount, ItemPlace};
use model::transfer::{Fence, Move, Standing, Transferred};
use model::{GuildId, Item, ItemId, OperationId};

/// What a withdrawal is called in the ledger, where the limits of a day are counted.
const WITHDRAW: &str = "guild-withdraw";
const DEPOSIT: &str = "guild-deposit";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Entries of the ledger that are looked at for the limits of a day: so many pages of so many.
const PAGES: usize = 10;
const PAGE: u32 = 2_000;

/// What limits a member's withdrawal.
struct Limits<'a> {
    settings: &'a Settings,
    now_ms: i64,
    asked: &'a GuildOrder,
}

/// What a guild keeps in its bank.
pub(super) async fn load(desk: &Desk<'_>, guild: GuildId) -> Result<Cargo, No> {
    Ok(desk.ask(|| desk.store.load_guild_bank(LoadGuildBank { guild })).await?)
}

/// What a member asks for.
pub(super) async fn act(
    desk: &Desk<'_>,
    settings: &Settings,
    asked: &GuildOrder,
    now_ms: i64,
) -> Result<Reply, No> {
    if asked.guild.0 == 0 || asked.rank > LEADER {
        return Err(BankRefusal::BadRequest("not a member of a guild".to_owned()).into());
    }
    let limits = Limits { settings, now_ms, asked };
    let done = match asked.act {
        GuildAct::DepositItem { slot, item } => deposit_item(desk, asked, slot, item).await?,
        GuildAct::WithdrawItem { slot, shown, to } => withdraw_item(desk, &limits, slot, shown, to).await?,
        GuildAct::DepositGold { amount } => {
            check_amount(amount)?;
            move_gold(desk, asked, DEPOSIT, amount, None).await?
        }
        GuildAct::WithdrawGold { amount } => {
            check_amount(amount)?;
            limits.check_rank()?;
            move_gold(desk, asked, WITHDRAW, amount, Some(&limits)).await?
        }
    };
    Ok(Reply::Guild(done))
}

async fn deposit_item(desk: &Desk<'_>, asked: &GuildOrder, slot: u8, item: Item) -> Result<GuildDone, No> {
    check_carry(slot)?;
    let (once, fence, guild) = (once(asked.order, TURNS), asked.order.fence, asked.guild);
    desk.settle(&once, |operation| {
        let mut transfer = once.transfer(operation, DEPOSIT);
        transfer.standings.push(member(asked));
        async move {
            let bank = load(desk, guild).await?;
            let free = (0..CARGO_SLOTS).find(|at| bank.items.get(*at).copied().flatten().is_none());
            let free = free.ok_or(BankRefusal::NoRoom)?;
            let to = places::guild(guild, free as u8);
            transfer.moves.push(places::goes(item, places::carry(fence, slot), to));
            Ok((transfer, ()))
        }
    })
    .await?;
    Ok(GuildDone::ItemDeposited)
}

async fn withdraw_item(
    desk: &Desk<'_>,
    limits: &Limits<'_>,
    slot: u8,
    shown: ItemId,
    to: u8,
) -> Result<GuildDone, No> {
    limits.check_rank()?;
    check_carry(to)?;
    let asked = limits.asked;
    let (once, fence, guild) = (once(asked.order, 1), asked.order.fence, asked.guild);
    let settled = desk
        .settle(&once, |operation| {
            let mut transfer = once.transfer(operation, WITHDRAW);
            transfer.standings.push(member(asked));
            async move {
                limits.check_day(desk, operation, 1, 0).await?;
                let bank = load(desk, guild).await?;
                let item = bank.items.get(usize::from(slot)).copied().flatten();
                let item = item.filter(|item| item.id == shown).ok_or(BankRefusal::ItemGone)?;
                transfer.moves.push(places::goes(item, places::guild(guild, slot), places::carry(fence, to)));
                Ok((transfer, item))
            }
        })
        .await?;
    let item = match settled {
        Settled::Now(_, item) => item,
        Settled::Before(_) => {
            let carry = desk.carry(fence).await?;
            carry.get(usize::from(to)).copied().flatten().ok_or(BankRefusal::Changed)?
        }
    };
    Ok(GuildDone::ItemWithdrawn(item))
}

async fn move_gold(
    desk: &Desk<'_>,
    asked: &GuildOrder,
    reason: &str,
    amount: i64,
    limits: Option<&Limits<'_>>,
) -> Result<GuildDone, No> {
    let (once, fence): (Once, Fence) = (once(asked.order, 1), asked.order.fence);
    let (own, guild) = (places::purse(fence), places::guild_gold(asked.guild));
    let (from, to) = if limits.is_some() { (guild, own) } else { (own, guild) };
    let step: &Move = &places::pays(amount, from, to);
    let settled = desk
        .settle(&once, |operation| {
            let mut transfer = once.transfer(operation, reason);
            transfer.standings.push(member(asked));
            async move {
                if let Some(limits) = limits {
                    limits.check_day(desk, operation, 0, amount).await?;
                }
                transfer.moves.push(step.clone());
                Ok((transfer, ()))
            }
        })
        .await?;
    held(settled.transferred(), fence, asked.guild)
}

/// Guild and rank are what the node said, in the very transfer: who was sent away meanwhile takes nothing.
fn member(asked: &GuildOrder) -> Standing {
    Standing::holds(asked.order.fence, Place { guild: asked.guild, rank: asked.rank })
}

fn held(done: &Transferred, fence: Fence, guild: GuildId) -> Result<GuildDone, No> {
    Ok(GuildDone::Gold {
        carried: balance(done, &GoldAccount::Character(fence.character))?,
        guild: balance(done, &GoldAccount::Guild(guild))?,
    })
}

fn check_carry(slot: u8) -> Result<(), BankRefusal> {
    match usize::from(slot) < CARRY_SLOTS {
        true => Ok(()),
        false => Err(BankRefusal::BadRequest("there is no such slot".to_owned())),
    }
}

impl Limits<'_> {
    fn check_rank(&self) -> Result<(), BankRefusal> {
        if self.asked.rank < self.settings.guild_withdraw_rank {
            return Err(BankRefusal::RankTooLow);
        }
        Ok(())
    }

    /// Whether so many more items and so much more gold are within what the rank may take in a day. Other
    /// operations of the same character wait for this one at its node.
    async fn check_day(
        &self,
        desk: &Desk<'_>,
        operation: OperationId,
        items: u64,
        gold: i64,
    ) -> Result<(), No> {
        if self.asked.rank >= LEADER {
            return Ok(());
        }
        let fence = self.asked.order.fence;
        let since = self.now_ms.saturating_sub(DAY_MS);
        // who takes gold is not held to what it took in items, and the other way round
        let (takes_items, takes_gold) = (items > 0, gold > 0);
        let (mut items, mut gold) = (items, gold);
        let mut before = None;
        for _ in 0..PAGES {
            let request =
                PlayerLedger { account: fence.account, character: fence.character, before, limit: PAGE };
            let page = desk.ask(|| desk.store.player_ledger(request)).await?;
            let young = page.iter().filter(|entry| entry.at_ms >= since);
            for entry in young.filter(|entry| entry.reason == WITHDRAW && entry.operation != Some(operation))
            {
                let (more, pieces) = taken(entry, fence);
                items += more;
                gold = gold.saturating_add(pieces);
            }
            let many = takes_items && items > self.settings.guild_items_day;
            let much = takes_gold && gold > self.settings.guild_gold_day;
            if many || much {
                return Err(BankRefusal::DailyLimit.into());
            }
            match page.last() {
                Some(oldest) if page.len() == PAGE as usize && oldest.at_ms >= since => {
                    before = Some(oldest.entry);
                }
                _ => return Ok(()),
            }
        }
        Err(BankRefusal::DailyLimit.into()) // too busy a day to be looked at
    }
}

/// Items and gold that a withdrawal gave a character.
fn taken(entry: &Entry, to: Fence) -> (u64, i64) {
    match &entry.change {
        Change::Item { after: Some(after), .. } => match after.place {
            ItemPlace::Carry(character, _) if character == to.character => (1, 0),
            _ => (0, 0),
        },
        Change::Gold { amount, to: side, .. } if side.account == GoldAccount::Character(to.character) => {
            (0, *amount)
        }
        _ => (0, 0),
    }
}
