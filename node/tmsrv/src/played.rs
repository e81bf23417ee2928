//! A zone that is played by a game thread: its inputs and its clock.

use world::{Input, Pace, Relief, Tick, Zone};

/// See the module.
pub(crate) struct Played {
    pub(crate) zone: Zone,
    /// What it is told in its next step.
    pub(crate) inputs: Vec<Input>,
    /// Its clock.
    pub(crate) pace: Pace,
    /// What it was last told to be relieved of.
    told: Relief,
}

impl Played {
    pub(crate) fn new(zone: Zone) -> Self {
        Self { zone, inputs: Vec::new(), pace: Pace::default(), told: Relief::NONE }
    }

    /// It is relieved of something from a real tick on.
    pub(crate) fn relieve(&mut self, relief: Relief, now: Tick) {
        if self.told != relief {
            self.told = relief;
            self.inputs.push(Input::Relieve(relief));
            self.pace.change(now, relief.pace_percent);
        }
    }

    /// When its next step is due in real time, after the real tick `last`: inputs wait for the next tick of its own clock.
    pub(crate) fn next_due(&self, last: Tick) -> Option<Tick> {
        let by_itself = self.zone.next_due().map(|due| self.pace.real(due));
        let of_inputs = || self.pace.real(self.pace.at(last).plus(1));
        if self.inputs.is_empty() {
            by_itself
        } else {
            Some(by_itself.unwrap_or(Tick(u64::MAX)).min(of_inputs()))
        }
    }

    /// True when it is to be stepped in the real tick `now`, after `last`.
    pub(crate) fn is_due(&self, last: Tick, now: Tick) -> bool {
        self.next_due(last).is_some_and(|due| due <= now)
    }
}
