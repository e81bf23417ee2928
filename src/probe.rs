//! Asks a process over HTTP: whether it is ready, and a number of its metrics.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_millis(500);

/// `Ok` when `/readyz` says 200; otherwise what it said, in one line.
pub async fn ready(http: SocketAddr) -> Result<(), String> {
    match get(http, "readyz").await? {
        (true, _) => Ok(()),
        (false, why) => Err(why.trim().replace('\n', ", ")),
    }
}

/// A number of `/metrics` that has no labels; `None` when there is no answer or no such number.
pub async fn gauge(http: SocketAddr, name: &str) -> Option<u64> {
    let (_, body) = get(http, "metrics").await.ok()?;
    let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}

async fn get(http: SocketAddr, page: &str) -> Result<(bool, String), String> {
    let uri = format!("http://{http}/{page}").parse().map_err(|error| format!("{error}"))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let asked = timeout(ANSWER, async {
        let answer = client.get(uri).await.map_err(|error| error.to_string())?;
        let good = answer.status().is_success();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((good, String::from_utf8_lossy(&body).into_owned()))
    });
    asked.await.unwrap_or_else(|_| Err("no answer".to_owned()))
}
