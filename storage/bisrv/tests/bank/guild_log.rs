//! The log of a guild's bank: who put what into it and took what out, whatever bucket the guild is at home in.

use crate::guild::{LEADER, LIONS, MEMBER, act, deposit};
use crate::stage::{BOW, SWORD, Stage, item};
use model::calls::bank::{
    BankRefusal, GUILD_LOG_LINES, GUILD_LOG_PAGES, GuildAct, GuildThing, Reply, Request,
};
use model::ledger::GoldAccount;
use model::{CharacterId, GuildId};
use support::character;

/// Page of the log in words, and that nothing in it is old.
async fn log(stage: &Stage, guild: GuildId, page: u32) -> Vec<String> {
    let Reply::GuildLog(entries) = stage.ask(Request::GuildLog { guild, page }).await else {
        panic!("no log")
    };
    assert!(entries.len() <= GUILD_LOG_LINES as usize && entries.iter().all(|entry| entry.ago_s < 60));
    let told = entries.iter().map(|entry| {
        let what = match entry.what {
            GuildThing::Item(kind) => format!("item {}", kind.0),
            GuildThing::Gold(amount) => format!("{amount} gold"),
        };
        format!("{} {} {what}", entry.who, if entry.took { "took" } else { "put" })
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_who_put_and_took_what_newest_first() {
    let stage = Stage::new().await;
    let (sword, bow) = (item(SWORD), item(BOW));
    let (ana, ben) = (stage.player("Anna", &[sword, bow]).await, stage.player("Benn", &[]).await);
    // two of one account: which of them did it is said as well
    let mut twin = character(ben.fence.account, CharacterId(4_711), "Bento", ben.character.soft.tile);
    twin.slot = 1;
    let twin = stage.born(twin).await;
    assert_eq!(log(&stage, LIONS, 0).await, [""; 0]);
    act(&stage, &ana, MEMBER, deposit(&ana, 0)).await;
    act(&stage, &ben, MEMBER, GuildAct::DepositGold { amount: 400 }).await;
    act(&stage, &twin, LEADER, GuildAct::WithdrawGold { amount: 150 }).await;
    act(&stage, &twin, LEADER, GuildAct::WithdrawItem { slot: 0, shown: sword.id, to: 3 }).await;
    stage.pays(5, LIONS.home(), GoldAccount::Guild(LIONS)).await;
    let expected = [
        "test put 5 gold".to_owned(),
        format!("Bento took item {}", SWORD.0),
        "Bento took 150 gold".to_owned(),
        "Benn put 400 gold".to_owned(),
        format!("Anna put item {}", SWORD.0),
    ];
    assert_eq!(log(&stage, LIONS, 0).await, expected);
    assert_eq!(log(&stage, GuildId(LIONS.0 + 1), 0).await, [""; 0], "that of others is not shown");
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_read_in_pages_and_they_have_an_end() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[]).await;
    for amount in 1..=10 {
        act(&stage, &ana, MEMBER, GuildAct::DepositGold { amount }).await;
    }
    let pages = [log(&stage, LIONS, 0).await, log(&stage, LIONS, 1).await, log(&stage, LIONS, 2).await];
    let told = |amounts: std::ops::RangeInclusive<i32>| {
        amounts.rev().map(|amount| format!("Anna put {amount} gold")).collect::<Vec<_>>()
    };
    assert_eq!(pages, [told(3..=10), told(1..=2), vec![]]);
    for (guild, page) in [(LIONS, GUILD_LOG_PAGES), (GuildId(0), 0)] {
        let reply = stage.ask(Request::GuildLog { guild, page }).await;
        assert!(matches!(reply, Reply::Refused(BankRefusal::BadRequest(_))), "{reply:?}");
    }
}
