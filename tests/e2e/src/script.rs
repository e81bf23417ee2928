//! How the programs behind scripts end.

use anyhow::Context;
use serde_json::Value;
use std::fmt::Display;
use std::process::ExitCode;

/// What did not hold, in words.
pub trait Expect {
    /// Adds what was found, unless it holds.
    fn expect(&mut self, what: &str, found: impl Display, holds: bool);
}

impl Expect for Vec<String> {
    fn expect(&mut self, what: &str, found: impl Display, holds: bool) {
        if !holds {
            self.push(format!("{what}: {found}"));
        }
    }
}

/// Prints what did not hold and the JSON object, also into a file; success only when everything held.
pub fn end(json: &Value, failures: &[String], file: Option<&str>) -> anyhow::Result<ExitCode> {
    for failure in failures {
        println!("FAILED: {failure}");
    }
    if let Some(path) = file {
        let text = serde_json::to_string_pretty(json)?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {path}"))?;
    }
    println!("{json}");
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
