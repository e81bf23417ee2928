//! Client versions.

use std::fmt;

/// A family of clients that lay out their packets alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// 7.59 (client build 7662, version field 7640).
    V759,
    /// 7.69 (version field 1758).
    V769,
    /// Stock 7.48 (version field 748).
    V748,
}

impl Profile {
    /// Every profile, in the order of the columns of the table.
    pub const ALL: [Profile; 3] = [Profile::V759, Profile::V769, Profile::V748];

    /// Column of this profile in the table.
    pub const fn index(self) -> usize {
        match self {
            Profile::V759 => 0,
            Profile::V769 => 1,
            Profile::V748 => 2,
        }
    }

    /// Short lower-case name for folders, metrics labels and flags: `759`, `769`, `748`.
    pub const fn label(self) -> &'static str {
        match self {
            Profile::V759 => "759",
            Profile::V769 => "769",
            Profile::V748 => "748",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::V759 => "7.59",
            Profile::V769 => "7.69",
            Profile::V748 => "7.48",
        })
    }
}
