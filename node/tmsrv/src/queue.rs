//! The queue of those who want to log in where nobody new is let in.
//!
//! Who waits asks again and again, at least every [`PATIENCE`]; who does not has given up. When logins are let in again those who wait
//! come in one after the other, in the order in which they asked first.

use model::CharacterId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Who has not asked for so long has given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most who wait; more are told that the place is full.
const WAITING_MAX: usize = 10_000;

/// What becomes of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is its turn.
    Enter,
    /// It waits on this place, counted from 1.
    Wait(u32),
    /// Too many wait.
    Full,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<(CharacterId, Instant)>,
    last_let_in: Option<Instant>,
}

impl Queue {
    /// Somebody wants to come in. `pause` lies between two who come in one after the other while others wait.
    pub(crate) fn ask(
        &mut self,
        character: CharacterId,
        refuses: bool,
        pause: Duration,
        now: Instant,
    ) -> Turn {
        self.waiting.retain(|(other, asked)| *other == character || now.duration_since(*asked) < PATIENCE);
        let place = self.waiting.iter().position(|(other, _)| *other == character);
        if !refuses && self.waiting.is_empty() {
            return Turn::Enter;
        }
        let rested = self.last_let_in.is_none_or(|last| now.duration_since(last) >= pause);
        let first = place == Some(0);
        if !refuses && first && rested {
            self.waiting.pop_front();
            self.last_let_in = Some(now);
            return Turn::Enter;
        }
        match place {
            Some(place) => self.waiting[place].1 = now,
            None if self.waiting.len() >= WAITING_MAX => return Turn::Full,
            None => self.waiting.push_back((character, now)),
        }
        let place = place.unwrap_or(self.waiting.len() - 1);
        Turn::Wait(u32::try_from(place + 1).unwrap_or(u32::MAX))
    }

    /// How many wait, as far as is known.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(200);

    fn ask(queue: &mut Queue, who: u64, refuses: bool, now: Instant) -> Turn {
        queue.ask(CharacterId(who), refuses, PAUSE, now)
    }

    #[test]
    fn places_are_given_in_order_and_kept() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        assert_eq!(ask(&mut queue, 1, false, now), Turn::Enter, "nobody waits and nobody is refused");
        for who in 1..=3 {
            assert_eq!(ask(&mut queue, who, true, now), Turn::Wait(who as u32));
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(ask(&mut queue, 2, true, later), Turn::Wait(2));
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn they_come_in_one_after_the_other_before_anybody_new() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for who in 1..=3 {
            ask(&mut queue, who, true, now);
        }
        assert_eq!(ask(&mut queue, 9, false, now), Turn::Wait(4), "who is new waits behind them");
        assert_eq!(ask(&mut queue, 2, false, now), Turn::Wait(2));
        assert_eq!(ask(&mut queue, 1, false, now), Turn::Enter);
        assert_eq!(ask(&mut queue, 2, false, now), Turn::Wait(1), "not all at once");
        assert_eq!(ask(&mut queue, 2, false, now + PAUSE), Turn::Enter);
        assert_eq!(ask(&mut queue, 3, true, now + 2 * PAUSE), Turn::Wait(1), "it is full again");
    }

    #[test]
    fn who_gives_up_is_forgotten() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        ask(&mut queue, 1, true, now);
        ask(&mut queue, 2, true, now + PATIENCE / 2);
        assert_eq!(ask(&mut queue, 2, true, now + PATIENCE), Turn::Wait(1));
        let late = now + 3 * PATIENCE;
        assert_eq!(ask(&mut queue, 3, false, late), Turn::Enter);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn it_is_bounded() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for who in 0..WAITING_MAX as u64 {
            ask(&mut queue, who, true, now);
        }
        assert_eq!(ask(&mut queue, u64::MAX, true, now), Turn::Full);
        assert_eq!(ask(&mut queue, 5, true, now), Turn::Wait(6), "who waits already keeps its place");
    }
}
