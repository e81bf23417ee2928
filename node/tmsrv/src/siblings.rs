//! The ways to the other nodes: one connection each, made when it is needed first.

use cluster::View;
use link::{Client, Credentials, Target};
use model::calls::sibling::{Reply, Request};
use model::membership::{Member, ProcessName};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// See the module.
pub(crate) struct Siblings {
    credentials: Credentials,
    known: Mutex<BTreeMap<ProcessName, Sibling>>,
}

struct Sibling {
    target: Target,
    client: Client<Request, Reply>,
}

impl Siblings {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { credentials, known: Mutex::default() }
    }

    /// The way to another node.
    pub(crate) fn client(&self, member: &Member) -> Client<Request, Reply> {
        let target = Target { name: member.name.clone(), address: member.link };
        let mut known = self.known.lock();
        if let Some(sibling) = known.get(&member.name).filter(|sibling| sibling.target == target) {
            return sibling.client.clone();
        }
        let client = Client::fixed(self.credentials.clone(), target.clone());
        known.insert(member.name.clone(), Sibling { target, client: client.clone() });
        client
    }

    /// Closes the ways to nodes that are gone.
    pub(crate) fn forget_gone(&self, view: &View) {
        self.known.lock().retain(|name, _| view.keepers().any(|member| member.name == *name));
    }
}
