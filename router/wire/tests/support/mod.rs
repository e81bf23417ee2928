//! Helpers of the tests: files of hex text beside the code.
#![allow(dead_code, reason = "every test file uses some of it")]

pub mod expect;

use std::path::PathBuf;
use wire::{ClientPacket, Frame, Profile, ServerPacket};

/// The folder of golden files.
pub fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// Whether files are to be written instead of compared.
pub fn updates(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "1")
}

/// Lines of a hex file, without comments.
pub fn hex_lines(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| hex::decode(line).expect("hex text")).collect()
}

/// All bytes of a hex file.
pub fn hex_bytes(text: &str) -> Vec<u8> {
    hex_lines(text).concat()
}

/// A client's packet as a plain frame.
pub fn from_client(packet: impl Into<ClientPacket>, profile: Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.into().encode(profile, 7, 0x0102_0304, &mut bytes).expect("the profile has the packet");
    bytes
}

/// A server's packet as a plain frame.
pub fn from_server(packet: impl Into<ServerPacket>, profile: Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.into().encode(profile, 7, 0x0102_0304, &mut bytes).expect("the profile has the packet");
    bytes
}

/// Plain bytes as a frame.
pub fn frame(bytes: &[u8]) -> Frame<'_> {
    Frame::from_plain(bytes).expect("a whole frame")
}
