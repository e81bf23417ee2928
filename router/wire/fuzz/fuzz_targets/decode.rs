//! Bytes of a peer through the whole decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::decode(data));
