//! The records of a process on disk, until LogSrv has them.
//!
//! `<process>-<incarnation>.<segment>.jsonl`, one record a line. A segment is deleted when LogSrv has stored
//! all of it, or when the process has more than its share of the disk and it is the oldest.

use model::Incarnation;
use model::calls::log::Record;
use model::membership::ProcessName;
use prometheus::{IntCounter, IntCounterVec};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use tokio::sync::watch;

/// What all segments of a process may take.
pub(crate) const TOTAL_BYTES: u64 = 64 << 20;
/// A segment is closed when it is this long.
pub(crate) const SEGMENT_BYTES: u64 = 4 << 20;
/// Records that are written together at most.
const BATCH: usize = 512;
/// Read at once; longer than any line.
const CHUNK: usize = 512 << 10;

/// Which spool of which process.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    pub(crate) folder: PathBuf,
    pub(crate) process: ProcessName,
    pub(crate) incarnation: Incarnation,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) incarnation: u64,
    pub(crate) number: u64,
}

impl Spool {
    pub(crate) fn file(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{:016x}.{number:08}.jsonl", self.process, self.incarnation.0))
    }

    /// The files of this process, all its runs, oldest first.
    pub(crate) fn segments(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            segments.extend(entry?.file_name().to_str().and_then(|name| parse(name, self.process.as_str())));
        }
        segments.sort();
        Ok(segments)
    }

    /// The next segment of this run that exists.
    pub(crate) fn after(&self, number: u64) -> io::Result<Option<u64>> {
        let mut segments = self.segments()?.into_iter();
        Ok(segments.find(|s| s.incarnation == self.incarnation.0 && s.number > number).map(|s| s.number))
    }

    /// Deletes one file; one that is gone is fine.
    pub(crate) fn delete(&self, number: u64) {
        if let Err(error) = std::fs::remove_file(self.file(number))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(segment = number, "spool segment cannot be deleted: {error}");
        }
    }

    /// The spool of another run of the same process.
    pub(crate) fn of_run(&self, incarnation: u64) -> Self {
        Self { incarnation: Incarnation(incarnation), ..self.clone() }
    }

    /// The whole lines from an offset on, as records, and the offset behind them. Lines that are no records
    /// (torn by a crash, or a full disk) are skipped.
    pub(crate) fn read(&self, number: u64, offset: u64) -> io::Result<(Vec<Record>, u64)> {
        let mut file = match File::open(self.file(number)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), offset)),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(CHUNK);
        file.take(CHUNK as u64).read_to_end(&mut bytes)?;
        let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if bytes.len() == CHUNK => CHUNK, // no line is that long
            None => 0,
        };
        let lines = bytes[..whole].split(|byte| *byte == b'\n');
        let records = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok((records, offset + whole as u64))
    }
}

fn parse(file: &str, process: &str) -> Option<Segment> {
    let (incarnation, rest) = file.strip_prefix(process)?.strip_prefix('-')?.split_once('.')?;
    let number = rest.strip_suffix(".jsonl")?;
    if incarnation.len() != 16 {
        return None;
    }
    let incarnation = u64::from_str_radix(incarnation, 16).ok()?;
    Some(Segment { incarnation, number: number.parse().ok()? })
}

/// How far the writer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The segment being written; those before it are complete.
    pub(crate) segment: u64,
    /// Records written in this run.
    pub(crate) records: u64,
    /// Nothing more will come.
    pub(crate) finished: bool,
}

/// Appends records to the spool; lives on a thread of its own.
pub(crate) struct Writer {
    spool: Spool,
    file: File,
    bytes: u64,
    torn: bool,
    sequence: u64,
    progress: watch::Sender<Progress>,
    counters: Counters,
}

/// What the writer counts.
#[derive(Clone)]
pub(crate) struct Counters {
    pub(crate) spooled: IntCounter,
    pub(crate) dropped: IntCounterVec,
    pub(crate) dropped_segments: IntCounter,
}

impl Writer {
    pub(crate) fn create(
        spool: Spool,
        counters: Counters,
        progress: watch::Sender<Progress>,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(&spool.folder)?;
        let file = File::create_new(spool.file(0))?;
        Ok(Self { spool, file, bytes: 0, torn: false, sequence: 0, progress, counters })
    }

    /// Writes until every sender is gone.
    pub(crate) fn run(mut self, records: &Receiver<Record>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Ok(first) = records.recv() {
            batch.push(first);
            batch.extend(records.try_iter().take(BATCH - 1));
            self.write(&mut batch);
            batch.clear();
        }
        self.progress.send_modify(|progress| progress.finished = true);
    }

    fn write(&mut self, batch: &mut [Record]) {
        let mut text = Vec::with_capacity(batch.len() * 256);
        if self.torn {
            text.push(b'\n');
        }
        for record in batch.iter_mut() {
            self.sequence += 1;
            record.sequence = self.sequence;
            if serde_json::to_writer(&mut text, record).is_ok() {
                text.push(b'\n');
            }
        }
        let count = batch.len() as u64;
        if let Err(error) = self.file.write_all(&text) {
            let first = !self.torn;
            self.torn = true;
            self.counters.dropped.with_label_values(&["disk"]).inc_by(count);
            if first {
                tracing::error!("log records cannot be spooled and are dropped: {error}");
            }
            return;
        }
        self.torn = false;
        self.bytes += text.len() as u64;
        self.counters.spooled.inc_by(count);
        let full = self.bytes >= SEGMENT_BYTES;
        if full && let Err(error) = self.next_segment() {
            tracing::error!("the log spool cannot begin a new segment: {error}");
        }
        self.progress.send_modify(|progress| progress.records += count);
    }

    fn next_segment(&mut self) -> io::Result<()> {
        let number = self.progress.borrow().segment + 1;
        self.file = File::create(self.spool.file(number))?;
        self.bytes = 0;
        self.progress.send_modify(|progress| progress.segment = number);
        self.keep_share(number)
    }

    /// Drops the oldest segments while there is too much.
    fn keep_share(&self, current: u64) -> io::Result<()> {
        let mine = self.spool.incarnation.0;
        let segments = self.spool.segments()?;
        let files = segments.iter().map(|s| (s, self.spool.of_run(s.incarnation)));
        let sized: Vec<_> = files
            .map(|(s, spool)| (s, std::fs::metadata(spool.file(s.number)).map_or(0, |m| m.len()), spool))
            .collect();
        let mut total: u64 = sized.iter().map(|(_, bytes, _)| bytes).sum();
        for (segment, bytes, spool) in sized {
            if total + SEGMENT_BYTES <= TOTAL_BYTES
                || (segment.incarnation == mine && segment.number == current)
            {
                break;
            }
            spool.delete(segment.number);
            total -= bytes;
            self.counters.dropped_segments.inc();
            tracing::warn!(bytes, "LogSrv is away for too long: the oldest log records are dropped");
        }
        Ok(())
    }
}

/// The folder of the spools of a process.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("spool")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Metrics;
    use model::calls::log::Level;
    use model::membership::Role;

    struct Stage {
        folder: tempfile::TempDir,
        metrics: Metrics,
    }

    impl Stage {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), metrics: Metrics::new(Role::TmSrv) }
        }

        fn spool(&self, process: &str, run: u64) -> Spool {
            let process = ProcessName(process.to_owned());
            Spool { folder: self.folder.path().to_owned(), process, incarnation: Incarnation(run) }
        }

        fn writer(&self, run: u64) -> (Writer, watch::Receiver<Progress>) {
            let counters = Counters {
                spooled: self.metrics.counter("spooled", "."),
                dropped: self.metrics.counter_vec("dropped", ".", &["reason"]),
                dropped_segments: self.metrics.counter("dropped_segments", "."),
            };
            let (progress, watched) = watch::channel(Progress::default());
            (Writer::create(self.spool("tmsrv-1", run), counters, progress).unwrap(), watched)
        }
    }

    fn records(count: usize, message: &str) -> Vec<Record> {
        let record = Record {
            sequence: 0,
            time_ms: 1,
            level: Level::Info,
            target: "t".into(),
            message: message.to_owned(),
            fields: Vec::new(),
        };
        vec![record; count]
    }

    #[test]
    fn records_are_numbered_and_read_back_in_steps() {
        let stage = Stage::new();
        let (mut writer, progress) = stage.writer(1);
        writer.write(&mut records(2, "first"));
        let spool = stage.spool("tmsrv-1", 1);
        let (first, offset) = spool.read(0, 0).unwrap();
        assert_eq!(first.iter().map(|record| record.sequence).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(spool.read(0, offset).unwrap(), (Vec::new(), offset));
        writer.write(&mut records(1, "second"));
        let (second, _) = spool.read(0, offset).unwrap();
        assert_eq!((second[0].sequence, second[0].message.as_str()), (3, "second"));
        assert_eq!(progress.borrow().records, 3);
    }

    #[test]
    fn a_line_being_written_is_left_for_later_and_a_torn_one_is_skipped() {
        let stage = Stage::new();
        let (mut writer, _progress) = stage.writer(1);
        writer.write(&mut records(1, "whole"));
        let spool = stage.spool("tmsrv-1", 1);
        let (_, offset) = spool.read(0, 0).unwrap();
        writer.file.write_all(b"{\"sequence\":2,").unwrap();
        assert_eq!(spool.read(0, offset).unwrap(), (Vec::new(), offset));
        writer.torn = true;
        writer.write(&mut records(1, "after"));
        let (after, _) = spool.read(0, offset).unwrap();
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].message, "after");
    }

    #[test]
    fn the_oldest_segments_go_when_the_share_is_used_up() {
        let stage = Stage::new();
        let (mut old, _) = stage.writer(1);
        old.write(&mut records(100, "of an earlier run"));
        let other = stage.spool("tmsrv-10", 1).file(0);
        std::fs::write(&other, "of another process").unwrap();
        let (mut writer, _progress) = stage.writer(2);
        let block = "x".repeat(60_000);
        for _ in 0..80 {
            writer.write(&mut records(20, &block));
        }
        let segments = stage.spool("tmsrv-1", 2).segments().unwrap();
        let total: u64 = segments
            .iter()
            .map(|s| std::fs::metadata(stage.spool("tmsrv-1", s.incarnation).file(s.number)).unwrap().len())
            .sum();
        assert!(total <= TOTAL_BYTES && total > TOTAL_BYTES / 2, "{total}");
        assert!(segments.iter().all(|s| s.incarnation == 2), "the earlier run went first");
        assert_eq!(segments.last().unwrap().number, writer.progress.borrow().segment);
        assert!(stage.metrics.encode().contains("wydbr_tmsrv_dropped_segments"));
        assert!(writer.counters.dropped_segments.get() > 3 && other.exists());
    }

    #[test]
    fn only_files_of_the_process_are_its_segments() {
        let good = Segment { incarnation: 0xab, number: 7 };
        assert_eq!(parse("tmsrv-1-00000000000000ab.00000007.jsonl", "tmsrv-1"), Some(good));
        for other in [
            "tmsrv-10-00000000000000ab.00000007.jsonl",
            "tmsrv-1-ab.00000007.jsonl",
            "tmsrv-1-00000000000000ab.x.jsonl",
            "tmsrv-1.jsonl",
            "tmsrv-1-00000000000000ab.00000007.jsonl.tmp",
        ] {
            assert_eq!(parse(other, "tmsrv-1"), None, "{other}");
        }
    }
}
