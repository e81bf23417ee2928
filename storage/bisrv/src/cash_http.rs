//! The cash of accounts over HTTP, for web shops.
//!
//! | request | answer |
//! |---|---|
//! | `GET /cash/{account name}` | 200 `{"account", "balance"}` |
//! | `POST /cash/{account name}/credit` or `/debit`, `{"operation", "amount", "reason"}` | 200 `{"account", "balance"}`: the balance after that operation, also when it is sent again |
//! | without the token, or with another | 401 |
//! | for an account that there is not | 404 |
//! | with a body that is not that, too long, too slow | 400, 413, 408 |
//! | refused by the rules | 409 `{"error", "reason"}` |
//! | while the store does not answer | 503: nobody knows yet, send the same again |
//!
//! The operation is the shop's own id of the payment, a UUID or 32 hexadecimal digits: done once for each account
//! and direction, whatever amount a repeat names. Every change is a line of the audit log.

use crate::bank::Bank;
use crate::derive;
use axum::extract::{ConnectInfo, Path, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use model::calls::bank::{BankRefusal, MoveCash, Reply, Request};
use model::ledger::Actor;
use model::{AccountId, AccountName};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use telemetry::{api, web};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Credit,
    Debit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    operation: String,
    amount: i64,
    reason: String,
}

/// Serves until `stop`.
pub async fn serve(bank: Arc<Bank>, listener: TcpListener, stop: CancellationToken) {
    let router = Router::new()
        .route("/cash/{account}", get(balance))
        .route("/cash/{account}/credit", post(credit))
        .route("/cash/{account}/debit", post(debit))
        .with_state(bank);
    web::serve(listener, router, api::BOUNDS, stop).await;
}

async fn balance(State(bank): State<Arc<Bank>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let account = match known(&bank, &headers, &name).await {
        Ok(account) => account,
        Err(refusal) => return refusal,
    };
    let reply = bank.handle(Request::CashBalance { account }).await;
    told(&name, &reply)
}

async fn credit(
    State(bank): State<Arc<Bank>>,
    Path(name): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    changed(&bank, Direction::Credit, &name, peer, request).await.unwrap_or_else(|refusal| refusal)
}

async fn debit(
    State(bank): State<Arc<Bank>>,
    Path(name): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    changed(&bank, Direction::Debit, &name, peer, request).await.unwrap_or_else(|refusal| refusal)
}

async fn changed(
    bank: &Bank,
    direction: Direction,
    name: &str,
    peer: SocketAddr,
    request: HttpRequest,
) -> Result<Response, Response> {
    let (head, body) = request.into_parts();
    let account = known(bank, &head.headers, name).await?;
    let payment: Payment = api::read(body, "operation, amount and reason").await?;
    let id = api::operation(&payment.operation)?;
    let word = if direction == Direction::Credit { "credit" } else { "debit" };
    let parts = [word.as_bytes(), &account.0.to_le_bytes(), &id.to_le_bytes()];
    let asked = MoveCash {
        operation: derive::operation("cash", &parts),
        account,
        amount: payment.amount,
        reason: payment.reason,
        by: Actor::System(bank.settings().cash_name.clone()),
    };
    let (operation, amount, reason) = (asked.operation, asked.amount, asked.reason.clone());
    let reply = bank
        .handle(if direction == Direction::Credit {
            Request::CashCredit(asked)
        } else {
            Request::CashDebit(asked)
        })
        .await;
    let outcome = match &reply {
        Reply::Cash(balance) => format!("balance {balance}"),
        Reply::Refused(refusal) => format!("refused: {refusal}"),
        _ => "not known yet".to_owned(),
    };
    let who = &bank.settings().cash_name;
    tracing::info!(target: "audit", %who, %peer, what = word, account = name, %operation, payment = %format_args!("{id:032x}"), amount, reason = ?reason, outcome, "a web shop asked for cash");
    Ok(told(name, &reply))
}

/// The account that is asked for, when the token is right.
async fn known(bank: &Bank, headers: &HeaderMap, name: &str) -> Result<AccountId, Response> {
    api::admit(headers, &bank.settings().cash_token)?;
    let name = AccountName::new(name).map_err(|_| api::no_account())?;
    match bank.account(&name).await {
        Ok(account) => account.ok_or_else(api::no_account),
        Err(_) => Err(api::unavailable()),
    }
}

fn told(name: &str, reply: &Reply) -> Response {
    match reply {
        Reply::Cash(balance) => {
            Json(serde_json::json!({ "account": name, "balance": balance })).into_response()
        }
        Reply::NoSuchAccount => api::no_account(),
        Reply::Refused(refusal) => {
            let (status, reason) = match refusal {
                BankRefusal::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
                BankRefusal::NotEnough => (StatusCode::CONFLICT, "not_enough"),
                BankRefusal::TooMuch => (StatusCode::CONFLICT, "too_much"),
                BankRefusal::Frozen => (StatusCode::CONFLICT, "frozen"),
                _ => (StatusCode::CONFLICT, "refused"),
            };
            let error = match refusal {
                BankRefusal::NotEnough => "not enough cash".to_owned(),
                BankRefusal::TooMuch => "more cash than may be held".to_owned(),
                refusal => refusal.to_string(),
            };
            api::refuse(status, &error, reason)
        }
        _ => api::unavailable(),
    }
}
