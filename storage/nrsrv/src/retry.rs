//! Asking the store again while it does not answer.

use model::calls::database::Failure;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// How long one request may ask the store, all tries together.
pub(crate) const STORE_DEADLINE: Duration = Duration::from_millis(2_500);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// Repeats an operation while the store is unavailable, until the deadline. Operations that change
/// something carry an operation id that the caller made once, so repeating never does them twice.
pub(crate) async fn retry<T, F>(mut operation: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let deadline = Instant::now() + STORE_DEADLINE;
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = tokio::time::timeout_at(deadline, operation())
            .await
            .unwrap_or_else(|_| Err(Failure::Unavailable("no answer before the deadline".to_owned())));
        match outcome {
            Err(Failure::Unavailable(_)) if Instant::now() + pause < deadline => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            decided => return decided,
        }
    }
}
