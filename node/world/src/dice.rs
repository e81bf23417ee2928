//! Randomness that replays: a splitmix64 sequence from a seed.

/// A die whose rolls follow from its seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A die for one purpose of one zone.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut dice = Self(seed ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// An id that nobody else draws: 63 bits, never 0.
    pub(crate) fn id63(&mut self) -> u64 {
        (self.next() >> 1).max(1)
    }

    /// A number of `0..=most`, all alike.
    pub(crate) fn up_to(&mut self, most: u32) -> u32 {
        let sides = u64::from(most) + 1;
        // the high bits times the sides: the bias is below one in four thousand million
        (((self.next() >> 32) * sides) >> 32) as u32
    }

    /// A number of `low..=high`; `low` when they are the wrong way round.
    pub(crate) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.up_to(high.saturating_sub(low).max(0).unsigned_abs()) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolls_stay_in_range_and_replay() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed, 1);
            (0..1000).map(|_| dice.between(-3, 14)).collect::<Vec<i32>>()
        };
        let first = rolls(7);
        assert!(first.iter().all(|roll| (-3..=14).contains(roll)));
        for wanted in -3..=14 {
            assert!(first.contains(&wanted), "{wanted} never came in 1000 rolls");
        }
        assert_eq!(first, rolls(7));
        assert_ne!(first, rolls(8));
    }
}
