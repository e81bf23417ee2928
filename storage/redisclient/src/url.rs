//! URLs of Redis. What is wrong with one is told without quoting any of it: a password may stand anywhere in it.

use crate::link::Address;
use model::Secret;
use redis::{IntoConnectionInfo, RedisConnectionInfo};

/// What a URL may be.
pub const EXPECTED: &str = "redis://[user:password@]host:port[/db], \
    redis+sentinel://[user:password@]host:port,.../MASTER[/db] or redis+cluster://[user:password@]host:port,...";
/// Most sentinels or servers that a URL names.
const HOSTS_MAX: usize = 64;
/// Highest number of a database.
const DB_MAX: i64 = 1 << 20;

/// A URL that leads to no Redis; says what it is without quoting it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {found}, expected {EXPECTED}")]
pub struct BadUrl {
    /// What stands there.
    pub found: String,
}

fn bad<T>(found: impl Into<String>) -> Result<T, BadUrl> {
    Err(BadUrl { found: found.into() })
}

/// A URL that was understood.
pub struct RedisUrl {
    pub(crate) place: Place,
    pub(crate) login: RedisConnectionInfo,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    One(Address),
    Sentinels { sentinels: Vec<Address>, master: String },
    Cluster { seeds: Vec<Address> },
}

impl RedisUrl {
    /// Reads a URL.
    pub fn parse(url: &Secret) -> Result<Self, BadUrl> {
        let text = url.expose();
        let Some((scheme, rest)) = text.split_once("://") else { return bad("something without ://") };
        match scheme {
            "redis" | "unix" | "redis+unix" => one(text),
            "redis+sentinel" => sentinels(rest),
            "redis+cluster" => cluster(rest),
            "rediss" | "valkeys" => bad("a URL with TLS, which this program does not speak to Redis"),
            _ => bad("something else"),
        }
    }
}

fn one(text: &str) -> Result<RedisUrl, BadUrl> {
    match text.into_connection_info() {
        Ok(info) => {
            Ok(RedisUrl { place: Place::One(info.addr().clone()), login: info.redis_settings().clone() })
        }
        Err(_) => bad("a URL of one Redis that cannot be read"),
    }
}

fn sentinels(rest: &str) -> Result<RedisUrl, BadUrl> {
    let (authority, path) = split(rest);
    let (login, hosts) = login(authority)?;
    let sentinels = addresses(hosts, 26_379)?;
    let (master, db) = path.split_once('/').unwrap_or((path, ""));
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if master.is_empty() || !master.chars().all(good) {
        return bad("sentinels without the name of a master behind them");
    }
    let db = match db {
        "" => 0,
        db => match db.parse() {
            Ok(db) if (0..=DB_MAX).contains(&db) => db,
            _ => return bad("a database that is no number"),
        },
    };
    let master = master.to_owned();
    Ok(RedisUrl { place: Place::Sentinels { sentinels, master }, login: login.set_db(db) })
}

fn cluster(rest: &str) -> Result<RedisUrl, BadUrl> {
    let (authority, path) = split(rest);
    let (login, hosts) = login(authority)?;
    let seeds = addresses(hosts, 6_379)?;
    match path {
        "" | "0" => Ok(RedisUrl { place: Place::Cluster { seeds }, login }),
        _ => bad("a database of a cluster, which has only number 0"),
    }
}

/// What stands before and behind the first slash after the hosts.
fn split(rest: &str) -> (&str, &str) {
    let hosts = rest.rfind('@').map_or(0, |at| at + 1);
    match rest[hosts..].find('/') {
        Some(slash) => (&rest[..hosts + slash], &rest[hosts + slash + 1..]),
        None => (rest, ""),
    }
}

fn login(authority: &str) -> Result<(RedisConnectionInfo, &str), BadUrl> {
    let login = RedisConnectionInfo::default();
    let Some((who, hosts)) = authority.rsplit_once('@') else { return Ok((login, authority)) };
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (Some(user), Some(password)) = (decoded(user), decoded(password)) else {
        return bad("a user or a password with a % that is no code");
    };
    if password.is_empty() {
        return bad("a user without a password");
    }
    let login = login.set_password(password);
    Ok((if user.is_empty() { login } else { login.set_username(user) }, hosts))
}

/// `%2F` and the like.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let code = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(code).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn addresses(hosts: &str, port: u16) -> Result<Vec<Address>, BadUrl> {
    let hosts: Vec<&str> = hosts.split(',').collect();
    if hosts.len() > HOSTS_MAX {
        return bad(format!("{} hosts, more than {HOSTS_MAX}", hosts.len()));
    }
    let one = |(at, host): (usize, &&str)| {
        read(host, port).ok_or_else(|| BadUrl { found: format!("no host and port as number {}", at + 1) })
    };
    hosts.iter().enumerate().map(one).collect()
}

/// `host`, `host:port`, `[::1]:port`.
fn read(text: &str, otherwise: u16) -> Option<Address> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => otherwise,
        None => return None,
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    (!host.is_empty() && host.chars().all(good)).then(|| Address::Tcp(host.to_owned(), port))
}

/// An address as a server of a Cluster names it: the last colon is before the port, and no host is that of the
/// server that says so.
pub(crate) fn address(text: &str, said_by: &Address) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port: &u16| *port > 0)?;
    match (host, said_by) {
        ("" | "?", Address::Tcp(host, _)) => Some(Address::Tcp(host.clone(), port)),
        ("" | "?", _) => None,
        _ => Some(Address::Tcp(host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<RedisUrl, BadUrl> {
        RedisUrl::parse(&Secret::new(text))
    }

    fn tcp(host: &str, port: u16) -> String {
        Address::Tcp(host.to_owned(), port).to_string()
    }

    fn told(addresses: &[Address]) -> Vec<String> {
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_url_names_one_server_sentinels_or_a_cluster() {
        let one = parsed("redis://user:p%40ss@example.org:7000/3").map(|url| (url.place, url.login));
        let Ok((Place::One(address), login)) = one else { panic!("{:?}", one.map(|_| ())) };
        assert_eq!(address.to_string(), tcp("example.org", 7_000));
        assert_eq!((login.username(), login.password(), login.db()), (Some("user"), Some("p@ss"), 3));

        let set = parsed("redis+sentinel://:p%2Fw@a,b:26380,[::1]:26381/live/2").map(|u| (u.place, u.login));
        let Ok((Place::Sentinels { sentinels, master }, login)) = set else {
            panic!("{:?}", set.map(|_| ()))
        };
        assert_eq!(told(&sentinels), [tcp("a", 26_379), tcp("b", 26_380), tcp("::1", 26_381)]);
        assert_eq!((master.as_str(), login.username(), login.password()), ("live", None, Some("p/w")));
        assert_eq!(login.db(), 2);

        let cluster = parsed("redis+cluster://a:7001,b:7002").map(|url| url.place);
        let Ok(Place::Cluster { seeds }) = cluster else { panic!("{:?}", cluster.map(|_| ())) };
        assert_eq!(told(&seeds), [tcp("a", 7_001), tcp("b", 7_002)]);
    }

    #[test]
    fn a_bad_url_says_what_is_wrong_and_quotes_nothing() {
        for (text, found) in [
            ("hunter2", "something without ://"),
            ("http://:hunter2@example.org", "something else"),
            ("rediss://:hunter2@example.org", "a URL with TLS"),
            ("redis://:hunter2@:abc", "cannot be read"),
            ("redis+sentinel://:hunter2@a,b", "without the name of a master"),
            ("redis+sentinel://:hunter2@a,b/", "without the name of a master"),
            ("redis+sentinel://:hunter2@a/b c", "without the name of a master"),
            ("redis+sentinel://:hunter2@a/live/x", "a database that is no number"),
            ("redis+sentinel://:hunter2@a,,c/live", "no host and port as number 2"),
            ("redis+sentinel://:hunter2/live", "no host and port as number 1"),
            ("redis+sentinel://hunter2@a/live", "a user without a password"),
            ("redis+sentinel://:hunter%2@a/live", "a % that is no code"),
            ("redis+cluster://:hunter2@a:0", "no host and port as number 1"),
            ("redis+cluster://:hunter2@a:b:7", "no host and port as number 1"),
            ("redis+cluster://:hunter2@a:7/5", "a database of a cluster"),
            ("redis+cluster://", "no host and port as number 1"),
        ] {
            let bad = parsed(text).err().map(|bad| bad.to_string()).unwrap_or_default();
            assert!(bad.contains(found) && bad.contains("expected redis://"), "{text}: {bad}");
            assert!(!bad.contains("hunter"), "{bad}");
        }
    }

    #[test]
    fn a_server_of_a_cluster_names_others_and_itself() {
        let by = Address::Tcp("10.0.0.1".to_owned(), 7_001);
        let named = |text: &str| address(text, &by).map(|found| found.to_string());
        assert_eq!(named("10.0.0.2:7002"), Some(tcp("10.0.0.2", 7_002)));
        assert_eq!(named(":7002"), Some(tcp("10.0.0.1", 7_002)));
        assert_eq!(named("::1:7002"), Some(tcp("::1", 7_002)));
        assert_eq!((named("10.0.0.2"), named("10.0.0.2:0")), (None, None));
    }
}
