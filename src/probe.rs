//! Asks a process whether it is ready.

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
    let uri = format!("http://{http}/readyz").parse().map_err(|error| format!("{error}"))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let asked = timeout(ANSWER, async {
        let answer = client.get(uri).await.map_err(|error| error.to_string())?;
        let good = answer.status().is_success();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((good, String::from_utf8_lossy(&body).trim().replace('\n', ", ")))
    });
    match asked.await {
        Ok(Ok((true, _))) => Ok(()),
        Ok(Ok((false, why))) => Err(why),
        Ok(Err(error)) => Err(error),
        Err(_) => Err("no answer".to_owned()),
    }
}
