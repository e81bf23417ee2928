#![allow(clippy::unwrap_used)]
use super::*;
use model::social::Persona;
use model::{CharacterName, Class};

fn member(n: u64) -> Member {
    let persona =
        Persona { class: Class::Foema, level: 9, hp: 50, hp_max: 60, clan: 7, guild: 0, guild_rank: 0 };
    Member { character: CharacterId(n), name: CharacterName::new(&format!("Hero{n}")).unwrap(), persona }
}

fn id(n: u64) -> CharacterId {
    CharacterId(n)
}

fn ids(party: &Party) -> Vec<u64> {
    party.members.iter().map(|member| member.character.0).collect()
}

/// A party of 1 and all after it.
fn party(count: u64) -> Parties {
    let mut parties = Parties::default();
    for n in 2..=count {
        parties.invite(id(1), id(n)).unwrap();
        parties.accept(member(1), member(n)).unwrap();
    }
    parties
}

fn last(news: &[News]) -> (Vec<u64>, Option<Vec<u64>>) {
    let last = news.last().unwrap();
    (last.to.iter().map(|character| character.0).collect(), last.party.as_ref().map(ids))
}

#[test]
fn who_was_asked_joins_and_all_hear_of_it() {
    let mut parties = Parties::default();
    assert_eq!(parties.invite(id(1), id(1)), Err(SocialRefusal::Oneself));
    assert_eq!(parties.accept(member(1), member(2)), Err(SocialRefusal::NotInvited));
    parties.invite(id(1), id(2)).unwrap();
    parties.invite(id(3), id(2)).unwrap();
    assert_eq!(parties.accept(member(1), member(2)), Err(SocialRefusal::NotInvited), "3 asked later");
    let news = parties.accept(member(3), member(2)).unwrap();
    assert_eq!(last(&news), (vec![3, 2], Some(vec![3, 2])));
    assert_eq!(parties.accept(member(3), member(2)).unwrap(), [], "the same once more");
    assert_eq!(parties.accept(member(1), member(2)), Err(SocialRefusal::InParty));
    assert_eq!(parties.invite(id(2), id(1)), Err(SocialRefusal::NotLeader));
    assert_eq!(parties.invite(id(1), id(2)), Err(SocialRefusal::OtherInParty));
}

#[test]
fn twelve_and_the_leader_are_all() {
    let mut parties = party(13);
    assert_eq!(parties.of(id(1)).unwrap().members.len(), PARTY_MAX);
    assert_eq!(parties.invite(id(1), id(14)), Err(SocialRefusal::Full));
    let mut one_less = party(12);
    one_less.invite(id(1), id(13)).unwrap();
    one_less.invite(id(1), id(14)).unwrap();
    one_less.accept(member(1), member(14)).unwrap();
    assert_eq!(one_less.accept(member(1), member(13)), Err(SocialRefusal::Full), "somebody was faster");
    parties.leave(id(5));
    parties.invite(id(1), id(14)).unwrap();
}

#[test]
fn when_the_leader_goes_the_next_one_leads_and_one_alone_is_none() {
    let mut parties = party(3);
    let news = parties.leave(id(1));
    assert_eq!(news[0], News { to: vec![id(1)], party: None });
    assert_eq!(last(&news), (vec![2, 3], Some(vec![2, 3])));
    let news = parties.leave(id(2));
    assert_eq!(last(&news), (vec![3], None));
    assert_eq!((parties.len(), parties.of(id(3))), (0, None));
    assert_eq!(parties.leave(id(3)), []);
}

#[test]
fn only_the_leader_sends_away_and_hands_on() {
    let mut parties = party(4);
    assert_eq!(parties.dismiss(id(2), id(3)), Err(SocialRefusal::NotLeader));
    assert_eq!(parties.dismiss(id(9), id(3)), Err(SocialRefusal::NoParty));
    assert_eq!(parties.dismiss(id(1), id(9)), Err(SocialRefusal::NotMember));
    assert_eq!(parties.lead(id(1), id(1)), Err(SocialRefusal::Oneself));
    assert_eq!(last(&parties.lead(id(1), id(3)).unwrap()).1, Some(vec![3, 1, 2, 4]));
    let news = parties.dismiss(id(3), id(1)).unwrap();
    assert_eq!(news[0], News { to: vec![id(1)], party: None });
    assert_eq!(last(&news).1, Some(vec![3, 2, 4]));
}

#[test]
fn copies_bring_a_party_back_and_the_newest_is_right() {
    let mut before = party(3);
    let old = before.of(id(1)).unwrap().clone();
    before.leave(id(2));
    let new = before.of(id(1)).unwrap().clone();
    for order in [[&old, &new], [&new, &old]] {
        let mut rebuilt = Parties::default();
        let mut heard: HashMap<CharacterId, Option<Vec<u64>>> = HashMap::new();
        for copy in order {
            for news in rebuilt.adopt(copy.clone()) {
                let party = news.party.as_ref().map(ids);
                heard.extend(news.to.iter().map(|to| (*to, party.clone())));
            }
        }
        assert_eq!(ids(rebuilt.of(id(1)).unwrap()), [1, 3]);
        assert_eq!(rebuilt.of(id(2)), None);
        assert_eq!(heard[&id(3)], Some(vec![1, 3]));
        assert_eq!(heard.get(&id(2)).cloned().flatten(), None);
        assert_eq!(rebuilt.adopt(new.clone()), [], "known");
    }
}

#[test]
fn an_ended_party_is_not_brought_back_and_nobody_is_in_two() {
    let mut parties = party(2);
    let old = parties.of(id(1)).unwrap().clone();
    parties.leave(id(1));
    assert_eq!(parties.adopt(old.clone()), []);
    assert_eq!(parties.of(id(2)), None);

    let mut other = party(3);
    let mut copy = other.of(id(1)).unwrap().clone();
    copy.members.remove(0);
    copy.id = PartyId(copy.id.0 ^ 1);
    copy.members.extend([member(8), member(9)]);
    assert_eq!(last(&other.adopt(copy.clone())).1, Some(vec![8, 9]), "2 and 3 are with 1");
    assert!(other.of(id(8)).unwrap().version > copy.version);
    for members in [vec![], vec![member(20)], vec![member(20), member(20)], (20..40).map(member).collect()] {
        assert_eq!(other.adopt(Party { id: PartyId(77), version: 5, members }), [], "no party at all");
    }
}

#[test]
fn who_is_not_played_for_long_is_out() {
    let mut parties = party(3);
    let (start, linger) = (Instant::now(), Duration::from_secs(10));
    let plays = |member: &Member| member.character != id(1);
    assert_eq!(parties.expire(plays, linger, start), []);
    assert_eq!(parties.expire(|_| true, linger, start + linger), [], "it came back");
    assert_eq!(parties.expire(plays, linger, start + linger), []);
    let news = parties.expire(plays, linger, start + 2 * linger);
    assert_eq!(last(&news), (vec![2, 3], Some(vec![2, 3])));
}

#[test]
fn what_a_member_is_like_is_told_with_the_next_change() {
    let mut parties = party(2);
    let mut grown = member(2);
    grown.persona.level = 77;
    parties.describe(&grown);
    parties.describe(&member(50));
    parties.invite(id(1), id(3)).unwrap();
    let news = parties.accept(member(1), member(3)).unwrap();
    assert_eq!(news[0].party.as_ref().unwrap().members[1].persona.level, 77);
}
