//! The one line that an operator gets.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// Settings that cannot be used. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The file is not there or not readable.
    #[error("{}: cannot be read: {why}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not valid TOML: {why}", file.display())]
    Syntax {
        /// Which file.
        file: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// No such key.
    #[error("{origin}: unknown key `{key}`{}", Hint(nearest.as_deref()))]
    UnknownKey {
        /// File and line, variable or flag.
        origin: Origin,
        /// Dotted.
        key: String,
        /// The good key that is most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong kind, or one that cannot work.
    #[error("{origin}: `{key}`: found {found}, expected {expected}")]
    BadValue {
        /// File and line, variable or flag.
        origin: Origin,
        /// Dotted.
        key: String,
        /// What is there.
        found: String,
        /// What could be there.
        expected: String,
    },
}

struct Hint<'a>(Option<&'a str>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, ", did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File {
        /// Which.
        file: PathBuf,
        /// The line, from 1, where the parser knows it.
        line: Option<usize>,
    },
    /// In the environment.
    Variable(String),
    /// On the command line.
    Flag(String),
    /// Nowhere: it is the default, and does not go with something that was given.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line: Some(line) } => write!(f, "{}:{line}", file.display()),
            Self::File { file, line: None } => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(key) => write!(f, "flag {key}"),
            Self::Default => f.write_str("by default"),
        }
    }
}
