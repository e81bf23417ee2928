//! Words and signs with which players reach parties, guilds and channels. Pure.

use crate::friends::Verdict;
use crate::messages::{self, Line};
use model::command::CHAT_TEXT_MAX;
use model::friend::{Asker, FriendAsk, FriendLine};
use model::guild::{GuildAsk, GuildLine};
use model::social::{Channel, NAMES_MAX, PartyAsk, SocialRefusal, Whom};

/// Longest name that is looked up, in characters.
const NAME_MAX: usize = 15;

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// It was not understood: how it is typed.
    Usage(Line),
    /// Who is in the party.
    PartyList,
    /// Something of the party.
    Party(PartyAsk),
    /// Who is online, and which of these are.
    Who(Vec<String>),
    /// A page of the guild, from 1.
    Roster(u32),
    /// Something of guilds that the directory answers.
    Guild(GuildAsk),
    /// A page of friends, from 1.
    Friends(u32),
    /// Who asks to be a friend, and who was asked.
    FriendRequests,
    /// Something of friends.
    Friend(FriendAsk),
    /// An answer to whoever asked last to be a friend.
    FriendVerdict(Verdict),
    /// What a member does about its guild: its node answers that. The rest of the line.
    GuildDeed(String),
    /// To everybody.
    Shout(String),
}

/// What a whisper to this word is; `None` when it is a player's name or another word.
pub(crate) fn parse(to: &str, text: &str) -> Option<Words> {
    let text = messages::clean(text);
    let mut words = text.split_whitespace();
    Some(match to.trim().to_lowercase().as_str() {
        "party" | "grupo" => party(words.next(), words.next()),
        "who" | "quem" => Words::Who(words.take(NAMES_MAX).map(name).collect()),
        "guild" | "guilda" => guild(&text),
        "friend" | "friends" | "amigo" | "amigos" => friend(words.next(), words.next()),
        // the words of the clients' own manuals
        "create" => deed("create", words.next()),
        "expulsar" => deed("expel", words.next()),
        "handover" => deed("leader", words.next()),
        "abandonar" => Words::GuildDeed("leave".to_owned()),
        "spk" | "gritar" => match text.trim().is_empty() {
            true => Words::Usage(Line::ShoutUsage),
            false => Words::Shout(text.trim().chars().take(CHAT_TEXT_MAX).collect()),
        },
        _ => return None,
    })
}

fn name(word: &str) -> String {
    word.chars().take(NAME_MAX).collect()
}

fn party(verb: Option<&str>, whom: Option<&str>) -> Words {
    let whom = whom.map(|word| Whom::Name(name(word)));
    match (verb.map(str::to_lowercase).as_deref(), whom) {
        (None | Some("list" | "lista"), _) => Words::PartyList,
        (Some("leave" | "sair"), _) => Words::Party(PartyAsk::Leave),
        (Some("invite" | "convidar"), Some(whom)) => Words::Party(PartyAsk::Invite(whom)),
        (Some("kick" | "expulsar"), Some(whom)) => Words::Party(PartyAsk::Dismiss(whom)),
        (Some("leader" | "lider"), Some(whom)) => Words::Party(PartyAsk::Lead(whom)),
        _ => Words::Usage(Line::PartyUsage),
    }
}

fn guild(text: &str) -> Words {
    let mut words = text.split_whitespace();
    let (verb, more) = (words.next().map(str::to_lowercase), words.next());
    let usage = Words::Usage(Line::Guild(GuildLine::Usage));
    match (verb.as_deref(), more) {
        (None | Some("list" | "lista"), page) => page.map_or(Ok(1), str::parse).map_or(usage, Words::Roster),
        (Some("invite" | "convidar"), Some(whom)) => Words::Guild(GuildAsk::Invite(Whom::Name(name(whom)))),
        (Some("accept" | "aceitar"), None) => Words::Guild(GuildAsk::Accept),
        (Some("refuse" | "recusar"), None) => Words::Guild(GuildAsk::Refuse),
        (Some("invite" | "convidar" | "accept" | "aceitar" | "refuse" | "recusar"), _) => usage,
        _ => Words::GuildDeed(text.trim().chars().take(CHAT_TEXT_MAX).collect()),
    }
}

fn friend(verb: Option<&str>, more: Option<&str>) -> Words {
    let usage = Words::Usage(Line::Friend(FriendLine::Usage));
    let whom = more.map(name);
    Words::Friend(match (verb.map(str::to_lowercase).as_deref(), whom) {
        (None | Some("list" | "lista"), page) => {
            return page.map_or(Ok(1), |page| page.parse()).map_or(usage, Words::Friends);
        }
        (Some("requests" | "pedidos"), _) => return Words::FriendRequests,
        (Some("add" | "adicionar"), Some(whom)) => FriendAsk::Add(whom),
        (Some("accept" | "aceitar"), whom) => return verdict(Verdict::Accept, whom),
        (Some("refuse" | "recusar"), whom) => return verdict(Verdict::Refuse, whom),
        (Some("remove" | "remover"), Some(whom)) => FriendAsk::Remove(whom),
        _ => return usage,
    })
}

fn verdict(verdict: Verdict, whom: Option<String>) -> Words {
    match whom {
        Some(name) => Words::Friend(verdict.on(Asker::named(name))),
        None => Words::FriendVerdict(verdict),
    }
}

fn deed(verb: &str, whom: Option<&str>) -> Words {
    match whom {
        Some(whom) => Words::GuildDeed(format!("{verb} {}", name(whom))),
        None => Words::Usage(Line::Guild(GuildLine::Usage)),
    }
}

/// The channel of a line by the sign before it, and the line without it; `None` for channels that there are not.
pub(crate) fn channel(text: &str) -> Option<(Channel, &str)> {
    // `--` is for the allies of a guild, a single `@` for citizens: both are not known here
    let of_guild = || text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    let party = text.strip_prefix('=').map(|rest| (Channel::Party, rest));
    let kingdom = || text.strip_prefix("@@").map(|rest| (Channel::Kingdom, rest));
    let guild = || of_guild().map(|rest| (Channel::Guild, rest));
    party.or_else(kingdom).or_else(guild).map(|(channel, rest)| (channel, rest.trim()))
}

/// What a player is told when the directory says no.
pub(crate) fn refusal(refusal: SocialRefusal) -> Line {
    match refusal {
        SocialRefusal::NotConnected => Line::OtherNotConnected,
        SocialRefusal::Oneself => Line::PartyOneself,
        SocialRefusal::NoParty => Line::PartyNone,
        SocialRefusal::InParty => Line::PartyInOne,
        SocialRefusal::OtherInParty => Line::PartyOtherInOne,
        SocialRefusal::NotLeader => Line::PartyNotLeader,
        SocialRefusal::Full => Line::PartyFull,
        SocialRefusal::NotInvited => Line::PartyNotAsked,
        SocialRefusal::NotMember => Line::PartyNotMember,
        SocialRefusal::NoGuild => Line::GuildNone,
        SocialRefusal::NoKingdom => Line::KingdomNone,
        SocialRefusal::TooMuch => Line::ChatTooFast,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Whom {
        Whom::Name(name.to_owned())
    }

    #[test]
    fn words_are_understood_in_both_languages_whatever_the_case() {
        let asked = |to, text| parse(to, text);
        assert_eq!(asked("PARTY", "Invite Bianca"), Some(Words::Party(PartyAsk::Invite(named("Bianca")))));
        assert_eq!(asked("grupo", "convidar Bianca"), asked("party", "invite Bianca"));
        assert_eq!(asked("grupo", "expulsar Ana"), Some(Words::Party(PartyAsk::Dismiss(named("Ana")))));
        assert_eq!(asked("party", "leader Ana"), Some(Words::Party(PartyAsk::Lead(named("Ana")))));
        assert_eq!(asked("grupo", "sair"), Some(Words::Party(PartyAsk::Leave)));
        assert_eq!(
            (asked("grupo", ""), asked("party", "LIST")),
            (Some(Words::PartyList), Some(Words::PartyList))
        );
        for text in ["invite", "kick", "dance"] {
            assert_eq!(asked("party", text), Some(Words::Usage(Line::PartyUsage)), "{text}");
        }
        assert_eq!(asked("guild", ""), Some(Words::Roster(1)));
        assert_eq!(asked("guilda", "lista 3"), Some(Words::Roster(3)));
        let usage = Words::Usage(Line::Guild(GuildLine::Usage));
        for text in ["list -1", "list x", "invite", "accept all"] {
            assert_eq!(asked("guild", text), Some(usage.clone()), "{text}");
        }
        assert_eq!(asked("guilda", "convidar Ana"), Some(Words::Guild(GuildAsk::Invite(named("Ana")))));
        assert_eq!(asked("guild", "ACCEPT"), Some(Words::Guild(GuildAsk::Accept)));
        assert_eq!(asked("guilda", "recusar"), Some(Words::Guild(GuildAsk::Refuse)));
        let deed = |text: &str| Some(Words::GuildDeed(text.to_owned()));
        assert_eq!(
            [asked("guild", "create Lobos"), asked("Create", "Lobos")],
            [deed("create Lobos"), deed("create Lobos")]
        );
        assert_eq!([asked("abandonar", ""), asked("expulsar", "Ana")], [deed("leave"), deed("expel Ana")]);
        assert_eq!([asked("handover", "Ana"), asked("create", "")], [deed("leader Ana"), Some(usage)]);
        let friend = |ask| Some(Words::Friend(ask));
        assert_eq!(asked("friend", "ADD Ana"), friend(FriendAsk::Add("Ana".to_owned())));
        assert_eq!(asked("amigo", "adicionar Ana"), asked("friends", "add Ana"));
        assert_eq!(
            [asked("amigos", "aceitar"), asked("friend", "refuse")],
            [Verdict::Accept, Verdict::Refuse].map(|verdict| Some(Words::FriendVerdict(verdict)))
        );
        assert_eq!(asked("amigo", "aceitar Ana"), friend(FriendAsk::Accept(Asker::named("Ana"))));
        assert_eq!(asked("friend", "refuse Ana"), friend(FriendAsk::Refuse(Asker::named("Ana"))));
        assert_eq!(asked("amigo", "remover Ana"), friend(FriendAsk::Remove("Ana".to_owned())));
        assert_eq!(
            [asked("amigos", ""), asked("friend", "list 2")],
            [1, 2].map(|page| Some(Words::Friends(page)))
        );
        assert_eq!(
            [asked("amigo", "pedidos"), asked("friend", "requests")],
            [const { Some(Words::FriendRequests) }; 2]
        );
        for text in ["add", "remove", "list x", "dance Ana"] {
            assert_eq!(asked("amigo", text), Some(Words::Usage(Line::Friend(FriendLine::Usage))), "{text}");
        }
        assert_eq!(asked("spk", " "), Some(Words::Usage(Line::ShoutUsage)));
        assert_eq!(asked("gritar", " oi a todos"), Some(Words::Shout("oi a todos".to_owned())));
        assert_eq!(asked("Bianca", "invite"), None);
        let Some(Words::Who(names)) = asked("quem", &"nome ".repeat(30)) else { panic!("names") };
        assert_eq!(names.len(), NAMES_MAX);
    }

    #[test]
    fn signs_lead_to_channels() {
        assert_eq!(channel("=oi"), Some((Channel::Party, "oi")));
        assert_eq!(channel("-oi"), Some((Channel::Guild, "oi")));
        assert_eq!(channel("@@ oi"), Some((Channel::Kingdom, "oi")));
        assert_eq!([channel("--oi"), channel("@oi"), channel("oi"), channel("")], [None; 4]);
    }
}
