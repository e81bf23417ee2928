//! A record as a line of a file, and as a line for people.

use model::Incarnation;
use model::calls::log::{Level, Record};
use model::membership::ProcessName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Write;

/// One line of a log file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    /// For people; `time_ms` is the same.
    time: String,
    time_ms: i64,
    level: Level,
    process: ProcessName,
    /// In hexadecimal.
    incarnation: String,
    sequence: u64,
    target: String,
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    pub(crate) fn new(process: &ProcessName, incarnation: Incarnation, record: &Record) -> Self {
        let mut fields = Map::new();
        for (name, value) in &record.fields {
            let mut key = name.clone();
            while fields.contains_key(&key) {
                key.push('_'); // the same name in a span and in its event
            }
            fields.insert(key, Value::String(value.clone()));
        }
        Self {
            time: time(record.time_ms),
            time_ms: record.time_ms,
            level: record.level,
            process: process.clone(),
            incarnation: incarnation.to_string(),
            sequence: record.sequence,
            target: record.target.clone(),
            message: record.message.clone(),
            fields,
        }
    }

    /// Reads a line; `None` when it is none.
    pub(crate) fn parse(line: &[u8]) -> Option<(ProcessName, Incarnation, Record)> {
        let line: Self = serde_json::from_slice(line).ok()?;
        let text = |value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let record = Record {
            sequence: line.sequence,
            time_ms: line.time_ms,
            level: line.level,
            target: line.target,
            message: line.message,
            fields: line.fields.into_iter().map(|(name, value)| (name, text(value))).collect(),
        };
        Some((line.process, line.incarnation.parse().ok()?, record))
    }
}

/// One line for people: time, level, process, target, message, fields.
pub fn render(process: &ProcessName, record: &Record) -> String {
    let level = match record.level {
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    let mut text = format!("{} {level:5} {process} {}: ", time(record.time_ms), record.target);
    push_visible(&mut text, &record.message);
    for (name, value) in &record.fields {
        let _ = write!(text, " {name}=");
        push_visible(&mut text, value);
    }
    text
}

/// Texts that came from outside must not move the cursor of whoever reads them.
fn push_visible(text: &mut String, part: &str) {
    for c in part.chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
}

/// `2026-11-22T10:30:00.123Z`. Days to dates after Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
fn time(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let shifted = days + 719_468; // from 0000-03-01
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(time(1_795_343_399_999), "2026-11-22T10:29:59.999Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_line_is_read_back_and_shown_harmlessly() {
        let record = Record {
            sequence: 9,
            time_ms: 5,
            level: Level::Warn,
            target: "edge".into(),
            message: "oi\u{1b}[2J".into(),
            fields: vec![("a".into(), "1\n2".into()), ("a".into(), "3".into())],
        };
        let process = ProcessName("edge-1".into());
        let line = serde_json::to_vec(&Line::new(&process, Incarnation(255), &record)).unwrap();
        assert!(!line.contains(&b'\n'));
        let (name, incarnation, back) = Line::parse(&line).unwrap();
        assert_eq!((name, incarnation, back.sequence), (process.clone(), Incarnation(255), 9));
        assert_eq!(back.fields, [("a".to_owned(), "1\n2".to_owned()), ("a_".to_owned(), "3".to_owned())]);
        assert_eq!(
            render(&process, &record),
            "1970-01-01T00:00:00.005Z WARN  edge-1 edge: oi\\u{1b}[2J a=1\\n2 a=3"
        );
    }
}
