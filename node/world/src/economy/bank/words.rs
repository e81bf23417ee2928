//! What players type about parcels, the bank of their guild and their cash, since no client has windows for it. Verbs
//! are understood in English and Portuguese, whichever word they follow.

use model::calls::bank::{GUILD_LOG_PAGES, PARCEL_ITEMS_MAX};
use model::event::NoticeKey;
use model::guild::{GuildDeed, GuildLine, GuildName};
use model::words::amount;

/// Longest name of a player that is looked for.
const NAME_MAX: usize = 15;

/// What a word is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::economy) enum Topic {
    Parcel,
    GuildBank,
    Cash,
    Guild,
}

impl Topic {
    /// Of the word that a client sends as the receiver of a whisper.
    pub(in crate::economy) fn of(word: &str) -> Option<Self> {
        match word {
            "parcel" | "encomenda" => Some(Self::Parcel),
            "guildbank" | "bancoguild" => Some(Self::GuildBank),
            "cash" | "saldo" => Some(Self::Cash),
            "guild" | "guilda" => Some(Self::Guild),
            _ => None,
        }
    }
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Send { to: String, gold: i64, slots: Vec<u8> },
    Parcels,
    TakeAll,
    Take { number: String },
    Return { number: String },
    GuildList { page: u32 },
    GuildLog { page: u32 },
    GuildDeposit { amount: i64 },
    GuildWithdraw { amount: i64 },
    GuildPut { slot: u8 },
    GuildTake { number: String },
    Cash,
    Deed(GuildDeed),
}

/// What is not understood is answered with how it is used.
pub(super) fn parse(topic: Topic, text: &str) -> Result<Wish, NoticeKey> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (verb, rest) = words.split_first().map_or(("", &[][..]), |(verb, rest)| (*verb, rest));
    let verb = verb.to_lowercase();
    match topic {
        Topic::Parcel => parcel(&verb, rest).ok_or(NoticeKey::ParcelUsage),
        Topic::GuildBank => guild(&verb, rest).ok_or(NoticeKey::GuildBankUsage),
        Topic::Cash => Ok(Wish::Cash),
        Topic::Guild => deed(&verb, rest).map(Wish::Deed),
    }
}

fn parcel(verb: &str, rest: &[&str]) -> Option<Wish> {
    match (verb, rest) {
        ("send" | "enviar", [to, gold, slots @ ..]) => {
            // a `-` stands for no gold
            let gold = if *gold == "-" { 0 } else { amount(gold)? };
            let slots: Vec<u8> = slots.iter().map(|slot| slot.parse().ok()).collect::<Option<_>>()?;
            let twice = slots.iter().enumerate().any(|(at, slot)| slots[..at].contains(slot));
            let sane = !twice && slots.len() <= PARCEL_ITEMS_MAX && (gold > 0 || !slots.is_empty());
            sane.then(|| Wish::Send { to: (*to).to_owned(), gold, slots })
        }
        ("list" | "lista", []) => Some(Wish::Parcels),
        ("take" | "pegar", []) => Some(Wish::TakeAll),
        ("take" | "pegar", [number]) => Some(Wish::Take { number: (*number).to_owned() }),
        ("return" | "devolver", [number]) => Some(Wish::Return { number: (*number).to_owned() }),
        _ => None,
    }
}

fn guild(verb: &str, rest: &[&str]) -> Option<Wish> {
    match (verb, rest) {
        ("list" | "lista", rest) => Some(Wish::GuildList { page: page(rest)? }),
        ("log" | "registro", rest) => Some(Wish::GuildLog { page: page(rest)? }),
        ("deposit" | "depositar", [gold]) => Some(Wish::GuildDeposit { amount: some_gold(gold)? }),
        ("withdraw" | "sacar", [gold]) => Some(Wish::GuildWithdraw { amount: some_gold(gold)? }),
        ("put" | "guardar", [slot]) => Some(Wish::GuildPut { slot: slot.parse().ok()? }),
        ("take" | "tirar", [number]) => Some(Wish::GuildTake { number: (*number).to_owned() }),
        _ => None,
    }
}

fn deed(verb: &str, rest: &[&str]) -> Result<GuildDeed, NoticeKey> {
    let name = |name: &str| name.chars().take(NAME_MAX).collect();
    Ok(match (verb, rest) {
        ("create" | "criar", [name]) => {
            GuildDeed::Found(GuildName::new(name).map_err(|_| NoticeKey::Guild(GuildLine::BadName))?)
        }
        ("leave" | "sair", []) => GuildDeed::Leave,
        ("expel" | "expulsar", [whom]) => GuildDeed::Expel { name: name(whom) },
        ("rank" | "posto", [whom, rank]) => {
            let rank = rank.parse().map_err(|_| NoticeKey::Guild(GuildLine::Usage))?;
            GuildDeed::Rank { name: name(whom), rank }
        }
        ("leader" | "lider", [whom]) => GuildDeed::Lead { name: name(whom) },
        // what cannot be taken back is said twice
        ("disband", ["yes"]) | ("dissolver", ["sim"]) => GuildDeed::Disband,
        _ => return Err(NoticeKey::Guild(GuildLine::Usage)),
    })
}

fn some_gold(word: &str) -> Option<i64> {
    amount(word).filter(|amount| *amount > 0)
}

/// From 0; players count from 1.
fn page(words: &[&str]) -> Option<u32> {
    match words {
        [] => Some(0),
        [page] => page.parse::<u32>().ok()?.checked_sub(1).filter(|page| *page < GUILD_LOG_PAGES),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(to: &str, gold: i64, slots: &[u8]) -> Option<Wish> {
        Some(Wish::Send { to: to.to_owned(), gold, slots: slots.to_vec() })
    }

    #[test]
    fn parcels_are_understood_in_both_languages() {
        let say = |text| parse(Topic::Parcel, text).ok();
        assert_eq!(say("send Anna 5000"), send("Anna", 5_000, &[]));
        assert_eq!(say("ENVIAR  Anna 5k 3 4"), send("Anna", 5_000, &[3, 4]));
        assert_eq!(say("send Anna - 3"), send("Anna", 0, &[3]));
        assert_eq!([say("list"), say("lista")], [Some(Wish::Parcels), Some(Wish::Parcels)]);
        assert_eq!([say("take"), say("pegar")], [Some(Wish::TakeAll), Some(Wish::TakeAll)]);
        assert_eq!(say("take 7KQ2M"), Some(Wish::Take { number: "7KQ2M".to_owned() }));
        assert_eq!(say("devolver 7kq2m"), Some(Wish::Return { number: "7kq2m".to_owned() }));
    }

    #[test]
    fn the_bank_of_a_guild_is_understood_in_both_languages() {
        let say = |text| parse(Topic::GuildBank, text).ok();
        assert_eq!([say("list"), say("lista 2")], [0, 1].map(|page| Some(Wish::GuildList { page })));
        assert_eq!([say("log"), say("registro 3")], [0, 2].map(|page| Some(Wish::GuildLog { page })));
        let amount = 2_000_000;
        assert_eq!(say("deposit 2kk"), Some(Wish::GuildDeposit { amount }));
        assert_eq!(say("sacar 2kk"), Some(Wish::GuildWithdraw { amount }));
        assert_eq!(say("put 3"), Some(Wish::GuildPut { slot: 3 }));
        assert_eq!(say("tirar 7KQ2M"), Some(Wish::GuildTake { number: "7KQ2M".to_owned() }));
        assert_eq!(parse(Topic::Cash, ""), Ok(Wish::Cash));
    }

    #[test]
    fn what_members_do_is_understood_in_both_languages() {
        let say = |text| parse(Topic::Guild, text);
        let found = |name| Ok(Wish::Deed(GuildDeed::Found(GuildName::new(name).expect("a good name"))));
        assert_eq!([say("create Lobos"), say("CRIAR Lobos")], [found("Lobos"), found("Lobos")]);
        assert_eq!(say("create Os Lobos"), Err(NoticeKey::Guild(GuildLine::Usage)));
        assert_eq!(say("create Lo"), Err(NoticeKey::Guild(GuildLine::BadName)));
        let name = || "Bianca".to_owned();
        let deeds = [
            ("leave", "sair", GuildDeed::Leave),
            ("expel Bianca", "expulsar Bianca", GuildDeed::Expel { name: name() }),
            ("rank Bianca 6", "posto Bianca 6", GuildDeed::Rank { name: name(), rank: 6 }),
            ("leader Bianca", "lider Bianca", GuildDeed::Lead { name: name() }),
            ("disband yes", "dissolver sim", GuildDeed::Disband),
        ];
        for (english, portuguese, deed) in deeds {
            assert_eq!([say(english), say(portuguese)], [Ok(Wish::Deed(deed.clone())), Ok(Wish::Deed(deed))]);
        }
        for text in ["", "disband", "rank Bianca", "rank Bianca x", "rank Bianca 300", "expel", "leave now"] {
            assert_eq!(say(text), Err(NoticeKey::Guild(GuildLine::Usage)), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        let parcels = [
            "",
            "send",
            "send Anna",
            "send Anna x",
            "send Anna 0",
            "send Anna -",
            "send Anna 5 x",
            "send Anna -5",
            "send Anna 5 300",
            "send Anna - 3 3",
            "send Anna 1 1 2 3 4 5 6 7 8 9",
            "return",
            "list all",
            "steal 5",
        ];
        for text in parcels {
            assert_eq!(parse(Topic::Parcel, text), Err(NoticeKey::ParcelUsage), "{text}");
        }
        for text in [
            "",
            "list 0",
            "log 101",
            "log x",
            "deposit 0",
            "withdraw -1",
            "put",
            "put 256",
            "take",
            "take a b",
        ] {
            assert_eq!(parse(Topic::GuildBank, text), Err(NoticeKey::GuildBankUsage), "{text}");
        }
    }
}
