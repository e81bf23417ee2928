//! Obfuscation and checksum of one frame.
//!
//! Bytes 0..4 of a frame (size, key index, checksum) are plain, the rest is shifted by amounts taken from a fixed
//! table of 512 bytes, starting at a row chosen by the key index. It hides nothing from anyone who has a client;
//! it is there because clients expect it.

use thiserror::Error;

/// First byte that is obfuscated.
const BODY: usize = 4;

/// The fixed table: pairs of (start position, amount).
static KEY_TABLE: [u8; 512] = table_from_hex(include_str!("key_table.hex"));

/// The checksum of a frame does not fit its bytes. The frame was decoded all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("checksum is {found:#04x}, bytes give {expected:#04x}")]
pub struct BadChecksum {
    /// What the frame says.
    pub found: u8,
    /// What its bytes add up to.
    pub expected: u8,
}

/// Obfuscates a plain frame where it lies, and writes its key index and checksum. The size field is the caller's.
///
/// A slice shorter than a header is left alone.
pub fn encode_in_place(frame: &mut [u8], key_index: u8) {
    if frame.len() < BODY {
        return;
    }
    frame[2] = key_index;
    frame[3] = shift(frame, key_index, u8::wrapping_add);
}

/// Turns an obfuscated frame back into plain bytes where it lies, and compares its checksum.
pub fn decode_in_place(frame: &mut [u8]) -> Result<(), BadChecksum> {
    if frame.len() < BODY {
        return Ok(());
    }
    let (key_index, found) = (frame[2], frame[3]);
    let difference = shift(frame, key_index, u8::wrapping_sub);
    let expected = 0u8.wrapping_sub(difference);
    if found == expected { Ok(()) } else { Err(BadChecksum { found, expected }) }
}

/// Shifts the body by the table with `apply`; gives the sum after minus the sum before, modulo 256.
fn shift(frame: &mut [u8], key_index: u8, apply: fn(u8, u8) -> u8) -> u8 {
    let start = usize::from(KEY_TABLE[2 * usize::from(key_index)]);
    let mut difference = 0u8;
    for (i, byte) in frame.iter_mut().enumerate().skip(BODY) {
        let row = start + i - BODY;
        let amount = KEY_TABLE[2 * (row & 0xFF) + 1];
        let delta = match i & 3 {
            0 => amount << 1,
            1 => 0u8.wrapping_sub(amount >> 3),
            2 => amount << 2,
            _ => 0u8.wrapping_sub(amount >> 5),
        };
        let before = *byte;
        *byte = apply(before, delta);
        difference = difference.wrapping_add(byte.wrapping_sub(before));
    }
    difference
}

/// Reads the table from hex text with line breaks, at compile time.
const fn table_from_hex(text: &str) -> [u8; 512] {
    let text = text.as_bytes();
    let mut table = [0u8; 512];
    let mut digits = 0;
    let mut i = 0;
    while i < text.len() {
        let digit = match text[i] {
            c @ b'0'..=b'9' => Some(c - b'0'),
            c @ b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        if let Some(digit) = digit {
            table[digits / 2] = table[digits / 2] << 4 | digit;
            digits += 1;
        }
        i += 1;
    }
    assert!(digits == 1024, "the key table has 512 bytes");
    table
}
