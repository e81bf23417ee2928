//! Which lines a watcher wants, and the latest of them from the files.

use crate::backwards::Backwards;
use crate::journal;
use crate::line::Line;
use model::Incarnation;
use model::calls::log::{Record, TailFilter};
use model::membership::ProcessName;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

/// No watcher gets more old lines.
const LAST_MAX: u32 = 10_000;
/// Read for one process at most, however rare its matching lines are.
const SCAN_BYTES: u64 = 32 << 20;
/// Rotations while reading that are waited out.
const ROTATIONS_MAX: usize = 3;

/// A stored record and whose it is.
pub(crate) type Stored = (ProcessName, Incarnation, Record);

/// True when the watcher wants this line.
pub fn matches(filter: &TailFilter, process: &ProcessName, record: &Record) -> bool {
    wants_process(filter, process.as_str())
        && filter.level.is_none_or(|level| record.level >= level)
        && filter.grep.as_deref().is_none_or(|text| contains(record, text))
}

fn contains(record: &Record, text: &str) -> bool {
    record.message.contains(text)
        || record.target.contains(text)
        || record
            .fields
            .iter()
            .any(|(name, value)| value.contains(text) || format!("{name}={value}").contains(text))
}

fn wants_process(filter: &TailFilter, process: &str) -> bool {
    filter.process.as_deref().is_none_or(|prefix| process.starts_with(prefix))
}

/// The last `filter.last` matching lines in the log folders under `directory`, oldest first. Works without a
/// running LogSrv. Blocks.
pub fn last(directory: &Path, filter: &TailFilter) -> io::Result<Vec<(ProcessName, Record)>> {
    Ok(last_stored(directory, filter)?.into_iter().map(|(process, _, record)| (process, record)).collect())
}

pub(crate) fn last_stored(directory: &Path, filter: &TailFilter) -> io::Result<VecDeque<Stored>> {
    let wanted = filter.last.min(LAST_MAX) as usize;
    let mut all = Vec::new();
    if wanted == 0 {
        return Ok(VecDeque::new());
    }
    for entry in std::fs::read_dir(directory)? {
        let Ok(process) = entry?.file_name().into_string() else { continue };
        if wants_process(filter, &process) && journal::is_safe(&process) {
            last_of_process(directory, &ProcessName(process), filter, wanted, &mut all)?;
        }
    }
    all.sort_by_key(|(_, _, record)| record.time_ms);
    let surplus = all.len().saturating_sub(wanted);
    Ok(all.into_iter().skip(surplus).collect())
}

/// Collects up to `wanted` lines of one process, oldest first. A rotation in between moves lines to a file
/// that was not looked at, so then it looks again.
fn last_of_process(
    directory: &Path,
    process: &ProcessName,
    filter: &TailFilter,
    wanted: usize,
    into: &mut Vec<Stored>,
) -> io::Result<()> {
    let begin = into.len();
    let mut files = journal::files(directory, process)?;
    for _ in 0..ROTATIONS_MAX {
        into.truncate(begin);
        collect(&files, filter, begin + wanted, into)?;
        let now = journal::files(directory, process)?;
        if now == files {
            break;
        }
        files = now;
    }
    into[begin..].reverse();
    Ok(())
}

/// Adds lines, latest first, until there are `full`.
fn collect(files: &[PathBuf], filter: &TailFilter, full: usize, into: &mut Vec<Stored>) -> io::Result<()> {
    let mut budget = SCAN_BYTES;
    for file in files.iter().rev() {
        let mut lines = match Backwards::open(file, budget) {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // rotated away meanwhile
            Err(error) => return Err(error),
        };
        while let Some(line) = lines.next()? {
            let Some(stored) = Line::parse(&line) else { continue };
            if matches(filter, &stored.0, &stored.2) {
                into.push(stored);
            }
            if into.len() == full {
                return Ok(());
            }
        }
        budget = lines.budget();
    }
    Ok(())
}
