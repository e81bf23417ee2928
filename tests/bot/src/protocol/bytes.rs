//! Little-endian fields by offset. Reading outside a packet gives zero: sizes are judged before.

fn array<const N: usize>(packet: &[u8], at: usize) -> [u8; N] {
    packet.get(at..at + N).and_then(|slice| slice.try_into().ok()).unwrap_or([0; N])
}

/// One byte.
pub fn u8_at(packet: &[u8], at: usize) -> u8 {
    packet.get(at).copied().unwrap_or(0)
}

/// Two bytes.
pub fn u16_at(packet: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(packet, at))
}

/// Four bytes.
pub fn u32_at(packet: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(packet, at))
}

/// Four bytes with a sign.
pub fn i32_at(packet: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(array(packet, at))
}

/// Eight bytes with a sign.
pub fn i64_at(packet: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(array(packet, at))
}

/// A text field: Windows-1252 up to the first NUL.
pub fn text_at(packet: &[u8], at: usize, len: usize) -> String {
    let field = packet.get(at..(at + len).min(packet.len())).unwrap_or(&[]);
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&field[..end]).0.into_owned()
}

/// Writes two bytes.
pub fn put_u16(packet: &mut [u8], at: usize, value: u16) {
    packet[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

/// Writes four bytes.
pub fn put_u32(packet: &mut [u8], at: usize, value: u32) {
    packet[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Writes four bytes with a sign.
pub fn put_i32(packet: &mut [u8], at: usize, value: i32) {
    packet[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Writes a text field, cut so that a NUL ends it, rest zero.
pub fn put_text(packet: &mut [u8], at: usize, len: usize, text: &str) {
    let (encoded, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let count = encoded.len().min(len - 1);
    packet[at..at + len].fill(0);
    packet[at..at + count].copy_from_slice(&encoded[..count]);
}
