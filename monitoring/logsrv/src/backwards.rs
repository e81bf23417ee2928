//! Reads a file's lines from its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const BLOCK: u64 = 256 << 10;

/// Lines from the last to the first; at most `budget` bytes are read.
pub(crate) struct Backwards {
    file: File,
    /// Everything from here on is in `held` or was given out.
    start: u64,
    held: Vec<u8>,
    budget: u64,
}

impl Backwards {
    pub(crate) fn open(path: &Path, budget: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let start = file.metadata()?.len();
        Ok(Self { file, start, held: Vec::new(), budget })
    }

    /// Bytes that may still be read.
    pub(crate) fn budget(&self) -> u64 {
        self.budget
    }

    /// The next line, without its end; a torn last line counts as one.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.held.last() == Some(&b'\n') {
                self.held.pop();
            }
            if let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') {
                return Ok(Some(self.held.split_off(end + 1)));
            }
            let size = self.start.min(BLOCK);
            if size == 0 {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.budget < size {
                return Ok(None);
            }
            self.budget -= size;
            self.start -= size;
            self.file.seek(SeekFrom::Start(self.start))?;
            let mut block = vec![0; usize::try_from(size).unwrap_or(0)];
            self.file.read_exact(&mut block)?;
            block.append(&mut self.held);
            self.held = block;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_come_from_the_end_across_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let lines: Vec<String> =
            (0..20_000).map(|number| format!("line {number} {}", "x".repeat(40))).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let mut backwards = Backwards::open(&path, u64::MAX).unwrap();
        for line in lines.iter().rev() {
            assert_eq!(backwards.next().unwrap().unwrap(), line.as_bytes());
        }
        assert_eq!(backwards.next().unwrap(), None);

        let mut bounded = Backwards::open(&path, BLOCK).unwrap();
        let mut count = 0;
        while bounded.next().unwrap().is_some() {
            count += 1;
        }
        assert!(count > 1000 && count < 10_000);
    }
}
