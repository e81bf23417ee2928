//! What players type and are shown in words: amounts of gold, and numbers of things that have an id.
//!
//! A number is the beginning of the id in 13 letters and digits, without I, L, O and U.

use crate::id::ItemId;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 13;
const SHORTEST: usize = 5;

/// An amount of gold: `5000`, `5k`, `5kk`.
pub fn amount(word: &str) -> Option<i64> {
    let digits = word.trim_end_matches(['k', 'K']);
    let times = match word.len() - digits.len() {
        0 => 1,
        1 => 1_000,
        2 => 1_000_000,
        _ => return None,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse::<i64>().ok()?.checked_mul(times)).flatten()
}

/// What stands for an item where an id has 63 bits.
pub fn of_item(item: ItemId) -> u64 {
    ((item.0 >> 64) as u64 ^ item.0 as u64) >> 1
}

fn full(id: u64) -> String {
    let number = u128::from(id) << 2; // 63 bits on 65
    let digit = |place: usize| DIGITS[((number >> (5 * (LENGTH - 1 - place))) & 31) as usize];
    (0..LENGTH).map(|place| char::from(digit(place))).collect()
}

/// The shortest beginning of the number of an id of 63 bits that none of the others has.
pub fn shortest(id: u64, others: impl Iterator<Item = u64>) -> String {
    let own = full(id);
    let common = |other: u64| own.bytes().zip(full(other).bytes()).take_while(|(a, b)| a == b).count();
    let length = others.map(|other| common(other) + 1).max().unwrap_or(0).clamp(SHORTEST, LENGTH);
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
pub fn range(beginning: &str) -> Option<(u64, u64)> {
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
    let id = |number: u128| u64::try_from(number >> 2).ok();
    Some((id(low)?, id(high)?))
}

/// The one thing whose number begins so; `None` for none, and for several.
pub fn the_one<T>(beginning: &str, all: impl IntoIterator<Item = T>, id: impl Fn(&T) -> u64) -> Option<T> {
    let (low, high) = range(beginning)?;
    let mut found = all.into_iter().filter(|thing| (low..=high).contains(&id(thing)));
    found.next().filter(|_| found.next().is_none())
}

/// A time in one number and a unit that both languages have.
pub fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_leads_back_to_its_id_whatever_the_case() {
        for id in [1, 2, 77, 0x1234_5678_9abc_def0, i64::MAX as u64] {
            assert_eq!(range(&full(id)), Some((id, id)), "{id:x}");
            let short = shortest(id, std::iter::empty());
            assert_eq!(short.len(), 5);
            let (low, high) = range(&short.to_lowercase()).unwrap();
            assert!(low <= id && id <= high);
        }
    }

    #[test]
    fn a_neighbour_makes_the_number_longer() {
        let (id, near) = (0x1234_5678_9abc_def0, 0x1234_5678_9abc_0000);
        let number = shortest(id, [near].into_iter());
        let (low, high) = range(&number).unwrap();
        assert!(low <= id && id <= high);
        assert!(!(low <= near && near <= high), "{number}");
        assert_eq!(the_one(&number, [near, id], |id| *id), Some(id));
        assert_eq!(the_one(&number[..5], [near, id], |id| *id), None, "it could be both");
        assert_eq!(the_one(&number, [near], |id| *id), None);
    }

    #[test]
    fn what_is_no_number_leads_nowhere() {
        for text in ["", "ABCD", "ABCDU", "12345678901234", "äbcde"] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_digits_and_thousands() {
        assert_eq!([amount("0"), amount("5k"), amount("2KK")], [Some(0), Some(5_000), Some(2_000_000)]);
        for text in ["", "k", "5kkk", "-5", "5.5k", "99999999999999999999", "9999999999999999kk"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }
}
