//! What is public over HTTP: the page with the player counts, and the sign-up.

use crate::shared::Shared;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use model::Secret;
use model::calls::registry::{Reply, Request, SignUpRefusal};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use telemetry::web::{self, Bounds};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Largest body of a request.
const BODY_MAX: usize = 4_096;
/// Time for the body of a request.
const BODY_TIME: Duration = Duration::from_secs(3);
/// Sign-ups under way at once.
const SIGN_UPS_MAX: usize = 16;
/// The whole internet may ask. A sign-up may wait for its hash; nothing takes longer.
const BOUNDS: Bounds =
    Bounds { connections: 256, per_address: 16, head: Duration::from_secs(3), life: Duration::from_secs(20) };
/// Numbers on the status page.
const CHANNELS: usize = 10;

#[derive(Clone)]
struct Public {
    shared: Arc<Shared>,
    sign_ups: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct SignUp {
    username: String,
    password: String,
}

/// Serves until the process stops.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let stop = shared.stop.clone();
    let public = Public { shared, sign_ups: Arc::new(Semaphore::new(SIGN_UPS_MAX)) };
    let router = Router::new()
        .route("/SrvCont.htm", get(status_page))
        .route("/signup", post(sign_up))
        .with_state(public);
    web::serve(listener, router, BOUNDS, stop).await;
}

/// Player counts by channel, parted by a backslash and an n, as the clients' launcher reads them.
pub fn counts_page(players: usize) -> String {
    let mut counts = [0; CHANNELS];
    counts[0] = players;
    let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
    counts.join("\\n")
}

async fn status_page(State(public): State<Public>) -> Response {
    let page = counts_page(public.shared.sessions.playing());
    ([(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

async fn sign_up(
    State(public): State<Public>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Body,
) -> Response {
    let body = match timeout(BODY_TIME, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long", ""),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the request does not end", ""),
    };
    let Ok(wanted) = serde_json::from_slice::<SignUp>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "expected JSON with username and password", "");
    };
    let Ok(_permit) = public.sign_ups.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many sign-ups at once, try again", "");
    };
    let request = Request::CreateAccount {
        name: wanted.username,
        password: Secret::new(wanted.password),
        address: Some(peer.ip().to_canonical()),
    };
    match public.shared.registry.call(&request).await {
        Ok(Reply::AccountCreated(Ok(_))) => {
            (StatusCode::CREATED, Json(serde_json::json!({}))).into_response()
        }
        Ok(Reply::AccountCreated(Err(refusal))) => {
            let (status, field) = match refusal {
                SignUpRefusal::BadName(_) => (StatusCode::BAD_REQUEST, "username"),
                SignUpRefusal::BadPassword { .. } => (StatusCode::BAD_REQUEST, "password"),
                SignUpRefusal::NameTaken => (StatusCode::CONFLICT, "username"),
                SignUpRefusal::SwitchedOff => (StatusCode::FORBIDDEN, ""),
                SignUpRefusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, ""),
            };
            refuse(status, &refusal.to_string(), field)
        }
        _ => refuse(StatusCode::SERVICE_UNAVAILABLE, "the account server does not answer, try again", ""),
    }
}

fn refuse(status: StatusCode, error: &str, field: &str) -> Response {
    (status, Json(serde_json::json!({ "error": error, "field": field }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_page_has_ten_numbers_parted_by_a_backslash_and_an_n() {
        assert_eq!(counts_page(42), "42\\n0\\n0\\n0\\n0\\n0\\n0\\n0\\n0\\n0");
    }
}
