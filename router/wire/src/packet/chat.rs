//! What players say.

use crate::Profile::{V748, V759, V769};
use crate::form::{I16, NOWHERE, all, text, text_most};
use crate::table::{
    Accept::Also, Direction::Both, Direction::ToClient, Direction::ToServer, renumbered, shapes,
};

packet! {
    /// Chat with those near. From the server, the header's id is the speaker.
    Chat = "chat", shapes(Both, 0x0333, [140, 140, 108])
        .accepting(V759, Also(&[108]))
        .accepting(V769, Also(&[108]));
    /// What is said.
    text: String = NOWHERE
        .v759(12, text_most(128, 96))
        .v769(12, text_most(128, 96))
        .v748(12, text_most(96, 94));
}

packet! {
    /// A message to one player, or a command whose word stands in place of the name. From the server the header's
    /// id is 0. 7.48 sends `day` by itself after entering the world.
    Whisper = "whisper", shapes(Both, 0x0334, [128, 160, 128])
        .accepting(V759, Also(&[160]))
        .accepting(V769, Also(&[128]));
    /// To whom, or the command; from the server, from whom.
    name: String = all(12, text(16));
    /// The message. `=` leads to the party, `-` to the guild, `--` to its allies, `@@` to the kingdom, `@` to citizens.
    /// Assumed, since no source says it: others hear such a line as a whisper of the speaker, with the sign; the
    /// speaker's client shows its own.
    text: String = NOWHERE
        .v759(28, text(96))
        .v769(28, text_most(128, 126))
        .v748(28, text_most(96, 94));
    /// Colour of the text; 0 is normal.
    color: i16 = NOWHERE.v759(124, I16).v769(156, I16).v748(124, I16);
}

packet! {
    /// A message to the whole world. 7.69 lays it out like a whisper; 7.48 only receives it.
    /// Clients send it with a magic trumpet, which has no use yet; what they hear is the word `spk`. Where the packet has
    /// no name, `[NAME]> ` stands before the message.
    Shout = "shout", renumbered(Both, [0x0D1D; 3], [108, 160, 108]).going(V748, ToClient);
    /// Who shouts.
    name: String = NOWHERE.v769(12, text(16));
    /// The message.
    text: String = NOWHERE
        .v759(12, text(96))
        .v769(28, text_most(128, 126))
        .v748(12, text_most(96, 94));
    /// Colour of the text; 0 is normal.
    color: i16 = NOWHERE.v769(156, I16);
}

packet! {
    /// A report of the client on itself. Nothing follows from it.
    ClientLog = "client_log", shapes(ToServer, 0x02BC, [140, 140, 108]);
    /// The report.
    text: String = NOWHERE.v759(12, text(128)).v769(12, text(128)).v748(12, text(96));
}
