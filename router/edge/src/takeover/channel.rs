//! A Unix stream between two edges of one machine that carries messages and open sockets (`SCM_RIGHTS`).
//!
//! A message is a `u32` little-endian length and its bincode; sockets travel with the first byte of it. Both ends are
//! processes of one user, or they do not talk.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The longest message: a player in a crowd, with everything that its client shows.
const MESSAGE_MAX: usize = 4 << 20;
/// Sockets with one message at most.
const SOCKETS_MAX: usize = 2;

/// See the module.
pub(super) struct Channel {
    socket: UnixStream,
}

impl Channel {
    /// Takes a stream whose other end is a process of the same user.
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        let (found, expected) = (socket.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
        if found != expected {
            let text = format!("a process of user {found} asks, expected one of user {expected}");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(Self { socket })
    }

    /// Sends a message with sockets, which stay open here.
    pub(super) async fn send<T: Serialize>(&self, message: &T, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut bytes = vec![0; size_of::<u32>()];
        bincode::serde::encode_into_std_write(message, &mut bytes, bincode::config::standard())
            .map_err(io::Error::other)?;
        let length = bytes.len() - size_of::<u32>();
        if length > MESSAGE_MAX {
            return Err(io::Error::other(format!(
                "a message of {length} bytes, expected at most {MESSAGE_MAX}"
            )));
        }
        bytes[..size_of::<u32>()].copy_from_slice(&(length as u32).to_le_bytes());
        let mut sent = 0;
        while sent < bytes.len() {
            let with = if sent == 0 { sockets } else { &[] };
            let rest = &bytes[sent..];
            sent += self.socket.async_io(Interest::WRITABLE, || send_some(&self.socket, rest, with)).await?;
        }
        Ok(())
    }

    /// The next message, and the sockets that came with it.
    pub(super) async fn recv<T: DeserializeOwned>(&self) -> io::Result<(T, Vec<OwnedFd>)> {
        let mut sockets = Vec::new();
        let mut length = [0; size_of::<u32>()];
        self.fill(&mut length, &mut sockets).await?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MESSAGE_MAX {
            let text = format!("a message of {length} bytes, expected at most {MESSAGE_MAX}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, &mut sockets).await?;
        let config = bincode::config::standard().with_limit::<{ 16 * MESSAGE_MAX }>();
        let (message, _) = bincode::serde::decode_from_slice(&bytes, config)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok((message, sockets))
    }

    async fn fill(&self, bytes: &mut [u8], sockets: &mut Vec<OwnedFd>) -> io::Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            let read = self
                .socket
                .async_io(Interest::READABLE, || recv_some(&self.socket, &mut bytes[filled..], sockets))
                .await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
        }
        Ok(())
    }
}

fn send_some(socket: &UnixStream, bytes: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(io::Error::other(format!("{} sockets, expected at most {SOCKETS_MAX}", sockets.len())));
    }
    Ok(sendmsg(socket.as_fd(), &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?)
}

fn recv_some(socket: &UnixStream, bytes: &mut [u8], sockets: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got =
        recvmsg(socket.as_fd(), &mut [IoSliceMut::new(bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if got.flags.contains(ReturnFlags::CTRUNC) {
        let text = "a socket was lost on the way: too few files may be open (ulimit -n)";
        return Err(io::Error::other(text));
    }
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            sockets.extend(received);
        }
    }
    Ok(got.bytes)
}

/// Both ends of one.
#[cfg(test)]
pub(super) fn pair() -> (Channel, Channel) {
    let (one, other) = UnixStream::pair().expect("a pair of sockets");
    (Channel::new(one).expect("of this user"), Channel::new(other).expect("of this user"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn messages_of_any_size_come_in_order_each_with_its_own_sockets() {
        let (from, to) = pair();
        let sending = tokio::spawn(async move {
            for size in [0_usize, 3, 1 << 20] {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (server, _) = listener.accept().unwrap();
                from.send(&vec![7_u8; size], &[server.as_fd()]).await.unwrap();
                drop(server);
                client.write_all(&(size as u32).to_le_bytes()).unwrap();
                from.send(&Vec::<u8>::new(), &[]).await.unwrap();
            }
        });
        for size in [0_usize, 3, 1 << 20] {
            let (bytes, mut sockets) = to.recv::<Vec<u8>>().await.unwrap();
            assert_eq!((bytes.len(), sockets.len()), (size, 1));
            let mut socket = TcpStream::from(sockets.remove(0));
            let mut read = [0; 4];
            socket.read_exact(&mut read).unwrap();
            assert_eq!(u32::from_le_bytes(read) as usize, size, "the socket of this message");
            assert!(to.recv::<Vec<u8>>().await.unwrap().1.is_empty());
        }
        sending.await.unwrap();
        assert_eq!(to.recv::<Vec<u8>>().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_length_that_cannot_be_is_an_error_before_anything_is_reserved() {
        let (one, other) = UnixStream::pair().unwrap();
        one.writable().await.unwrap();
        one.try_write(&u32::MAX.to_le_bytes()).unwrap();
        let to = Channel::new(other).unwrap();
        assert_eq!(to.recv::<Vec<u8>>().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
