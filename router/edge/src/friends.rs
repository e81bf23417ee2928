//! What a player is told when other friends of it are in the world than before, and its answer to who asks. Pure.

use model::CharacterId;
use model::friend::{Asker, FriendAsk, FriendLine, Here};

/// Names in one line: with four it fits the oldest client.
const NAMES_A_LINE: usize = 4;

/// A line and the word in it.
pub(crate) type Said = (FriendLine, String);

/// A player's answer to who asked it to be a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Refuse,
}

impl Verdict {
    /// The answer to this one.
    pub(crate) fn on(self, asker: Asker) -> FriendAsk {
        match self {
            Self::Accept => FriendAsk::Accept(asker),
            Self::Refuse => FriendAsk::Refuse(asker),
        }
    }
}

/// Names, some of them in each line.
pub(crate) fn in_lines<'a>(line: FriendLine, names: impl IntoIterator<Item = &'a str>) -> Vec<Said> {
    let names: Vec<&str> = names.into_iter().collect();
    names.chunks(NAMES_A_LINE).map(|some| (line, some.join(", "))).collect()
}

/// What to say of those who are here now, when others were here before; `None`: it is told for the first time.
/// Of the quiet ones nothing is said.
pub(crate) fn news(before: Option<&[Here]>, now: &[Here], quiet: &[CharacterId], asking: u32) -> Vec<Said> {
    let Some(before) = before else {
        let mut said = in_lines(FriendLine::Here, now.iter().map(|one| one.name.as_str()));
        said.extend((asking > 0).then(|| (FriendLine::Waiting, asking.to_string())));
        return said;
    };
    let differs = |one: &&Here, other: &[Here]| {
        !quiet.contains(&one.character) && !other.iter().any(|other| other.character == one.character)
    };
    let left = before.iter().filter(|one| differs(one, now)).map(|one| (FriendLine::Left, one.name.clone()));
    let came = now.iter().filter(|one| differs(one, before)).map(|one| (FriendLine::Came, one.name.clone()));
    left.chain(came).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(all: &[(u64, &str)]) -> Vec<Here> {
        let one = |(id, name): &(u64, &str)| Here { character: CharacterId(*id), name: (*name).to_owned() };
        all.iter().map(one).collect()
    }

    fn said(line: FriendLine, word: &str) -> Said {
        (line, word.to_owned())
    }

    #[test]
    fn only_what_is_different_is_told_and_the_same_twice_not_at_all() {
        let (ana, both) = (here(&[(1, "Ana")]), here(&[(1, "Ana"), (2, "Bia")]));
        assert_eq!(news(Some(&ana), &both, &[], 3), [said(FriendLine::Came, "Bia")]);
        assert_eq!(news(Some(&both), &ana, &[], 0), [said(FriendLine::Left, "Bia")]);
        assert_eq!(news(Some(&both), &both, &[], 3), []);
        assert_eq!(news(Some(&ana), &both, &[CharacterId(2)], 0), [], "they became friends just now");
        assert_eq!(news(Some(&both), &ana, &[CharacterId(2)], 0), [], "they are friends no more");
    }

    #[test]
    fn at_first_all_are_told_and_how_many_ask() {
        let many = here(&[(1, "A"), (2, "B"), (3, "C"), (4, "D"), (5, "E")]);
        let told = [
            said(FriendLine::Here, "A, B, C, D"),
            said(FriendLine::Here, "E"),
            said(FriendLine::Waiting, "2"),
        ];
        assert_eq!(news(None, &many, &[], 2), told);
        assert_eq!(news(None, &[], &[], 0), []);
    }
}
