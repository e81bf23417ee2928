//! What a killed supervisor left: its processes notice its end, save, and stop in order, which takes a moment.
//! The next run waits for them, so that it finds their ports free and nobody else at the store.

use crate::data_dir::{ClusterFile, DataDir};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A process that was told to stop and has not stopped after this never will.
const DEADLINE: Duration = Duration::from_secs(25);
/// How often the ports are tried.
const EVERY: Duration = Duration::from_millis(50);

/// Waits until the ports of a run that did not stop in order are free; gives up after [`DEADLINE`], since
/// somebody else may have taken one. `public` are the ports that players use.
pub async fn wait_for_its_end(data: &DataDir, listen: IpAddr, public: [u16; 2]) {
    let Ok(Some(last)) = data.read_cluster() else { return };
    if last.supervisor == 0 {
        return;
    }
    let addresses = addresses_of(&last, listen, public);
    let end = Instant::now() + DEADLINE;
    let mut told = false;
    while let Some(taken) = addresses.iter().find(|address| TcpListener::bind(address).is_err()) {
        if Instant::now() >= end {
            return;
        }
        if !told {
            println!("waiting for the processes of the last run to end ({taken} is still taken)");
            told = true;
        }
        sleep(EVERY).await;
    }
}

fn addresses_of(last: &ClusterFile, listen: IpAddr, public: [u16; 2]) -> Vec<SocketAddr> {
    let own = last.processes.iter().flat_map(|process| [process.link, process.http]);
    own.chain(public.map(|port| SocketAddr::new(listen, port))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::Ipv4Addr;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn waits(supervisor: u32) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        data.create().unwrap();
        data.write_cluster(&ClusterFile { supervisor, ..ClusterFile::default() }).unwrap();
        let (held, other) = (TcpListener::bind((LOCAL, 0)).unwrap(), TcpListener::bind((LOCAL, 0)).unwrap());
        let public = [&held, &other].map(|listener| listener.local_addr().unwrap().port());
        drop(other);
        let mut waiting = Box::pin(wait_for_its_end(&data, LOCAL, public));
        let waits = futures::poll!(&mut waiting).is_pending();
        drop(held);
        if waits {
            waiting.await;
        }
        waits
    }

    #[tokio::test]
    async fn a_run_that_was_killed_is_waited_for() {
        assert!(waits(1).await);
    }

    #[tokio::test]
    async fn a_run_that_stopped_in_order_is_not() {
        assert!(!waits(0).await);
    }
}
