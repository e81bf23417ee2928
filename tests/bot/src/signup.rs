//! Making accounts through the sign-up page.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// Most bytes of an answer that are read.
const ANSWER_MAX: usize = 64 * 1024;
/// How long one request may take.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// How long a request is repeated while the server says that it is busy.
const BUSY_DEADLINE: Duration = Duration::from_secs(90);
/// The longest pause before a repetition.
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// Why an account could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SignupError {
    /// The address is no URL.
    #[error("sign-up address \"{url}\": {reason}")]
    BadAddress {
        /// As given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The page did not answer.
    #[error("the sign-up page does not answer: {0}")]
    NoAnswer(String),
    /// The page said no.
    #[error("the sign-up page answered {status}: {body}")]
    Refused {
        /// Status of the answer.
        status: u16,
        /// Its text, cut.
        body: String,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signup {
    /// A new account.
    Made,
    /// It was there already.
    Exists,
}

/// The sign-up page of a server.
#[derive(Clone, Debug)]
pub struct SignupPage {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl SignupPage {
    /// A page by its `http://` address.
    pub fn new(url: &str) -> Result<SignupPage, SignupError> {
        let bad = |reason: String| SignupError::BadAddress { url: url.to_owned(), reason };
        let parsed: hyper::Uri =
            url.parse().map_err(|error: hyper::http::uri::InvalidUri| bad(error.to_string()))?;
        if parsed.scheme_str() != Some("http") || parsed.host().is_none() {
            return Err(bad("expected http://HOST:PORT/path".to_owned()));
        }
        Ok(SignupPage { url: url.to_owned(), client: Client::builder(TokioExecutor::new()).build_http() })
    }

    /// `HOST:PORT` of the page.
    pub fn authority(&self) -> String {
        let uri: Option<hyper::Uri> = self.url.parse().ok();
        let (host, port) = uri
            .as_ref()
            .and_then(|uri| uri.host().map(|host| (host, uri.port_u16().unwrap_or(80))))
            .unwrap_or(("", 80));
        format!("{host}:{port}")
    }

    /// Makes an account; waits and tries again while the server says that it is busy.
    pub async fn make(&self, account: &str, password: &str) -> Result<Signup, SignupError> {
        let mut wait = Duration::from_millis(250);
        let until = tokio::time::Instant::now() + BUSY_DEADLINE;
        loop {
            let (status, body) = self.post(account, password).await?;
            match status {
                StatusCode::CREATED | StatusCode::OK => return Ok(Signup::Made),
                StatusCode::CONFLICT => return Ok(Signup::Exists),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                    if tokio::time::Instant::now() < until =>
                {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(PAUSE_MAX);
                }
                _ => return Err(SignupError::Refused { status: status.as_u16(), body }),
            }
        }
    }

    async fn post(&self, account: &str, password: &str) -> Result<(StatusCode, String), SignupError> {
        let body = serde_json::json!({ "username": account, "password": password }).to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| SignupError::BadAddress { url: self.url.clone(), reason: error.to_string() })?;
        let answer = tokio::time::timeout(REQUEST_DEADLINE, self.client.request(request))
            .await
            .map_err(|_| SignupError::NoAnswer(format!("nothing within {} s", REQUEST_DEADLINE.as_secs())))?
            .map_err(|error| SignupError::NoAnswer(error.to_string()))?;
        let status = answer.status();
        let read =
            tokio::time::timeout(REQUEST_DEADLINE, Limited::new(answer.into_body(), ANSWER_MAX).collect());
        let text = match read.await {
            Ok(Ok(collected)) => String::from_utf8_lossy(&collected.to_bytes()).chars().take(200).collect(),
            Ok(Err(_)) | Err(_) => String::new(),
        };
        Ok((status, text))
    }
}
