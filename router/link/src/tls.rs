//! TLS around a connection, and plain words for what goes wrong with it.

use crate::certificates::Material;
use crate::error::HandshakeError;
use crate::handshake;
use crate::socket::Socket;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

/// First byte of every TLS connection.
pub(crate) const TLS_HANDSHAKE: u8 = 0x16;
/// How long, and for how many bytes, a refused peer is listened to, so that it can read why.
const GOODBYE: Duration = Duration::from_millis(500);
const GOODBYE_BYTES: u64 = 64 << 10;
const BINDING_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What the key handshake is bound to: a value that only the two ends of one TLS connection know; zeros
/// without TLS.
pub(crate) type Binding = [u8; 32];

/// Takes a client's connection as TLS. A client that does not speak TLS is told so.
pub(crate) async fn accept(
    socket: TcpStream,
    material: &Material,
) -> Result<(Socket, Binding), HandshakeError> {
    let mut first = [0];
    match (socket.peek(&mut first).await?, first[0]) {
        (0, _) => return Err(HandshakeError::Io(io::ErrorKind::UnexpectedEof.into())),
        (_, TLS_HANDSHAKE) => {}
        (_, first) => {
            let mut socket = socket;
            let said = handshake::tls_wanted();
            goodbye(&mut socket, &said).await;
            return Err(if first == handshake::MAGIC[0] {
                HandshakeError::PlainPeer
            } else {
                HandshakeError::Stranger
            });
        }
    }
    let shaken = material.acceptor.accept(socket).into_fallible().await;
    match shaken {
        Ok(stream) => bound(TlsStream::from(stream)),
        Err((error, mut socket)) => {
            // rustls has written its alert; the peer must be able to read it
            goodbye(&mut socket, &[]).await;
            Err(refusal(error))
        }
    }
}

/// Speaks TLS to a server, whose certificate must be for the address.
pub(crate) async fn connect(
    socket: TcpStream,
    material: &Material,
    address: SocketAddr,
) -> Result<(Socket, Binding), HandshakeError> {
    let name = ServerName::IpAddress(address.ip().to_canonical().into());
    let stream = material.connector.connect(name, socket).await.map_err(refusal)?;
    bound(TlsStream::from(stream))
}

fn bound(stream: TlsStream<TcpStream>) -> Result<(Socket, Binding), HandshakeError> {
    let binding = match &stream {
        TlsStream::Client(stream) => {
            stream.get_ref().1.export_keying_material(Binding::default(), BINDING_LABEL, None)
        }
        TlsStream::Server(stream) => {
            stream.get_ref().1.export_keying_material(Binding::default(), BINDING_LABEL, None)
        }
    };
    let binding = binding.map_err(|error| words(&error))?;
    Ok((Socket::Tls(Box::new(stream)), binding))
}

/// Last words to a peer that is refused: a socket closed with unread bytes in it takes them back.
pub(crate) async fn goodbye(socket: &mut TcpStream, said: &[u8]) {
    let all = async {
        socket.write_all(said).await?;
        socket.shutdown().await?;
        tokio::io::copy(&mut socket.take(GOODBYE_BYTES), &mut tokio::io::sink()).await
    };
    let _ = timeout(GOODBYE, all).await;
}

/// An error of a TLS connection by name; other errors of the network stay what they are.
pub(crate) fn refusal(error: io::Error) -> HandshakeError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => words(tls),
        None => HandshakeError::Io(error),
    }
}

/// What rustls says, as an operator would.
pub(crate) fn words(error: &rustls::Error) -> HandshakeError {
    use rustls::Error;
    let text = match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => return HandshakeError::PlainServer,
        Error::NoCertificatesPresented => "no certificate was shown",
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the certificate is of an unknown CA"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for other addresses"
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "the certificate is for another purpose"
            }
            _ => return HandshakeError::Certificate(format!("the certificate is bad: {certificate}")),
        },
        Error::AlertReceived(alert) => match alert {
            AlertDescription::UnknownCA | AlertDescription::DecryptError => {
                "the peer does not know the CA of our certificate"
            }
            AlertDescription::CertificateRequired => "the peer demands a certificate",
            AlertDescription::CertificateExpired => "the peer says that our certificate has expired",
            AlertDescription::BadCertificate | AlertDescription::UnsupportedCertificate => {
                "the peer refuses our certificate"
            }
            AlertDescription::ProtocolVersion => "the peer does not speak TLS 1.3",
            other => return HandshakeError::Certificate(format!("the peer broke TLS off: {other:?}")),
        },
        Error::PeerIncompatible(why) => {
            return HandshakeError::Certificate(format!("the peer speaks another TLS: {why:?}"));
        }
        other => return HandshakeError::Certificate(format!("TLS failed: {other}")),
    };
    HandshakeError::Certificate(text.to_owned())
}
