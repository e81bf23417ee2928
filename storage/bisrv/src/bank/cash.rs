//! Cash: what an account has bought for money. It has its own mint and burn, and never meets gold.

use super::cargo::balance;
use crate::desk::{Desk, No, refused};
use crate::places;
use model::AccountId;
use model::calls::bank::{BankRefusal, MoveCash, Reply};
use model::calls::database::{GetAccount, ReadCash};
use model::ledger::GoldAccount;
use model::transfer::{GoldLocation, REASON_MAX, Transfer};

/// The balance of an account.
pub(super) async fn read(desk: &Desk<'_>, account: AccountId) -> Result<Reply, No> {
    if desk.ask(|| desk.store.get_account(GetAccount { account })).await?.is_none() {
        return Ok(Reply::NoSuchAccount);
    }
    Ok(Reply::Cash(desk.ask(|| desk.store.read_cash(ReadCash { account })).await?))
}

/// Cash comes into being.
pub(super) async fn credit(desk: &Desk<'_>, asked: &MoveCash) -> Result<Reply, No> {
    let mint = GoldAccount::Mint(asked.reason.clone());
    change(desk, asked, mint, GoldAccount::Cash(asked.account)).await
}

/// Cash ends.
pub(super) async fn debit(desk: &Desk<'_>, asked: &MoveCash) -> Result<Reply, No> {
    let burn = GoldAccount::Burn(asked.reason.clone());
    change(desk, asked, GoldAccount::Cash(asked.account), burn).await
}

async fn change(desk: &Desk<'_>, asked: &MoveCash, from: GoldAccount, to: GoldAccount) -> Result<Reply, No> {
    check(asked)?;
    let home = asked.account;
    let side = |account| GoldLocation { home, account };
    let transfer = Transfer {
        operation: asked.operation,
        actor: asked.by.clone(),
        reason: asked.reason.clone(),
        fences: Vec::new(),
        moves: vec![places::pays(asked.amount, side(from), side(to))],
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    };
    let done = desk.transfer(&transfer).await?.map_err(|refusal| No::Refused(refused(refusal)))?;
    Ok(Reply::Cash(balance(&done, &GoldAccount::Cash(home))?))
}

fn check(asked: &MoveCash) -> Result<(), BankRefusal> {
    if asked.amount <= 0 {
        let found = asked.amount;
        return Err(BankRefusal::BadRequest(format!("amount is {found}; expected a number above 0")));
    }
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if asked.reason.is_empty() || asked.reason.len() > REASON_MAX || !asked.reason.bytes().all(good) {
        let found: String = asked.reason.escape_debug().take(REASON_MAX).collect();
        return Err(BankRefusal::BadRequest(format!(
            "reason is '{found}'; expected 1 to {REASON_MAX} letters, digits, - or _"
        )));
    }
    Ok(())
}
