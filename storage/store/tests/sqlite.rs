//! The conformance suite on SQLite, and what is special about one file.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use store::testing::{conformance, stage};
use store::{OpenError, Sqlite, Store};

fn open(path: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(path).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("wydbr.sqlite"));
    conformance(store.clone()).await;
    conformance(store).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wydbr.sqlite");
    let store = open(&path);
    let hero = stage::living(&store).await;
    let epoch = stage::load(&store, &hero, "tmsrv-1").await.epoch;
    stage::save(&store, vec![stage::save_at(&hero, epoch, 77)]).await;
    drop(store);
    let store = open(&path);
    let after = stage::load(&store, &hero, "tmsrv-1").await;
    assert!(after.epoch > epoch);
    assert_eq!(after.character.soft.tile.x, 77);
    assert_eq!((after.character.equip, after.character.carry), (hero.equip, hero.carry));
}

#[tokio::test]
async fn two_programs_may_have_the_file_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wydbr.sqlite");
    let (first, second) = (open(&path), open(&path));
    let account = stage::registered(&first).await;
    assert_eq!(stage::stored(&second, account.id).await.as_ref(), Some(&account));
    let hero = stage::character(account.id, 0, &stage::name());
    stage::create(&second, &hero).await;
    assert_eq!(stage::listed(&first, account.id).await, [hero]);
}

#[test]
fn two_programs_may_make_the_file_at_the_same_moment() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wydbr.sqlite");
        std::thread::scope(|scope| {
            let openings = [(); 4].map(|()| scope.spawn(|| Sqlite::open(&path).map(drop)));
            for opening in openings {
                opening.join().unwrap().unwrap();
            }
        });
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wydbr.sqlite");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
    connection.execute(newer, []).unwrap();
    let error = Sqlite::open(&path).err().unwrap();
    assert!(matches!(error, OpenError::Schema { expected: 14, .. }), "{error}");
    assert!(error.to_string().contains("V999__from_the_future"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are my notes, and they are no database at all".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = Sqlite::open(&path).err().unwrap();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let nowhere = Sqlite::open(&folder.path().join("no/such/folder")).err().unwrap();
    assert!(nowhere.to_string().contains("no/such/folder"), "{nowhere}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wydbr.sqlite");
    drop(open(&path));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_one_sync() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("wydbr.sqlite"));
    let started = std::time::Instant::now();
    stage::at_once(1_000, |_| {
        let store = store.clone();
        async move { stage::registered(&store).await }
    })
    .await;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("1000 accounts in {seconds:.2} s");
    assert!(seconds < 10.0, "1000 accounts took {seconds} s: every one seems to have a sync of its own");
}
