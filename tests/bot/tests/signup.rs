//! The sign-up client against a page of canned answers.
#![allow(clippy::unwrap_used)]

use bot::signup::{Signup, SignupError, SignupPage};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one request a connection, in order; the requests as they came.
async fn page(answers: &'static [&'static str]) -> (SignupPage, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/signup", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"}") {
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request has a body");
            }
            kept.lock().unwrap().push(String::from_utf8(bytes).unwrap());
            let head = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}");
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    });
    (SignupPage::new(&url).unwrap(), requests)
}

#[tokio::test]
async fn a_new_account_is_asked_for_in_json() {
    let (page, requests) = page(&["201 Created"]).await;
    assert_eq!(page.make("ana", "secret").await.unwrap(), Signup::Made);
    let requests = requests.lock().unwrap();
    assert!(requests[0].starts_with("POST /signup HTTP/1.1\r\n"));
    let body = requests[0].split("\r\n\r\n").nth(1).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, serde_json::json!({ "username": "ana", "password": "secret" }));
}

#[tokio::test]
async fn an_account_that_exists_is_no_error() {
    assert_eq!(page(&["409 Conflict"]).await.0.make("ana", "secret").await.unwrap(), Signup::Exists);
}

#[tokio::test]
async fn a_busy_page_is_asked_again() {
    let (page, requests) = page(&["429 Too Many Requests", "503 Service Unavailable", "201 Created"]).await;
    assert_eq!(page.make("ana", "secret").await.unwrap(), Signup::Made);
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_says_why_and_a_bad_address_is_named() {
    let refused = page(&["400 Bad Request"]).await.0.make("a", "b").await.unwrap_err();
    assert!(matches!(refused, SignupError::Refused { status: 400, .. }), "{refused}");
    let bad = SignupPage::new("ftp://somewhere").unwrap_err();
    assert_eq!(bad.to_string(), "sign-up address \"ftp://somewhere\": expected http://HOST:PORT/path");
}
