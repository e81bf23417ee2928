//! What happened in a run, as a hash: the same for the same seed.

use std::fmt;
use xxhash_rust::xxh3::Xxh3Default;

/// See the module.
#[derive(Clone, Default)]
pub struct Trace {
    hash: Xxh3Default,
    line: String,
    is_told: bool,
}

impl Trace {
    /// One that also prints each line, for whoever looks into a seed.
    pub fn told(is_told: bool) -> Self {
        Self { is_told, ..Self::default() }
    }

    /// Notes a line.
    pub fn note(&mut self, line: fmt::Arguments<'_>) {
        self.line.clear();
        // a String takes whatever is written to it
        let _ = fmt::write(&mut self.line, line);
        self.line.push('\n');
        self.hash.update(self.line.as_bytes());
        if self.is_told {
            print!("{}", self.line);
        }
    }

    /// The hash of all lines.
    pub fn bytes(&self) -> u64 {
        self.hash.digest()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({:x})", self.bytes())
    }
}
