//! Redis by URL, for every service that keeps what is live there: one instance, a Sentinel set or a Cluster.
//!
//! | URL | who is asked |
//! |---|---|
//! | `redis://[user:password@]host:port/db`, `unix://path` | that instance |
//! | `redis+sentinel://[user:password@]host:port,.../MASTER[/db]` | the master that most of the sentinels name; followed through a failover |
//! | `redis+cluster://[user:password@]host:port,...` | the master of the key's slot |
//!
//! [`Redis`] is the main type. Three things hold for all of them:
//!
//! * **Never twice.** A command is sent again only when a server said that it did not do it (`MOVED`, `ASK`,
//!   `READONLY`). When a connection is lost under it nobody knows, and the caller is told [`Unanswered`].
//! * **One tag, one step.** A key is made of a prefix, a hash tag and a rest ([`key`]). Keys of one tag lie in one
//!   slot and may be changed by one script; a command is sent by its tag.
//! * **An era never goes back.** [`Era`] names the reign of the server that a command goes to. A server that starts
//!   again from an old file, or a replica that takes over, may have forgotten what was written last; who puts the
//!   era into its keys finds nothing then, never something older than it wrote.
//!
//! It must never know what a value means, nor show an address with its password.

mod cluster;
mod link;
mod sentinel;
mod slot;
mod url;

pub use link::Era;
pub use slot::key;
pub use url::{BadUrl, EXPECTED, RedisUrl};

use link::{Address, Link, Links};
use model::Secret;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};
use std::sync::Arc;
use std::time::Duration;
use url::Place;

/// How often a server may send a command elsewhere before it is not answered.
const HOPS: usize = 4;
/// How long a command may take, with all that is found out for it.
const PATIENCE: Duration = Duration::from_millis(2_000);

/// Redis did not answer, or not what was asked; nobody knows whether it did it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

impl Unanswered {
    /// The category only: details may quote an address or a value.
    fn of(error: &RedisError) -> Self {
        Self(error.category().to_owned())
    }
}

/// A Redis: connects when first needed, and again whenever a connection is lost. Clones share connections.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    links: Links,
    finder: Finder,
}

/// Who knows which server is to be asked.
enum Finder {
    One(Address),
    Sentinels(sentinel::Sentinels),
    Cluster(cluster::SlotMap),
}

impl Redis {
    /// Reads the URL; connects to nobody yet.
    pub fn open(url: &Secret) -> Result<Self, BadUrl> {
        let RedisUrl { place, login } = RedisUrl::parse(url)?;
        let finder = match place {
            Place::One(address) => Finder::One(address),
            Place::Sentinels { sentinels, master } => {
                Finder::Sentinels(sentinel::Sentinels::new(sentinels, master, login.clone()))
            }
            Place::Cluster { seeds } => Finder::Cluster(cluster::SlotMap::new(seeds)),
        };
        Ok(Self(Arc::new(Inner { links: Links::new(login), finder })))
    }

    /// Sends one command, composed for the era of the server that it goes to, by the tag of its keys.
    pub async fn ask<T: FromRedisValue>(
        &self,
        tag: &str,
        compose: impl Fn(&Era) -> Cmd,
    ) -> Result<T, Unanswered> {
        let answer = tokio::time::timeout(PATIENCE, self.follow(slot::of(tag), compose)).await;
        answer.unwrap_or_else(|_| Err(Unanswered("no answer in time".to_owned())))
    }

    /// Sends a command to where it is wanted.
    async fn follow<T: FromRedisValue>(
        &self,
        slot: u16,
        compose: impl Fn(&Era) -> Cmd,
    ) -> Result<T, Unanswered> {
        let mut link = self.link(slot).await?;
        let mut asking = false;
        for _ in 0..HOPS {
            let command = compose(&link.era);
            let answer = if asking { link.ask_imported(&command).await } else { link.ask(&command).await };
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            (link, asking) = self.elsewhere(slot, &link, &error).await?;
        }
        Err(Unanswered("sent from server to server".to_owned()))
    }

    /// Whether a server answers that holds the keys of a tag.
    pub async fn probe(&self, tag: &str) -> bool {
        self.ask::<String>(tag, |_| redis::cmd("PING")).await.is_ok()
    }

    async fn link(&self, slot: u16) -> Result<Link, Unanswered> {
        let Inner { links, finder } = &*self.0;
        match finder {
            Finder::One(address) => links.any(address).await,
            Finder::Sentinels(sentinels) => {
                let master = sentinels.master().await?;
                // one that is none yet, or no more, is not written to
                let link = links.master(&master).await;
                if link.is_err() {
                    sentinels.doubt();
                }
                link
            }
            Finder::Cluster(map) => match map.owner(slot, links).await {
                Ok(owner) => {
                    let link = links.master(&owner).await;
                    if link.is_err() {
                        map.doubt();
                    }
                    link
                }
                Err(error) => Err(error),
            },
        }
    }

    /// Where a command goes that was not done, and whether it must be asked for there; an error when it may have
    /// been done.
    async fn elsewhere(
        &self,
        slot: u16,
        from: &Link,
        error: &RedisError,
    ) -> Result<(Link, bool), Unanswered> {
        let Inner { links, finder } = &*self.0;
        let ErrorKind::Server(kind) = error.kind() else {
            // the connection is lost, or what it says is not understood: the next command gets a new one
            links.forget(from);
            self.doubt();
            return Err(Unanswered::of(error));
        };
        let named = error.redirect_node().and_then(|(node, _)| url::address(node, &from.address));
        match (kind, finder, named) {
            (ServerErrorKind::Moved, Finder::Cluster(map), Some(owner)) => {
                // whether it is still a master, and of which era, is found out when it is needed again
                links.forget(from);
                map.moved(slot, owner.clone());
                Ok((links.master(&owner).await?, false))
            }
            (ServerErrorKind::Ask, Finder::Cluster(_), Some(importer)) => {
                Ok((links.master(&importer).await?, true))
            }
            (ServerErrorKind::ReadOnly, Finder::Sentinels(_) | Finder::Cluster(_), _) => {
                links.forget(from);
                self.doubt();
                Ok((self.link(slot).await?, false))
            }
            (ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown, ..) => {
                self.doubt();
                Err(Unanswered::of(error))
            }
            _ => Err(Unanswered::of(error)),
        }
    }

    /// What is known of the servers may be wrong.
    fn doubt(&self) {
        match &self.0.finder {
            Finder::One(_) => {}
            Finder::Sentinels(sentinels) => sentinels.doubt(),
            Finder::Cluster(map) => map.doubt(),
        }
    }
}
