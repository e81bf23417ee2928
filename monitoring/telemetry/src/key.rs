//! The cluster key from its file.

use crate::StartError;
use model::Secret;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const DIGITS_MIN: usize = 32;

/// Reads the key; a file that group or others can read is refused.
pub(crate) fn read(file: &Path) -> Result<Secret, StartError> {
    let unreadable = |source| StartError::KeyUnreadable { file: file.to_owned(), source };
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StartError::KeyExposed { file: file.to_owned(), mode });
    }
    let text = Secret::new(std::fs::read_to_string(file).map_err(unreadable)?);
    let digits = text.expose().trim();
    let malformed = |found| StartError::KeyMalformed { file: file.to_owned(), found };
    if digits.len() < DIGITS_MIN {
        return Err(malformed(format!("{} characters", digits.len())));
    }
    if hex::decode(digits).is_err() {
        return Err(malformed("other characters or an odd number of digits".to_owned()));
    }
    Ok(Secret::new(digits))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs::Permissions;

    fn written(text: &str, mode: u32) -> Result<Secret, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cluster.key");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn a_good_key_is_read_without_its_line_end() {
        let key = "00112233445566778899aabbccddeeff";
        assert_eq!(written(&format!("{key}\n"), 0o600).unwrap().expose(), key);
        assert!(written(key, 0o400).is_ok());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        for mode in [0o640, 0o604, 0o644] {
            let error = written("00112233445566778899aabbccddeeff", mode).unwrap_err();
            assert!(error.contains(&format!("mode {mode:o}")) && error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_malformed_key_is_refused_and_not_shown() {
        for text in ["", "abcd", "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff0"] {
            let error = written(text, 0o600).unwrap_err();
            assert!(error.contains("expected at least 32 hex digits"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert!(read(Path::new("none.key")).unwrap_err().to_string().contains("none.key"));
    }
}
