#![allow(clippy::unwrap_used)]
use super::*;

const LINGER: Duration = Duration::from_secs(10);

fn id(number: u64) -> CharacterId {
    CharacterId(number)
}

fn arrival(number: u64, session: u64) -> Arrival {
    let (character, account) = (id(number), AccountId(100 + number));
    Arrival { character, name: format!("N{number}"), session: SessionId(session), account }
}

fn held(version: u64, friends: &[u64]) -> Held {
    let known = |number: &u64| Known(id(*number), AccountId(100 + number), format!("N{number}"));
    Held { circle: Circle { friends: friends.iter().map(known).collect(), ..Circle::default() }, version }
}

struct Book(Presence, Instant);

impl Book {
    fn new() -> Self {
        Self(Presence::default(), Instant::now())
    }

    fn comes(&mut self, number: u64, friends: &[u64]) {
        self.0.arrives(arrival(number, number), Told::AsKnown, self.1);
        self.0.learn(id(number), &held(1, friends), None);
    }

    /// As after a restart.
    fn is_reported(&mut self, number: u64, told: Option<&[u64]>) {
        let told = told.map(|told| told.iter().copied().map(CharacterId).collect());
        self.0.arrives(arrival(number, number), Told::Reported(told), self.1);
    }

    /// Everything that is told now: to whom, who is here, of whom nothing is said.
    fn told(&mut self) -> Vec<(u64, Vec<u64>, Vec<u64>)> {
        let mut all = Vec::new();
        for of in self.0.take_due() {
            if let Some(ToEdge::Friends { here, quiet, .. }) = self.0.news_for(of) {
                self.0.was_told(of);
                let quiet = quiet.iter().map(|one| one.0).collect();
                all.push((of.0, here.iter().map(|one| one.character.0).collect(), quiet));
            }
        }
        all
    }
}

#[test]
fn friends_are_told_who_comes_and_goes_and_strangers_are_not() {
    let mut book = Book::new();
    book.comes(1, &[2]);
    book.comes(3, &[]);
    assert_eq!(
        book.told(),
        [(1, vec![], vec![]), (3, vec![], vec![])],
        "at first each is told, if only that nobody is here"
    );
    book.comes(2, &[1]);
    assert_eq!(book.told(), [(1, vec![2], vec![]), (2, vec![1], vec![])]);
    assert_eq!(book.told(), [], "once");
    book.0.departs(id(2));
    assert_eq!(book.told(), [(1, vec![], vec![])]);
    assert_eq!(book.0.take_departed(), BTreeMap::from([(id(2), AccountId(102))]));
}

#[test]
fn after_a_restart_nobody_is_told_of_who_stayed_whatever_the_order_of_reports() {
    let mut book = Book::new();
    book.is_reported(1, Some(&[2]));
    book.0.learn(id(1), &held(7, &[2]), None);
    assert_eq!(book.told(), [], "the edge of the other one has not reported yet");
    book.is_reported(2, Some(&[1]));
    book.0.learn(id(2), &held(7, &[1]), None);
    assert_eq!(book.told(), []);
    book.0.expire(LINGER, book.1 + 2 * LINGER);
    assert_eq!(book.told(), []);
}

#[test]
fn after_a_restart_who_came_or_went_meanwhile_is_told_of() {
    let mut book = Book::new();
    book.is_reported(1, Some(&[2]));
    book.is_reported(3, Some(&[]));
    book.0.learn(id(1), &held(7, &[2, 3]), None);
    assert_eq!(book.told(), [(1, vec![2, 3], vec![])], "3 came meanwhile, 2 may be reported yet");
    book.0.learn(id(3), &held(7, &[1]), None);
    assert_eq!(book.told(), [(3, vec![1], vec![])]);
    book.0.expire(LINGER, book.1 + LINGER / 2);
    assert_eq!(book.told(), []);
    book.0.expire(LINGER, book.1 + LINGER);
    assert_eq!(book.told(), [(1, vec![3], vec![])], "nobody reports 2");
}

#[test]
fn who_becomes_a_friend_or_is_one_no_more_did_not_come_or_leave() {
    let mut book = Book::new();
    book.comes(1, &[]);
    book.comes(2, &[]);
    book.told();
    book.0.learn(id(1), &held(2, &[2]), Some(id(2)));
    assert_eq!(book.told(), [(1, vec![2], vec![2])]);
    book.0.learn(id(1), &held(3, &[]), Some(id(2)));
    assert_eq!(book.told(), [(1, vec![], vec![2])]);
    // what was read before comes late
    book.0.learn(id(1), &held(2, &[2]), None);
    assert_eq!(book.told(), []);
    // nothing is kept quiet of what comes after
    book.0.learn(id(1), &held(4, &[2]), Some(id(2)));
    book.0.departs(id(2));
    assert_eq!(book.told(), []);
    book.comes(2, &[1]);
    assert_eq!(book.told(), [(1, vec![2], vec![]), (2, vec![1], vec![])]);
}

#[test]
fn what_could_not_be_told_is_due_again_and_an_edge_knows_best_what_it_was_told() {
    let mut book = Book::new();
    book.comes(1, &[2]);
    book.comes(2, &[1]);
    book.0.take_due(); // lost
    book.0.again(id(1));
    assert_eq!(book.told(), [(1, vec![2], vec![])]);
    book.is_reported(1, Some(&[]));
    book.0.learn(id(1), &held(1, &[2]), None);
    let both = [(1, vec![2], vec![]), (2, vec![1], vec![])];
    assert_eq!(book.told(), both, "it never came to the edge, and the other one's was lost, too");
    book.is_reported(1, None);
    assert_eq!(book.0.take_unread(9), [(id(1), AccountId(101)), (id(2), AccountId(102))]);
    book.0.unread_still(id(2), book.1);
    assert_eq!(book.0.take_unread(9), [(id(2), AccountId(102))]);
}

#[test]
fn another_session_of_the_character_is_told_anew() {
    let mut book = Book::new();
    book.comes(1, &[2]);
    book.comes(2, &[1]);
    book.told();
    book.0.arrives(arrival(1, 50), Told::AsKnown, book.1);
    assert_eq!(book.told(), [], "not before its friends are read");
    book.0.learn(id(1), &held(1, &[2]), None);
    assert_eq!(book.told(), [(1, vec![2], vec![])]);
}

#[test]
fn whoever_cannot_be_read_keeps_nobody_waiting_and_has_its_turn_again() {
    let mut book = Book::new();
    let read = |book: &mut Book, most| -> Vec<u64> {
        book.0.take_unread(most).into_iter().map(|(character, _)| character.0).collect()
    };
    for number in 1..=5 {
        book.is_reported(number, None);
    }
    for pair in [[1, 2], [3, 4]] {
        assert!(book.0.has_untried());
        assert_eq!(read(&mut book, 2), pair);
        pair.iter().for_each(|number| book.0.unread_still(id(*number), book.1));
    }
    assert_eq!(read(&mut book, 2), [5, 1], "who was not tried yet comes first");
    book.0.learn(id(5), &held(1, &[]), None);
    book.0.unread_still(id(1), book.1);
    assert!(!book.0.has_untried(), "only such as could not be read are left");
    assert_eq!(read(&mut book, 9), [2, 3, 4, 1], "each before one of them twice");
    for number in 1..=4 {
        book.0.unread_still(id(number), book.1);
    }
    // one leaves and comes again, one is asked for anew: it waits already
    book.0.departs(id(4));
    book.is_reported(4, None);
    book.0.read_anew(id(3));
    assert_eq!(read(&mut book, 9), [4, 2, 3, 1]);
    book.0.learn(id(3), &held(1, &[]), None);
    book.0.read_anew(id(3));
    assert!(book.0.has_untried(), "it was read: what was before is forgotten");
    book.0.departs(id(3));
    book.0.read_anew(id(3));
    assert_eq!(read(&mut book, 9), [0; 0], "nobody is read who is not in the world");
}

#[test]
fn a_record_in_doubt_is_read_until_it_has_changed_or_long_enough() {
    let mut book = Book::new();
    let begin = book.1;
    let after = |seconds: u64| begin + Duration::from_secs(seconds);
    let is_read = |book: &mut Book, seconds| {
        book.0.mind_doubts(after(seconds));
        !book.0.take_unread(9).is_empty()
    };
    book.comes(1, &[]);
    book.0.take_unread(9);
    book.0.doubt(id(1), 1, begin);
    assert_eq!([0, 0, 1, 1, 2].map(|at| is_read(&mut book, at)), [true, false, true, false, true]);
    book.0.learn(id(1), &held(1, &[]), None);
    assert!(is_read(&mut book, 3), "nothing happened so far");
    book.0.learn(id(1), &held(2, &[2]), None);
    assert!(!is_read(&mut book, 4), "it did");
    book.0.doubt(id(1), 2, begin);
    assert!([0, 10, 19].iter().all(|at| is_read(&mut book, *at)));
    book.0.unread_still(id(1), after(19));
    assert!([19, 30, 38].iter().all(|at| is_read(&mut book, *at)), "no answer says nothing");
    assert!(!is_read(&mut book, 39), "nobody will do it any more");
}

#[test]
fn who_is_read_to_be_a_friend_now_did_not_come() {
    let mut book = Book::new();
    book.comes(1, &[3]);
    book.comes(2, &[]);
    book.told();
    book.0.learn(id(1), &held(2, &[2, 3]), None);
    assert_eq!(book.told(), [(1, vec![2], vec![2])]);
    book.comes(3, &[1]);
    assert_eq!(book.told(), [(1, vec![2, 3], vec![]), (3, vec![1], vec![])], "a friend since long came");
}
