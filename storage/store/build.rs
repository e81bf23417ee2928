//! A new migration file is part of the program without touching any other file.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
