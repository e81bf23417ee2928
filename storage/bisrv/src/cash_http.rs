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
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use model::calls::bank::{BankRefusal, MoveCash, Reply, Request};
use model::ledger::Actor;
use model::{AccountId, AccountName};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use telemetry::web::{self, Bounds};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Largest body of a request.
const BODY_MAX: usize = 4_096;
/// Time for the body of a request.
const BODY_TIME: Duration = Duration::from_secs(3);
/// A few shops may ask.
const BOUNDS: Bounds =
    Bounds { connections: 128, per_address: 64, head: Duration::from_secs(3), life: Duration::from_secs(20) };

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
    web::serve(listener, router, BOUNDS, stop).await;
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
    let payment = read(body).await?;
    let id = payment_id(&payment.operation).ok_or_else(|| {
        let found: String = payment.operation.escape_debug().take(64).collect();
        let error = format!("operation is '{found}'; expected a UUID or 32 hexadecimal digits");
        refuse(StatusCode::BAD_REQUEST, &error, "bad_request")
    })?;
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
    if !is_shop(bank, headers) {
        let refusal =
            refuse(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong", "unauthorized");
        return Err(([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response());
    }
    let nobody = || refuse(StatusCode::NOT_FOUND, "there is no such account", "no_account");
    let name = AccountName::new(name).map_err(|_| nobody())?;
    match bank.account(&name).await {
        Ok(account) => account.ok_or_else(nobody),
        Err(_) => Err(unknown()),
    }
}

/// True when the right token was shown. Without a token nobody is a shop.
fn is_shop(bank: &Bank, headers: &HeaderMap) -> bool {
    let settings = bank.settings();
    let expected = settings.cash_token.expose().as_bytes();
    let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let (scheme, token) = shown.split_at_checked(7).unwrap_or_default();
    !expected.is_empty() && scheme.eq_ignore_ascii_case(b"bearer ") && same(token, expected)
}

/// Compares in a time that does not tell how much was right.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

async fn read(body: Body) -> Result<Payment, Response> {
    let body = match timeout(BODY_TIME, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let error = format!("the request is longer than {BODY_MAX} bytes, or broken off");
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, &error, "bad_request"));
        }
        Err(_) => {
            return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the request does not end", "bad_request"));
        }
    };
    serde_json::from_slice(&body).map_err(|found| {
        let error = format!("{found}; expected JSON with operation, amount and reason");
        refuse(StatusCode::BAD_REQUEST, &error, "bad_request")
    })
}

/// The number of a UUID, with or without its dashes.
fn payment_id(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|c| *c != '-').take(33).collect();
    let dashes = text.len() - text.bytes().filter(|byte| *byte != b'-').count();
    let good = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !good || !matches!(dashes, 0 | 4) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok()
}

fn told(name: &str, reply: &Reply) -> Response {
    match reply {
        Reply::Cash(balance) => {
            Json(serde_json::json!({ "account": name, "balance": balance })).into_response()
        }
        Reply::NoSuchAccount => refuse(StatusCode::NOT_FOUND, "there is no such account", "no_account"),
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
            refuse(status, &error, reason)
        }
        _ => unknown(),
    }
}

fn unknown() -> Response {
    let error = "the store does not answer; send the same operation again";
    refuse(StatusCode::SERVICE_UNAVAILABLE, error, "unavailable")
}

fn refuse(status: StatusCode, error: &str, reason: &str) -> Response {
    (status, Json(serde_json::json!({ "error": error, "reason": reason }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_named_by_a_uuid_with_or_without_dashes() {
        let id = Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(payment_id("01234567-89ab-cdef-0123-456789ABCDEF"), id);
        assert_eq!(payment_id("0123456789abcdef0123456789abcdef"), id);
        for bad in [
            "",
            "7",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdefa",
            "+123456789abcdef0123456789abcdef",
            "0123456789abcdef-0123456789abcdef",
        ] {
            assert_eq!(payment_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_the_same_or_not() {
        assert!(same(b"abc", b"abc"));
        for other in [b"abd".as_slice(), b"ab", b"abcd", b""] {
            assert!(!same(other, b"abc"));
        }
    }
}
