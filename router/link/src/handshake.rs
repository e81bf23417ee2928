//! Mutual proof of the cluster key, before any payload is read; inside of TLS when there are certificates.
//!
//! ```text
//! client                                               server
//!   magic version purpose flags nonce name cluster ->
//!                                                  <-  magic version 0 flags nonce name HMAC("server" ..)
//!   HMAC("client" ..)                              ->
//!                                                  <-  1
//! or                                               <-  magic version                (of another version)
//!                                                  <-  magic version 1              (TLS is wanted here)
//!                                                  <-  magic version 2 cluster      (another cluster)
//! ```
//! Both proofs cover everything said so far, and the TLS connection that it was said in, so nothing can be
//! replayed, reflected, altered, or passed on by somebody in between.

use crate::error::HandshakeError;
use crate::tls::{self, Binding, TLS_HANDSHAKE};
use crate::{Credentials, Target};
use hmac::{Hmac, KeyInit, Mac};
use model::membership::{ProcessName, Role};
use rand::Rng;
use sha2::Sha256;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Changes when the handshake or the frames change.
pub(crate) const VERSION: u16 = 7;
/// Connection and handshake take no longer than this.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);
pub(crate) const MAGIC: [u8; 4] = *b"WYDL";
const NAME_MAX: usize = 64;
const WELCOME: u8 = 1;
/// A server's first word after its opening.
const GO_ON: u8 = 0;
const TLS_WANTED: u8 = 1;
const OTHER_CLUSTER: u8 = 2;
/// Flags: it can read packed frames.
const READS_PACKED: u8 = 1;
type Nonce = [u8; 32];
type Proof = [u8; 32];

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Calls = 1,
    Stream = 2,
}

/// What a handshake came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The other end.
    pub(crate) name: ProcessName,
    pub(crate) purpose: Purpose,
    /// Large frames may be packed.
    pub(crate) packed: bool,
}

/// The client's side.
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut S,
    credentials: &Credentials,
    target: &Target,
    purpose: Purpose,
    binding: Binding,
) -> Result<Agreed, HandshakeError> {
    let nonce: Nonce = rand::rng().random();
    let offered = flags(credentials);
    let mut hello = opening();
    hello.extend_from_slice(&[purpose as u8, offered]);
    hello.extend_from_slice(&nonce);
    push_name(&mut hello, &credentials.name)?;
    push_text(&mut hello, credentials.policy.cluster(), "cluster")?;
    say(socket, &hello).await?;

    read_opening(socket).await?;
    match read_u8(socket).await? {
        GO_ON => {}
        TLS_WANTED => return Err(HandshakeError::TlsWanted),
        OTHER_CLUSTER => {
            let found = read_text(socket, "cluster").await?;
            return Err(HandshakeError::OtherCluster {
                found,
                expected: credentials.policy.cluster().into(),
            });
        }
        _ => return Err(HandshakeError::Malformed("answer")),
    }
    let taken = read_u8(socket).await?;
    let their_nonce: Nonce = read_array(socket).await?;
    let their_name = read_name(socket).await?;
    let their_proof: Proof = read_array(socket).await?;
    let said = Said {
        purpose,
        flags: [offered, taken],
        nonces: [nonce, their_nonce],
        names: [&credentials.name, &their_name],
        binding,
    };
    said.check(credentials, b"server", &their_proof)?;
    check_role(&target.name, &their_name)?;

    say(socket, &said.proof(credentials, b"client")).await?;
    match socket.read_u8().await {
        Ok(WELCOME) => Ok(Agreed { packed: said.packed(), name: their_name, purpose }),
        Ok(_) => Err(HandshakeError::Malformed("welcome")),
        Err(_) => Err(HandshakeError::WrongKey),
    }
}

/// The server's side.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut S,
    credentials: &Credentials,
    binding: Binding,
) -> Result<Agreed, HandshakeError> {
    let opened = read_opening(socket).await;
    if let Err(HandshakeError::Version { .. } | HandshakeError::TlsPeer) = opened {
        say(socket, &opening()).await?; // so that the other end can say what is wrong
    }
    opened?;
    let purpose = match read_u8(socket).await? {
        1 => Purpose::Calls,
        2 => Purpose::Stream,
        _ => return Err(HandshakeError::Malformed("purpose")),
    };
    let offered = read_u8(socket).await?;
    let their_nonce: Nonce = read_array(socket).await?;
    let their_name = read_name(socket).await?;
    let cluster = read_text(socket, "cluster").await?;
    let ours = credentials.policy.cluster();
    if cluster != ours {
        let mut refusal = opening();
        refusal.push(OTHER_CLUSTER);
        push_text(&mut refusal, ours, "cluster")?;
        say(socket, &refusal).await?;
        return Err(HandshakeError::OtherCluster { found: cluster, expected: ours.to_owned() });
    }

    let nonce: Nonce = rand::rng().random();
    let said = Said {
        purpose,
        flags: [offered, offered & flags(credentials)],
        nonces: [their_nonce, nonce],
        names: [&their_name, &credentials.name],
        binding,
    };
    let mut challenge = opening();
    challenge.extend_from_slice(&[GO_ON, said.flags[1]]);
    challenge.extend_from_slice(&nonce);
    push_name(&mut challenge, &credentials.name)?;
    challenge.extend_from_slice(&said.proof(credentials, b"server"));
    say(socket, &challenge).await?;

    let their_proof: Proof = read_array(socket).await?;
    said.check(credentials, b"client", &their_proof)?;
    say(socket, &[WELCOME]).await?;
    Ok(Agreed { packed: said.packed(), name: their_name, purpose })
}

/// What a server with certificates answers to a client without.
pub(crate) fn tls_wanted() -> Vec<u8> {
    let mut bytes = opening();
    bytes.push(TLS_WANTED);
    bytes
}

/// Who never packs does not ask others to; who packs can also read it.
fn flags(credentials: &Credentials) -> u8 {
    if credentials.policy.compress_from() > 0 { READS_PACKED } else { 0 }
}

async fn say<S: AsyncWrite + Unpin>(socket: &mut S, bytes: &[u8]) -> Result<(), HandshakeError> {
    socket.write_all(bytes).await.map_err(tls::refusal)?;
    socket.flush().await.map_err(tls::refusal)
}

/// What both ends have said; client first.
struct Said<'a> {
    purpose: Purpose,
    flags: [u8; 2],
    nonces: [Nonce; 2],
    names: [&'a ProcessName; 2],
    binding: Binding,
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
        mac.update(&self.flags);
        mac.update(&self.binding);
        for nonce in &self.nonces {
            mac.update(nonce);
        }
        for text in [self.names[0].as_str(), self.names[1].as_str(), credentials.policy.cluster()] {
            mac.update(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            mac.update(text.as_bytes());
        }
        mac
    }

    fn packed(&self) -> bool {
        self.flags[1] & READS_PACKED != 0
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

async fn read_opening<S: AsyncRead + Unpin>(socket: &mut S) -> Result<(), HandshakeError> {
    match read_array::<4, S>(socket).await? {
        MAGIC => {}
        [TLS_HANDSHAKE, 3, ..] => return Err(HandshakeError::TlsPeer),
        _ => return Err(HandshakeError::Stranger),
    }
    match u16::from_le_bytes(read_array(socket).await?) {
        VERSION => Ok(()),
        found => Err(HandshakeError::Version { found, expected: VERSION }),
    }
}

fn push_name(bytes: &mut Vec<u8>, name: &ProcessName) -> Result<(), HandshakeError> {
    push_text(bytes, name.as_str(), "name")
}

fn push_text(bytes: &mut Vec<u8>, text: &str, what: &'static str) -> Result<(), HandshakeError> {
    let length = u8::try_from(text.len()).ok().filter(|length| usize::from(*length) <= NAME_MAX);
    bytes.push(length.ok_or(HandshakeError::Malformed(what))?);
    bytes.extend_from_slice(text.as_bytes());
    Ok(())
}

async fn read_name<S: AsyncRead + Unpin>(socket: &mut S) -> Result<ProcessName, HandshakeError> {
    read_text(socket, "name").await.map(ProcessName)
}

async fn read_text<S: AsyncRead + Unpin>(
    socket: &mut S,
    what: &'static str,
) -> Result<String, HandshakeError> {
    let length = usize::from(read_u8(socket).await?);
    if length > NAME_MAX {
        return Err(HandshakeError::Malformed(what));
    }
    let mut text = vec![0; length];
    socket.read_exact(&mut text).await.map_err(tls::refusal)?;
    match String::from_utf8(text) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic()) => Ok(text),
        _ => Err(HandshakeError::Malformed(what)),
    }
}

async fn read_u8<S: AsyncRead + Unpin>(socket: &mut S) -> Result<u8, HandshakeError> {
    read_array::<1, S>(socket).await.map(|[byte]| byte)
}

/// In TLS 1.3 a client hears only here that its certificate was refused.
async fn read_array<const N: usize, S: AsyncRead + Unpin>(socket: &mut S) -> Result<[u8; N], HandshakeError> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes).await.map_err(tls::refusal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::Secret;
    use std::net::Ipv4Addr;
    use tokio::net::{TcpListener, TcpStream};

    fn credentials(name: &str) -> Credentials {
        Credentials::new(ProcessName(name.into()), Secret::new("00112233445566778899aabbccddeeff"))
    }

    /// A stranger says hello and answers the server's challenge with whatever `prove` makes of its proof.
    async fn stranger(version: u16, prove: impl FnOnce(Proof) -> Proof) -> Result<(), HandshakeError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut ours = listener.accept().await.unwrap().0;
        let server = tokio::spawn(async move {
            accept(&mut ours, &credentials("dbsrv-1"), Binding::default()).await.map(drop)
        });
        let mut hello = MAGIC.to_vec();
        hello.extend_from_slice(&version.to_le_bytes());
        hello.extend_from_slice(&[Purpose::Calls as u8, 0]);
        hello.extend_from_slice(&[9; 32]);
        push_name(&mut hello, &ProcessName("edge-1".into())).unwrap();
        push_text(&mut hello, crate::DEFAULT_CLUSTER, "cluster").unwrap();
        socket.write_all(&hello).await.unwrap();
        if read_opening(&mut socket).await.is_ok() && version == VERSION {
            assert_eq!(read_array(&mut socket).await.unwrap(), [GO_ON, 0]);
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
        const OTHER: u16 = VERSION + 1;
        let refused = stranger(OTHER, |proof| proof).await;
        assert!(
            matches!(refused, Err(HandshakeError::Version { found: OTHER, expected: VERSION })),
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
