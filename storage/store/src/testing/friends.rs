//! Stories of friends: both sides change or none, and who is deleted is nobody's friend.

use super::stage::economy::{Player, done, surely};
use super::stage::operation;
use crate::Store;
use crate::friends::{self, Circle, Known, asks_for};
use model::GuildId;
use model::calls::database::{DeleteCharacter, Transfer, TransferRefusal};
use model::guild::Place;
use model::transfer::{RecordKey, Standing};
use std::sync::Arc;

fn known(of: &Player) -> Known {
    Known(of.hero.id, of.account(), of.hero.name.to_string())
}

fn is_there(of: &Player) -> Standing {
    let place = Place { guild: GuildId(of.hero.hard.guild), rank: of.hero.hard.guild_rank };
    Standing { account: of.account(), character: of.hero.id, before: place, after: place }
}

/// Makes two friends whose records were read as these versions.
fn befriending(of: [&Player; 2], read: [u64; 2]) -> Transfer {
    let side = |own: usize, other: usize| {
        let circle = Circle {
            name: of[own].hero.name.to_string(),
            friends: vec![known(of[other])],
            ..Circle::default()
        };
        friends::put(of[own].account(), of[own].hero.id, &circle, read[own]).expect("a record")
    };
    Transfer {
        fences: Vec::new(),
        records: vec![side(0, 1), side(1, 0)],
        standings: of.map(is_there).into(),
        ..of[0].does(Vec::new())
    }
}

async fn friends_of(store: &Arc<dyn Store>, of: &Player) -> Option<Vec<Known>> {
    let held = store.get_record(asks_for(of.account(), of.hero.id)).await.expect("the store answers");
    held.map(|held| friends::decode(&held).expect("it can be read").circle.friends)
}

pub(super) async fn a_friendship_is_written_on_both_sides_or_on_none(store: &Arc<dyn Store>) {
    let (ana, ben, eva) = (Player::new(store).await, Player::new(store).await, Player::new(store).await);
    let made = befriending([&ana, &ben], [0, 0]);
    surely(store, &made).await;
    surely(store, &made).await;
    assert_eq!(friends_of(store, &ana).await, Some(vec![known(&ben)]), "once");
    assert_eq!(friends_of(store, &ben).await, Some(vec![known(&ana)]));

    let late = done(store, &befriending([&eva, &ben], [0, 0])).await;
    assert_eq!(late, Err(TransferRefusal::RecordChanged(RecordKey::Friends(ben.hero.id))));
    assert_eq!(friends_of(store, &eva).await, None, "nothing of it was done");
}

pub(super) async fn who_is_deleted_is_nobodys_friend(store: &Arc<dyn Store>) {
    let (ana, ben, eva) = (Player::new(store).await, Player::new(store).await, Player::new(store).await);
    surely(store, &befriending([&ana, &ben], [0, 0])).await;
    let hero = &ben.hero;
    let request = DeleteCharacter {
        operation: operation(),
        account: hero.account,
        slot: hero.slot,
        key: hero.name.key(),
    };
    assert_eq!(store.delete_character(request).await, Ok(Ok(())));
    assert_eq!(friends_of(store, &ben).await, None, "its record went with it");
    assert_eq!(friends_of(store, &ana).await, Some(vec![known(&ben)]), "the others forget it later");
    let late = done(store, &befriending([&eva, &ben], [0, 0])).await;
    assert_eq!(late, Err(TransferRefusal::StandingChanged(ben.hero.id)));
    assert_eq!(friends_of(store, &eva).await, None);
    // what is left is no friendship: `fsck` goes on to be clean
    let mut circle = Circle { name: ana.hero.name.to_string(), ..Circle::default() };
    circle.forget(ben.hero.id);
    let records = vec![friends::put(ana.account(), ana.hero.id, &circle, 1).expect("a record")];
    surely(store, &Transfer { fences: Vec::new(), records, ..ana.does(Vec::new()) }).await;
    assert_eq!(friends_of(store, &ana).await, Some(Vec::new()));
}
