//! The last good map on disk: what a process that starts while the arbiter is away knows of the cluster.
//!
//! ```text
//! DATA/map/<process>.map
//!   wydbr-map 1 <hash of the rest, 16 hexadecimal digits>
//!   {"saved_ms":...,"view":{"members":[...],"table":{...}}}
//! ```
//!
//! Each process writes its own file, in one step. Whoever needs a map takes the newest of all that lie there, by the
//! version of the slot table: what a sibling on this machine has seen counts, too. A file that is damaged or of
//! another form is told of and left alone.

use model::membership::{ClusterView, ProcessName};
use placement::stable_hash;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// First word of each file.
const MAGIC: &str = "wydbr-map";
/// The form of the rest: raised when an older program could not read it.
const FORM: u32 = 1;
/// Longer files are no maps.
const BYTES_MAX: u64 = 16 << 20;

/// A map as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// When it was written, in milliseconds since 1970 by the clock of this machine.
    pub(crate) saved_ms: u64,
    /// Members and slot table.
    pub(crate) view: ClusterView,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it is {0} bytes long, expected at most {BYTES_MAX}")]
    TooLong(u64),
    #[error("it does not begin like a map: found `{0}`, expected `{MAGIC} {FORM}` and a hash")]
    Strange(String),
    #[error("it has form {0}, expected {FORM}: another version of wydbr wrote it")]
    OtherForm(u32),
    #[error("it is damaged: found the hash {found:016x}, expected {expected:016x}")]
    Damaged { found: u64, expected: u64 },
    #[error("it holds no map: {0}")]
    NoMap(#[from] serde_json::Error),
}

/// The folder with the maps of all processes of a data folder.
#[derive(Clone, Debug)]
pub(crate) struct MapFolder {
    folder: PathBuf,
    own: PathBuf,
}

impl MapFolder {
    /// That of a data folder, for one process.
    pub(crate) fn new(data: &Path, process: &ProcessName) -> Self {
        let folder = data.join("map");
        let own = folder.join(format!("{process}.map"));
        Self { folder, own }
    }

    /// Replaces the map of this process.
    pub(crate) fn write(&self, view: ClusterView) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let saved = Saved { saved_ms: since.as_millis() as u64, view };
        let body = serde_json::to_vec(&saved)?;
        let fresh = self.own.with_extension("new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{MAGIC} {FORM} {:016x}", stable_hash(&body))?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.own)?;
        File::open(&self.folder)?.sync_all()
    }

    /// The newest usable map; the log says what is wrong with others.
    pub(crate) fn newest(&self) -> Option<Saved> {
        let files = fs::read_dir(&self.folder).ok()?.flatten().map(|entry| entry.path());
        let maps = files.filter(|path| path.extension().is_some_and(|extension| extension == "map"));
        let usable = |path: PathBuf| match read(&path) {
            Ok(saved) => Some(saved),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a map on disk is not used");
                None
            }
        };
        maps.filter_map(usable).max_by_key(|saved| (saved.view.table.version, saved.saved_ms))
    }
}

fn read(path: &Path) -> Result<Saved, Unusable> {
    let length = fs::metadata(path)?.len();
    if length > BYTES_MAX {
        return Err(Unusable::TooLong(length));
    }
    let bytes = fs::read(path)?;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (head, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let strange = || Unusable::Strange(String::from_utf8_lossy(&head[..head.len().min(40)]).into_owned());
    let head_text = std::str::from_utf8(head).map_err(|_| strange())?;
    let rest = head_text.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(strange)?;
    let (form, hash) = rest.split_once(' ').unwrap_or((rest, ""));
    let form: u32 = form.parse().map_err(|_| strange())?;
    if form != FORM {
        return Err(Unusable::OtherForm(form));
    }
    let expected = u64::from_str_radix(hash, 16).map_err(|_| strange())?;
    let found = stable_hash(body);
    if found != expected {
        return Err(Unusable::Damaged { found, expected });
    }
    Ok(serde_json::from_slice(body)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::membership::{Member, Role, Slot, SlotTable};
    use model::{Epoch, Incarnation, ZoneId};

    fn view(version: u64) -> ClusterView {
        let name = ProcessName::numbered(Role::TmSrv, 1);
        let nowhere = "127.0.0.1:1".parse().unwrap();
        let member = Member {
            name: name.clone(),
            role: Role::TmSrv,
            incarnation: Incarnation(u64::MAX),
            link: nowhere,
            http: "[::1]:2".parse().unwrap(),
            weight: 1,
            content_hash: u64::MAX,
        };
        let slots = vec![Slot { zone: ZoneId(0x1_0000), owner: Some(name), epoch: Epoch(version << 20) }];
        ClusterView {
            members: vec![member],
            lapsed: Vec::new(),
            table: SlotTable { version, named_zones: Vec::new(), slots },
        }
    }

    fn folder(data: &tempfile::TempDir, index: usize) -> MapFolder {
        MapFolder::new(data.path(), &ProcessName::numbered(Role::TmSrv, index))
    }

    #[test]
    fn the_newest_map_of_all_processes_comes_back_exactly() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(folder(&data, 1).newest(), None);
        for (index, version) in [(1, 7), (2, 9), (3, 8), (1, 6)] {
            folder(&data, index).write(view(version)).unwrap();
            assert!(!folder(&data, index).own.with_extension("new").exists());
        }
        assert_eq!(folder(&data, 1).newest().unwrap().view, view(9));
    }

    #[test]
    fn what_is_damaged_or_of_another_form_is_not_used() {
        let data = tempfile::tempdir().unwrap();
        let (good, bad) = (folder(&data, 1), folder(&data, 2));
        good.write(view(3)).unwrap();
        bad.write(view(9)).unwrap();
        let whole = fs::read(&bad.own).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        let (head, body) = text.split_once('\n').unwrap();
        let mut flipped = whole.clone();
        flipped[60] ^= 1;
        let hashed = |body: &str| format!("{MAGIC} {FORM} {:016x}\n{body}", stable_hash(body.as_bytes()));
        let cases: [(Vec<u8>, &str); 7] = [
            (flipped, "it is damaged"),
            (whole[..whole.len() - 1].to_vec(), "it is damaged"),
            (Vec::new(), "it does not begin like a map"),
            (vec![0xff; 100], "it does not begin like a map"),
            (format!("{}\n{body}", head.replace(" 1 ", " 0 ")).into_bytes(), "it has form 0, expected 1"),
            (hashed("{}").into_bytes(), "it holds no map"),
            (vec![b' '; BYTES_MAX as usize + 1], "bytes long, expected at most"),
        ];
        for (bytes, why) in cases {
            fs::write(&bad.own, bytes).unwrap();
            let told = read(&bad.own).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
            assert_eq!(good.newest().unwrap().view, view(3), "{why}");
        }
        fs::write(&bad.own, whole).unwrap();
        assert_eq!(good.newest().unwrap().view, view(9));
    }
}
