//! Why TMSrv did not start.

use thiserror::Error;

/// TMSrv could not start.
#[derive(Debug, Error)]
pub enum RunError {
    /// The content cannot be played.
    #[error(transparent)]
    Content(#[from] content::LoadError),
    /// The link could not listen.
    #[error(transparent)]
    Link(#[from] link::BindError),
    /// A game thread could not be started.
    #[error("cannot start a game thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A game thread died.
    #[error("a game thread died; the log says why")]
    GameThread,
    /// Loading the content ended without an answer.
    #[error("loading the content was interrupted")]
    Interrupted,
}
