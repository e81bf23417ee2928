//! Bugs that are planted on purpose, one at a time, for the tests that must find them: in the store, and in the
//! services over it.
//!
//! Without the feature `planted`, which no program has, [`is`] is `false` and the compiler takes the bugs out.

use std::sync::atomic::{AtomicU8, Ordering};

macro_rules! bugs {
    ($($(#[doc = $what:literal])* $bug:ident,)*) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Bug {
            $($(#[doc = $what])* $bug,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// True for a bug of a service over the store.
            pub fn is_of_a_service(self) -> bool {
                ["TSSSrv:", "BISrv:"].iter().any(|service| self.what().starts_with(service))
            }

            /// True for a bug of the cluster: of its controller, its arbiter, or whoever has sessions.
            pub fn is_of_the_cluster(self) -> bool {
                self.what().starts_with("Cluster:")
            }

            /// What is wrong then.
            pub fn what(self) -> &'static str {
                match self { $(Self::$bug => concat!($($what),*).trim_ascii(),)* }
            }
        }
    };
}

bugs! {
    /// A former owner may write: the epoch is not checked.
    NoFencing,
    /// An item is moved wherever it lies.
    ItemNotLookedFor,
    /// An item is put where another one lies.
    PlaceNotLookedAt,
    /// More gold is spent than there is.
    GoldNotCounted,
    /// A purse is filled beyond what it may hold.
    GoldNotBounded,
    /// What comes is written, what goes to another shard is not taken away.
    ItemLeftBehind,
    /// Gold that comes from another shard is credited twice.
    CreditedTwice,
    /// The outcome of an operation is not stored.
    OutcomeNotStored,
    /// A stored outcome is not looked for.
    OutcomeNotLookedFor,
    /// A part that could not be prepared is taken for prepared.
    UnpreparedCommitted,
    /// The coordinator commits without asking for a decision.
    Undecided,
    /// The coordinator commits although it was decided to abort.
    AbortIgnored,
    /// What was decided is taken back where it is not committed yet, when one shard does not answer.
    DecisionTakenBack,
    /// A refused part does not stop the others.
    RefusalIgnored,
    /// The coordinator commits before all parts are prepared.
    CommittedBeforePrepared,
    /// The recoverer commits what was never decided.
    RecovererGuesses,
    /// The recoverer takes back what was decided.
    RecovererTakesBack,
    /// Decisions are forgotten while somebody still needs them.
    ForgottenTooEarly,
    /// A movement of gold is not entered in the ledger.
    GoldNotEntered,
    /// An item's departure to another bucket is not entered in the ledger.
    DepartureNotEntered,
    /// TSSSrv: a check counts whatever offer of the partner it was given to.
    OlderOfferAgreedTo,
    /// TSSSrv: a changed offer leaves the partner's check standing.
    CheckNotCleared,
    /// TSSSrv: a trade that Redis lost is told to be lost before the store was asked.
    LostWithoutVoid,
    /// TSSSrv: a decided trade is not gone on with after the process that decided it died.
    SettlingForgotten,
    /// TSSSrv: only one side hears how a trade ended.
    EndToldToOne,
    /// TSSSrv: whoever traded once sits there for ever.
    SeatKept,
    /// TSSSrv: a shop takes the price that it has now, not the one that was shown.
    PriceNotCompared,
    /// TSSSrv: a repeated order is composed anew, from what lies there now.
    RepeatComposedAnew,
    /// TSSSrv: what nobody knows is told to be refused.
    UnknownToldRefused,
    /// TSSSrv: the gold of an outbid player stays in the lot.
    OutbidNotPaid,
    /// TSSSrv: a due that was delivered is not struck from the lot.
    DueNotStruck,
    /// TSSSrv: the item of a lot that was won goes to its seller.
    WonBySeller,
    /// BISrv: a repeat is refused by what lies there now.
    BankRepeatRefused,
    /// BISrv: who repeats is told what would be done now, not what was done.
    BankToldThePlan,
    /// Cluster: who could not renew while the arbiter was away is taken for dead at once.
    LateTakenForDead,
    /// Cluster: who finds that its lease has ended does not join again.
    NotJoinedAgain,
    /// Cluster: who gets a zone gets it under the epoch of its former owner.
    ZoneEpochKept,
    /// Cluster: a part that is cut off again begins with the epoch that it had at first.
    PartEpochForgotten,
    /// Cluster: the controller does not look who is drained.
    DrainForgotten,
    /// Cluster: the arbiter takes a table whatever the version is that it follows.
    TableOverwritten,
    /// Cluster: loading a character does not raise its epoch.
    LoadEpochKept,
    /// Cluster: a soft state is written whoever owns the character now.
    SaveNotFenced,
    /// Cluster: a node goes on with zones that were taken from it.
    ZoneGoneIgnored,
    /// Cluster: a node hands a player over before its state is written.
    HandedOverUnsaved,
    /// Cluster: what is too much for a player who waits to be handed over is not counted.
    TooMuchNotCounted,
    /// Cluster: an edge listens to nodes that had the player before.
    FormerNodeHeard,
    /// Cluster: an edge forgets what was not obeyed before a handover.
    OpenForgotten,
    /// Cluster: an edge sends all again after a handover, obeyed or not.
    ObeyedSentAgain,
    /// Cluster: who loads a character asks no journal.
    JournalNotAsked,
    /// Cluster: another buddy is told only what changes from then on.
    BuddyChangeMissed,
    /// Cluster: who loads a character that the store says was given up asks no journal, whoever says so.
    ReleaseBelieved,
}

/// Number of the planted bug plus one; 0: none.
static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Plants a bug, or none.
///
/// # Panics
/// Without the feature `planted`: the tests would then find nothing.
pub fn plant(bug: Option<Bug>) {
    assert!(cfg!(feature = "planted") || bug.is_none(), "this program was built without planted bugs");
    PLANTED.store(bug.map_or(0, |bug| bug as u8 + 1), Ordering::SeqCst);
}

/// True when this bug is planted. The services that depend on this crate ask here as well.
#[inline]
pub fn is(bug: Bug) -> bool {
    cfg!(feature = "planted") && PLANTED.load(Ordering::Relaxed) == bug as u8 + 1
}
