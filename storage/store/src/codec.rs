//! The one place that turns soft state and stored outcomes into bytes and back.
//!
//! Soft state carries the version of its layout beside it, an outcome carries it in its first byte. A
//! change of layout takes a new version and keeps the decoder of every older one; the golden tests below
//! fail when the layout changes under an unchanged version.

use bincode::config::{Configuration, standard};
use model::Population;
use model::SoftState;
use model::Tile;
use model::calls::database::Failure;
use model::character::{Affect, SKILL_BAR};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Version of the layout that is written.
pub(crate) const SOFT_VERSION: i64 = 2;
const OUTCOME_VERSION: u8 = 1;
/// Version of the layout of a [`Population`] that is written; another one is not read.
pub(crate) const POPULATION_VERSION: i64 = 1;
const LAYOUT: Configuration = standard();

/// Bytes of soft state in the layout of [`SOFT_VERSION`].
pub(crate) fn encode_soft(soft: &SoftState) -> Result<Vec<u8>, Failure> {
    encode(soft, "soft state")
}

/// Soft state from the bytes of any version that was ever written.
pub(crate) fn decode_soft(version: i64, bytes: &[u8]) -> Result<SoftState, Failure> {
    match version {
        1 => decode::<SoftStateV1>(bytes, "soft state").map(SoftState::from),
        SOFT_VERSION => decode(bytes, "soft state"),
        _ => Err(Failure::Corrupt(format!(
            "soft state of version {version}, this program reads up to {SOFT_VERSION}"
        ))),
    }
}

/// Soft state before there were instances.
#[derive(Serialize, Deserialize)]
struct SoftStateV1 {
    tile: Tile,
    facing: u8,
    hp: i32,
    mp: i32,
    home_city: u8,
    skill_bar: [u8; SKILL_BAR],
    affects: Vec<Affect>,
}

impl From<SoftStateV1> for SoftState {
    fn from(old: SoftStateV1) -> Self {
        let SoftStateV1 { tile, facing, hp, mp, home_city, skill_bar, affects } = old;
        Self { tile, facing, hp, mp, home_city, skill_bar, affects, stay: None }
    }
}

/// Bytes of the creatures of a zone.
pub(crate) fn encode_population(population: &Population) -> Result<Vec<u8>, Failure> {
    encode(population, "a population")
}

/// The creatures of a zone from bytes of this version.
pub(crate) fn decode_population(version: i64, bytes: &[u8]) -> Result<Population, Failure> {
    match version {
        POPULATION_VERSION => decode(bytes, "a population"),
        _ => Err(Failure::Corrupt(format!(
            "a population of version {version}, this program reads version {POPULATION_VERSION}"
        ))),
    }
}

/// Bytes of an outcome, its version first.
pub(crate) fn encode_outcome<T: Serialize>(outcome: &T) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![OUTCOME_VERSION];
    bytes.extend(encode(outcome, "outcome")?);
    Ok(bytes)
}

/// An outcome from its bytes.
pub(crate) fn decode_outcome<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    match bytes.split_first() {
        Some((&OUTCOME_VERSION, rest)) => decode(rest, "outcome"),
        Some((version, _)) => Err(Failure::Corrupt(format!(
            "outcome of version {version}, this program reads version {OUTCOME_VERSION}"
        ))),
        None => Err(Failure::Corrupt("an empty outcome".into())),
    }
}

fn encode<T: Serialize>(value: &T, what: &str) -> Result<Vec<u8>, Failure> {
    bincode::serde::encode_to_vec(value, LAYOUT)
        .map_err(|error| Failure::Corrupt(format!("{what} cannot be encoded: {error}")))
}

fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Failure> {
    match bincode::serde::decode_from_slice(bytes, LAYOUT) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok((_, used)) => {
            Err(Failure::Corrupt(format!("{what} has {} bytes after its end", bytes.len() - used)))
        }
        Err(error) => Err(Failure::Corrupt(format!("{what} cannot be decoded: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::database::{
        ChangeGoldRefusal, CreateCharacterRefusal, NameTaken, TransferRefusal, Transferred,
    };
    use model::id::AccountId;
    use model::ledger::GoldAccount;
    use model::{Rect, Stay};
    use proptest::prelude::*;

    fn example() -> SoftState {
        let mut soft = SoftState::fresh(Tile::new(2100, 2100), 3, -5, 70_000);
        soft.skill_bar[0] = 7;
        soft.affects.push(Affect { kind: 1, level: 2, value: -3, time: 4 });
        soft
    }

    #[test]
    fn the_layout_of_each_version_is_pinned() {
        let bytes = encode_soft(&example()).unwrap();
        let mut expected = vec![251, 0x34, 0x08, 251, 0x34, 0x08, 2, 9, 252, 0xe0, 0x22, 0x02, 0x00, 3, 7];
        expected.extend([0xFF; 19]);
        expected.extend([1, 1, 2, 5, 4]);
        assert_eq!(decode_soft(1, &expected).unwrap(), example());
        assert_eq!(
            bytes,
            [&expected[..], &[0]].concat(),
            "the layout changed: raise SOFT_VERSION and keep decoding"
        );
        let area = Rect::new(Tile::new(1, 2), Tile::new(3, 4));
        let stay = Stay { instance: 300, area, back: Tile::new(5, 6), over: true };
        let inside = SoftState { stay: Some(stay), ..example() };
        expected.extend([1, 251, 0x2c, 0x01, 1, 2, 3, 4, 5, 6, 1]);
        assert_eq!(encode_soft(&inside).unwrap(), expected);
        assert_eq!(decode_soft(2, &expected).unwrap(), inside);
    }

    #[test]
    fn the_layout_of_outcomes_is_pinned() {
        let taken: Result<(), NameTaken> = Err(NameTaken);
        assert_eq!(encode_outcome(&taken).unwrap(), [1, 1]);
        let slot: Result<(), CreateCharacterRefusal> = Err(CreateCharacterRefusal::SlotTaken);
        assert_eq!(encode_outcome(&slot).unwrap(), [1, 1, 1]);
        let gold: Result<i64, ChangeGoldRefusal> = Ok(100);
        assert_eq!(encode_outcome(&gold).unwrap(), [1, 0, 200]);
        assert_eq!(decode_outcome::<Result<i64, ChangeGoldRefusal>>(&[1, 0, 200]).unwrap(), gold);
        let cargo = GoldAccount::Cargo(AccountId(7));
        let done: Result<_, TransferRefusal> = Ok(Transferred { balances: vec![(cargo.clone(), 100)] });
        assert_eq!(encode_outcome(&done).unwrap(), [1, 0, 1, 3, 7, 200]);
        let refused: Result<Transferred, _> = Err(TransferRefusal::NotEnough(cargo));
        assert_eq!(encode_outcome(&refused).unwrap(), [1, 1, 3, 3, 7]);
        assert_eq!(encode_outcome(&AccountId(7)).unwrap(), [1, 7], "what a part of a transfer stores");
    }

    #[test]
    fn what_another_program_wrote_is_refused_and_not_guessed() {
        assert!(matches!(decode_soft(3, &[]), Err(Failure::Corrupt(_))));
        assert!(matches!(decode_outcome::<bool>(&[2, 0]), Err(Failure::Corrupt(_))));
        assert!(matches!(decode_outcome::<bool>(&[1, 0, 0]), Err(Failure::Corrupt(_))));
        assert!(matches!(decode_outcome::<bool>(&[]), Err(Failure::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (decode_soft(1, &bytes), decode_soft(2, &bytes));
        }
    }
}
