//! An honest question twice a second, to see that the server still answers.

use super::Attack;
use crate::protocol::bytes::put_i32;
use crate::protocol::outgoing;
use crate::protocol::profile::Profile;
use crate::transport::INIT_CODE;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How often it asks.
const INTERVAL: Duration = Duration::from_millis(500);
/// Longer than this is a server that stopped accepting.
const PATIENCE: Duration = Duration::from_secs(2);
/// An address that no attacker uses.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 200, 0, 1);

/// Asks until the run is over.
pub(super) async fn watch(attack: Arc<Attack>) {
    while !attack.is_over() {
        let asked = Instant::now();
        match tokio::time::timeout(PATIENCE, ask(&attack)).await {
            Ok(Ok(())) => attack.tally.canary(Some(asked.elapsed())),
            Ok(Err(error)) => {
                attack.tally.canary(None);
                attack.tally.unexpected(|| format!("the server does not accept: {error}"));
            }
            Err(_) => {
                attack.tally.canary(None);
                let seconds = PATIENCE.as_secs();
                attack.tally.unexpected(|| format!("the server did not answer for {seconds} s"));
            }
        }
        tokio::time::sleep(INTERVAL.saturating_sub(asked.elapsed())).await;
    }
}

/// A login of a version that nobody has: refused before any password is looked at, with a text or a close.
async fn ask(attack: &Attack) -> std::io::Result<()> {
    let mut stream = attack.connect(SOURCE).await?;
    let mut packet = outgoing::login(Profile::V759, "canary", "canary", false);
    put_i32(&mut packet, Profile::V759.layout().login.version, 1);
    wire::codec::encode_in_place(&mut packet, 7);
    let mut bytes = INIT_CODE.to_vec();
    bytes.extend_from_slice(&packet);
    stream.write_all(&bytes).await?;
    let mut answer = [0; 256];
    // a text, an orderly close and a reset are all answers
    let _answered = stream.read(&mut answer).await;
    Ok(())
}
