//! What loading found: counts, and everything that looks wrong, each once.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Most oddities that are kept one by one; the rest is counted.
pub const ODDITIES_MAX: usize = 20_000;

/// One thing that looks wrong. Loading went on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oddity {
    /// File, relative to the content folder.
    pub file: String,
    /// `line 12`, `record 3`, or nothing when the whole file is meant.
    pub at: String,
    /// What was found and what was done about it.
    pub what: String,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            write!(f, "{}: {}", self.file, self.what)
        } else {
            write!(f, "{}, {}: {}", self.file, self.at, self.what)
        }
    }
}

/// What loading found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was counted, in the order of loading.
    pub counts: Vec<(String, u64)>,
    /// What looks wrong, in the order of loading.
    pub oddities: Vec<Oddity>,
    /// Oddities beyond [`ODDITIES_MAX`] that were only counted.
    pub more_oddities: u64,
}

impl Report {
    /// Adds a count.
    pub fn count(&mut self, what: impl Into<String>, number: usize) {
        self.counts.push((what.into(), number as u64));
    }

    /// The value of a count.
    pub fn counted(&self, what: &str) -> Option<u64> {
        self.counts.iter().find(|(name, _)| name == what).map(|(_, number)| *number)
    }

    /// Reports something about a line (counted from 1) of a file.
    pub fn line(&mut self, file: &str, line: u32, what: impl Into<String>) {
        self.odd(file, format!("line {line}"), what);
    }

    /// Reports something about a whole file.
    pub fn file(&mut self, file: &str, what: impl Into<String>) {
        self.odd(file, String::new(), what);
    }

    /// Reports something about any place of a file.
    pub fn odd(&mut self, file: &str, at: String, what: impl Into<String>) {
        if self.oddities.len() >= ODDITIES_MAX {
            self.more_oddities += 1;
            return;
        }
        self.oddities.push(Oddity { file: file.to_owned(), at, what: what.into() });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.counts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, number) in &self.counts {
            writeln!(f, "{name:width$} {number}")?;
        }
        let total = self.oddities.len() as u64 + self.more_oddities;
        writeln!(f, "{:width$} {total}", "oddities")?;
        for oddity in &self.oddities {
            writeln!(f, "  {oddity}")?;
        }
        if self.more_oddities > 0 {
            writeln!(f, "  and {} more", self.more_oddities)?;
        }
        Ok(())
    }
}
