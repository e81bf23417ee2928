//! Who stands there: short id, name and, for players, PK marks.

use crate::form::{Form, Wire};
use crate::{PLAYER_IDS_END, Profile, sample::Samples, text};

/// Id and name of a shown entity. Sixteen bytes hold the name of a creature (up to 15); of a player they hold
/// twelve of the name, then the marks.
///
/// ```text
///   id u16 | name 12 | chaos u8 | kills u8 | total kills u16      id below 1000: a player
///   id u16 | name 16                                              others; the marks stay 0
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nameplate {
    /// Short id.
    pub id: u16,
    /// Name.
    pub name: String,
    /// PK points, shown by the colour of the name; 75 and 150 are normal, 0 is red. Players only.
    pub chaos: u8,
    /// Kills of this life. Players only.
    pub current_kills: u8,
    /// Kills in all. Players only.
    pub total_kills: u16,
}

/// Bytes of a player's name.
const PLAYER_NAME: usize = 12;
/// Bytes of a creature's name, of which the last stays NUL.
const NAME: usize = 16;

impl Nameplate {
    fn is_player(&self) -> bool {
        self.id < PLAYER_IDS_END
    }
}

impl Wire for Nameplate {
    fn blank() -> Self {
        Self::default()
    }
    fn put(&self, _: &Form, _: Profile, out: &mut [u8]) {
        let (id, name) = out.split_at_mut(2);
        id.copy_from_slice(&self.id.to_le_bytes());
        if self.is_player() {
            let (name, marks) = name.split_at_mut(PLAYER_NAME);
            text::encode(&self.name, PLAYER_NAME, name);
            marks[0] = self.chaos;
            marks[1] = self.current_kills;
            marks[2..4].copy_from_slice(&self.total_kills.to_le_bytes());
        } else {
            text::encode(&self.name, NAME - 1, name);
        }
    }
    fn get(_: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
        let (id, name) = bytes.split_at(2);
        let mut plate = Self { id: u16::from_le_bytes([id[0], id[1]]), ..Self::default() };
        if plate.is_player() {
            let (name, marks) = name.split_at(PLAYER_NAME);
            plate.name = text::decode(name);
            plate.chaos = marks[0];
            plate.current_kills = marks[1];
            plate.total_kills = u16::from_le_bytes([marks[2], marks[3]]);
        } else {
            plate.name = text::decode(name);
        }
        Some(plate)
    }
    fn sample(_: &Form, profile: Profile, samples: &mut Samples) -> Self {
        let name = |most, samples: &mut Samples| {
            String::sample(&Form::Text { len: most + 1, most }, profile, samples)
        };
        let id = samples.number() as u16 % (2 * PLAYER_IDS_END);
        if id < PLAYER_IDS_END {
            Self {
                id,
                name: name(PLAYER_NAME, samples),
                chaos: samples.number() as u8,
                current_kills: samples.number() as u8,
                total_kills: samples.number() as u16,
            }
        } else {
            Self { id, name: name(NAME - 1, samples), ..Self::default() }
        }
    }
}
