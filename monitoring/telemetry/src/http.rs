//! `/metrics`, `/healthz` and `/readyz`.

use crate::links::Links;
use crate::usage::Usage;
use crate::web::{self, Bounds};
use crate::{Health, Metrics, Tasks};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages show.
pub(crate) struct Pages {
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) tasks: Tasks,
    pub(crate) usage: Usage,
    pub(crate) links: Links,
}

/// One page each time, for a few collectors at once; nothing here takes longer.
const BOUNDS: Bounds =
    Bounds { connections: 64, per_address: 16, head: Duration::from_secs(3), life: Duration::from_secs(10) };

/// Serves until `gone`.
pub(crate) async fn serve(listener: TcpListener, pages: Pages, gone: CancellationToken) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Arc::new(pages));
    web::serve(listener, router, BOUNDS, gone).await;
}

async fn metrics(State(pages): State<Arc<Pages>>) -> impl IntoResponse {
    pages.usage.refresh(pages.tasks.count());
    pages.links.refresh();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], pages.metrics.encode())
}

/// The process is alive; 503 once a task of it has panicked.
async fn healthz(State(pages): State<Arc<Pages>>) -> impl IntoResponse {
    if pages.tasks.failed() {
        (StatusCode::SERVICE_UNAVAILABLE, "a task panicked\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn readyz(State(pages): State<Arc<Pages>>) -> impl IntoResponse {
    let status = if pages.health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, pages.health.describe())
}
