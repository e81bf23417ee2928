//! What one address may do: connections at once, new connections, logins. Pure.

use crate::budget::Bucket;
use crate::settings::Addresses;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the 64-bit network of an IPv6 one: what one customer of a provider gets.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
    }
}

#[derive(Debug)]
struct Known {
    connections: u32,
    connects: Bucket,
    logins: Bucket,
}

/// Why an address may not connect now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRefusal {
    /// It has as many connections as it may have.
    TooMany,
    /// It connects too often.
    TooFast,
    /// More addresses than are remembered.
    TableFull,
}

/// All addresses that did something lately.
#[derive(Debug, Default)]
pub struct AddressBook {
    known: HashMap<IpAddr, Known>,
}

impl AddressBook {
    /// A connection comes in. When it is let in, [`AddressBook::disconnect`] must follow one day.
    pub fn connect(
        &mut self,
        address: IpAddr,
        limits: &Addresses,
        now_ms: u64,
    ) -> Result<(), AddressRefusal> {
        if is_exempt(address, limits) {
            return Ok(());
        }
        let known = self.entry(address, limits, now_ms).ok_or(AddressRefusal::TableFull)?;
        if known.connections >= limits.connections_max {
            return Err(AddressRefusal::TooMany);
        }
        if !known.connects.take(1.0, limits.connects, now_ms) {
            return Err(AddressRefusal::TooFast);
        }
        known.connections += 1;
        Ok(())
    }

    /// A connection that another edge let in goes on here, whatever the limits say.
    pub fn claim(&mut self, address: IpAddr, limits: &Addresses, now_ms: u64) {
        if is_exempt(address, limits) {
            return;
        }
        if let Some(known) = self.entry(address, limits, now_ms) {
            known.connections += 1;
        }
    }

    /// A connection that was let in is gone.
    pub fn disconnect(&mut self, address: IpAddr) {
        if let Some(known) = self.known.get_mut(&network(address)) {
            known.connections = known.connections.saturating_sub(1);
        }
    }

    /// A login attempt; false when there were too many.
    pub fn login(&mut self, address: IpAddr, limits: &Addresses, now_ms: u64) -> bool {
        if is_exempt(address, limits) {
            return true;
        }
        self.entry(address, limits, now_ms).is_some_and(|known| known.logins.take(1.0, limits.logins, now_ms))
    }

    fn entry(&mut self, address: IpAddr, limits: &Addresses, now_ms: u64) -> Option<&mut Known> {
        let key = network(address);
        if !self.known.contains_key(&key) && self.known.len() >= limits.remembered_max {
            self.known.retain(|_, known| {
                known.connections > 0
                    || !known.connects.is_full(limits.connects, now_ms)
                    || !known.logins.is_full(limits.logins, now_ms)
            });
            if self.known.len() >= limits.remembered_max {
                return None;
            }
        }
        Some(self.known.entry(key).or_insert_with(|| Known {
            connections: 0,
            connects: Bucket::full(limits.connects, now_ms),
            logins: Bucket::full(limits.logins, now_ms),
        }))
    }
}

fn is_exempt(address: IpAddr, limits: &Addresses) -> bool {
    limits.exempt.contains(&address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Rate;

    fn limits() -> Addresses {
        Addresses {
            connections_max: 2,
            connects: Rate::new(1.0, 3.0),
            logins: Rate::new(1.0, 1.0),
            remembered_max: 2,
            ..Addresses::default()
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_has_so_many_connections_and_no_more() {
        let (mut book, limits) = (AddressBook::default(), limits());
        assert_eq!(book.connect(ip("10.0.0.1"), &limits, 0), Ok(()));
        assert_eq!(
            book.connect(ip("::ffff:10.0.0.1"), &limits, 0),
            Ok(()),
            "the same address, written otherwise"
        );
        assert_eq!(book.connect(ip("10.0.0.1"), &limits, 0), Err(AddressRefusal::TooMany));
        book.disconnect(ip("10.0.0.1"));
        assert_eq!(book.connect(ip("10.0.0.1"), &limits, 0), Ok(()));
        book.disconnect(ip("10.0.0.1"));
        assert_eq!(book.connect(ip("10.0.0.1"), &limits, 0), Err(AddressRefusal::TooFast));
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let (mut book, limits) = (AddressBook::default(), limits());
        for host in ["2001:db8::1", "2001:db8::2"] {
            assert_eq!(book.connect(ip(host), &limits, 0), Ok(()));
        }
        assert_eq!(book.connect(ip("2001:db8::3"), &limits, 0), Err(AddressRefusal::TooMany));
        assert_eq!(book.connect(ip("2001:db8:0:1::3"), &limits, 0), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_was_quiet() {
        let (mut book, limits) = (AddressBook::default(), limits());
        assert!(book.login(ip("10.0.0.1"), &limits, 0));
        assert!(book.login(ip("10.0.0.2"), &limits, 0));
        assert_eq!(book.connect(ip("10.0.0.3"), &limits, 0), Err(AddressRefusal::TableFull));
        assert_eq!(book.connect(ip("10.0.0.3"), &limits, 5_000), Ok(()));
    }

    #[test]
    fn the_machine_itself_is_exempt() {
        let (mut book, limits) = (AddressBook::default(), limits());
        for _ in 0..100 {
            assert_eq!(book.connect(ip("127.0.0.1"), &limits, 0), Ok(()));
            assert!(book.login(ip("::1"), &limits, 0));
        }
    }
}
