//! The built-in content with one file changed.

use std::path::{Path, PathBuf};

/// A folder with the built-in content, one file of which was changed.
pub fn changed(name: &str, change: impl Fn(&str) -> String) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/content");
    for file in std::fs::read_dir(source)? {
        let file: PathBuf = file?.path();
        let Some(of_file) = file.file_name() else { continue };
        let mut text = std::fs::read_to_string(&file)?;
        if of_file == name {
            let new = change(&text);
            anyhow::ensure!(new != text, "{name} of the built-in content is not what was expected");
            text = new;
        }
        std::fs::write(folder.path().join(of_file), text)?;
    }
    Ok(folder)
}
