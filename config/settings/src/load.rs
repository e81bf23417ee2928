//! File, environment and flags over the defaults.

use crate::error::{Origin, SettingsError};
use crate::given::{Given, from_file, from_text, one_line};
use crate::shape::Shape;
use crate::{BadValue, Check, Common, describe};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use toml::{Table, Value};

/// The section of [`Common`].
pub(crate) const PROCESS: &str = "process";

/// Where the settings of a process come from; later ones win.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The TOML file. When it is named it must be there.
    pub file: Option<PathBuf>,
    /// Like `WYDBR_TMSRV`: the variable `WYDBR_TMSRV__LIMITS__LOGINS` sets `limits.logins`. Empty: none.
    pub env_prefix: &'static str,
    /// Dotted key, and TOML or text without quotes. Lists may be written with commas.
    pub flags: Vec<(String, String)>,
}

/// The settings of a process.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// What every process has.
    pub common: Common,
    /// The service's own.
    pub own: T,
}

/// Reads and checks everything, or says in one line what is wrong.
pub fn load<T>(source: &Source) -> Result<Loaded<T>, SettingsError>
where
    T: Check + Serialize + DeserializeOwned + Default,
{
    load_with(
        source,
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    )
}

pub(crate) fn load_with<T>(
    source: &Source,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded<T>, SettingsError>
where
    T: Check + Serialize + DeserializeOwned + Default,
{
    let shape = whole_shape::<T>();
    let mut given = match &source.file {
        Some(file) => from_file(file, &shape)?,
        None => Vec::new(),
    };
    let prefix = format!("{}__", source.env_prefix);
    let mut variables: Vec<_> = environment
        .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), name, value)))
        .filter(|_| !source.env_prefix.is_empty())
        .collect();
    variables.sort();
    for (key, name, value) in variables {
        let path = key.split("__").map(str::to_lowercase).collect();
        given.push(from_text(path, &value, Origin::Variable(name), &shape)?);
    }
    for (key, value) in &source.flags {
        let path = key.split('.').map(str::to_owned).collect();
        given.push(from_text(path, value, Origin::Flag(key.clone()), &shape)?);
    }

    let (common, given): (Vec<Given>, Vec<Given>) =
        given.into_iter().partition(|given| given.path.first().is_some_and(|key| key == PROCESS));
    let given_common = common;
    let common: Common = build(&given_common, 1, &shape)?;
    common.check().map_err(|bad| unworkable(bad, &given_common))?;
    let own: T = build(&given, 0, &shape)?;
    match own.check() {
        Ok(()) => Ok(Loaded { common, own }),
        Err(bad) => Err(unworkable(bad, &given)),
    }
}

/// A value that cannot work, with the place where it was given last.
fn unworkable(bad: BadValue, given: &[Given]) -> SettingsError {
    let set = given.iter().rev().find(|given| given.path.iter().map(String::as_str).eq(bad.key.split('.')));
    SettingsError::BadValue {
        origin: set.map_or(Origin::Default, |given| given.origin.clone()),
        key: bad.key.to_owned(),
        found: bad.found,
        expected: bad.expected,
    }
}

/// `[process]` and the service's own keys.
pub(crate) fn whole_shape<T: DeserializeOwned>() -> Shape {
    let mut keys = vec![(PROCESS, Shape::of::<Common>())];
    match Shape::of::<T>() {
        Shape::Section(own) => keys.extend(own.into_iter().filter(|(key, _)| *key != PROCESS)),
        Shape::List(_) | Shape::Free(_) | Shape::Value(_) => {}
    }
    Shape::Section(keys)
}

/// The defaults as a table; keys that are not set by default are not in it.
pub(crate) fn defaults<T: Serialize + Default>() -> Table {
    match Value::try_from(T::default()) {
        Ok(Value::Table(table)) => table,
        Ok(_) | Err(_) => Table::new(),
    }
}

/// Lays the given values over the defaults. Each is tried alone first, so that an error names its key.
fn build<T>(given: &[Given], skip: usize, shape: &Shape) -> Result<T, SettingsError>
where
    T: Serialize + DeserializeOwned + Default,
{
    if given.is_empty() {
        return Ok(T::default());
    }
    let mut together = defaults::<T>();
    for one in given {
        let mut alone = defaults::<T>();
        set(&mut alone, &one.path[skip..], one.value.clone());
        T::deserialize(Value::Table(alone)).map_err(|error| bad_value(one, &error, shape))?;
        set(&mut together, &one.path[skip..], one.value.clone());
    }
    T::deserialize(Value::Table(together)).map_err(|error| match given.last() {
        Some(last) => bad_value(last, &error, shape),
        None => unreachable!("nothing was given"),
    })
}

fn set(table: &mut Table, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        match (table.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => old.extend(new),
            (_, value) => drop(table.insert(key.clone(), value)),
        }
        return;
    }
    let below = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(below) = below {
        set(below, rest, value);
    }
}

fn bad_value(given: &Given, error: &toml::de::Error, root: &Shape) -> SettingsError {
    let mut shape = Some(root);
    for key in &given.path {
        shape = shape.and_then(|shape| shape.get(key));
    }
    let secret = shape.is_some_and(Shape::is_secret);
    let message = one_line(error.message());
    let shown = match &given.value {
        value if secret => format!("a value of type {}", value.type_str()),
        value => describe::inline(value),
    };
    let (found, expected) = match message.split_once(", expected ") {
        Some((_, expected)) => (shown, in_words(expected)),
        None if message.contains("socket address") => {
            (shown, "an address and a port like 127.0.0.1:8281".to_owned())
        }
        None if secret => (shown, "another value".to_owned()),
        None => (shown, format!("another value ({message})")),
    };
    SettingsError::BadValue { origin: given.origin.clone(), key: given.path.join("."), found, expected }
}

/// What serde expects, as an operator would say it.
fn in_words(expected: &str) -> String {
    let range = |low: String, high: String| format!("a whole number from {low} to {high}");
    match expected {
        "u8" => range("0".into(), u8::MAX.to_string()),
        "u16" => range("0".into(), u16::MAX.to_string()),
        "u32" => range("0".into(), u32::MAX.to_string()),
        "u64" | "usize" | "u128" => "a whole number, 0 or more".into(),
        "i8" => range(i8::MIN.to_string(), i8::MAX.to_string()),
        "i16" => range(i16::MIN.to_string(), i16::MAX.to_string()),
        "i32" => range(i32::MIN.to_string(), i32::MAX.to_string()),
        "i64" | "isize" | "i128" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a string" | "path string" | "string or table" => "text in quotes".into(),
        "socket address" => "an address and a port like 127.0.0.1:8281".into(),
        "a sequence" => "a list in brackets".into(),
        other => other.replace('`', "").replace("struct ", "a section of "),
    }
}
