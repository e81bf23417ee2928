//! Numbers of lots as players type them: the beginning of the id in 13 letters and digits, without I, L, O and U.

use model::LotId;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 13;
const SHORTEST: usize = 5;

fn full(lot: LotId) -> String {
    let number = u128::from(lot.0) << 2; // 63 bits on 65
    let digit = |place: usize| DIGITS[((number >> (5 * (LENGTH - 1 - place))) & 31) as usize];
    (0..LENGTH).map(|place| char::from(digit(place))).collect()
}

/// The shortest beginning of its number that none of the neighbours has.
pub(super) fn shortest(lot: LotId, neighbours: impl Iterator<Item = LotId>) -> String {
    let own = full(lot);
    let common = |other: LotId| own.bytes().zip(full(other).bytes()).take_while(|(a, b)| a == b).count();
    let length = neighbours.map(|other| common(other) + 1).max().unwrap_or(0).clamp(SHORTEST, LENGTH);
    own.chars().take(length).collect()
}

fn value(digit: char) -> Option<u128> {
    let digit = match digit.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    DIGITS.iter().position(|known| char::from(*known) == digit).map(|value| value as u128)
}

/// Lowest and highest id whose number begins so.
pub(super) fn range(beginning: &str) -> Option<(LotId, LotId)> {
    let length = beginning.chars().count();
    if !(SHORTEST..=LENGTH).contains(&length) {
        return None;
    }
    let mut number = 0_u128;
    for digit in beginning.chars() {
        number = number << 5 | value(digit)?;
    }
    let rest = 5 * (LENGTH - length);
    let (low, high) = (number << rest, ((number + 1) << rest) - 1);
    let id = |number: u128| u64::try_from(number >> 2).ok().map(LotId);
    Some((id(low)?, id(high)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_leads_back_to_its_lot_whatever_the_case() {
        for id in [1, 2, 77, 0x1234_5678_9abc_def0, i64::MAX as u64] {
            let lot = LotId(id);
            assert_eq!(range(&full(lot)), Some((lot, lot)), "{id:x}");
            let short = shortest(lot, std::iter::empty());
            assert_eq!(short.len(), 5);
            let (low, high) = range(&short.to_lowercase()).unwrap();
            assert!(low <= lot && lot <= high);
        }
    }

    #[test]
    fn a_neighbour_makes_the_number_longer() {
        let (lot, near) = (LotId(0x1234_5678_9abc_def0), LotId(0x1234_5678_9abc_0000));
        let number = shortest(lot, [near].into_iter());
        let (low, high) = range(&number).unwrap();
        assert!(low <= lot && lot <= high);
        assert!(!(low <= near && near <= high), "{number}");
    }

    #[test]
    fn what_is_no_number_leads_nowhere() {
        for text in ["", "ABCD", "ABCDU", "12345678901234", "äbcde"] {
            assert_eq!(range(text), None, "{text}");
        }
    }
}
