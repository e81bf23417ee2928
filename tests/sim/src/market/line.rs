//! A node's push stream: always open to the market that serves, as far as the node knows, and opened anew when it is
//! silent for too long.

use super::service::{self, Asked, Pushed, SILENCE};
use crate::net::{self, read, write};
use model::calls::market::{FromNode, Stall, ToNode};
use model::membership::ProcessName;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use turmoil::net::TcpStream;

/// How often the shop is published: three times before the stream is silent.
const PUBLISH_EVERY: Duration = Duration::from_millis(800);
/// Pause between two tries.
const AGAIN: Duration = Duration::from_millis(250);

/// What a node hears.
pub enum Heard {
    /// The stream is new: what was said before is lost.
    Opened,
    /// The market said something.
    Said(ToNode),
}

/// Shared by the node and its stream.
#[derive(Default)]
pub struct Line {
    /// What was heard and not yet looked at.
    pub inbox: RefCell<VecDeque<Heard>>,
    /// The market that serves, as far as the node knows.
    pub follows: Cell<u16>,
    /// The shop that is published.
    pub stall: RefCell<Option<Stall>>,
}

/// Ends with the node.
pub struct Open(JoinHandle<()>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps the stream open.
pub fn open(line: Rc<Line>, node: ProcessName) -> Open {
    Open(tokio::task::spawn_local(async move {
        loop {
            // whatever ends it, another one is opened
            let _ = listen(&line, &node).await;
            sleep(AGAIN).await;
        }
    }))
}

async fn listen(line: &Rc<Line>, node: &ProcessName) -> std::io::Result<()> {
    let at = line.follows.get();
    let connecting = TcpStream::connect((service::host(at), net::PORT));
    let mut stream = timeout(SILENCE, connecting).await??;
    write(&mut stream, &Asked::Stream(node.clone())).await?;
    let (mut from, mut to) = stream.into_split();
    let publishing = Rc::clone(line);
    let _published = Open(tokio::task::spawn_local(async move {
        loop {
            let stalls = publishing.stall.borrow().iter().cloned().collect();
            if write(&mut to, &FromNode::Publish { stalls }).await.is_err() {
                return;
            }
            sleep(PUBLISH_EVERY).await;
        }
    }));
    let mut first = true;
    while line.follows.get() == at {
        let pushed = timeout(SILENCE, read(&mut from)).await??;
        let mut inbox = line.inbox.borrow_mut();
        if std::mem::take(&mut first) {
            inbox.push_back(Heard::Opened);
        }
        if let Pushed::Said(message) = pushed {
            inbox.push_back(Heard::Said(message));
        }
    }
    Ok(())
}
