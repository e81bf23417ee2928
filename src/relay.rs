//! `wydbr relay`: what a player runs beside the client to play over an encrypted connection.

use crate::cli::in_runtime;
use anyhow::{Context, bail};
use clap::Args;
use relay::{Fingerprint, Options, Relay, Trust};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Arguments of `wydbr relay`.
#[derive(Args, Debug)]
pub struct RelayArgs {
    /// Where the edge listens for QUIC: `quic.listen` of its settings.
    #[arg(long, value_name = "HOST:PORT")]
    edge: String,
    /// Where the client connects on this machine.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8281")]
    listen: SocketAddr,
    /// Fingerprint of the certificate of the edge, which the edge logs at its start.
    #[arg(long, value_name = "HEX", conflicts_with = "ca", required_unless_present = "ca")]
    fingerprint: Option<Fingerprint>,
    /// CA of the certificate of the edge, in PEM; the certificate must be for HOST.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Carries players until SIGINT or SIGTERM.
pub fn main(args: RelayArgs) -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt().with_target(false).init();
    in_runtime(carry(args))?
}

async fn carry(args: RelayArgs) -> anyhow::Result<ExitCode> {
    let trust = match (args.fingerprint, args.ca) {
        (Some(fingerprint), _) => Trust::Pinned(fingerprint),
        (None, Some(ca)) => Trust::Ca(ca),
        (None, None) => bail!("--fingerprint or --ca must say how the edge is known"),
    };
    let host = args.edge.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned());
    let edge_name = host.with_context(|| format!("--edge: found {}, expected HOST:PORT", args.edge))?;
    let mut found = tokio::net::lookup_host(&args.edge)
        .await
        .with_context(|| format!("--edge: cannot find {}", args.edge))?;
    let edge = found.next().with_context(|| format!("--edge: {} has no address", args.edge))?;
    if !args.listen.ip().is_loopback() {
        tracing::warn!("what clients on other machines say to this relay is not encrypted");
    }
    let relay = Relay::start(&Options { listen: args.listen, edge, edge_name, trust }).await?;
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("ready: clients connect to {}", relay.local_addr()?);
    let told = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    };
    tokio::join!(relay.run(stop.clone()), told);
    Ok(ExitCode::SUCCESS)
}
