//! Client versions that a bot can play.

use std::fmt;
use std::str::FromStr;

/// One client version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// 7.59, client build 7662, version field 7640.
    V759,
    /// 7.69, version field 1758.
    V769,
    /// The stock 7.48 client, version field 748.
    V748,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 3] = [Profile::V759, Profile::V769, Profile::V748];

    /// True when this client asks for a PIN before it shows the characters.
    pub fn has_pin(self) -> bool {
        self != Profile::V748
    }

    /// Short name: `759`, `769` or `748`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::V759 => "759",
            Profile::V769 => "769",
            Profile::V748 => "748",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which versions a fleet plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// All bots the same.
    One(Profile),
    /// Round robin over all of them.
    Mixed,
}

impl Mix {
    /// The version of the bot with this number.
    pub fn of(self, index: usize) -> Profile {
        match self {
            Mix::One(profile) => profile,
            Mix::Mixed => Profile::ALL[index % Profile::ALL.len()],
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mix::One(profile) => profile.fmt(f),
            Mix::Mixed => f.write_str("mixed"),
        }
    }
}

/// A client version that no bot knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown client version \"{found}\": use 759, 769, 748 or mixed")]
pub struct UnknownProfile {
    /// What was asked for.
    pub found: String,
}

impl FromStr for Mix {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Mix, UnknownProfile> {
        match text {
            "759" => Ok(Mix::One(Profile::V759)),
            "769" => Ok(Mix::One(Profile::V769)),
            "748" => Ok(Mix::One(Profile::V748)),
            "mixed" => Ok(Mix::Mixed),
            _ => Err(UnknownProfile { found: text.to_owned() }),
        }
    }
}
