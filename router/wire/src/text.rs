//! Text as clients write it: Windows-1252, ended by a NUL.

use encoding_rs::{EncoderResult, WINDOWS_1252};

/// Text of a field: everything before its first NUL.
pub fn decode(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    WINDOWS_1252.decode_without_bom_handling(&field[..end]).0.into_owned()
}

/// Writes at most `most` bytes of text and fills the rest of the field with zeros.
///
/// A character that Windows-1252 lacks becomes `?`.
pub fn encode(text: &str, most: usize, field: &mut [u8]) {
    field.fill(0);
    let room = most.min(field.len());
    for (byte, character) in field[..room].iter_mut().zip(text.chars()) {
        *byte = byte_of(character);
    }
}

/// The byte of a character, `?` when it has none.
fn byte_of(character: char) -> u8 {
    match character {
        '\0' => b'?',
        c if c.is_ascii() => c as u8,
        c => {
            let mut utf8 = [0u8; 4];
            let mut byte = [0u8; 4];
            let mut encoder = WINDOWS_1252.new_encoder();
            let (result, _, written) =
                encoder.encode_from_utf8_without_replacement(c.encode_utf8(&mut utf8), &mut byte, true);
            if result == EncoderResult::InputEmpty && written == 1 { byte[0] } else { b'?' }
        }
    }
}
