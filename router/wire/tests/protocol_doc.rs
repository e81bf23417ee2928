//! `docs/PROTOCOL.md` says what the table says. `UPDATE_DOCS=1 cargo test -p wire protocol_doc` writes it.

mod support;

use std::{fs, path::PathBuf};

#[test]
fn protocol_doc_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/PROTOCOL.md");
    let document = wire::doc::render();
    if support::updates("UPDATE_DOCS") {
        fs::write(&path, &document).expect("the document");
    }
    let kept = fs::read_to_string(&path).expect("docs/PROTOCOL.md");
    assert!(kept == document, "run UPDATE_DOCS=1 cargo test -p wire protocol_doc");
}
