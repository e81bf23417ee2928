//! A small HTTP client for the public pages and the metrics.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// Status and body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Body as text.
    pub body: String,
}

/// GET.
pub fn get(url: &str) -> anyhow::Result<Answer> {
    request(Method::GET, url, None)
}

/// POST of a JSON text.
pub fn post_json(url: &str, body: &str) -> anyhow::Result<Answer> {
    request(Method::POST, url, Some(body))
}

fn request(method: Method, url: &str, body: Option<&str>) -> anyhow::Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("content-type", "application/json")
            .body(Full::from(body.unwrap_or_default().to_owned()))?;
        let answer = tokio::time::timeout(Duration::from_secs(10), client.request(request)).await??;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    })
}
