//! Bytes of text files to lines, words and numbers. Files mix encodings, so only ASCII keys are trusted.

use crate::Report;

/// Longest line that is looked at; the rest of a longer one is left out.
const LINE_MAX: usize = 4096;

/// Lines with their number from 1, trimmed; empty ones are left out. A byte order mark is reported.
pub(crate) fn lines<'a>(bytes: &'a [u8], file: &str, report: &mut Report) -> Vec<(u32, &'a [u8])> {
    let body = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => {
            report.line(file, 1, "begins with a byte order mark; read without it");
            rest
        }
        None => bytes,
    };
    let mut lines = Vec::new();
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let line = line.trim_ascii();
        if line.len() > LINE_MAX {
            report.line(file, number, format!("{} bytes long; only {LINE_MAX} are read", line.len()));
        }
        if !line.is_empty() {
            lines.push((number, line.get(..LINE_MAX).unwrap_or(line)));
        }
    }
    lines
}

/// Windows-1252 to text; every byte has a meaning.
pub(crate) fn latin(bytes: &[u8]) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// A piece of a line for a message: shortened, control characters shown.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let cut = bytes.len() > 40;
    let mut text: String =
        latin(&bytes[..bytes.len().min(40)]).chars().flat_map(char::escape_debug).collect();
    if cut {
        text.push_str("...");
    }
    text
}

/// A whole number, nothing else.
pub(crate) fn number(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes.trim_ascii()).ok()?;
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

/// The number that a text begins with, as the original reads it, and whether there was nothing else.
pub(crate) fn leading_number(bytes: &[u8]) -> Option<(i64, bool)> {
    let bytes = bytes.trim_ascii();
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = bytes[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = sign + digits;
    number(&bytes[..end]).map(|value| (value, end == bytes.len()))
}

/// Words parted by spaces and tabs.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The path below which a message names a file.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_numbered_as_editors_do_and_a_byte_order_mark_is_reported() {
        let mut report = Report::default();
        let lines = lines(b"\xEF\xBB\xBFone\r\n\r\n\t three \n", "f.txt", &mut report);
        assert_eq!(lines, [(1, &b"one"[..]), (3, &b"three"[..])]);
        assert_eq!(report.oddities.len(), 1);
    }

    #[test]
    fn a_number_with_rubbish_behind_it_is_told_apart() {
        assert_eq!(leading_number(b"1739n"), Some((1739, false)));
        assert_eq!(leading_number(b" -12 "), Some((-12, true)));
        assert_eq!(leading_number(b"n"), None);
        assert_eq!(leading_number(b"99999999999999999999"), None);
        assert_eq!(number(b"12 "), Some(12));
        assert_eq!(number(b"1 2"), None);
    }

    #[test]
    fn bytes_of_windows_1252_become_letters() {
        assert_eq!(latin(b"F\xFAria"), "Fúria");
        assert_eq!(shown(b"a\x01"), "a\\u{1}");
    }
}
