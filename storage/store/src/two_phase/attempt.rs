//! The name of one attempt at an operation, and of its parts on the shards.

use model::id::OperationId;
use std::fmt;

/// One attempt at an operation. Its number is random, so that no attempt is ever mistaken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    /// The cluster: several may share a database server.
    pub cluster: u128,
    /// What is attempted.
    pub operation: OperationId,
    /// Which attempt.
    pub number: u64,
}

impl Attempt {
    /// What all names begin with, of whatever cluster: prepared transactions with other names are not ours to touch.
    pub const OURS: &str = "wydbr:";

    /// The name of the prepared transaction on a shard, below 200 bytes. The shard is part of it because two shards
    /// may be databases of one server, where such names are unique over all databases.
    pub fn gid(&self, shard: u16) -> String {
        format!("{self}:{shard}")
    }

    /// What the names of all parts of a cluster begin with.
    pub fn prefix(cluster: u128) -> String {
        format!("{}{cluster:032x}:", Self::OURS)
    }

    /// From its own name, as shown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix(Self::OURS)?.split(':');
        let mut hex = |digits: usize| fields.next().filter(|field| field.len() == digits);
        let cluster = u128::from_str_radix(hex(32)?, 16).ok()?;
        let operation = OperationId(u128::from_str_radix(hex(32)?, 16).ok()?);
        let number = u64::from_str_radix(hex(16)?, 16).ok()?;
        let attempt = Self { cluster, operation, number };
        // exactly as we write it, and nothing after it
        (attempt.to_string() == text).then_some(attempt)
    }

    /// From the name of a part, with its shard.
    pub fn of_gid(gid: &str) -> Option<(Self, u16)> {
        let (attempt, shard) = gid.rsplit_once(':')?;
        let (attempt, shard) = (Self::parse(attempt)?, shard.parse().ok()?);
        (attempt.gid(shard) == gid).then_some((attempt, shard))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:032x}:{:032x}:{:016x}", Self::OURS, self.cluster, self.operation.0, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_and_no_other_name_is_taken_for_one() {
        let attempt = Attempt { cluster: 7, operation: OperationId(u128::MAX), number: 1 };
        let gid = attempt.gid(4095);
        assert!(gid.len() < 200 && gid.starts_with(&Attempt::prefix(7)), "{gid}");
        assert_eq!(Attempt::of_gid(&gid), Some((attempt, 4095)));
        assert_eq!(Attempt::parse(&attempt.to_string()), Some(attempt));
        let foreign = gid.replace("wydbr", "other");
        let upper = gid.to_uppercase().replace("WYDBR", "wydbr");
        for other in ["", "wydbr", "wydbr:1:2:3:4", &foreign, &upper, &format!("{gid}:0"), &format!("{gid}x")]
        {
            assert_eq!(Attempt::of_gid(other), None, "{other}");
        }
    }
}
