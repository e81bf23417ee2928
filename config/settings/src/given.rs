//! What was given where: file, environment and flags as one list of keys and values.

use crate::error::{Origin, SettingsError};
use crate::shape::Shape;
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// One key that somebody set.
pub(crate) struct Given {
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Everything in a file, in the order of its keys; unknown keys are errors.
pub(crate) fn from_file(file: &Path, shape: &Shape) -> Result<Vec<Given>, SettingsError> {
    let text = std::fs::read_to_string(file).map_err(|error| SettingsError::Unreadable {
        file: file.to_owned(),
        why: one_line(&error.to_string()),
    })?;
    let syntax = |error: toml::de::Error| SettingsError::Syntax {
        file: file.to_owned(),
        line: line_of(&text, error.span().map_or(0, |span| span.start)),
        why: one_line(error.message()),
    };
    let table: Table = toml::from_str(&text).map_err(syntax)?;
    let mut lines = BTreeMap::new();
    if let Ok(spanned) = DeTable::parse(&text) {
        note_lines(spanned.get_ref(), &text, &mut Vec::new(), &mut lines);
    }
    let mut walk = Walk { file, shape, lines: &lines, given: Vec::new() };
    walk.table(table, shape, &mut Vec::new())?;
    Ok(walk.given)
}

/// One key from the environment or the command line; the value is TOML, or text without quotes.
pub(crate) fn from_text(
    path: Vec<String>,
    text: &str,
    origin: Origin,
    root: &Shape,
) -> Result<Given, SettingsError> {
    let mut shape = root;
    for key in &path {
        let Some(next) = shape.get(key) else { return Err(unknown(origin, &path, root)) };
        shape = next;
    }
    let value = match shape {
        Shape::Value(leaf) if leaf.text => match parse(text) {
            Some(Value::String(quoted)) => Value::String(quoted),
            _ => Value::String(text.to_owned()),
        },
        Shape::List(_) if !text.trim_start().starts_with('[') => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => parse(text).unwrap_or_else(|| Value::String(text.to_owned())),
    };
    if let (Shape::Section(_), false) = (shape, value.is_table()) {
        return Err(not_a_section(origin, &path, &value));
    }
    Ok(Given { path, value, origin })
}

fn parse(text: &str) -> Option<Value> {
    let mut table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    if table.len() == 1 { table.remove("value") } else { None }
}

struct Walk<'a> {
    file: &'a Path,
    shape: &'a Shape,
    lines: &'a BTreeMap<Vec<String>, usize>,
    given: Vec<Given>,
}

impl Walk<'_> {
    fn origin(&self, path: &[String]) -> Origin {
        Origin::File { file: self.file.to_owned(), line: self.lines.get(path).copied() }
    }

    fn table(&mut self, table: Table, shape: &Shape, path: &mut Vec<String>) -> Result<(), SettingsError> {
        for (key, value) in table {
            path.push(key);
            let key = path.last().map_or("", String::as_str);
            let Some(below) = shape.get(key) else {
                return Err(unknown(self.origin(path), path, self.shape));
            };
            match (below, value) {
                (Shape::Section(_) | Shape::Free(_), Value::Table(inner)) => {
                    self.table(inner, below, path)?
                }
                (Shape::Section(_), value) => return Err(not_a_section(self.origin(path), path, &value)),
                (below, value) => {
                    self.elements(below, &value, path)?;
                    self.given.push(Given { path: path.clone(), value, origin: self.origin(path) });
                }
            }
            path.pop();
        }
        Ok(())
    }

    /// Sections in a list: their keys must be known; they are given as a whole.
    fn elements(&self, shape: &Shape, value: &Value, path: &[String]) -> Result<(), SettingsError> {
        match (shape, value) {
            (Shape::List(inner), Value::Array(items)) => {
                items.iter().try_for_each(|item| self.elements(inner, item, path))
            }
            (Shape::Section(keys), Value::Table(table)) => table.iter().try_for_each(|(key, value)| {
                let mut path = path.to_vec();
                path.push(key.clone());
                match shape.get(key) {
                    Some(below) => self.elements(below, value, &path),
                    None => {
                        let above = path[..path.len() - 1].join(".");
                        let names = keys.iter().map(|(name, _)| format!("{above}.{name}"));
                        let nearest = nearest(&path.join("."), names);
                        Err(SettingsError::UnknownKey {
                            origin: self.origin(&path[..path.len() - 1]),
                            key: path.join("."),
                            nearest,
                        })
                    }
                }
            }),
            _ => Ok(()),
        }
    }
}

/// The error for a key that does not exist.
pub(crate) fn unknown(origin: Origin, path: &[String], root: &Shape) -> SettingsError {
    let key = path.join(".");
    let nearest = nearest(&key, root.paths());
    SettingsError::UnknownKey { origin, key, nearest }
}

fn not_a_section(origin: Origin, path: &[String], value: &Value) -> SettingsError {
    let found = format!("a value of type {}", value.type_str());
    SettingsError::BadValue { origin, key: path.join("."), found, expected: "a section".to_owned() }
}

/// The good key most like a bad one: by spelling, or by its last part when only the section is missing.
fn nearest(bad: &str, good: impl IntoIterator<Item = String>) -> Option<String> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |key: &str| {
        let whole = strsim::damerau_levenshtein(bad, key);
        let tail = 1 + strsim::damerau_levenshtein(&last(bad), &last(key));
        whole.min(tail)
    };
    let best = good.into_iter().map(|key| (distance(&key), key)).min_by_key(|(distance, _)| *distance)?;
    let tolerable = (last(bad).chars().count() / 3).max(2);
    (best.0 <= tolerable).then_some(best.1)
}

/// Line breaks of parsers and systems do not reach the operator's one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn note_lines(
    table: &DeTable<'_>,
    text: &str,
    path: &mut Vec<String>,
    into: &mut BTreeMap<Vec<String>, usize>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        into.insert(path.clone(), line_of(text, key.span().start));
        if let DeValue::Table(inner) = value.get_ref() {
            note_lines(inner, text, path, into);
        }
        path.pop();
    }
}
