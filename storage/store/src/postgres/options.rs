//! Where the databases are and how long they may take. Passwords stay inside [`Dsn`].

use crate::error::OpenError;
use std::fmt;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The address of one database. Shown without user and password.
#[derive(Clone)]
pub struct Dsn {
    config: Config,
    shown: String,
}

impl Dsn {
    /// From `postgres://user:password@host:port/database` or `host=.. user=.. dbname=..`.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let wrong = |found: &str| OpenError::Settings {
            what: "address of a PostgreSQL database",
            found: found.to_owned(),
            expected: "postgres://USER:PASSWORD@HOST:PORT/DATABASE".into(),
        };
        // neither the text nor the parser's words are shown: both may hold the password
        let config: Config = text.parse().map_err(|_| wrong("an address that cannot be read"))?;
        let Some(database) = config.get_dbname() else { return Err(wrong("an address without a database")) };
        if config.get_hosts().is_empty() {
            return Err(wrong("an address without a host"));
        }
        let shown = format!("{}/{database}", hosts(&config));
        Ok(Self { config, shown })
    }

    /// What connects to it.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }
}

fn hosts(config: &Config) -> String {
    let ports = config.get_ports();
    let shown = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let port = ports.get(index).or_else(|| ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    shown.collect::<Vec<_>>().join(",")
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({})", self.shown)
    }
}

/// Where the databases are and how long they may take.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The metadata database; without one the database of the first shard holds it too.
    pub metadata: Option<Dsn>,
    /// The shards, always in the same order.
    pub shards: Vec<Dsn>,
    /// Connections to each shard.
    pub pool_size: usize,
    /// Connections to the metadata database.
    pub metadata_pool_size: usize,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long an operation waits for a free connection.
    pub wait_timeout: Duration,
    /// How long one transaction may take.
    pub transaction_timeout: Duration,
    /// How long a name stays reserved by an operation of which nothing is heard.
    pub reservation: Duration,
}

impl PostgresOptions {
    /// Over shards, with ordinary sizes and times.
    pub fn new(shards: Vec<Dsn>) -> Self {
        Self {
            metadata: None,
            shards,
            pool_size: 16,
            metadata_pool_size: 8,
            connect_timeout: Duration::from_secs(2),
            wait_timeout: Duration::from_secs(2),
            transaction_timeout: Duration::from_millis(2_500),
            reservation: Duration::from_secs(15),
        }
    }

    /// Refuses what cannot work before anything is connected.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let wrong = |what, found: String, expected: &str| {
            Err(OpenError::Settings { what, found, expected: expected.into() })
        };
        if self.shards.is_empty() || self.shards.len() > usize::from(placement::BUCKETS) {
            let found = format!("{} addresses", self.shards.len());
            return wrong("list of PostgreSQL shards", found, "between one and 4096");
        }
        for (index, dsn) in self.shards.iter().enumerate() {
            if self.shards[..index].iter().any(|other| other.shown == dsn.shown) {
                return wrong(
                    "list of PostgreSQL shards",
                    format!("{dsn} twice"),
                    "a database of its own for each shard",
                );
            }
        }
        if self.pool_size == 0 || self.metadata_pool_size == 0 {
            return wrong("size of a connection pool", "0".into(), "at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_shown_without_user_and_password() {
        let dsn = Dsn::parse("postgres://wyd:s3cret@db.example:5433/shard0").unwrap();
        assert_eq!(dsn.to_string(), "db.example:5433/shard0");
        let options = PostgresOptions::new(vec![dsn]);
        let shown = format!("{options:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("wyd:"), "{shown}");
        let dsn = Dsn::parse("host=/run/pg user=wyd password=s3cret dbname=wyd").unwrap();
        assert_eq!(dsn.to_string(), "/run/pg:5432/wyd");
    }

    #[test]
    fn a_wrong_address_is_refused_without_showing_it() {
        for text in
            ["", "postgres://u:s3cret@h", "mysql://u:s3cret@h/d", "postgres://u:s3cret@h:x/d", "dbname=x"]
        {
            let error = Dsn::parse(text).unwrap_err().to_string();
            assert!(error.contains("expected postgres://") && !error.contains("s3cret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_list_that_cannot_work_is_refused() {
        let dsn = Dsn::parse("postgres://u@h/d").unwrap();
        assert!(PostgresOptions::new(Vec::new()).check().is_err());
        let twice = PostgresOptions::new(vec![dsn.clone(), dsn.clone()]).check().unwrap_err();
        assert!(twice.to_string().contains("h:5432/d twice"), "{twice}");
        assert!(PostgresOptions::new(vec![dsn]).check().is_ok());
    }
}
