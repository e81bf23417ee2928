//! What HTTP interfaces for web sites have in common: a bearer token, bodies within bounds, operations by an id of
//! the site's own, and errors as JSON: `{"error": words, "reason": one_word}`.
//!
//! Pages are served by [`crate::web`].
#![allow(clippy::result_large_err, reason = "the error is the answer itself, and is sent at once")]

use crate::web::Bounds;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Secret;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::timeout;

/// Shortest token of a site.
pub const TOKEN_MIN: usize = 16;
/// Largest body of a request.
const BODY_MAX: usize = 4_096;
/// Time for the body of a request.
const BODY_TIME: Duration = Duration::from_secs(3);
/// A few sites may ask.
pub const BOUNDS: Bounds =
    Bounds { connections: 128, per_address: 64, head: Duration::from_secs(3), life: Duration::from_secs(20) };

/// Refuses whoever does not show the token: `authorization: bearer TOKEN`. Without a token nobody is let in.
pub fn admit(headers: &HeaderMap, token: &Secret) -> Result<(), Response> {
    let expected = token.expose().as_bytes();
    let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let (scheme, token) = shown.split_at_checked(7).unwrap_or_default();
    if !expected.is_empty() && scheme.eq_ignore_ascii_case(b"bearer ") && same(token, expected) {
        return Ok(());
    }
    let refusal = refuse(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong", "unauthorized");
    Err(([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response())
}

/// Compares in a time that does not tell how much was right.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

/// Reads a body of JSON; `expected` names its fields for whoever sent something else.
pub async fn read<T: DeserializeOwned>(body: Body, expected: &str) -> Result<T, Response> {
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
    serde_json::from_slice(&body).map_err(|found| bad(&format!("{found}; expected JSON with {expected}")))
}

/// The number of an operation that a site named: a UUID or 32 hexadecimal digits.
pub fn operation(text: &str) -> Result<u128, Response> {
    number(text).ok_or_else(|| {
        let found: String = text.escape_debug().take(64).collect();
        bad(&format!("operation is '{found}'; expected a UUID or 32 hexadecimal digits"))
    })
}

/// The number of a UUID, with or without its dashes.
fn number(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|c| *c != '-').take(33).collect();
    let dashes = text.len() - text.bytes().filter(|byte| *byte != b'-').count();
    let good = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !good || !matches!(dashes, 0 | 4) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok()
}

/// An error.
pub fn refuse(status: StatusCode, error: &str, reason: &str) -> Response {
    (status, Json(serde_json::json!({ "error": error, "reason": reason }))).into_response()
}

/// Something that can never be done.
pub fn bad(error: &str) -> Response {
    refuse(StatusCode::BAD_REQUEST, error, "bad_request")
}

/// There is no such account.
pub fn no_account() -> Response {
    refuse(StatusCode::NOT_FOUND, "there is no such account", "no_account")
}

/// Nobody knows yet.
pub fn unavailable() -> Response {
    let error = "the store does not answer; send the same operation again";
    refuse(StatusCode::SERVICE_UNAVAILABLE, error, "unavailable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_named_by_a_uuid_with_or_without_dashes() {
        let id = Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(number("01234567-89ab-cdef-0123-456789ABCDEF"), id);
        assert_eq!(number("0123456789abcdef0123456789abcdef"), id);
        for bad in [
            "",
            "7",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdefa",
            "+123456789abcdef0123456789abcdef",
            "0123456789abcdef-0123456789abcdef",
        ] {
            assert_eq!(number(bad), None, "{bad}");
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
