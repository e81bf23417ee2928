//! Stories of accounts.

use super::stage::{account, at_once, character, create, listed, name, operation, registered, stored};
use crate::Store;
use model::calls::database::{
    AccountChange, Cargo, ChangeAccount, CreateAccount, CreateCharacter, Failure, FindAccount, LoadCargo,
    NameTaken,
};
use model::id::AccountId;
use model::item::CARGO_SLOTS;
use std::sync::Arc;

async fn found(store: &Arc<dyn Store>, key: &str) -> Option<model::Account> {
    store.find_account(FindAccount { key: key.to_owned() }).await.expect("the store answers")
}

pub(super) async fn an_account_is_found_by_its_name_in_any_case(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    assert_ne!(ana.name.as_str(), ana.name.key(), "the name has capitals");
    assert_eq!(found(store, &ana.name.key()).await.as_ref(), Some(&ana), "with its name as it was given");
    assert_eq!(stored(store, ana.id).await.as_ref(), Some(&ana));
    assert_eq!(found(store, "nobodyhasthis").await, None);
    assert_eq!(stored(store, AccountId(1)).await, None);
}

pub(super) async fn two_accounts_never_share_a_name(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    for name in [ana.name.as_str().to_owned(), ana.name.key(), ana.name.key().replace('q', "Q")] {
        let request = CreateAccount { operation: operation(), account: account(&name) };
        assert_eq!(store.create_account(request).await, Ok(Err(NameTaken)), "{name}");
    }
    assert_eq!(found(store, &ana.name.key()).await, Some(ana));
}

pub(super) async fn of_many_who_want_an_account_name_exactly_one_gets_it(store: &Arc<dyn Store>) {
    for _ in 0..3 {
        let wanted = name();
        let outcomes = at_once(16, |_| {
            let (store, account) = (store.clone(), account(&wanted));
            async move {
                let request = CreateAccount { operation: operation(), account: account.clone() };
                (account, store.create_account(request).await.expect("the store answers"))
            }
        })
        .await;
        let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(winners.len(), 1, "exactly one gets {wanted}");
        assert_eq!(found(store, &wanted.to_ascii_lowercase()).await.as_ref(), Some(&winners[0].0));
        for (loser, outcome) in &outcomes {
            assert_eq!(stored(store, loser.id).await.is_some(), outcome.is_ok(), "no row of a loser stays");
        }
    }
}

pub(super) async fn creating_an_account_twice_is_creating_it_once(store: &Arc<dyn Store>) {
    let ana = account(&name());
    let request = CreateAccount { operation: operation(), account: ana.clone() };
    let outcomes = at_once(8, |_| {
        let (store, request) = (store.clone(), request.clone());
        async move { store.create_account(request).await }
    })
    .await;
    assert_eq!(outcomes, vec![Ok(Ok(())); 8], "all hear the first outcome");
    assert_eq!(store.create_account(request).await, Ok(Ok(())), "later too");
    assert_eq!(stored(store, ana.id).await, Some(ana));
}

pub(super) async fn a_refusal_is_repeated_even_when_the_name_became_free(store: &Arc<dyn Store>) {
    let (ana, bob) = (registered(store).await, registered(store).await);
    let taken = character(ana.id, 0, &name());
    create(store, &taken).await;
    let wanted = character(bob.id, 0, taken.name.as_str());
    let request = CreateCharacter { operation: operation(), character: wanted };
    let refused = store.create_character(request.clone()).await;
    super::characters::delete(store, &taken).await;
    assert_eq!(store.create_character(request).await, refused);
    assert_eq!(listed(store, bob.id).await, []);
}

pub(super) async fn changes_of_an_account_stay(store: &Arc<dyn Store>) {
    let mut ana = registered(store).await;
    let change = async |change: AccountChange| {
        store.change_account(ChangeAccount { account: ana.id, change }).await.expect("the store answers")
    };
    assert!(change(AccountChange::Password("new".into())).await);
    assert!(change(AccountChange::Pin(Some("pin".into()))).await);
    assert!(change(AccountChange::Blocked(Some("sells gold".into()))).await);
    assert!(change(AccountChange::Blocked(Some("sells gold".into()))).await, "the same again");
    assert!(change(AccountChange::Frozen(Some("a double".into()))).await);
    ana.password_hash = "new".into();
    ana.pin_hash = Some("pin".into());
    ana.blocked = Some("sells gold".into());
    ana.frozen = Some("a double".into());
    assert_eq!(stored(store, ana.id).await.as_ref(), Some(&ana));
    let unblock = ChangeAccount { account: ana.id, change: AccountChange::Blocked(None) };
    assert_eq!(store.change_account(unblock).await, Ok(true));
    let forget = ChangeAccount { account: ana.id, change: AccountChange::Pin(None) };
    assert_eq!(store.change_account(forget).await, Ok(true));
    let thaw = ChangeAccount { account: ana.id, change: AccountChange::Frozen(None) };
    assert_eq!(store.change_account(thaw).await, Ok(true));
    ana.frozen = None;
    ana.blocked = None;
    ana.pin_hash = None;
    assert_eq!(stored(store, ana.id).await, Some(ana));
    let nobody = ChangeAccount { account: AccountId(2), change: AccountChange::Blocked(None) };
    assert_eq!(store.change_account(nobody).await, Ok(false));
}

pub(super) async fn an_empty_bank_has_all_its_slots(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let empty = Cargo { items: vec![None; CARGO_SLOTS], gold: 0 };
    assert_eq!(store.load_cargo(LoadCargo { account: ana.id }).await, Ok(Some(empty)));
    assert_eq!(store.load_cargo(LoadCargo { account: AccountId(3) }).await, Ok(None));
}

pub(super) async fn an_operation_id_is_good_for_one_kind_of_operation(store: &Arc<dyn Store>) {
    let ana = account(&name());
    let operation = operation();
    assert_eq!(store.create_account(CreateAccount { operation, account: ana.clone() }).await, Ok(Ok(())));
    let reused = CreateCharacter { operation, character: character(ana.id, 0, &name()) };
    assert!(matches!(store.create_character(reused).await, Err(Failure::Corrupt(_))));
    assert_eq!(listed(store, ana.id).await, []);
}
