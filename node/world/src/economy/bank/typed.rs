//! From typed words to work for BISrv, and from its answers to lines.

use super::notice;
use super::words::{self, Topic, Wish};
use crate::economy::{No, Then};
use crate::effects::{BankWork, Effects, Work};
use crate::plan::{carry, put_in};
use crate::zone::Zone;
use model::calls::bank::{BankRefusal, Cargo, GuildAct, GuildDone, GuildEntry, GuildThing, Parcel, Reply};
use model::event::{Notice, NoticeKey};
use model::{CharacterName, Event, GuildId, Item, ItemKind, words as numbers};
use rules::{bag, stack};

/// Longest name of an item in a line of the oldest client, in characters.
const NAME_IN_LINE: usize = 24;
/// Longest name of a player in one.
const PLAYER_IN_LINE: usize = 15;
/// Parcels of one list; who has more takes some first.
const PARCELS_SHOWN: usize = 8;
/// Items of one page of a guild's bank.
const ITEMS_PER_PAGE: usize = 8;

impl Zone {
    /// Does what was typed about the bank.
    pub(in crate::economy) fn bank_words(
        &mut self,
        slot: usize,
        topic: Topic,
        text: &str,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let wish = words::parse(topic, text)?;
        let work = self.bank_work(slot, wish)?;
        self.begin_work(slot, Work::Bank(work.clone()), Then::Typed(Box::new(work)), fx);
        Ok(())
    }

    fn bank_work(&self, slot: usize, wish: Wish) -> Result<BankWork, No> {
        Ok(match wish {
            Wish::Send { to, gold, slots } => self.parcel(slot, &to, gold, &slots)?,
            Wish::Parcels => BankWork::Parcels,
            Wish::TakeAll => BankWork::TakeParcels,
            Wish::Take { number } => BankWork::TakeParcel { number },
            Wish::Return { number } => BankWork::ReturnParcel { number },
            Wish::GuildList { page } => BankWork::GuildBank { guild: self.guild(slot)?.0, page },
            Wish::GuildLog { page } => BankWork::GuildLog { guild: self.guild(slot)?.0, page },
            Wish::GuildDeposit { amount } => {
                let work = self.guild_act(slot, GuildAct::DepositGold { amount })?;
                if self.player(slot)?.character.hard.gold < amount {
                    return Err(NoticeKey::GoldMissing.into());
                }
                work
            }
            Wish::GuildWithdraw { amount } => self.guild_act(slot, GuildAct::WithdrawGold { amount })?,
            Wish::GuildPut { slot: index } => {
                let item = self.free_item(slot, carry(index))?;
                self.guild_act(slot, GuildAct::DepositItem { slot: index, item })?
            }
            Wish::GuildTake { number } => {
                let (guild, rank) = self.guild_at_keeper(slot)?;
                let free = bag::free_slot(&self.player(slot)?.character.carry, None);
                BankWork::GuildTake { guild, rank, number, to: free.ok_or(NoticeKey::NoRoom)? }
            }
            Wish::Cash => BankWork::Cash,
            Wish::Deed(deed) => self.guild_deed(slot, deed)?,
        })
    }

    fn parcel(&self, slot: usize, to: &str, gold: i64, slots: &[u8]) -> Result<BankWork, No> {
        let to = CharacterName::new(to).map_err(|_| no_such_player(to))?;
        let character = &self.player(slot)?.character;
        if character.hard.gold < gold {
            return Err(NoticeKey::GoldMissing.into());
        }
        let item = |index: &u8| Ok((*index, self.free_item(slot, carry(*index))?));
        let items = slots.iter().map(item).collect::<Result<_, No>>()?;
        Ok(BankWork::SendParcel { sender: character.name.clone(), to, items, gold })
    }

    pub(super) fn guild(&self, slot: usize) -> Result<(GuildId, u8), No> {
        let hard = &self.player(slot)?.character.hard;
        match hard.guild {
            0 => Err(NoticeKey::GuildNone.into()),
            guild => Ok((GuildId(guild), hard.guild_rank)),
        }
    }

    /// Things go into the bank of a guild and out of it where they go into the own bank.
    fn guild_at_keeper(&self, slot: usize) -> Result<(GuildId, u8), No> {
        let found = self.guild(slot)?;
        self.check_keeper(slot, None)?;
        Ok(found)
    }

    fn guild_act(&self, slot: usize, act: GuildAct) -> Result<BankWork, No> {
        let (guild, rank) = self.guild_at_keeper(slot)?;
        Ok(BankWork::Guild { guild, rank, act })
    }

    /// What BISrv did or did not.
    pub(super) fn typed_answered(&mut self, slot: usize, work: &BankWork, reply: Reply, fx: &mut Effects) {
        let lines = match (work, reply) {
            (BankWork::ManageGuild { deed, .. }, Reply::GuildManaged(done)) => {
                self.guild_managed(slot, deed, &done, fx)
            }
            (BankWork::GuildPlace, Reply::GuildPlace(place)) => {
                self.stands(slot, place, fx);
                Vec::new()
            }
            (BankWork::GuildPlace, _) => Vec::new(),
            (_, Reply::Refused(BankRefusal::Guild(key, words))) => vec![line(NoticeKey::Guild(key), words)],
            (work, Reply::Refused(BankRefusal::GuildChanged)) => {
                self.begin_look(slot, fx);
                vec![refused(work, &BankRefusal::GuildChanged)]
            }
            (BankWork::SendParcel { to, items, gold, .. }, Reply::Sent { carried, .. }) => {
                for (index, _) in items {
                    self.holds(slot, *index, None, fx);
                }
                let paid = carried.map_or(0, |carried| self.has_gold(slot, carried, fx));
                vec![line(NoticeKey::ParcelSent, [to.as_str().to_owned(), (paid - gold).max(0).to_string()])]
            }
            (BankWork::Parcels, Reply::Parcels(parcels)) => self.parcel_lines(&parcels),
            (BankWork::TakeParcel { .. }, Reply::Taken(_)) => vec![line(NoticeKey::ParcelTaken, [])],
            (BankWork::TakeParcels, Reply::Delivered { parcels, waiting, .. }) => {
                vec![match (parcels.len(), waiting) {
                    (0, 0) => line(NoticeKey::ParcelNothing, []),
                    (taken, waiting) => {
                        line(NoticeKey::ParcelsTaken, [taken.to_string(), waiting.to_string()])
                    }
                }]
            }
            (BankWork::ReturnParcel { .. }, Reply::Returned) => vec![line(NoticeKey::ParcelReturned, [])],
            (BankWork::Guild { act, .. }, Reply::Guild(done)) => self.guild_done(slot, *act, done, fx),
            (BankWork::GuildTake { to, .. }, Reply::Guild(GuildDone::ItemWithdrawn(item))) => {
                self.holds(slot, *to, Some(item), fx);
                vec![line(NoticeKey::GuildBankTook, [self.named(&item)])]
            }
            (BankWork::GuildBank { page, .. }, Reply::GuildBank(bank)) => self.guild_lines(&bank, *page),
            (BankWork::GuildLog { .. }, Reply::GuildLog(entries)) => self.log_lines(&entries),
            (BankWork::Cash, Reply::Cash(balance)) => {
                vec![line(NoticeKey::CashBalance, [balance.to_string()])]
            }
            (work, Reply::Refused(refusal)) => vec![refused(work, &refusal)],
            _ => vec![line(NoticeKey::TryLater, [])],
        };
        let Some(session) = self.entities[slot].player().map(|player| player.session) else { return };
        for line in lines {
            fx.tell(session, Event::Notice(line));
        }
    }

    /// A slot of the inventory as it is now.
    fn holds(&mut self, slot: usize, index: u8, item: Option<Item>, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        put_in(&mut player.character, carry(index), item);
        fx.tell(player.session, Event::SlotChanged { slot: carry(index), item });
    }

    /// The gold carried now; how much less than before.
    pub(super) fn has_gold(&mut self, slot: usize, gold: i64, fx: &mut Effects) -> i64 {
        let Some(player) = self.entities[slot].player_mut() else { return 0 };
        let before = std::mem::replace(&mut player.character.hard.gold, gold);
        fx.tell(player.session, Event::GoldChanged { gold });
        before - gold
    }

    fn guild_done(&mut self, slot: usize, act: GuildAct, done: GuildDone, fx: &mut Effects) -> Vec<Notice> {
        match (act, done) {
            (GuildAct::DepositItem { slot: index, item }, GuildDone::ItemDeposited) => {
                self.holds(slot, index, None, fx);
                vec![line(NoticeKey::GuildBankPut, [self.named(&item)])]
            }
            (_, GuildDone::Gold { carried, guild }) => {
                self.has_gold(slot, carried, fx);
                vec![line(NoticeKey::GuildBankGold, [guild.to_string()])]
            }
            _ => vec![line(NoticeKey::TryLater, [])],
        }
    }

    fn kind_name(&self, kind: ItemKind) -> String {
        let def = self.content.items.get(kind);
        let name = def.map_or_else(|| format!("#{}", kind.0), |def| def.name.replace('_', " "));
        name.chars().take(NAME_IN_LINE).collect()
    }

    /// An item, and how many pieces it is when it is several.
    fn named(&self, item: &Item) -> String {
        let name = self.kind_name(item.kind);
        let stacks = self.content.items.get(item.kind).filter(|def| stack::stacks(def));
        match stacks.map_or(1, |def| stack::pieces(&item.effects, def)) {
            0 | 1 => name,
            pieces => format!("{name} x{pieces}"),
        }
    }

    fn parcel_lines(&self, parcels: &[Parcel]) -> Vec<Notice> {
        if parcels.is_empty() {
            return vec![line(NoticeKey::ParcelNothing, [])];
        }
        let shown = parcels.iter().take(PARCELS_SHOWN).map(|parcel| {
            let others = parcels.iter().map(|other| other.parcel.0).filter(|other| *other != parcel.parcel.0);
            let number = numbers::shortest(parcel.parcel.0, others);
            let things = match parcel.items.as_slice() {
                [] => "-".to_owned(),
                [only] => self.named(only),
                [first, more @ ..] => format!("{} +{}", self.named(first), more.len()),
            };
            let gold = parcel.gold.to_string();
            if parcel.returned {
                return line(NoticeKey::ParcelBackLine, [number, player(&parcel.to), gold, things]);
            }
            let days = parcel.days_left.map_or_else(|| "-".to_owned(), |days| days.to_string());
            line(NoticeKey::ParcelLine, [number, player(&parcel.sender), gold, things, days])
        });
        let more = parcels.len().saturating_sub(PARCELS_SHOWN);
        let rest = (more > 0).then(|| line(NoticeKey::ParcelMore, [more.to_string()]));
        shown.chain(rest).collect()
    }

    fn guild_lines(&self, bank: &Cargo, page: u32) -> Vec<Notice> {
        let items: Vec<&Item> = bank.items.iter().flatten().collect();
        let number = |item: &Item| {
            let own = numbers::of_item(item.id);
            let others = items.iter().map(|other| numbers::of_item(other.id)).filter(|other| *other != own);
            numbers::shortest(own, others)
        };
        let first = (page as usize).saturating_mul(ITEMS_PER_PAGE);
        let shown = items.iter().skip(first).take(ITEMS_PER_PAGE);
        let lines = shown.map(|item| line(NoticeKey::GuildBankLine, [number(item), self.named(item)]));
        let pages = items.len().div_ceil(ITEMS_PER_PAGE).max(1);
        let sums =
            [bank.gold.to_string(), items.len().to_string(), (page + 1).to_string(), pages.to_string()];
        lines.chain([line(NoticeKey::GuildBankSum, sums)]).collect()
    }

    fn log_lines(&self, entries: &[GuildEntry]) -> Vec<Notice> {
        if entries.is_empty() {
            return vec![line(NoticeKey::GuildLogNothing, [])];
        }
        let told = |entry: &GuildEntry| {
            let key = if entry.took { NoticeKey::GuildLogTook } else { NoticeKey::GuildLogPut };
            let what = match entry.what {
                GuildThing::Item(kind) => self.kind_name(kind),
                GuildThing::Gold(amount) => format!("{amount} gold"),
            };
            line(key, [player(&entry.who), what, numbers::ago(entry.ago_s)])
        };
        entries.iter().map(told).collect()
    }
}

pub(super) fn line(key: NoticeKey, arguments: impl IntoIterator<Item = String>) -> Notice {
    Notice::Catalogue { key, arguments: arguments.into_iter().collect() }
}

fn player(name: &str) -> String {
    name.chars().take(PLAYER_IN_LINE).collect()
}

fn no_such_player(name: &str) -> No {
    No(NoticeKey::NoSuchPlayer, vec![player(name)])
}

fn refused(work: &BankWork, refusal: &BankRefusal) -> Notice {
    match (work, refusal) {
        (BankWork::SendParcel { to, .. }, BankRefusal::NoSuchCharacter) => {
            line(NoticeKey::NoSuchPlayer, [to.as_str().to_owned()])
        }
        (_, refusal) => line(notice(refusal), []),
    }
}
