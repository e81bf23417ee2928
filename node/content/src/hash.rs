//! One number for everything that was loaded: two nodes with the same number play the same world.

use xxhash_rust::xxh3::Xxh3;

/// Raised whenever the same files come to mean something else.
const MEANING: u64 = 1;

/// Takes files in canonical order.
pub(crate) struct ContentHash(Xxh3);

impl ContentHash {
    pub(crate) fn new() -> Self {
        let mut hash = Xxh3::new();
        hash.update(&MEANING.to_le_bytes());
        Self(hash)
    }

    /// One file under its name; lengths keep neighbours apart.
    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) {
        self.0.update(&(name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> u64 {
        self.0.digest()
    }
}
