//! Mutual proof of the cluster key, before any payload is read.
//!
//! ```text
//! client                                            server
//!   magic version purpose nonce name        ->
//!                                           <-   magic version nonce name HMAC("server" ..)
//!   HMAC("client" ..)                       ->
//!                                           <-   1
//! ```
//! Both proofs cover everything said so far, so nothing can be replayed, reflected or altered.

use crate::error::HandshakeError;
use crate::{Credentials, Target};
use hmac::{Hmac, KeyInit, Mac};
use model::membership::{ProcessName, Role};
use rand::Rng;
use sha2::Sha256;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Changes when the handshake or the frames change.
pub(crate) const VERSION: u16 = 1;
/// Connection and handshake take no longer than this.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);
const MAGIC: [u8; 4] = *b"WYDL";
const NAME_MAX: usize = 64;
const WELCOME: u8 = 1;
type Nonce = [u8; 32];
type Proof = [u8; 32];

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Calls = 1,
    Stream = 2,
}

/// The client's side.
pub(crate) async fn connect(
    socket: &mut TcpStream,
    credentials: &Credentials,
    target: &Target,
    purpose: Purpose,
) -> Result<ProcessName, HandshakeError> {
    let nonce: Nonce = rand::rng().random();
    let mut hello = opening();
    hello.push(purpose as u8);
    hello.extend_from_slice(&nonce);
    push_name(&mut hello, &credentials.name)?;
    socket.write_all(&hello).await?;

    read_opening(socket).await?;
    let their_nonce: Nonce = read_array(socket).await?;
    let their_name = read_name(socket).await?;
    let their_proof: Proof = read_array(socket).await?;
    let said = Said { purpose, nonces: [nonce, their_nonce], names: [&credentials.name, &their_name] };
    said.check(credentials, b"server", &their_proof)?;
    check_role(&target.name, &their_name)?;

    socket.write_all(&said.proof(credentials, b"client")).await?;
    match socket.read_u8().await {
        Ok(WELCOME) => Ok(their_name),
        Ok(_) => Err(HandshakeError::Malformed("welcome")),
        Err(_) => Err(HandshakeError::WrongKey),
    }
}

/// The server's side.
pub(crate) async fn accept(
    socket: &mut TcpStream,
    credentials: &Credentials,
) -> Result<(ProcessName, Purpose), HandshakeError> {
    let opened = read_opening(socket).await;
    if let Err(HandshakeError::Version { .. }) = opened {
        socket.write_all(&opening()).await?; // so that the other end can say what is wrong
    }
    opened?;
    let purpose = match socket.read_u8().await? {
        1 => Purpose::Calls,
        2 => Purpose::Stream,
        _ => return Err(HandshakeError::Malformed("purpose")),
    };
    let their_nonce: Nonce = read_array(socket).await?;
    let their_name = read_name(socket).await?;

    let nonce: Nonce = rand::rng().random();
    let said = Said { purpose, nonces: [their_nonce, nonce], names: [&their_name, &credentials.name] };
    let mut challenge = opening();
    challenge.extend_from_slice(&nonce);
    push_name(&mut challenge, &credentials.name)?;
    challenge.extend_from_slice(&said.proof(credentials, b"server"));
    socket.write_all(&challenge).await?;

    let their_proof: Proof = read_array(socket).await?;
    said.check(credentials, b"client", &their_proof)?;
    socket.write_all(&[WELCOME]).await?;
    Ok((their_name, purpose))
}

/// What both ends have said; client first.
struct Said<'a> {
    purpose: Purpose,
    nonces: [Nonce; 2],
    names: [&'a ProcessName; 2],
}

impl Said<'_> {
    fn mac(&self, credentials: &Credentials, side: &[u8; 6]) -> Hmac<Sha256> {
        let key = credentials.key.expose().trim().as_bytes();
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
        mac.update(&MAGIC);
        mac.update(side);
        mac.update(&VERSION.to_le_bytes());
        mac.update(&[self.purpose as u8]);
        for nonce in &self.nonces {
            mac.update(nonce);
        }
        for name in self.names {
            mac.update(&u32::try_from(name.as_str().len()).unwrap_or(u32::MAX).to_le_bytes());
            mac.update(name.as_str().as_bytes());
        }
        mac
    }

    fn proof(&self, credentials: &Credentials, side: &[u8; 6]) -> Proof {
        self.mac(credentials, side).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    fn check(&self, credentials: &Credentials, side: &[u8; 6], proof: &Proof) -> Result<(), HandshakeError> {
        self.mac(credentials, side).verify_slice(proof).map_err(|_| HandshakeError::WrongKey)
    }
}

/// A server of another known role has taken over the address.
fn check_role(expected: &ProcessName, found: &ProcessName) -> Result<(), HandshakeError> {
    match (role(expected), role(found)) {
        (Some(a), Some(b)) if a != b => {
            Err(HandshakeError::WrongRole { found: found.to_string(), expected: expected.to_string() })
        }
        _ => Ok(()),
    }
}

fn role(name: &ProcessName) -> Option<Role> {
    Role::from_name(name.as_str().split('-').next().unwrap_or_default())
}

fn opening() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes
}

async fn read_opening(socket: &mut TcpStream) -> Result<(), HandshakeError> {
    if read_array::<4>(socket).await? != MAGIC {
        return Err(HandshakeError::Stranger);
    }
    match socket.read_u16_le().await? {
        VERSION => Ok(()),
        found => Err(HandshakeError::Version { found, expected: VERSION }),
    }
}

fn push_name(bytes: &mut Vec<u8>, name: &ProcessName) -> Result<(), HandshakeError> {
    let text = name.as_str().as_bytes();
    let length = u8::try_from(text.len()).ok().filter(|length| usize::from(*length) <= NAME_MAX);
    bytes.push(length.ok_or(HandshakeError::Malformed("name"))?);
    bytes.extend_from_slice(text);
    Ok(())
}

async fn read_name(socket: &mut TcpStream) -> Result<ProcessName, HandshakeError> {
    let length = usize::from(socket.read_u8().await?);
    if length > NAME_MAX {
        return Err(HandshakeError::Malformed("name"));
    }
    let mut text = vec![0; length];
    socket.read_exact(&mut text).await?;
    match String::from_utf8(text) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic()) => Ok(ProcessName(text)),
        _ => Err(HandshakeError::Malformed("name")),
    }
}

async fn read_array<const N: usize>(socket: &mut TcpStream) -> Result<[u8; N], HandshakeError> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::Secret;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    fn credentials(name: &str) -> Credentials {
        Credentials { name: ProcessName(name.into()), key: Secret::new("00112233445566778899aabbccddeeff") }
    }

    /// A stranger says hello and answers the server's challenge with whatever `prove` makes of its proof.
    async fn stranger(version: u16, prove: impl FnOnce(Proof) -> Proof) -> Result<(), HandshakeError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut ours = listener.accept().await.unwrap().0;
        let server = tokio::spawn(async move { accept(&mut ours, &credentials("dbsrv-1")).await.map(drop) });
        let mut hello = MAGIC.to_vec();
        hello.extend_from_slice(&version.to_le_bytes());
        hello.push(Purpose::Calls as u8);
        hello.extend_from_slice(&[9; 32]);
        push_name(&mut hello, &ProcessName("edge-1".into())).unwrap();
        socket.write_all(&hello).await.unwrap();
        if read_opening(&mut socket).await.is_ok() && version == VERSION {
            let _: Nonce = read_array(&mut socket).await.unwrap();
            assert_eq!(read_name(&mut socket).await.unwrap().as_str(), "dbsrv-1");
            let proof = prove(read_array(&mut socket).await.unwrap());
            socket.write_all(&proof).await.unwrap();
            assert!(socket.read_u8().await.is_err(), "no welcome");
        }
        server.await.unwrap()
    }

    #[tokio::test]
    async fn a_stranger_who_does_not_hold_the_key_cannot_prove_it() {
        for made_up in [[0; 32], [0xff; 32]] {
            let refused = stranger(VERSION, |_| made_up).await;
            assert!(matches!(refused, Err(HandshakeError::WrongKey)), "{refused:?}");
        }
        let reflected = stranger(VERSION, |proof| proof).await;
        assert!(matches!(reflected, Err(HandshakeError::WrongKey)), "{reflected:?}");
    }

    #[tokio::test]
    async fn another_version_is_told_apart_from_a_stranger() {
        let refused = stranger(7, |proof| proof).await;
        assert!(
            matches!(refused, Err(HandshakeError::Version { found: 7, expected: VERSION })),
            "{refused:?}"
        );
    }

    #[test]
    fn roles_are_compared_and_numbers_are_not() {
        let name = |text: &str| ProcessName(text.to_owned());
        assert!(check_role(&name("dbsrv-1"), &name("dbsrv-2")).is_ok());
        assert!(check_role(&name("anything"), &name("dbsrv-2")).is_ok());
        assert!(check_role(&name("dbsrv"), &name("edge-2")).is_err());
    }
}
