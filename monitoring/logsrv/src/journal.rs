//! The log files of one process.
//!
//! ```text
//! <directory>/<process>/<process>.jsonl        written now
//!                       <process>.<n>.jsonl    rotated, the highest number is the newest
//!                       seen.json              last sequence of each run in the rotated files
//! ```
//! What was stored of each run is known from `seen.json` and the lines of the current file, so a batch that
//! was written but not acknowledged before a crash is recognised when it comes again.

use crate::line::Line;
use model::Incarnation;
use model::calls::log::Record;
use model::membership::ProcessName;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Runs remembered; they are numbered by time, so the oldest go.
const RUNS_MAX: usize = 256;
const SEEN: &str = "seen.json";

/// When files are rotated and how many are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rotate_bytes: u64,
    pub(crate) keep: usize,
}

/// The open log of one process.
pub(crate) struct Journal {
    process: ProcessName,
    folder: PathBuf,
    file: File,
    bytes: u64,
    seen: BTreeMap<u64, u64>,
}

/// Names that are safe as folders.
pub(crate) fn is_safe(process: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=64).contains(&process.len()) && process.chars().all(good)
}

/// All files of a process, oldest first; the current one is the last.
pub(crate) fn files(directory: &Path, process: &ProcessName) -> io::Result<Vec<PathBuf>> {
    let folder = directory.join(process.as_str());
    let mut files: Vec<_> = rotated(&folder, process)?.into_iter().map(|(_, path)| path).collect();
    files.push(current(&folder, process));
    Ok(files)
}

fn current(folder: &Path, process: &ProcessName) -> PathBuf {
    folder.join(format!("{process}.jsonl"))
}

fn rotated(folder: &Path, process: &ProcessName) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(process.as_str()).and_then(|rest| rest.strip_prefix('.'));
        let number = number.and_then(|rest| rest.strip_suffix(".jsonl"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

impl Journal {
    /// Opens the log of a process and finds out what is in it.
    pub(crate) fn open(directory: &Path, process: &ProcessName) -> io::Result<Self> {
        let folder = directory.join(process.as_str());
        std::fs::create_dir_all(&folder)?;
        let path = current(&folder, process);
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut journal = Self { process: process.clone(), folder, file, bytes: 0, seen: BTreeMap::new() };
        match std::fs::read(journal.folder.join(SEEN)) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(seen) => journal.seen = seen,
                Err(error) => {
                    tracing::error!(%process, "{SEEN} is damaged, repeated lines are possible: {error}")
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        journal.scan(&path)?;
        Ok(journal)
    }

    /// Notes the sequences of the current file, and cuts off a line that a crash has torn.
    fn scan(&mut self, path: &Path) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            self.bytes += read as u64;
            if let Some((_, incarnation, record)) = Line::parse(&line) {
                self.note(incarnation, record.sequence);
            }
        }
        self.file.set_len(self.bytes)
    }

    fn note(&mut self, incarnation: Incarnation, sequence: u64) {
        let last = self.seen.entry(incarnation.0).or_default();
        *last = sequence.max(*last);
        while self.seen.len() > RUNS_MAX {
            self.seen.pop_first();
        }
    }

    /// The last sequence of this run that is on the disk.
    pub(crate) fn stored(&self, incarnation: Incarnation) -> u64 {
        self.seen.get(&incarnation.0).copied().unwrap_or(0)
    }

    /// Stores what is new of a batch and returns it with its size in bytes; when this returns it is on the
    /// disk. After an error nothing of the batch is stored.
    pub(crate) fn append(
        &mut self,
        incarnation: Incarnation,
        records: Vec<Record>,
        limits: Limits,
    ) -> io::Result<(Vec<Record>, u64)> {
        let mut last = self.stored(incarnation);
        let mut fresh = records;
        fresh.retain(|record| {
            let new = record.sequence > last;
            last = last.max(record.sequence);
            new
        });
        if fresh.is_empty() {
            return Ok((fresh, 0));
        }
        let mut text = Vec::with_capacity(fresh.len() * 256);
        for record in &fresh {
            serde_json::to_writer(&mut text, &Line::new(&self.process, incarnation, record))?;
            text.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            self.file.set_len(self.bytes)?; // a part of it may be there
            return Err(error);
        }
        self.bytes += text.len() as u64;
        self.note(incarnation, last);
        if self.bytes >= limits.rotate_bytes
            && let Err(error) = self.rotate(limits.keep)
        {
            tracing::error!(process = %self.process, "log file cannot be rotated: {error}");
        }
        Ok((fresh, text.len() as u64))
    }

    /// `seen.json` first: whatever step a crash interrupts, no stored sequence is forgotten.
    fn rotate(&mut self, keep: usize) -> io::Result<()> {
        let unfinished = self.folder.join("seen.json.new");
        let mut seen = File::create(&unfinished)?;
        serde_json::to_writer(&mut seen, &self.seen)?;
        seen.flush()?;
        seen.sync_all()?;
        std::fs::rename(&unfinished, self.folder.join(SEEN))?;

        let path = current(&self.folder, &self.process);
        let old = rotated(&self.folder, &self.process)?;
        let number = old.last().map_or(1, |(number, _)| number + 1);
        std::fs::rename(&path, self.folder.join(format!("{}.{number}.jsonl", self.process)))?;
        self.file = OpenOptions::new().create(true).append(true).open(&path)?;
        self.bytes = 0;
        File::open(&self.folder)?.sync_all()?;
        let surplus = (old.len() + 1).saturating_sub(keep);
        old.iter().take(surplus).try_for_each(|(_, path)| std::fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::log::Level;

    const LIMITS: Limits = Limits { rotate_bytes: 1 << 20, keep: 3 };
    const RUN: Incarnation = Incarnation(7);

    fn record(sequence: u64) -> Record {
        let message = format!("message {sequence}");
        Record { sequence, time_ms: 0, level: Level::Info, target: "t".into(), message, fields: Vec::new() }
    }

    fn records(range: std::ops::RangeInclusive<u64>) -> Vec<Record> {
        range.map(record).collect()
    }

    fn stored(folder: &Path, process: &ProcessName) -> Vec<u64> {
        let texts = files(folder, process).unwrap().into_iter().map(|path| std::fs::read(path).unwrap());
        let lines: Vec<_> = texts
            .flat_map(|text| text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect();
        lines.iter().filter_map(|line| Line::parse(line)).map(|(_, _, record)| record.sequence).collect()
    }

    #[test]
    fn what_comes_again_is_dropped_also_after_a_restart_and_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let name = ProcessName("tmsrv-1".into());
        let mut journal = Journal::open(folder.path(), &name).unwrap();
        assert_eq!(journal.append(RUN, records(1..=10), LIMITS).unwrap().0.len(), 10);
        assert_eq!(journal.append(RUN, records(5..=12), LIMITS).unwrap().0.len(), 2);
        drop(journal);

        let mut journal = Journal::open(folder.path(), &name).unwrap();
        assert_eq!(journal.stored(RUN), 12);
        assert!(journal.append(RUN, records(1..=12), LIMITS).unwrap().0.is_empty());
        let rotating = Limits { rotate_bytes: 1, ..LIMITS };
        journal.append(RUN, records(13..=13), rotating).unwrap();
        drop(journal);

        let mut journal = Journal::open(folder.path(), &name).unwrap();
        assert_eq!(journal.stored(RUN), 13);
        journal.append(RUN, records(1..=14), LIMITS).unwrap();
        assert_eq!(stored(folder.path(), &name), (1..=14).collect::<Vec<_>>());
        assert_eq!(journal.append(Incarnation(8), records(1..=1), LIMITS).unwrap().0.len(), 1, "another run");
    }

    #[test]
    fn a_torn_line_is_cut_off_and_stored_when_it_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let name = ProcessName("tmsrv-1".into());
        let mut journal = Journal::open(folder.path(), &name).unwrap();
        journal.append(RUN, records(1..=3), LIMITS).unwrap();
        let path = current(&folder.path().join("tmsrv-1"), &name);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();

        let mut journal = Journal::open(folder.path(), &name).unwrap();
        assert_eq!(journal.stored(RUN), 2);
        journal.append(RUN, records(1..=4), LIMITS).unwrap();
        assert_eq!(stored(folder.path(), &name), [1, 2, 3, 4]);
    }

    #[test]
    fn only_so_many_rotated_files_are_kept_and_they_are_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let name = ProcessName("tmsrv-1".into());
        let mut journal = Journal::open(folder.path(), &name).unwrap();
        for number in 1..=10 {
            journal.append(RUN, records(number..=number), Limits { rotate_bytes: 1, keep: 3 }).unwrap();
        }
        assert_eq!(stored(folder.path(), &name), [8, 9, 10]);
        assert_eq!(files(folder.path(), &name).unwrap().len(), 4);
    }

    #[test]
    fn names_that_leave_the_folder_are_not_safe() {
        for bad in ["", "..", "a/b", "A", "a.b", "a b", &"x".repeat(65)] {
            assert!(!is_safe(bad), "{bad}");
        }
        assert!(is_safe("tmsrv-12"));
    }
}
