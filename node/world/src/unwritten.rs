//! Which keepers of soft states do not have a player's as it is.

/// Who keeps soft states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The store, behind.
    Store,
    /// The buddy of the node, within a second.
    Buddy,
}

/// For which keepers a state has changed since they took it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwritten {
    store: bool,
    buddy: bool,
}

impl Unwritten {
    /// Of somebody new.
    pub(crate) const EVERYWHERE: Self = Self { store: true, buddy: true };

    /// The state has changed.
    pub(crate) fn touch(&mut self) {
        *self = Self::EVERYWHERE;
    }

    pub(crate) fn of(&mut self, keeper: Keeper) -> &mut bool {
        match keeper {
            Keeper::Store => &mut self.store,
            Keeper::Buddy => &mut self.buddy,
        }
    }
}
