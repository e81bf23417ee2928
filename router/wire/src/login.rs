//! Telling the client version from its first packet.
//!
//! ```text
//!            12         24         28         40        44     92        96
//!   7.48     account    .          password   version   force  .         .
//!   newer    password   account    .          token..   .      version   force
//! ```
//!
//! The number that stands where a profile keeps its version has to be one of those accepted for the profile, and
//! the account where that profile keeps it has to be there.

use crate::packet::AccountLogin;
use crate::table;
use crate::{Frame, Profile};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Opcode of the login packet in every profile.
pub const LOGIN_OPCODE: u16 = 0x020D;
/// Size of the login packet in every profile.
pub const LOGIN_SIZE: usize = 116;
/// Where 7.48 keeps its version.
const VERSION_AT_748: usize = 40;
/// Where the newer clients keep it.
const VERSION_AT: usize = 92;

/// Which numbers of the version field are taken for which profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AcceptedVersions {
    /// Taken for 7.48.
    pub v748: Vec<i32>,
    /// Taken for 7.59.
    pub v759: Vec<i32>,
    /// Taken for 7.69.
    pub v769: Vec<i32>,
}

impl Default for AcceptedVersions {
    fn default() -> Self {
        Self { v748: vec![748], v759: vec![7640], v769: vec![1758] }
    }
}

impl AcceptedVersions {
    /// The profile of a version in the layout of the newer clients.
    fn newer(&self, version: i32) -> Option<Profile> {
        if self.v759.contains(&version) {
            Some(Profile::V759)
        } else if self.v769.contains(&version) {
            Some(Profile::V769)
        } else {
            None
        }
    }
}

/// Why a first packet is no login that we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoginError {
    /// It is no login packet.
    #[error("the first packet is no login ({opcode:#06x}, {size} bytes)")]
    NotALogin {
        /// Its opcode.
        opcode: u16,
        /// Its size.
        size: usize,
    },
    /// It is one of a client version that is not accepted.
    #[error("client version {found} is not accepted")]
    UnknownVersion {
        /// The number in the version field; 0 when neither field holds anything like a version.
        found: i32,
    },
}

/// Reads the first packet of a connection and says which client sent it.
pub fn recognise(
    frame: &Frame<'_>,
    accepted: &AcceptedVersions,
) -> Result<(Profile, AccountLogin), LoginError> {
    let bytes = frame.bytes();
    let not_a_login = LoginError::NotALogin { opcode: frame.header().opcode, size: bytes.len() };
    if frame.header().opcode != LOGIN_OPCODE || bytes.len() != LOGIN_SIZE {
        return Err(not_a_login);
    }
    let newer = number_at(bytes, VERSION_AT);
    let old = number_at(bytes, VERSION_AT_748);
    let profile = match accepted.newer(newer) {
        Some(profile) => profile,
        None if accepted.v748.contains(&old) => Profile::V748,
        None => return Err(LoginError::UnknownVersion { found: likely_version(newer, old) }),
    };
    table::parse::<AccountLogin>(profile, frame).map(|login| (profile, login)).map_err(|_| not_a_login)
}

/// Which of the two numbers to report. In 7.48 part of a token lies where newer clients keep their version, and no
/// part of a token may reach a log.
fn likely_version(newer: i32, old: i32) -> i32 {
    let versions = 1..=99_999;
    [newer, old].into_iter().find(|number| versions.contains(number)).unwrap_or(0)
}

fn number_at(bytes: &[u8], offset: usize) -> i32 {
    let mut number = [0u8; 4];
    number.copy_from_slice(&bytes[offset..offset + 4]);
    i32::from_le_bytes(number)
}
