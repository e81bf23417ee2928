//! Hosts for the processes of a cluster on one machine: a network namespace each, behind a router that drops silently what
//! goes between two of them when it is told so, as a broken switch does.
//!
//! ```text
//!   node-1 --veth--+                    +--veth-- edge
//!   node-2 --veth--+-- router (here) ---+--veth-- database
//!                      the test, bots
//! ```
//! The router is the namespace of the test itself, which has no way out: nothing of it reaches another network. All of it
//! is gone with the last process in it.

use anyhow::{Context, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Set in a program that runs in a router's namespace already.
const INSIDE: &str = "WYDBR_E2E_ROUTER";
/// Hosts have the addresses `10.77.<number>.2`, their router `10.77.<number>.1`.
const NETWORK: [u8; 2] = [10, 77];
const WHOLE_NETWORK: &str = "10.77.0.0/16";
/// Seconds after which a connection that does not come about is taken for dropped.
const DROPPED_AFTER: &str = "1";

/// Whether this machine lets us make namespaces; why not, otherwise.
pub fn possible() -> Result<(), String> {
    let tried = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "ip", "rule", "add"])
        .args(["from", "10.77.1.2", "to", "10.77.2.2", "blackhole"])
        .stdin(Stdio::null())
        .output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

/// Begins this program anew in a namespace that can be a router, unless it runs in one; comes back only inside.
pub fn enter() -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        run("mount", &["-t", "tmpfs", "wydbr", "/run"])?; // where `ip` keeps its names: ours alone
        run("ip", &["link", "set", "lo", "up"])?;
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("no forwarding")?;
        return Ok(());
    }
    possible().map_err(|why| anyhow::anyhow!("this machine makes no network namespaces: {why}"))?;
    let own = std::env::current_exe()?;
    let error = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "--"])
        .arg(own)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error).context("unshare")
}

/// The hosts.
#[derive(Debug)]
pub struct Hosts {
    names: Vec<String>,
}

impl Hosts {
    /// Makes them; to be called inside, once.
    pub fn new(names: Vec<String>) -> anyhow::Result<Hosts> {
        ensure!(std::env::var_os(INSIDE).is_some(), "hosts are made in a router's namespace only");
        let hosts = Hosts { names };
        for (index, name) in hosts.names.iter().enumerate() {
            let (wire, number) = (format!("w{index}"), index + 1);
            let (router, own) = (format!("10.77.{number}.1"), format!("10.77.{number}.2/24"));
            run("ip", &["netns", "add", name])?;
            run("ip", &["link", "add", &wire, "type", "veth", "peer", "name", "eth0", "netns", name])?;
            run("ip", &["addr", "add", &format!("{router}/24"), "dev", &wire])?;
            run("ip", &["link", "set", &wire, "up"])?;
            run("ip", &["-n", name, "addr", "add", &own, "dev", "eth0"])?;
            run("ip", &["-n", name, "link", "set", "eth0", "up"])?;
            run("ip", &["-n", name, "link", "set", "lo", "up"])?;
            run("ip", &["-n", name, "route", "add", WHOLE_NETWORK, "via", &router])?;
        }
        Ok(hosts)
    }

    /// The address of a host.
    ///
    /// # Panics
    /// When there is no such host.
    pub fn address(&self, host: &str) -> Ipv4Addr {
        let index = self.names.iter().position(|name| name == host);
        let index = index.unwrap_or_else(|| panic!("no host {host} in {:?}", self.names));
        Ipv4Addr::new(NETWORK[0], NETWORK[1], index as u8 + 1, 2)
    }

    /// The router's address on the wire to a host: from where whoever runs in the router reaches it.
    pub fn router(&self, host: &str) -> Ipv4Addr {
        let [a, b, number, _] = self.address(host).octets();
        Ipv4Addr::new(a, b, number, 1)
    }

    /// A program that will run on a host, as a child with its own pid.
    pub fn command(&self, host: &str, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{host}")).arg("--").arg(program);
        command
    }

    /// Drops all that two hosts send each other from now on.
    pub fn part(&self, one: &str, other: &str) -> anyhow::Result<()> {
        self.rule("add", one, other)?;
        self.rule("add", other, one)
    }

    /// Ends that.
    pub fn heal(&self, one: &str, other: &str) -> anyhow::Result<()> {
        self.rule("del", one, other)?;
        self.rule("del", other, one)
    }

    fn rule(&self, verb: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let (from, to) = (self.address(from).to_string(), self.address(to).to_string());
        run("ip", &["rule", verb, "from", &from, "to", &to, "blackhole"])
    }

    /// True when a connection from a host to an address comes about.
    pub fn reaches(&self, from: &str, to: SocketAddr) -> anyhow::Result<bool> {
        let script = format!("exec 3<>/dev/tcp/{}/{}", to.ip(), to.port());
        let tried = self
            .command(from, Path::new("timeout"))
            .args([DROPPED_AFTER, "bash", "-c", &script])
            .stderr(Stdio::null())
            .status()
            .context("nsenter")?;
        Ok(tried.success())
    }
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("no {program}"))?;
    ensure!(
        output.status.success(),
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
