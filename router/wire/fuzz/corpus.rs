//! Writes a corpus made from the packet table into `corpus/decode`: `cargo run --bin corpus`.

use std::{fs, io};

fn main() -> io::Result<()> {
    fs::create_dir_all("corpus/decode")?;
    for (number, input) in wire::fuzz::corpus(1).into_iter().enumerate() {
        fs::write(format!("corpus/decode/table-{number:04}"), input)?;
    }
    Ok(())
}
