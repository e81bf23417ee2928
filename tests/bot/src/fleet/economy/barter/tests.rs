use super::*;
use rand::SeedableRng;

const COIN: ItemSeen = ItemSeen { kind: 400, effects: [61, 20, 0, 0, 0, 0] };
const SWORD: ItemSeen = ItemSeen { kind: 861, effects: [0; 6] };

fn owner() -> Belongings {
    Belongings { carry: vec![Some(COIN), None], gold: 1000, ..Belongings::default() }
}

fn trade_of_a_coin_for_a_sword() -> Barter {
    let mut rng = StdRng::seed_from_u64(1);
    let mut barter = Barter::new(9, owner(), &mut rng, Instant::now());
    barter.mine.items = vec![(0, 0, COIN)];
    barter.mine.gold = 100;
    barter.consents.push(barter.mine.clone());
    let theirs = OfferSeen { items: vec![(0, 5, SWORD)], gold: 7, checked: true, partner: 9 };
    assert_eq!(barter.hears(&Told::Offer(theirs), &owner(), Instant::now()), None);
    barter
}

#[test]
fn a_trade_is_done_when_exactly_what_was_agreed_changed_hands() {
    let mut barter = trade_of_a_coin_for_a_sword();
    let after = Belongings { carry: vec![None, Some(SWORD)], gold: 907, ..owner() };
    assert_eq!(barter.hears(&Told::TradeClosed, &after, Instant::now()), Some(Ending::Done));
}

#[test]
fn a_trade_that_changed_nothing_was_ended() {
    let mut barter = trade_of_a_coin_for_a_sword();
    assert_eq!(barter.hears(&Told::TradeClosed, &owner(), Instant::now()), Some(Ending::AsBefore));
}

#[test]
fn anything_else_is_neither() {
    let given_and_kept = Belongings { carry: vec![Some(COIN), Some(SWORD)], gold: 907, ..owner() };
    let half = Belongings { gold: 907, ..owner() };
    for after in [given_and_kept, half] {
        let ending = trade_of_a_coin_for_a_sword().hears(&Told::TradeClosed, &after, Instant::now());
        assert!(matches!(ending, Some(Ending::Neither(_))), "{ending:?}");
    }
}

#[test]
fn a_change_that_came_too_late_does_not_count() {
    let mut barter = trade_of_a_coin_for_a_sword();
    barter.mine.gold = 500;
    let after = Belongings { carry: vec![None, Some(SWORD)], gold: 907, ..owner() };
    assert_eq!(barter.hears(&Told::TradeClosed, &after, Instant::now()), Some(Ending::Done));
}

#[test]
fn what_came_from_elsewhere_meanwhile_makes_it_unclear_and_nothing_else_does() {
    let mut barter = trade_of_a_coin_for_a_sword();
    let grabbed = Belongings { carry: vec![None, Some(SWORD), Some(SWORD)], gold: 907, ..owner() };
    let late = Told::PickedUp(crate::protocol::slot::Slot::carry(2), Some(SWORD));
    assert_eq!(barter.hears(&late, &owner(), Instant::now()), None);
    assert_eq!(barter.hears(&Told::TradeClosed, &grabbed, Instant::now()), Some(Ending::Unclear));
    let own = Told::Slot(crate::protocol::slot::Slot::carry(2), Some(SWORD));
    let mut barter = trade_of_a_coin_for_a_sword();
    assert_eq!(barter.hears(&own, &owner(), Instant::now()), None);
    let ending = barter.hears(&Told::TradeClosed, &grabbed, Instant::now());
    assert!(matches!(ending, Some(Ending::Neither(_))), "{ending:?}");
}

#[test]
fn a_changed_offer_takes_back_the_own_consent() {
    let mut barter = trade_of_a_coin_for_a_sword();
    barter.mine.checked = true;
    let same = OfferSeen { items: vec![(0, 5, SWORD)], gold: 7, checked: false, partner: 9 };
    barter.hears(&Told::Offer(same.clone()), &owner(), Instant::now());
    assert!(barter.mine.checked, "the same offer changes nothing");
    barter.hears(&Told::Offer(OfferSeen { gold: 8, ..same }), &owner(), Instant::now());
    assert!(!barter.mine.checked);
}

#[test]
fn two_sides_come_to_an_end_whatever_they_do() {
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut now = Instant::now();
        let mut sides = [Barter::new(2, owner(), &mut rng, now), Barter::new(1, owner(), &mut rng, now)];
        let mut ended = false;
        let mut both = [false; 2];
        for _ in 0..2000 {
            now += Duration::from_millis(20);
            for one in 0..2 {
                let sent = sides[one].act(one as u16 + 1, &[(0, COIN)], 1000, &mut rng, now);
                let Some(packet) = sent else { continue };
                ended |= crate::protocol::bytes::u16_at(&packet, 4) == 0x384;
                let crate::protocol::incoming::Packet::Goods(Told::Offer(mut offer)) =
                    crate::protocol::incoming::read(crate::protocol::profile::Profile::V759, &packet)
                else {
                    continue;
                };
                offer.partner = one as u16 + 1;
                both[one] = offer.checked;
                let changed = !offer.checked;
                sides[1 - one].hears(&Told::Offer(offer), &owner(), now);
                both[1 - one] &= !changed;
            }
            if ended || both == [true; 2] {
                break;
            }
        }
        assert!(ended || both == [true; 2], "seed {seed}: neither ended nor agreed");
    }
}
