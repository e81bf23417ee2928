//! The edge's settings as operators write them.
#![allow(clippy::unwrap_used)]

use edge::{Language, Rate, Settings};
use settings::{Source, load};

fn with(flags: &[(&str, &str)]) -> Result<Settings, settings::SettingsError> {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load::<Settings>(&Source { file: None, env_prefix: "", flags }).map(|loaded| loaded.own)
}

#[test]
fn without_a_word_the_defaults_hold() {
    let settings = with(&[]).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.listen.port(), 8281);
    assert_eq!(settings.deadlines.idle_ms, 360_000);
    assert_eq!(settings.language, Language::Portuguese);
}

#[test]
fn half_a_rate_keeps_the_other_half() {
    let settings = with(&[
        ("budgets.packets.burst", "5"),
        ("budgets.chat.per_second", "0.5"),
        ("language", "en"),
        ("versions.v759", "[7640, 7556]"),
        ("addresses.exempt", "10.0.0.1"),
    ])
    .unwrap();
    let default = Settings::default();
    assert_eq!(settings.budgets.packets, Rate::new(default.budgets.packets.per_second, 5.0));
    assert_eq!(settings.budgets.chat, Rate::new(0.5, default.budgets.chat.burst));
    assert_eq!(settings.language, Language::English);
    assert_eq!(settings.versions.v759, [7640, 7556]);
    assert_eq!(settings.addresses.exempt, ["10.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
}

#[test]
fn a_slip_of_the_pen_is_named() {
    let error = with(&[("budgets.packtes.burst", "5")]).unwrap_err().to_string();
    assert!(error.contains("packets"), "{error}");
    assert!(with(&[("language", "de")]).is_err());
}

#[test]
fn what_can_never_work_is_named() {
    for (key, value, line) in [
        ("view.players", "999", "flag view.players: `view.players`: found 999, expected 0 to 998"),
        ("quic.resume_ms", "99", "flag quic.resume_ms: `quic.resume_ms`: found 99, expected 100 to 600000"),
        (
            "budgets.chat.burst",
            "0.5",
            "flag budgets.chat.burst: `budgets.chat.burst`: found 0.5, expected a number from 1 to 1000000000",
        ),
        (
            "addresses.logins.per_second",
            "nan",
            "flag addresses.logins.per_second: `addresses.logins.per_second`: found NaN, expected a number from 0 to 1000000000",
        ),
        (
            "deadlines.idle_ms",
            "0",
            "flag deadlines.idle_ms: `deadlines.idle_ms`: found 0, expected 1 to 86400000",
        ),
    ] {
        assert_eq!(with(&[(key, value)]).unwrap_err().to_string(), line);
    }
}
