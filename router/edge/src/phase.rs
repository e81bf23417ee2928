//! The phases of a connection and what is legal in each: pure, and the source of `docs/edge-input.md`.
//!
//! ```text
//! Connected -login-> LoggingIn -> Pin -ok-> Selecting <-> Working (create, delete, PIN change)
//!      ^                |  (7.48: straight to Selecting)   |  ^
//!      +---- refused ---+                      character login |
//!                                                          v  |
//!                                     Entering -> Playing -> Leaving
//! any phase -> Closing
//! ```

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing but the init code, perhaps; waits for the login packet.
    Connected,
    /// The registry is asked about the login.
    LoggingIn,
    /// Logged in; waits for the PIN.
    Pin,
    /// On the selection screen.
    Selecting,
    /// On the PIN keypad or the selection screen, while the registry works.
    Working,
    /// A node was asked to take the character.
    Entering,
    /// In the world.
    Playing,
    /// Back to the selection screen: the character is being saved.
    Leaving,
    /// The connection ends; nothing is read any more.
    Closing,
}

impl Phase {
    /// All phases in which packets are read, in order.
    pub const READING: [Self; 8] = [
        Self::Connected,
        Self::LoggingIn,
        Self::Pin,
        Self::Selecting,
        Self::Working,
        Self::Entering,
        Self::Playing,
        Self::Leaving,
    ];

    /// True before the login was accepted: such a connection costs nothing to close.
    pub fn is_half_open(self) -> bool {
        matches!(self, Self::Connected | Self::LoggingIn)
    }

    /// Short form for metrics and tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::LoggingIn => "logging_in",
            Self::Pin => "pin",
            Self::Selecting => "selecting",
            Self::Working => "working",
            Self::Entering => "entering",
            Self::Playing => "playing",
            Self::Leaving => "leaving",
            Self::Closing => "closing",
        }
    }
}

/// What a client sent, as far as the phase matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// 0x20D
    Login,
    /// 0xFDE, also to change the PIN.
    Pin,
    /// 0x20F
    CreateCharacter,
    /// 0x211
    DeleteCharacter,
    /// 0x213
    EnterWorld,
    /// 0xFAA
    TransferCharacter,
    /// 0x215
    LeaveWorld,
    /// Walks, stops and illusions.
    Move,
    /// 0x36A
    Motion,
    /// 0x333
    Chat,
    /// 0x334
    Whisper,
    /// 0x289
    Recall,
    /// 0x290
    Portal,
    /// 0x291
    EnterCity,
    /// 0x369
    Inspect,
    /// 0x378
    SkillBar,
    /// 0x376, 0x373, 0x2E5, 0x2E4, 0x272, 0x270
    Items,
    /// 0x27B, 0x379, 0x37A, 0x3E8
    Shop,
    /// 0x388, 0x387
    BankGold,
    /// 0x383, 0x384
    Trade,
    /// 0x397, 0x39A, 0x398
    Stall,
    /// 0x37F, 0x3AB, 0x37E
    Party,
    /// 0x3A0
    Ping,
    /// 0x2BC, 0x2CB, 0x3AE: reports of the client that nobody needs.
    Report,
    /// A packet of this version that the server does not serve yet.
    Unhandled,
}

impl Input {
    /// All inputs, in the order of the table.
    pub const ALL: [Self; 25] = [
        Self::Login,
        Self::Pin,
        Self::CreateCharacter,
        Self::DeleteCharacter,
        Self::EnterWorld,
        Self::TransferCharacter,
        Self::LeaveWorld,
        Self::Move,
        Self::Motion,
        Self::Chat,
        Self::Whisper,
        Self::Recall,
        Self::Portal,
        Self::EnterCity,
        Self::Inspect,
        Self::SkillBar,
        Self::Items,
        Self::Shop,
        Self::BankGold,
        Self::Trade,
        Self::Stall,
        Self::Party,
        Self::Ping,
        Self::Report,
        Self::Unhandled,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Login => "login 0x20D",
            Self::Pin => "PIN 0xFDE",
            Self::CreateCharacter => "create character 0x20F",
            Self::DeleteCharacter => "delete character 0x211",
            Self::EnterWorld => "enter world 0x213",
            Self::TransferCharacter => "transfer character 0xFAA",
            Self::LeaveWorld => "back to selection 0x215",
            Self::Move => "walk, stop, illusion",
            Self::Motion => "motion 0x36A",
            Self::Chat => "chat 0x333",
            Self::Whisper => "whisper or command 0x334",
            Self::Recall => "recall 0x289",
            Self::Portal => "portal 0x290",
            Self::EnterCity => "city entered 0x291",
            Self::Inspect => "who is that 0x369",
            Self::SkillBar => "skill bar 0x378",
            Self::Items => "items 0x376, 0x373, 0x2E5, 0x2E4, 0x272, 0x270",
            Self::Shop => "shop 0x27B, 0x379, 0x37A, 0x3E8",
            Self::BankGold => "gold of the bank 0x388, 0x387",
            Self::Trade => "trade 0x383, 0x384",
            Self::Stall => "personal shop 0x397, 0x39A, 0x398",
            Self::Party => "party 0x37F, 0x3AB, 0x37E",
            Self::Ping => "ping 0x3A0",
            Self::Report => "reports 0x2BC, 0x2CB, 0x3AE",
            Self::Unhandled => "known, not served yet",
        }
    }
}

/// What is answered instead of serving a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 0xFDF: the PIN first.
    PinFirst,
    /// 0x11A: no character is created now.
    NoCreation,
    /// 0x11B: no character is deleted now.
    NoDeletion,
    /// 0x101 with the text that the server is at it.
    Wait,
}

/// What the edge does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Serve,
    /// It counts as a sign of life and nothing else.
    Ignore,
    /// It is dropped: the player could not know better.
    Drop,
    /// It is dropped, and the client gets a strike.
    Strike,
    /// It is answered by a refusal, and the client gets a strike.
    Refuse(Refusal),
    /// The connection is closed.
    Close,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serve => "served",
            Self::Ignore => "ignored",
            Self::Drop => "dropped",
            Self::Strike => "strike",
            Self::Refuse(Refusal::PinFirst) => "0xFDF, strike",
            Self::Refuse(Refusal::NoCreation) => "0x11A, strike",
            Self::Refuse(Refusal::NoDeletion) => "0x11B, strike",
            Self::Refuse(Refusal::Wait) => "text, strike",
            Self::Close => "close",
        })
    }
}

/// True for packets of which nothing is read: builds of one client version differ in their sizes, and a
/// wrong one does no harm. `name` is the packet's name in the table of `wire`.
pub fn any_size_will_do(name: &str) -> bool {
    const UNREAD: [&str; 4] = ["client_log", "move_stop", "quit_delay", "shout"];
    let row = wire::table::rows().find(|row| row.name == name);
    UNREAD.contains(&name) || row.is_some_and(|row| !row.handled)
}

/// What is done with an input in a phase: the whole table.
pub fn verdict(phase: Phase, input: Input) -> Verdict {
    use Input as I;
    use Phase as P;
    match (phase, input) {
        (P::Closing, _) => Verdict::Drop,
        (_, I::Ping) => Verdict::Ignore,
        (P::Connected, I::Login) => Verdict::Serve,
        (P::Connected, _) => Verdict::Close,
        (_, I::Report | I::Unhandled) => Verdict::Ignore,
        (P::LoggingIn, I::Login) => Verdict::Refuse(Refusal::Wait),
        (P::LoggingIn, _) => Verdict::Close,
        (_, I::Login) => Verdict::Close,

        (P::Pin | P::Selecting, I::Pin) => Verdict::Serve,
        (P::Pin, I::EnterWorld) => Verdict::Refuse(Refusal::PinFirst),
        (P::Pin, I::CreateCharacter) => Verdict::Refuse(Refusal::NoCreation),
        (P::Pin, I::DeleteCharacter) => Verdict::Refuse(Refusal::NoDeletion),
        (P::Pin, I::Whisper | I::TransferCharacter) => Verdict::Strike,
        (P::Pin, _) => Verdict::Close,

        (P::Selecting, I::CreateCharacter | I::DeleteCharacter | I::EnterWorld) => Verdict::Serve,
        // clients say "day" here by themselves; nobody is in the world to whisper
        (P::Selecting, I::Whisper | I::TransferCharacter) => Verdict::Ignore,
        // the last packets of the world may still be on their way after the client left it
        (P::Selecting | P::Working | P::Leaving, _) if is_of_the_world(input) => Verdict::Drop,
        (P::Entering, _) if is_of_the_world(input) => Verdict::Drop,
        (P::Working | P::Entering | P::Leaving, _) => Verdict::Strike,
        (P::Selecting, _) => Verdict::Strike,

        (P::Playing, I::Pin | I::CreateCharacter | I::DeleteCharacter | I::TransferCharacter) => {
            Verdict::Strike
        }
        // a client that lost our answer to its first one sends a second one
        (P::Playing, I::EnterWorld) => Verdict::Strike,
        (P::Playing, _) => Verdict::Serve,
    }
}

fn is_of_the_world(input: Input) -> bool {
    matches!(
        input,
        Input::LeaveWorld
            | Input::Move
            | Input::Motion
            | Input::Chat
            | Input::Whisper
            | Input::Recall
            | Input::Portal
            | Input::EnterCity
            | Input::Inspect
            | Input::SkillBar
            | Input::Items
            | Input::Shop
            | Input::BankGold
            | Input::Trade
            | Input::Stall
            | Input::Party
    )
}

/// The table as it stands in `docs/edge-input.md`.
pub fn table() -> String {
    let mut text = String::from("| packet |");
    for phase in Phase::READING {
        text.push_str(&format!(" {} |", phase.label()));
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Phase::READING.len()));
    text.push('\n');
    for input in Input::ALL {
        text.push_str(&format!("| {} |", input.title()));
        for phase in Phase::READING {
            text.push_str(&format!(" {} |", verdict(phase, input)));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packets_that_nobody_reads_may_have_any_size() {
        for unread in ["shout", "client_log", "attack_one", "combine_anct"] {
            assert!(any_size_will_do(unread), "{unread}");
        }
        for read in ["account_login", "action", "chat", "whisper", "no such packet"] {
            assert!(!any_size_will_do(read), "{read}");
        }
    }

    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/edge-input.md");
    const BEGIN: &str = "<!-- table: begin -->\n";
    const END: &str = "<!-- table: end -->";

    #[test]
    fn the_document_shows_the_table_of_the_code() {
        let document = std::fs::read_to_string(DOCUMENT).expect("docs/edge-input.md");
        let (before, rest) = document.split_once(BEGIN).expect("the begin mark");
        let (found, after) = rest.split_once(END).expect("the end mark");
        if std::env::var_os("WYDBR_WRITE_DOCS").is_some() {
            std::fs::write(DOCUMENT, format!("{before}{BEGIN}{}{END}{after}", table())).expect("written");
            return;
        }
        assert_eq!(found, table(), "run this test with WYDBR_WRITE_DOCS=1 to write the table again");
    }

    #[test]
    fn nothing_but_a_login_is_served_before_a_login() {
        for input in Input::ALL {
            let expected = match input {
                Input::Login => Verdict::Serve,
                Input::Ping => Verdict::Ignore,
                _ => Verdict::Close,
            };
            assert_eq!(verdict(Phase::Connected, input), expected, "{input:?}");
        }
    }

    #[test]
    fn only_a_player_in_the_world_acts_in_it() {
        for input in Input::ALL.into_iter().filter(|input| is_of_the_world(*input)) {
            for phase in Phase::READING {
                let served = verdict(phase, input) == Verdict::Serve;
                assert_eq!(served, phase == Phase::Playing, "{input:?} in {phase:?}");
            }
        }
    }

    #[test]
    fn nobody_enters_or_deletes_without_the_pin() {
        for input in [Input::EnterWorld, Input::CreateCharacter, Input::DeleteCharacter] {
            for phase in Phase::READING {
                let served = verdict(phase, input) == Verdict::Serve;
                assert_eq!(served, phase == Phase::Selecting, "{input:?} in {phase:?}");
            }
        }
    }

    #[test]
    fn while_the_server_works_nothing_is_served() {
        for phase in [Phase::LoggingIn, Phase::Working, Phase::Entering, Phase::Leaving, Phase::Closing] {
            for input in Input::ALL {
                assert_ne!(verdict(phase, input), Verdict::Serve, "{input:?} in {phase:?}");
            }
        }
    }
}
