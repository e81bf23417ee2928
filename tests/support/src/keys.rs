//! The cluster key of the tests, as a file and as credentials.

use link::Credentials;
use model::Secret;
use model::membership::ProcessName;
use settings::Common;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The cluster key of every test.
pub const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// What a process of that name shows to its peers.
pub fn credentials(name: &str) -> Credentials {
    Credentials::new(ProcessName(name.to_owned()), Secret::new(KEY))
}

/// The file `cluster.key` of a folder, which only its owner can read; made if it is not there.
pub fn key_file(folder: &Path) -> PathBuf {
    let path = folder.join("cluster.key");
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => file.write_all(KEY.as_bytes()).expect("the key in its file"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "the key file"),
    }
    path
}

/// Settings of a process in a folder: any ports, the key of the tests, nobody else known.
pub fn common(folder: &Path, name: &str) -> Common {
    Common { name: name.to_owned(), data: folder.to_owned(), key_file: key_file(folder), ..Common::default() }
}
