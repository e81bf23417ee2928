//! Settings from files, environment and flags.
#![allow(clippy::unwrap_used)]

use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, Common, Shape, Source, describe, load, within};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Secret(String);

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Calm,
    Busy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Limits {
    logins: u32,
    chat: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { logins: 5, chat: 20 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Shard {
    dsn: String,
    weight: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { dsn: String::new(), weight: 1 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Own {
    title: String,
    redis: Option<String>,
    password: Secret,
    mode: Mode,
    ratio: f64,
    limits: Limits,
    extra: Option<Limits>,
    shards: Vec<Shard>,
    tags: Vec<String>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            title: "wyd".into(),
            redis: None,
            password: Secret::default(),
            mode: Mode::Calm,
            ratio: 0.5,
            limits: Limits { logins: 7, chat: 8 },
            extra: None,
            shards: Vec::new(),
            tags: vec!["a".into()],
        }
    }
}

impl Check for Own {
    fn check(&self) -> Result<(), BadValue> {
        let (logins, chat) = (u64::from(self.limits.logins), u64::from(self.limits.chat));
        within("limits.logins", logins, 1..=1_000, "1 to 1000")?;
        within("limits.chat", chat, logins / 100..=65_535, "a hundredth of limits.logins to 65535")
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, text: &str) -> Source {
        let file = self.0.path().join("Test.conf");
        std::fs::write(&file, text).unwrap();
        Source { file: Some(file), env_prefix: "", flags: Vec::new() }
    }

    fn error(&self, text: &str) -> String {
        let error = load::<Own>(&self.file(text)).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn flags(flags: &[(&str, &str)]) -> Source {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Source { file: None, env_prefix: "", flags }
}

#[test]
fn nothing_given_means_the_defaults() {
    let loaded = load::<Own>(&Source::default()).unwrap();
    assert_eq!((loaded.common, loaded.own), (Common::default(), Own::default()));
}

#[test]
fn a_file_changes_only_what_it_names() {
    let folder = Folder::new();
    let source = folder.file(
        "redis = \"redis://x\"\nmode = \"busy\"\n[limits]\nchat = 1\n[process]\nname = \"tmsrv-2\"\n\
         logsrv = [\"127.0.0.1:7000\"]\ndbsrv = [\"127.0.0.1:1\", \"[::1]:2\"]\n[[shards]]\ndsn = \"d\"\n",
    );
    let loaded = load::<Own>(&source).unwrap();
    assert_eq!(loaded.own.redis.as_deref(), Some("redis://x"));
    assert_eq!((loaded.own.mode, loaded.own.title.as_str()), (Mode::Busy, "wyd"));
    assert_eq!(loaded.own.limits, Limits { logins: 7, chat: 1 }, "defaults of the whole, not of the section");
    assert_eq!(loaded.own.shards, [Shard { dsn: "d".into(), weight: 1 }]);
    assert_eq!(loaded.common.name, "tmsrv-2");
    assert_eq!(loaded.common.logsrv, ["127.0.0.1:7000".parse::<SocketAddr>().unwrap()]);
    assert_eq!(loaded.common.dbsrv.len(), 2);
    assert_eq!(loaded.common.log_level, "info");
}

#[test]
fn flags_win_over_the_file_and_need_no_quotes() {
    let folder = Folder::new();
    let mut source = folder.file("title = \"file\"\n[limits]\nlogins = 1\nchat = 2\n");
    source.flags = flags(&[
        ("limits.logins", "99"),
        ("title", "4 words of text"),
        ("redis", "5"),
        ("tags", "x, y"),
        ("extra.chat", "3"),
        ("process.data", "some/folder"),
        ("process.dbsrv", "127.0.0.1:1,127.0.0.1:2"),
        ("process.logsrv", "[\"127.0.0.1:9\"]"),
    ])
    .flags;
    let loaded = load::<Own>(&source).unwrap();
    assert_eq!(loaded.own.limits, Limits { logins: 99, chat: 2 });
    assert_eq!((loaded.own.title.as_str(), loaded.own.redis.as_deref()), ("4 words of text", Some("5")));
    assert_eq!(loaded.own.tags, ["x", "y"]);
    assert_eq!(loaded.own.extra, Some(Limits { logins: 5, chat: 3 }));
    assert_eq!(loaded.common.data, PathBuf::from("some/folder"));
    assert_eq!(loaded.common.dbsrv.len(), 2);
    assert_eq!(loaded.common.logsrv.len(), 1);
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_good_one() {
    let folder = Folder::new();
    assert_eq!(
        folder.error("title = \"x\"\n\n[limits]\nlogin = 5\n"),
        "Test.conf:4: unknown key `limits.login`, did you mean `limits.logins`?"
    );
    assert_eq!(
        folder.error("logins = 5"),
        "Test.conf:1: unknown key `logins`, did you mean `limits.logins`?"
    );
    assert_eq!(folder.error("rediss = \"\""), "Test.conf:1: unknown key `rediss`, did you mean `redis`?");
    assert_eq!(
        folder.error("[process]\nlogserv = \"127.0.0.1:1\""),
        "Test.conf:2: unknown key `process.logserv`, did you mean `process.logsrv`?"
    );
    assert_eq!(
        folder.error("[extra]\nchatt = 1"),
        "Test.conf:2: unknown key `extra.chatt`, did you mean `extra.chat`?"
    );
    assert_eq!(
        folder.error("[[shards]]\ndns = \"\""),
        "Test.conf:1: unknown key `shards.dns`, did you mean `shards.dsn`?"
    );
    assert_eq!(folder.error("xyzzyplugh = 1"), "Test.conf:1: unknown key `xyzzyplugh`");
    let error = load::<Own>(&flags(&[("limits.chats", "5")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "flag limits.chats: unknown key `limits.chats`, did you mean `limits.chat`?"
    );
}

#[test]
fn a_wrong_value_says_what_was_found_and_expected() {
    let folder = Folder::new();
    for (text, line) in [
        (
            "[limits]\nlogins = \"five\"",
            "Test.conf:2: `limits.logins`: found \"five\", expected a whole number from 0 to 4294967295",
        ),
        (
            "[limits]\nchat = 70000",
            "Test.conf:2: `limits.chat`: found 70000, expected a whole number from 0 to 65535",
        ),
        ("title = 5", "Test.conf:1: `title`: found 5, expected text in quotes"),
        ("mode = \"angry\"", "Test.conf:1: `mode`: found \"angry\", expected calm or busy"),
        ("limits = 5", "Test.conf:1: `limits`: found a value of type integer, expected a section"),
        ("tags = 5", "Test.conf:1: `tags`: found 5, expected a list in brackets"),
        (
            "[process]\nlink = \"nowhere\"",
            "Test.conf:2: `process.link`: found \"nowhere\", expected an address and a port like 127.0.0.1:8281",
        ),
    ] {
        assert_eq!(folder.error(text), line);
    }
    let error = load::<Own>(&flags(&[("ratio", "half")])).unwrap_err().to_string();
    assert_eq!(error, "flag ratio: `ratio`: found \"half\", expected a number");
}

#[test]
fn a_value_that_cannot_work_is_named_where_it_was_given() {
    let folder = Folder::new();
    let error = folder.error("title = \"x\"\n[limits]\nlogins = 0");
    assert_eq!(error, "Test.conf:3: `limits.logins`: found 0, expected 1 to 1000");
    let mut source = folder.file("[limits]\nlogins = 5");
    source.flags = flags(&[("limits.logins", "0")]).flags;
    let error = load::<Own>(&source).unwrap_err().to_string();
    assert_eq!(error, "flag limits.logins: `limits.logins`: found 0, expected 1 to 1000");
    let error = folder.error("[limits]\nlogins = 900");
    assert_eq!(error, "by default: `limits.chat`: found 8, expected a hundredth of limits.logins to 65535");
}

#[test]
fn a_secret_is_never_shown() {
    let error = Folder::new().error("password = 12345");
    assert_eq!(error, "Test.conf:1: `password`: found a value of type integer, expected text in quotes");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let folder = Folder::new();
    assert!(folder.error("title = \"x\"\nlimits [\n").starts_with("Test.conf:2: not valid TOML: "));
    let source = Source { file: Some(folder.0.path().join("None.conf")), ..Source::default() };
    let error = load::<Own>(&source).unwrap_err().to_string();
    assert!(error.contains("None.conf: cannot be read: No such file"), "{error}");
}

#[test]
fn the_described_file_is_complete_and_loads_to_the_defaults() {
    let text = describe::<Own>("Test");
    for key in Shape::of::<Own>().paths() {
        let last = key.rsplit('.').next().unwrap();
        assert!(text.contains(last), "{key} is missing in\n{text}");
    }
    let loaded = load::<Own>(&Folder::new().file(&text)).unwrap();
    assert_eq!((loaded.common, loaded.own), (Common::default(), Own::default()), "{text}");
}

#[test]
fn a_service_without_settings_is_fine() {
    #[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct None {}
    impl Check for None {}
    let folder = Folder::new();
    assert_eq!(load::<None>(&folder.file("[process]\nname = \"x\"")).unwrap().own, None {});
    assert!(load::<None>(&folder.file("a = 1")).is_err());
    assert!(load::<None>(&folder.file(&describe::<None>("X"))).is_ok());
}
