//! Tells players at once what happened to their parcels. NRSrv knows where an account is played, and whether it is.
//!
//! News is words only: what is not told, because nobody plays, NRSrv does not answer or too much is to be told, the
//! player learns from its list of parcels and at its next login.

use link::Client;
use model::AccountId;
use model::calls::registry::{Reply, Request};
use model::event::{Notice, NoticeKey};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// News that may wait to be told.
const WAITING_MAX: usize = 1_024;
/// How long NRSrv may take for one of them.
const DEADLINE: Duration = Duration::from_secs(1);

/// A line for whoever plays an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whose.
    pub account: AccountId,
    /// What.
    pub notice: Notice,
}

/// Takes news without waiting.
#[derive(Clone, Debug)]
pub struct Herald(mpsc::Sender<News>);

impl Herald {
    /// A herald, and where its news comes out.
    pub fn new() -> (Self, mpsc::Receiver<News>) {
        let (sender, news) = mpsc::channel(WAITING_MAX);
        (Self(sender), news)
    }

    /// A parcel was sent to an account.
    pub(crate) fn arrived(&self, at: AccountId, sender: &str) {
        self.tell(at, NoticeKey::ParcelArrived, sender);
    }

    /// A parcel came back to an account.
    pub(crate) fn came_back(&self, to: AccountId, receiver: &str) {
        self.tell(to, NoticeKey::ParcelCameBack, receiver);
    }

    fn tell(&self, account: AccountId, key: NoticeKey, name: &str) {
        let notice = Notice::Catalogue { key, arguments: vec![name.to_owned()] };
        if let Err(error) = self.0.try_send(News { account, notice }) {
            tracing::debug!(%account, %error, "not told at once");
        }
    }
}

/// Brings news to NRSrv, one at a time, until the process stops.
pub(crate) async fn run(
    mut news: mpsc::Receiver<News>,
    registry: Client<Request, Reply>,
    stop: CancellationToken,
) {
    loop {
        let News { account, notice } = tokio::select! {
            () = stop.cancelled() => return,
            news = news.recv() => match news {
                Some(news) => news,
                None => return,
            },
        };
        if let Err(error) = registry.call(&Request::Tell { account, notice }, DEADLINE).await {
            tracing::info!(%account, %error, "a player is not told of a parcel at once");
        }
    }
}
