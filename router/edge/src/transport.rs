//! What a connection needs of the bytes that it is made of: TCP itself, or any other stream of bytes.
//!
//! Only `listener` and `connection` know transports; a session never does.

use socket2::SockRef;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// Bytes taken off a stream before the connection reads them.
const INPUT: usize = 4_096;
/// Bytes taken off the connection before the stream wrote them.
const OUTPUT: usize = 16_384;

/// Bytes both ways, without waiting, and one place to wait.
pub(crate) trait Transport: Send + Sized + 'static {
    /// Whether another process can go on with it.
    const MOVES: bool;

    /// The socket that another process is given.
    fn into_tcp(self) -> Result<TcpStream, Self>;

    /// Waits until what is asked for may be possible; cancelling the wait loses nothing. A transport that takes
    /// bytes before they are written also writes them here.
    fn ready(&mut self, interest: Interest) -> impl Future<Output = io::Result<()>> + Send;

    /// What is there now; `Ok(0)` when the other end closed, [`io::ErrorKind::WouldBlock`] when nothing is.
    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// As much as is taken now; [`io::ErrorKind::WouldBlock`] when nothing is.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Nothing more is written; what was taken is on its way when this returns.
    fn shut_down(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

impl Transport for TcpStream {
    const MOVES: bool = true;

    fn into_tcp(self) -> Result<TcpStream, Self> {
        Ok(self)
    }

    async fn ready(&mut self, interest: Interest) -> io::Result<()> {
        TcpStream::ready(self, interest).await.map(drop)
    }

    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        TcpStream::try_read(self, into)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::try_write(self, bytes)
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        SockRef::from(&*self).shutdown(Shutdown::Write)
    }
}

/// Any stream of bytes as a transport, with a little of both directions held in between.
#[derive(Debug)]
pub(crate) struct Buffered<S> {
    stream: S,
    input: Vec<u8>,
    taken: usize,
    ended: bool,
    output: Vec<u8>,
    written: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Buffered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, input: Vec::new(), taken: 0, ended: false, output: Vec::new(), written: 0 }
    }

    fn has_input(&self) -> bool {
        self.taken < self.input.len() || self.ended
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_input() {
            return Poll::Ready(Ok(()));
        }
        self.input.resize(INPUT, 0);
        let mut into = ReadBuf::new(&mut self.input);
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut into);
        let count = into.filled().len();
        self.input.truncate(count);
        self.taken = 0;
        ready!(polled)?;
        self.ended = count == 0;
        Poll::Ready(Ok(()))
    }

    fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let rest = &self.output[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.output.clear();
        self.written = 0;
        Pin::new(&mut self.stream).poll_flush(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Buffered<S> {
    const MOVES: bool = false;

    fn into_tcp(self) -> Result<TcpStream, Self> {
        Err(self)
    }

    async fn ready(&mut self, interest: Interest) -> io::Result<()> {
        poll_fn(|context| {
            let written = self.poll_output(context)?;
            if interest.is_readable() && self.poll_input(context)?.is_ready() {
                return Poll::Ready(Ok(()));
            }
            if interest.is_writable() && written.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let there = &self.input[self.taken..];
        if there.is_empty() {
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        self.taken += count;
        Ok(count)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.output.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(OUTPUT);
        self.output.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            ready!(self.poll_output(context))?;
            Pin::new(&mut self.stream).poll_shutdown(context)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn everything_arrives_both_ways_through_a_stream_that_takes_little_at_once() {
        let (near, mut far) = duplex(700);
        let mut transport = Buffered::new(near);
        let sent: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let there = sent.clone();
        let echo = tokio::spawn(async move {
            let mut read = vec![0; there.len()];
            far.read_exact(&mut read).await.unwrap();
            assert_eq!(read, there);
            far.write_all(&read).await.unwrap();
            far
        });
        let (mut left, mut got) = (&sent[..], Vec::new());
        let mut chunk = [0; 1_000];
        while got.len() < sent.len() {
            let interest =
                if left.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
            transport.ready(interest).await.unwrap();
            match transport.try_write(left) {
                Ok(count) => left = &left[count..],
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            match transport.try_read(&mut chunk) {
                Ok(count) => got.extend_from_slice(&chunk[..count]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert_eq!(got, sent);
        drop(echo.await.unwrap());
        transport.ready(Interest::READABLE).await.unwrap();
        assert_eq!(transport.try_read(&mut chunk).unwrap(), 0, "the other end closed");
    }

    #[tokio::test]
    async fn shutting_down_writes_what_was_taken() {
        let (near, mut far) = duplex(64);
        let mut transport = Buffered::new(near);
        let words = vec![7; 5_000];
        assert_eq!(transport.try_write(&words).unwrap(), words.len());
        assert_eq!(transport.try_write(&words).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut read = Vec::new();
        let (shut, heard) = tokio::join!(transport.shut_down(), far.read_to_end(&mut read));
        shut.unwrap();
        heard.unwrap();
        assert_eq!(read, words);
    }
}
