//! Work that BISrv does for a player.
//!
//! A request is repeated, marked as a repeat, until BISrv says what came of it. A number that a player typed is looked
//! up once, before: every repeat names the same thing, whatever has come into the list since.

use super::remote::DEADLINE;
use super::{Patience, possessions};
use crate::node::Node;
use crate::session::{Note, Session};
use model::calls::bank::{
    BankRefusal, DeliverParcels, GuildAct, GuildOrder, KindRule, ManageGuild, MoveGold, MoveItem, Order,
    Reply, Request, ReturnParcel, SendParcel, TakeParcel,
};
use model::item::CARGO_SLOTS;
use model::transfer::Fence;
use model::{AccountId, GuildId, OperationId, ParcelId, words};
use world::{BankWork, JobOutcome};

/// Slots of a bank that every client shows: only there a parcel is unpacked.
const SHOWN_BY_ALL: u8 = 120;

/// What a typed number stands for.
#[derive(Clone, Copy)]
enum Named {
    Nothing,
    Parcel(ParcelId),
    GuildAct(GuildAct),
}

/// Does it, once.
pub(super) async fn run(node: &Node, session: &Session, fence: Fence, work: &BankWork) -> JobOutcome {
    let named = match look_up(node, session, fence.account, work).await {
        Ok(named) => named,
        Err(Some(why)) => return JobOutcome::Bank { reply: Reply::Refused(why), fresh: None },
        Err(None) => return JobOutcome::Failed,
    };
    let mut order = Order { operation: OperationId(rand::random()), fence, again: false };
    let mut rule = match work {
        BankWork::Move { rule, .. } => *rule,
        _ => None,
    };
    let idle = changes_nothing(work);
    let mut patience = if idle { Patience::short() } else { Patience::default() };
    loop {
        let Some(request) = request(work, order, rule, named) else {
            tracing::error!(session = %session.id, ?work, "work for the bank that nobody looked up");
            return JobOutcome::Failed;
        };
        match ask(node, &request).await {
            Some(Reply::KindWanted(kind)) if rule.is_none() => {
                rule = Some(world::kind_rule(&node.content.items, kind));
                continue;
            }
            Some(Reply::Refused(BankRefusal::Stale)) => {
                session.note(Note::Fenced);
                return JobOutcome::Failed;
            }
            Some(reply) => {
                let wrong = matches!(
                    &reply,
                    Reply::Refused(BankRefusal::ItemGone | BankRefusal::NotEnough | BankRefusal::TooMuch)
                );
                let fresh = if wrong { possessions(node, session).await.map(Box::new) } else { None };
                return JobOutcome::Bank { reply, fresh };
            }
            None => tracing::warn!(operation = %order.operation, "the bank does not know yet"),
        }
        order.again = true;
        if !patience.wait(node, Some(session), idle).await {
            if !idle {
                tracing::error!(session = %session.id, operation = %order.operation,
                    "it is not known what the bank did");
                session.note(Note::Fenced);
            }
            return JobOutcome::Failed;
        }
    }
}

/// One question to BISrv; `None` when nobody knows.
async fn ask(node: &Node, request: &Request) -> Option<Reply> {
    match node.bank.call(request, DEADLINE).await {
        Ok(Reply::Unavailable) => None,
        Ok(reply) => Some(reply),
        Err(failure) => {
            tracing::warn!(%failure, "the bank was not reached yet");
            None
        }
    }
}

/// True for questions: without an answer the player may be told to try again.
fn changes_nothing(work: &BankWork) -> bool {
    matches!(
        work,
        BankWork::Parcels
            | BankWork::GuildBank { .. }
            | BankWork::GuildLog { .. }
            | BankWork::Cash
            | BankWork::GuildPlace
    )
}

/// What the number in the work stands for now; why it stands for nothing, `None` when nobody can say.
async fn look_up(
    node: &Node,
    session: &Session,
    account: AccountId,
    work: &BankWork,
) -> Result<Named, Option<BankRefusal>> {
    let question = match work {
        BankWork::TakeParcel { .. } | BankWork::ReturnParcel { .. } => Request::ListParcels { account },
        BankWork::GuildTake { guild, .. } => Request::LoadGuildBank { guild: *guild },
        _ => return Ok(Named::Nothing),
    };
    let mut patience = Patience::short();
    let answer = loop {
        if let Some(answer) = ask(node, &question).await {
            break answer;
        }
        if !patience.wait(node, Some(session), true).await {
            return Err(None);
        }
    };
    match (work, answer) {
        (BankWork::TakeParcel { number } | BankWork::ReturnParcel { number }, Reply::Parcels(parcels)) => {
            match words::the_one(number, parcels, |parcel| parcel.parcel.0) {
                Some(parcel) => Ok(Named::Parcel(parcel.parcel)),
                None => Err(Some(BankRefusal::NoSuchParcel)),
            }
        }
        (BankWork::GuildTake { number, to, .. }, Reply::GuildBank(bank)) => {
            let items = bank.items.iter().enumerate();
            let items = items.filter_map(|(slot, item)| Some((u8::try_from(slot).ok()?, (*item)?)));
            match words::the_one(number, items, |(_, item)| words::of_item(item.id)) {
                Some((slot, item)) => {
                    Ok(Named::GuildAct(GuildAct::WithdrawItem { slot, shown: item.id, to: *to }))
                }
                None => Err(Some(BankRefusal::ItemGone)),
            }
        }
        (_, Reply::Refused(why)) => Err(Some(why)),
        _ => Err(None),
    }
}

/// `None` when a number was not looked up.
fn request(work: &BankWork, order: Order, rule: Option<KindRule>, named: Named) -> Option<Request> {
    let (Order { operation, again, .. }, account) = (order, order.fence.account);
    let in_guild = |guild: &GuildId, rank: &u8, act| {
        Request::Guild(GuildOrder { order, guild: *guild, rank: *rank, act })
    };
    Some(match (work, named) {
        (BankWork::Move { from, to, carried, .. }, _) => Request::MoveItem(MoveItem {
            order,
            cargo_slots: CARGO_SLOTS as u8,
            rule,
            from: *from,
            to: *to,
            carried: *carried,
        }),
        (BankWork::Deposit { amount }, _) => Request::DepositGold(MoveGold { order, amount: *amount }),
        (BankWork::Withdraw { amount }, _) => Request::WithdrawGold(MoveGold { order, amount: *amount }),
        (BankWork::SendParcel { sender, to, items, gold }, _) => Request::SendParcel(SendParcel {
            order,
            sender: sender.clone(),
            to: to.clone(),
            items: items.clone(),
            gold: *gold,
            text: String::new(),
        }),
        (BankWork::Parcels, _) => Request::ListParcels { account },
        (BankWork::TakeParcels, _) => {
            Request::DeliverParcels(DeliverParcels { operation, account, cargo_slots: SHOWN_BY_ALL })
        }
        (BankWork::TakeParcel { .. }, Named::Parcel(parcel)) => {
            Request::TakeParcel(TakeParcel { operation, again, account, cargo_slots: SHOWN_BY_ALL, parcel })
        }
        (BankWork::ReturnParcel { .. }, Named::Parcel(parcel)) => {
            Request::ReturnParcel(ReturnParcel { operation, again, account, parcel })
        }
        (BankWork::GuildBank { guild, .. }, _) => Request::LoadGuildBank { guild: *guild },
        (BankWork::GuildLog { guild, page }, _) => Request::GuildLog { guild: *guild, page: *page },
        (BankWork::Guild { guild, rank, act }, _) => in_guild(guild, rank, *act),
        (BankWork::GuildTake { guild, rank, .. }, Named::GuildAct(act)) => in_guild(guild, rank, act),
        (BankWork::Cash, _) => Request::CashBalance { account },
        (BankWork::ManageGuild { name, clan, place, deed }, _) => Request::ManageGuild(ManageGuild {
            order,
            name: name.clone(),
            clan: *clan,
            place: *place,
            deed: deed.clone(),
        }),
        (BankWork::GuildPlace, _) => Request::ReadGuildPlace { account, character: order.fence.character },
        (BankWork::TakeParcel { .. } | BankWork::ReturnParcel { .. } | BankWork::GuildTake { .. }, _) => {
            return None;
        }
    })
}
