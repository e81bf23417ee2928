//! SIGINT and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How a shell reports an end by SIGINT.
const INTERRUPTED: i32 = 130;

/// The first signal stops the process, the second one ends it at once. Returns when `gone`.
pub(crate) async fn watch(stop: CancellationToken, gone: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be received");
        return;
    };
    let mut received = 0;
    while either(&mut interrupt, &mut terminate, &gone).await {
        received += 1;
        if received > 1 {
            std::process::exit(INTERRUPTED);
        }
        tracing::info!("told to stop");
        stop.cancel();
    }
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal, gone: &CancellationToken) -> bool {
    tokio::select! {
        () = gone.cancelled() => false,
        got = interrupt.recv() => got.is_some(),
        got = terminate.recv() => got.is_some(),
    }
}
