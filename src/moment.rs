//! Moments as operators write them.

use std::time::{SystemTime, UNIX_EPOCH};

const EXPECTED: &str =
    "a time like 2026-11-28T14:30:00Z (UTC), milliseconds since 1970, or how long ago: 90s, 30m, 2h, 7d";

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A moment in milliseconds since 1970, for clap.
pub fn parse(text: &str) -> Result<i64, String> {
    at(text, now_ms()).ok_or_else(|| format!("found `{text}`, expected {EXPECTED}"))
}

fn at(text: &str, now_ms: i64) -> Option<i64> {
    if text.len() >= 11 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return date(text),
    };
    let count: u32 = text[..text.len() - 1].parse().ok()?;
    now_ms.checked_sub(i64::from(count).checked_mul(unit)?)
}

/// `2026-11-22T10:30:00Z`, `2026-11-22 10:30:00`; parts of a second may follow. Dates to days after Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn date(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, time) = text.split_once(['T', ' '])?;
    let (time, millis) = match time.split_once('.') {
        Some((time, part)) if part.len() == 3 => (time, number(part, 0, 999)?),
        Some(_) => return None,
        None => (time, 0),
    };
    let [year, month, day] = three(day, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    let (year, month, day) = (number(year, 1970, 9999)?, number(month, 1, 12)?, number(day, 1, 31)?);
    let (hour, minute, second) = (number(hour, 0, 23)?, number(minute, 0, 59)?, number(second, 0, 59)?);
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days_of = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if day > days_of[month as usize - 1] {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + millis)
}

fn three(text: &str, separator: char) -> Option<[&str; 3]> {
    let parts: Vec<&str> = text.split(separator).collect();
    <[&str; 3]>::try_from(parts).ok()
}

fn number(text: &str, least: i64, most: i64) -> Option<i64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| all_digits && (least..=most).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form() {
        let now = 1_800_000_000_000;
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2026-11-22T10:29:59.999Z", 1_795_343_399_999),
            ("2026-11-22 10:29:59", 1_795_343_399_000),
            ("1795343399999", 1_795_343_399_999),
            ("90s", now - 90_000),
            ("30m", now - 1_800_000),
            ("2h", now - 7_200_000),
            ("7d", now - 604_800_000),
        ] {
            assert_eq!(at(text, now), Some(ms), "{text}");
        }
        for text in
            ["", "m", "2026-02-30T00:00:00Z", "2026-11-22", "2026-11-22T24:00:00Z", "soon", "-3h", "3 h"]
        {
            assert_eq!(at(text, now), None, "{text}");
        }
    }
}
