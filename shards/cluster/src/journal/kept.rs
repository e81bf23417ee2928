//! What a node keeps for others: the newest state of each character, for a while, and not more than a bound.

use model::CharacterId;
use model::calls::sibling::{Journalled, KEEP_MAX, Reply};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// So long after its owner spoke of it last a state is forgotten.
pub const KEPT_FOR: Duration = Duration::from_secs(5 * 60);

/// See the module.
pub struct Kept {
    most: usize,
    states: Mutex<HashMap<CharacterId, (Instant, Journalled)>>,
}

impl Kept {
    /// Of at most so many characters.
    pub fn new(most: usize) -> Self {
        Self { most, states: Mutex::default() }
    }

    /// Keeps what is newer than what it has.
    pub fn keep(&self, states: Vec<Journalled>, now: Instant) -> Reply {
        if states.len() > KEEP_MAX {
            return Reply::Refused;
        }
        let mut kept = self.states.lock();
        for state in states {
            let known = kept.get(&state.character);
            if known.is_none() && kept.len() >= self.most {
                return Reply::Refused;
            }
            if known.is_none_or(|(_, known)| known.mark <= state.mark) {
                kept.insert(state.character, (now, state));
            }
        }
        Reply::Kept
    }

    /// The newest state of a character.
    pub fn recall(&self, character: CharacterId) -> Option<Journalled> {
        self.states.lock().get(&character).map(|(_, state)| state.clone())
    }

    /// Forgets those of whom nobody speaks any more.
    pub fn forget_old(&self) {
        self.forget_older(Instant::now());
    }

    fn forget_older(&self, now: Instant) {
        self.states.lock().retain(|_, (since, _)| now.saturating_duration_since(*since) < KEPT_FOR);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.states.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::character::SoftMark;
    use model::{Epoch, SoftState, Tile};

    fn state(character: u64, epoch: u64, number: u64) -> Journalled {
        let soft = SoftState::fresh(Tile::new(number as u16, 1), 0, 1, 1);
        let mark = SoftMark { epoch: Epoch(epoch), number };
        Journalled { character: CharacterId(character), mark, soft }
    }

    #[test]
    fn the_newest_is_kept_whatever_comes_last() {
        let kept = Kept::new(10);
        for (epoch, number) in [(1, 5), (1, 4), (2, 1), (1, 9)] {
            assert_eq!(kept.keep(vec![state(7, epoch, number)], Instant::now()), Reply::Kept);
        }
        assert_eq!(kept.recall(CharacterId(7)), Some(state(7, 2, 1)));
        assert_eq!(kept.recall(CharacterId(8)), None);
    }

    #[test]
    fn it_is_bounded_in_number_and_time() {
        let kept = Kept::new(2);
        let begin = Instant::now();
        let many = (0..=KEEP_MAX as u64).map(|character| state(character, 1, 1)).collect();
        assert_eq!(kept.keep(many, begin), Reply::Refused);
        assert_eq!(kept.count(), 0);
        assert_eq!(kept.keep(vec![state(1, 1, 1), state(2, 1, 1), state(3, 1, 1)], begin), Reply::Refused);
        assert_eq!(kept.keep(vec![state(2, 1, 2)], begin + KEPT_FOR / 2), Reply::Kept);
        kept.forget_older(begin + KEPT_FOR);
        assert_eq!((kept.recall(CharacterId(1)), kept.recall(CharacterId(2))), (None, Some(state(2, 1, 2))));
        assert_eq!(kept.keep(vec![state(3, 1, 1)], begin + KEPT_FOR), Reply::Kept);
    }
}
