//! The relay's connection to the edge, while there are players, and their way back onto another one.

use crate::lane::Fate;
use crate::lane::{Lane, code, fate, is_closed_with, is_come_back, is_refused};
use crate::opening::{Answer, Wish};
use crate::relay::RelayError;
use crate::ticket::{Ticket, random};
use crate::transport::SILENCE_MS;
use crate::version::{self, Version};
use quinn::{Connection, ConnectionError, Endpoint};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Connection, handshake, first stream and its answer take no longer than this.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a try to come back goes on without a word of the edge; a path that is there again in the middle of one is found
/// by the next.
const TRY: Duration = Duration::from_secs(3);
/// How often is looked whether there was one.
const LISTEN: Duration = Duration::from_millis(250);
/// Pause before the second try to come back; it doubles up to [`PAUSE_MAX`], and has jitter, so that an edge is not met by
/// all of its relays at once.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often a new player is refused a connection before its client is: an edge that is succeeded refuses everybody for a moment.
const REFUSALS_MAX: u32 = 3;

/// See the module.
pub(crate) struct Uplink {
    pub(crate) endpoint: Endpoint,
    pub(crate) edge: SocketAddr,
    pub(crate) edge_name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    players: usize,
}

/// Why there is no stream.
enum Failure {
    /// Another try may go better.
    ForNow(String),
    /// The edge wants no connection, at least not now.
    Refused(String),
    /// The edge does not want this player.
    ForGood(String),
}

/// A stream that the edge has granted.
pub(crate) struct Granted {
    pub(crate) lane: Lane,
    pub(crate) ticket: Ticket,
    /// How long the edge keeps the player without a connection.
    pub(crate) keep: Duration,
}

impl Uplink {
    pub(crate) fn new(endpoint: Endpoint, edge: SocketAddr, edge_name: String) -> Self {
        Self { endpoint, edge, edge_name, state: Mutex::default() }
    }

    /// A stream for one more player.
    pub(crate) async fn begin(&self) -> Result<Granted, RelayError> {
        self.state.lock().await.players += 1;
        let until = Instant::now() + CONNECT;
        // a try that is dropped ends its stream in order, and so the player that the edge may have let in: nobody has its
        // ticket
        let (mut pause, mut refusals) = (PAUSE, 0);
        let why = loop {
            match timeout_at(until, self.try_begin()).await {
                Ok(Ok(granted)) => return Ok(granted),
                // an edge that is succeeded in this moment
                Ok(Err(Failure::ForNow(_))) => {}
                Ok(Err(Failure::Refused(why))) => {
                    refusals += 1;
                    if refusals == REFUSALS_MAX {
                        break why;
                    }
                }
                Ok(Err(Failure::ForGood(why))) => break why,
                Err(_) => break "no answer in time".to_owned(),
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        };
        self.left().await;
        Err(self.failed(why))
    }

    async fn try_begin(&self) -> Result<Granted, Failure> {
        let mut lane = self.open(false).await?;
        match ask(&mut lane, &Wish::Begin).await? {
            Answer::Granted { ticket, keep } => Ok(Granted { lane, ticket, keep }),
            other => Err(Failure::ForGood(format!("it answers {other:?}, expected Granted"))),
        }
    }

    /// Another stream for a player whose stream was lost after it received so much, and how much the edge has received.
    /// Tries as long as the edge may keep the player.
    pub(crate) async fn resume(
        &self,
        ticket: &Ticket,
        received: u64,
        keep: Duration,
    ) -> Result<(Lane, u64), RelayError> {
        // the edge may notice later than we do
        let until = Instant::now() + keep + Duration::from_millis(SILENCE_MS.into());
        let wish = Wish::Resume { ticket: ticket.clone(), received };
        let mut pause = PAUSE;
        loop {
            let why = match self.try_resume(&wish, until).await {
                Ok((lane, Answer::Resumed { received })) => return Ok((lane, received)),
                Ok((_, Answer::Refused)) => {
                    return Err(self.failed("it does not know the player any more".to_owned()));
                }
                Ok((_, other)) => {
                    return Err(self.failed(format!("it answers {other:?}, expected Resumed")));
                }
                Err(Failure::ForGood(why)) => return Err(self.failed(why)),
                Err(Failure::ForNow(why) | Failure::Refused(why)) => why,
            };
            if Instant::now() >= until {
                return Err(self.failed(why));
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One try. The edge may have heard of it when it is given up, and the end of its stream would mean that the client has
    /// left: so the connection is closed first, as one that is lost. That sends all of its players to another one, so it is
    /// done only when nothing comes on it: an edge that is slow with one player is waited for.
    async fn try_resume(&self, wish: &Wish, until: Instant) -> Result<(Lane, Answer), Failure> {
        let no_answer = || Failure::ForNow("no answer".to_owned());
        let mut lane = timeout(TRY, self.open(true)).await.map_err(|_| no_answer())??;
        let connection = lane.connection.clone();
        let answer = {
            let mut asked = pin!(ask(&mut lane, wish));
            let mut last = (heard(&connection), Instant::now());
            loop {
                if let Ok(answer) = timeout(LISTEN, &mut asked).await {
                    break answer?;
                }
                let now = (heard(&connection), Instant::now());
                if now.1 >= until {
                    // there is no other try: the player does leave
                    return Err(no_answer());
                }
                if now.0 != last.0 {
                    last = now;
                } else if now.1 - last.1 >= TRY {
                    // who opens a stream next passes over it
                    connection.close(code::COME_BACK, b"no word of the edge");
                    return Err(no_answer());
                }
            }
        };
        Ok((lane, answer))
    }

    /// A stream on the connection that is there or on a new one.
    async fn open(&self, comes_back: bool) -> Result<Lane, Failure> {
        let failed = |error: ConnectionError| match () {
            () if is_closed_with(&error, code::VERSION) => Failure::ForGood(error.to_string()),
            () if comes_back || is_come_back(&error) => Failure::ForNow(error.to_string()),
            () if is_refused(&error) => Failure::Refused(error.to_string()),
            () => Failure::ForGood(error.to_string()),
        };
        let mut state = self.state.lock().await;
        if let Some(connection) = state.connection.clone().filter(|there| there.close_reason().is_none())
            && let Ok(stream) = connection.open_bi().await
        {
            return Ok(Lane::new(connection, stream));
        }
        let connecting = self.endpoint.connect(self.edge, &self.edge_name);
        let connecting = connecting.map_err(|error| Failure::ForGood(error.to_string()))?;
        let connection = connecting.await.map_err(failed)?;
        if let Version::Other(found) = version::of(&connection) {
            let text = version::refusal("edge", &found);
            connection.close(code::VERSION, text.as_bytes());
            return Err(Failure::ForGood(text));
        }
        let stream = connection.open_bi().await.map_err(failed)?;
        state.connection = Some(connection.clone());
        Ok(Lane::new(connection, stream))
    }

    /// The last player takes the connection along.
    pub(crate) async fn left(&self) {
        let mut state = self.state.lock().await;
        state.players = state.players.saturating_sub(1);
        if state.players == 0
            && let Some(connection) = state.connection.take()
        {
            connection.close(code::OVER, b"no players");
        }
    }

    fn failed(&self, why: String) -> RelayError {
        RelayError::Edge { edge: self.edge, why }
    }
}

/// Hears what the edge says to a wish.
async fn ask(lane: &mut Lane, wish: &Wish) -> Result<Answer, Failure> {
    let asked = async {
        lane.write_all(&wish.bytes()).await?;
        lane.flush().await?;
        Answer::read(&mut lane.reading).await
    };
    match asked.await {
        Ok(answer) => Ok(answer),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Failure::ForGood("it does not want the player".to_owned()))
        }
        Err(error) => Err(match (fate(&error), lane.connection.close_reason()) {
            // it may have been dead for a while, and another one is not
            (Fate::Lost, Some(why)) => Failure::ForNow(why.to_string()),
            (_, Some(why)) => Failure::ForGood(why.to_string()),
            _ => Failure::ForGood(error.to_string()),
        }),
    }
}

/// How many datagrams of the edge have come.
fn heard(connection: &Connection) -> u64 {
    connection.stats().udp_rx.datagrams
}

/// Between half and all of a pause.
fn jittered(pause: Duration) -> Duration {
    let [random] = random::<1>();
    pause.mul_f64(0.5 + f64::from(random) / 512.0)
}

#[cfg(test)]
mod tests;
