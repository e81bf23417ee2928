//! Calls over the simulated network: one frame out, one frame back, each with a deadline.
//!
//! It knows nothing of what the frames mean. A connection that was lost is gone: who calls opens another one, and
//! who answers undoes what was begun on it.

use bincode::config::standard;
use model::calls::database::Failure;
use serde::{Serialize, de::DeserializeOwned};
use std::io::{Error, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use turmoil::net::{TcpListener, TcpStream};

/// The port of every host.
pub const PORT: u16 = 700;
/// Longest frame.
const FRAME_MAX: usize = 1 << 20;
/// How long an answer is waited for.
pub const DEADLINE: Duration = Duration::from_millis(1_500);

/// A connection of the one who calls.
pub struct Line(TcpStream);

impl Line {
    /// To a host, by its name.
    pub async fn to(host: &str) -> std::io::Result<Self> {
        within(TcpStream::connect((host, PORT))).await.map(Self)
    }

    /// Asks and waits for the answer.
    pub async fn ask<Q: Serialize, A: DeserializeOwned>(&mut self, question: &Q) -> std::io::Result<A> {
        within(async {
            write(&mut self.0, question).await?;
            read(&mut self.0).await
        })
        .await
    }
}

/// Asks one question on a connection of its own.
pub async fn ask<Q: Serialize, A: DeserializeOwned>(host: &str, question: &Q) -> std::io::Result<A> {
    Line::to(host).await?.ask(question).await
}

/// The same, with a deadline of the caller's own.
pub async fn ask_within<Q: Serialize, A: DeserializeOwned>(
    host: &str,
    question: &Q,
    patience: Duration,
) -> std::io::Result<A> {
    let asking = async {
        let mut stream = TcpStream::connect((host, PORT)).await?;
        write(&mut stream, question).await?;
        read(&mut stream).await
    };
    timeout(patience, asking).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// Waits for those who call; each is answered by a task of its own, which ends with its connection.
pub async fn serve<Fut>(answer: impl Fn(TcpStream) -> Fut) -> turmoil::Result
where
    Fut: Future<Output = std::io::Result<()>> + 'static,
{
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answering = answer(stream);
        tokio::task::spawn_local(async move {
            // a connection that broke is the caller's business
            let _ = answering.await;
        });
    }
}

/// Reads one frame.
pub async fn read<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<T> {
    let length = stream.read_u32_le().await? as usize;
    if length > FRAME_MAX {
        return Err(Error::new(ErrorKind::InvalidData, "a frame too long"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    let decoded = bincode::serde::decode_from_slice(&frame, standard());
    decoded.map(|(value, _)| value).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

/// Writes one frame.
pub async fn write<T: Serialize>(stream: &mut (impl AsyncWrite + Unpin), value: &T) -> std::io::Result<()> {
    let encoded = bincode::serde::encode_to_vec(value, standard());
    let body = encoded.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend(body);
    stream.write_all(&frame).await?;
    stream.flush().await
}

async fn within<T>(work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    timeout(DEADLINE, work).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// What a lost connection means to a store: nobody knows.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub fn failure(error: Error) -> Failure {
    Failure::Unavailable(error.to_string())
}
