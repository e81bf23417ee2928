//! Gold: what a change leaves, or why it is refused.

use model::calls::database::ChangeGoldRefusal;
use model::item::GOLD_MAX;

/// The gold after a change of what is carried; `None` carried: the writer does not own the character.
pub(crate) fn after(carried: Option<i64>, delta: i64) -> Result<i64, ChangeGoldRefusal> {
    let gold = carried.ok_or(ChangeGoldRefusal::Stale)?.saturating_add(delta);
    match gold {
        i64::MIN..0 => Err(ChangeGoldRefusal::NotEnough),
        0..=GOLD_MAX => Ok(gold),
        _ => Err(ChangeGoldRefusal::TooMuch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gold_stays_within_its_bounds_whatever_is_asked() {
        assert_eq!(after(None, 1), Err(ChangeGoldRefusal::Stale));
        assert_eq!(after(Some(10), -10), Ok(0));
        assert_eq!(after(Some(10), -11), Err(ChangeGoldRefusal::NotEnough));
        assert_eq!(after(Some(GOLD_MAX - 1), 1), Ok(GOLD_MAX));
        assert_eq!(after(Some(GOLD_MAX), 1), Err(ChangeGoldRefusal::TooMuch));
        assert_eq!(after(Some(GOLD_MAX), i64::MAX), Err(ChangeGoldRefusal::TooMuch));
        assert_eq!(after(Some(0), i64::MIN), Err(ChangeGoldRefusal::NotEnough));
    }
}
