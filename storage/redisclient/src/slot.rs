//! Hash slots: which keys lie together in a Cluster.

/// Slots of a Cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// A key: whatever the rest, keys of one tag lie in one slot. The prefix must have no braces.
pub fn key(prefix: &str, tag: &str, rest: &str) -> String {
    format!("{prefix}{{{tag}}}{rest}")
}

/// The slot of a tag: CRC-16/XMODEM, as the specification of Redis Cluster has it.
pub(crate) fn of(tag: &str) -> u16 {
    let crc =
        tag.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // 0x31C3 is the check value of CRC-16/XMODEM; `foo` and `user1000` as CLUSTER KEYSLOT tells
        assert_eq!(of("123456789"), 0x31c3 % SLOTS);
        assert_eq!((of("foo"), of("user1000"), of("")), (12_182, 3_443, 0));
        assert_eq!(key("wydbr:", "live", ":x"), "wydbr:{live}:x");
    }
}
