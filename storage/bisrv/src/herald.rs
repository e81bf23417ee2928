//! Tells players at once what happened to their parcels and their guilds. NRSrv knows where an account is played, and whether it is.
//!
//! News is words only: what is not told, because nobody plays, NRSrv does not answer or too much is to be told, the
//! player learns from its list of parcels and at its next login. Of guilds NRSrv finds out by itself after a while.

use link::Client;
use model::calls::registry::{Reply, Request};
use model::event::{Notice, NoticeKey};
use model::{AccountId, CharacterId, GuildId};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// News that may wait to be told.
const WAITING_MAX: usize = 1_024;
/// How long NRSrv may take for one of them.
const DEADLINE: Duration = Duration::from_secs(1);

/// What NRSrv is told: [`Request::Tell`] or [`Request::GuildChanged`].
#[derive(Clone, Debug, PartialEq)]
pub struct News(pub Request);

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
        self.send(Request::Tell { account, notice });
    }

    /// Guild or rank of these characters are other ones; the line is for them and for the members who play.
    pub(crate) fn guild_changed(
        &self,
        guild: GuildId,
        (characters, by): (Vec<CharacterId>, CharacterId),
        notice: Notice,
    ) {
        self.send(Request::GuildChanged { guild, characters, by, notice });
    }

    fn send(&self, news: Request) {
        if let Err(error) = self.0.try_send(News(news)) {
            tracing::debug!(%error, "not told at once");
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
        let News(news) = tokio::select! {
            () = stop.cancelled() => return,
            news = news.recv() => match news {
                Some(news) => news,
                None => return,
            },
        };
        if let Err(error) = registry.call(&news, DEADLINE).await {
            tracing::info!(%error, "players are not told of a parcel or a guild at once");
        }
    }
}
