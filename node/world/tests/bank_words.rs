//! Scenarios of what players type about parcels, the bank of their guild and their cash.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::RouteKind;
use model::calls::bank::{BankRefusal, Cargo, GuildAct, GuildDone, GuildEntry, GuildThing, Parcel, Reply};
use model::event::{Notice, NoticeKey};
use model::{
    Command, Container, Effect, Event, GuildId, Item, ItemId, ItemKind, ParcelId, Slot, Tile, words,
};
use support::{PURSE, Stage, content, creature, generator, tile};
use world::{BankWork, Job, JobOutcome, Work};

const HERE: Tile = Tile::new(1010, 1050);
const POTION: u16 = 400;
const KNIFE: u16 = 861;
const BAG: u16 = 3467;
/// Neither sold, dropped nor given.
const BOUND: u16 = 508;

fn item(id: u128, kind: u16) -> Item {
    Item { id: ItemId(id), kind: ItemKind(kind), effects: [Effect::default(); 3] }
}

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

/// A member of rank 3 of guild 7 with some items, beside a keeper of the bank.
fn stage() -> Stage {
    let mut world = content();
    let mut keeper = creature("Keeper", 0);
    keeper.merchant = 2;
    world.creatures = vec![keeper];
    world.generators = vec![content::Generator {
        leader: 0,
        ..generator(20, RouteKind::Stand, &[(tile(1016, 1052), 0, 0)])
    }];
    let mut stage = Stage::with(world, 5);
    stage.enters_with("ana", HERE, |ana| {
        ana.hard.guild = 7;
        ana.hard.guild_rank = 3;
        ana.carry[0] = Some(item(1, KNIFE));
        ana.carry[1] = Some(item(2, POTION));
        ana.carry[2] = Some(item(3, BOUND));
    });
    stage.heard("ana");
    stage
}

fn says(stage: &mut Stage, word: &str, text: &str) {
    stage.asks("ana", Command::Words { word: word.to_owned(), text: text.to_owned() }).tick();
}

/// What BISrv is asked for after these words.
fn asked(stage: &mut Stage, word: &str, text: &str) -> BankWork {
    says(stage, word, text);
    if let [Job { work: Work::Bank(work), .. }] = &stage.jobs[..] {
        return work.clone();
    }
    let heard = stage.heard("ana");
    panic!("'{word} {text}' asks for {:?}, and she hears {heard:?}", stage.jobs);
}

fn answers(stage: &mut Stage, reply: Reply) -> Vec<Event> {
    stage.job_done(JobOutcome::Bank { reply, fresh: None });
    stage.heard("ana")
}

fn line(key: NoticeKey, arguments: &[&str]) -> Event {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Event::Notice(Notice::Catalogue { key, arguments })
}

/// It is not even asked for.
fn is_refused(stage: &mut Stage, word: &str, text: &str, key: NoticeKey) {
    says(stage, word, text);
    assert!(stage.jobs.is_empty(), "'{word} {text}' is tried");
    let heard = format!("{:?}", stage.heard("ana"));
    assert!(heard.contains(&format!("{key:?}")), "'{word} {text}' is not refused with {key:?}: {heard}");
}

fn parcel(id: u64, items: Vec<Item>, gold: i64, returned: bool) -> Parcel {
    Parcel {
        parcel: ParcelId(id),
        sender: "Benn".to_owned(),
        to: "Anna".to_owned(),
        returned,
        text: String::new(),
        items,
        gold,
        sent_ms: 0,
        until_ms: (!returned).then_some(1),
        days_left: (!returned).then_some(12),
    }
}

#[test]
fn a_parcel_leaves_the_bag_when_it_is_sent_and_not_before() {
    let mut stage = stage();
    for (word, text) in [("parcel", "send Benn 300 1 0"), ("encomenda", "enviar Benn 300 1 0")] {
        let BankWork::SendParcel { sender, to, items, gold } = asked(&mut stage, word, text) else {
            panic!("{:?}", stage.jobs)
        };
        assert_eq!((sender.as_str(), to.as_str(), gold), ("ana0000", "Benn", 300));
        assert_eq!(items, [(1, item(2, POTION)), (0, item(1, KNIFE))]);
        assert_eq!(stage.heard("ana"), []);
        let heard = answers(&mut stage, Reply::Refused(BankRefusal::BoxFull));
        assert_eq!(heard, [line(NoticeKey::ParcelBoxFull, &[])]);
    }
    asked(&mut stage, "parcel", "send Benn 300 1 0");
    let carried = PURSE - 300 - 100;
    let heard = answers(&mut stage, Reply::Sent { parcel: ParcelId(9), carried: Some(carried) });
    let emptied = |index| Event::SlotChanged { slot: carry(index), item: None };
    let expected = [
        emptied(1),
        emptied(0),
        Event::GoldChanged { gold: carried },
        line(NoticeKey::ParcelSent, &["Benn", "100"]),
    ];
    assert_eq!(heard, expected);
    is_refused(&mut stage, "parcel", "send Benn - 0", NoticeKey::ItemGone);
    is_refused(&mut stage, "parcel", "send Benn 601", NoticeKey::GoldMissing);
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_reason() {
    let mut stage = stage();
    is_refused(&mut stage, "parcel", "", NoticeKey::ParcelUsage);
    is_refused(&mut stage, "parcel", "send Benn", NoticeKey::ParcelUsage);
    is_refused(&mut stage, "parcel", "send Benn - 2", NoticeKey::ItemBound);
    is_refused(&mut stage, "parcel", "send Benn - 5", NoticeKey::ItemGone);
    is_refused(&mut stage, "parcel", "send Benn - 40", NoticeKey::NoRoom);
    is_refused(&mut stage, "parcel", "send Benn 5k", NoticeKey::GoldMissing);
    is_refused(&mut stage, "parcel", "send No_Name 5", NoticeKey::NoSuchPlayer);
    let refusals = [
        (BankRefusal::NoSuchCharacter, line(NoticeKey::NoSuchPlayer, &["Benn"])),
        (BankRefusal::ToOneself, line(NoticeKey::ParcelToOneself, &[])),
        (BankRefusal::NotEnough, line(NoticeKey::GoldMissing, &[])),
        (BankRefusal::Frozen, line(NoticeKey::AccountFrozen, &[])),
        (BankRefusal::Changed, line(NoticeKey::TryLater, &[])),
    ];
    for (refusal, told) in refusals {
        asked(&mut stage, "parcel", "send Benn 5 0");
        assert_eq!(answers(&mut stage, Reply::Refused(refusal)), [told]);
    }
    asked(&mut stage, "parcel", "send Benn 5 0");
    stage.job_done(JobOutcome::Failed).is_refused("ana", NoticeKey::TryLater);
    assert!(
        matches!(asked(&mut stage, "parcel", "send Benn 5 0"), BankWork::SendParcel { .. }),
        "nothing is gone"
    );
}

#[test]
fn parcels_are_listed_with_numbers_and_taken_or_returned_by_them() {
    let mut stage = stage();
    assert_eq!(asked(&mut stage, "encomenda", "lista"), BankWork::Parcels);
    assert_eq!(answers(&mut stage, Reply::Parcels(vec![])), [line(NoticeKey::ParcelNothing, &[])]);
    asked(&mut stage, "parcel", "list");
    let mut potions = item(5, POTION);
    potions.effects[0] = Effect { code: rules::effect::AMOUNT, value: 7 };
    let (one, two) = (1 << 60, 3 << 60);
    let waiting = vec![parcel(one, vec![potions, item(6, KNIFE)], 20, false), parcel(two, vec![], 5, true)];
    let heard = answers(&mut stage, Reply::Parcels(waiting));
    let [Event::Notice(Notice::Catalogue { key, arguments }), back] = &heard[..] else { panic!("{heard:?}") };
    let number = words::shortest(one, [two].into_iter());
    assert_eq!(*key, NoticeKey::ParcelLine);
    assert_eq!([&arguments[0], &arguments[1], &arguments[2], &arguments[4]], [&number, "Benn", "20", "12"]);
    assert!(arguments[3].ends_with(" x7 +1"), "{arguments:?}");
    let other = words::shortest(two, [one].into_iter());
    assert_eq!(*back, line(NoticeKey::ParcelBackLine, &[&other, "Anna", "5", "-"]));

    let many = (1..=11).map(|n| parcel(n << 50, vec![], 1, false)).collect();
    asked(&mut stage, "parcel", "list");
    let heard = answers(&mut stage, Reply::Parcels(many));
    assert_eq!((heard.len(), heard.last()), (9, Some(&line(NoticeKey::ParcelMore, &["3"]))));

    let number = "7KQ2M".to_owned();
    assert_eq!(asked(&mut stage, "parcel", "take 7KQ2M"), BankWork::TakeParcel { number: number.clone() });
    let heard = answers(&mut stage, Reply::Taken(Cargo::default()));
    assert_eq!(heard, [line(NoticeKey::ParcelTaken, &[])], "the edge looks into the bank then");
    assert_eq!(asked(&mut stage, "parcel", "return 7KQ2M"), BankWork::ReturnParcel { number });
    assert_eq!(answers(&mut stage, Reply::Returned), [line(NoticeKey::ParcelReturned, &[])]);
    for (refusal, key) in [
        (BankRefusal::NoSuchParcel, NoticeKey::ParcelNoSuch),
        (BankRefusal::CameBack, NoticeKey::ParcelNotBack),
        (BankRefusal::NoRoom, NoticeKey::NoRoom),
        (BankRefusal::TooMuch, NoticeKey::TooMuchGold),
    ] {
        asked(&mut stage, "parcel", "take 7KQ2M");
        assert_eq!(answers(&mut stage, Reply::Refused(refusal)), [line(key, &[])]);
    }
    assert_eq!(asked(&mut stage, "encomenda", "pegar"), BankWork::TakeParcels);
    let (parcels, cargo) = (vec![parcel(1, vec![], 1, false)], Cargo::default());
    let heard = answers(&mut stage, Reply::Delivered { parcels, waiting: 2, cargo });
    assert_eq!(heard, [line(NoticeKey::ParcelsTaken, &["1", "2"])]);
}

#[test]
fn a_guild_keeps_gold_and_items_where_the_own_bank_does() {
    let mut stage = stage();
    let act = |act| BankWork::Guild { guild: GuildId(7), rank: 3, act };
    assert_eq!(asked(&mut stage, "guildbank", "deposit 1k"), act(GuildAct::DepositGold { amount: 1_000 }));
    let heard = answers(&mut stage, Reply::Guild(GuildDone::Gold { carried: 0, guild: 1_500 }));
    assert_eq!(heard, [Event::GoldChanged { gold: 0 }, line(NoticeKey::GuildBankGold, &["1500"])]);
    is_refused(&mut stage, "guildbank", "deposit 1", NoticeKey::GoldMissing);
    assert_eq!(asked(&mut stage, "bancoguild", "sacar 7"), act(GuildAct::WithdrawGold { amount: 7 }));
    let heard = answers(&mut stage, Reply::Refused(BankRefusal::RankTooLow));
    assert_eq!(heard, [line(NoticeKey::GuildRankTooLow, &[])]);
    let knife = item(1, KNIFE);
    assert_eq!(asked(&mut stage, "guildbank", "put 0"), act(GuildAct::DepositItem { slot: 0, item: knife }));
    let heard = answers(&mut stage, Reply::Guild(GuildDone::ItemDeposited));
    assert_eq!(heard[0], Event::SlotChanged { slot: carry(0), item: None });
    is_refused(&mut stage, "guildbank", "put 2", NoticeKey::ItemBound);
    let take = BankWork::GuildTake { guild: GuildId(7), rank: 3, number: "7KQ2M".to_owned(), to: 0 };
    assert_eq!(asked(&mut stage, "guildbank", "take 7KQ2M"), take);
    let heard = answers(&mut stage, Reply::Guild(GuildDone::ItemWithdrawn(knife)));
    assert_eq!(heard[0], Event::SlotChanged { slot: carry(0), item: Some(knife) });
    asked(&mut stage, "guildbank", "take 7KQ2M");
    let heard = answers(&mut stage, Reply::Refused(BankRefusal::DailyLimit));
    assert_eq!(heard, [line(NoticeKey::GuildDailyLimit, &[])]);
    stage.walks_to("ana", tile(1060, 1050));
    stage.heard("ana");
    for text in ["deposit 0k", "steal 5"] {
        is_refused(&mut stage, "guildbank", text, NoticeKey::GuildBankUsage);
    }
    for text in ["withdraw 1", "put 1", "take 7KQ2M"] {
        is_refused(&mut stage, "guildbank", text, NoticeKey::TooFar);
    }
    let list = BankWork::GuildBank { guild: GuildId(7), page: 0 };
    assert_eq!(asked(&mut stage, "guildbank", "list"), list, "who looks only may be anywhere");
}

#[test]
fn a_full_bag_takes_nothing_and_who_is_in_no_guild_has_no_bank() {
    let mut stage = stage();
    stage.enters_with("bob", tile(1012, 1050), |bob| {
        bob.hard.guild = 7;
        for (slot, place) in bob.carry.iter_mut().enumerate() {
            *place = (slot < 60).then(|| item(100 + slot as u128, BAG));
        }
    });
    stage.enters_with("eva", tile(1014, 1050), |_| {});
    for (name, key) in [("bob", NoticeKey::NoRoom), ("eva", NoticeKey::GuildNone)] {
        let text = "take 7KQ2M".to_owned();
        stage.asks(name, Command::Words { word: "guildbank".to_owned(), text }).tick();
        assert!(stage.jobs.is_empty());
        stage.is_refused(name, key);
    }
}

#[test]
fn a_guild_s_bank_and_its_log_are_read_in_pages() {
    let mut stage = stage();
    let mut bank = Cargo { items: vec![None; 128], gold: 900 };
    for slot in 0..10_u128 {
        bank.items[usize::try_from(slot).unwrap() * 3] = Some(item((slot + 1) << 100, KNIFE));
    }
    for (text, lines, page) in [("list", 9, "1"), ("lista 2", 3, "2"), ("list 9", 1, "9")] {
        asked(&mut stage, "guildbank", text);
        let heard = answers(&mut stage, Reply::GuildBank(bank.clone()));
        assert_eq!(heard.len(), lines, "{heard:?}");
        assert_eq!(heard.last(), Some(&line(NoticeKey::GuildBankSum, &["900", "10", page, "2"])));
    }
    assert_eq!(
        asked(&mut stage, "bancoguild", "registro 3"),
        BankWork::GuildLog { guild: GuildId(7), page: 2 }
    );
    assert_eq!(answers(&mut stage, Reply::GuildLog(vec![])), [line(NoticeKey::GuildLogNothing, &[])]);
    let entry = |took, what, ago_s| GuildEntry { who: "Benn".to_owned(), took, what, ago_s };
    let entries = vec![
        entry(false, GuildThing::Gold(50), 59),
        entry(true, GuildThing::Item(ItemKind(60_000)), 3_599),
        entry(true, GuildThing::Gold(7), 86_399),
        entry(true, GuildThing::Gold(8), 86_400),
    ];
    asked(&mut stage, "guildbank", "log");
    let expected = [
        line(NoticeKey::GuildLogPut, &["Benn", "50 gold", "59 s"]),
        line(NoticeKey::GuildLogTook, &["Benn", "#60000", "59 min"]),
        line(NoticeKey::GuildLogTook, &["Benn", "7 gold", "23 h"]),
        line(NoticeKey::GuildLogTook, &["Benn", "8 gold", "1 d"]),
    ];
    assert_eq!(answers(&mut stage, Reply::GuildLog(entries)), expected);
}

#[test]
fn the_cash_balance_is_a_question() {
    let mut stage = stage();
    for word in ["cash", "saldo"] {
        assert_eq!(asked(&mut stage, word, ""), BankWork::Cash);
        assert_eq!(answers(&mut stage, Reply::Cash(77)), [line(NoticeKey::CashBalance, &["77"])]);
    }
}
