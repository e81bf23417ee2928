//! A configuration file with every key and its default.

use crate::Common;
use crate::load::{PROCESS, defaults};
use crate::shape::Shape;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;
use toml::{Table, Value};

/// A complete file for this program: every key, in the order of its declaration, with its default. Keys that
/// are not set by default are there as comments.
pub fn describe<T: Serialize + DeserializeOwned + Default>(program: &str) -> String {
    let mut text = format!("# {program}: every key with its default. A file needs only what it changes.\n");
    let own = Shape::of::<T>();
    values(&mut text, &own, &defaults::<T>());
    section(&mut text, PROCESS, &Shape::of::<Common>(), &defaults::<Common>());
    sections(&mut text, "", &own, &defaults::<T>());
    text
}

/// A value as it would stand behind an equals sign.
pub(crate) fn inline(value: &Value) -> String {
    let mut text = String::new();
    match value.serialize(toml::ser::ValueSerializer::new(&mut text)) {
        Ok(_) => text,
        Err(_) => format!("a value of type {}", value.type_str()),
    }
}

fn section(text: &mut String, path: &str, shape: &Shape, table: &Table) {
    let _ = writeln!(text, "\n[{path}]");
    values(text, shape, table);
    sections(text, path, shape, table);
}

fn values(text: &mut String, shape: &Shape, table: &Table) {
    let Shape::Section(keys) = shape else { return };
    for (key, below) in keys {
        if is_section(below, table.get(*key)) {
            continue;
        }
        let _ = match table.get(*key) {
            Some(value) => writeln!(text, "{key} = {}", inline(value)),
            None => writeln!(text, "# {key} =    (not set)"),
        };
    }
}

fn sections(text: &mut String, path: &str, shape: &Shape, table: &Table) {
    let Shape::Section(keys) = shape else { return };
    for (key, below) in keys {
        if !is_section(below, table.get(*key)) {
            continue;
        }
        let path = if path.is_empty() { (*key).to_owned() } else { format!("{path}.{key}") };
        match table.get(*key) {
            Some(Value::Table(inner)) => section(text, &path, below, inner),
            _ => {
                let _ = writeln!(text, "\n# [{path}]    (not set)");
            }
        }
    }
}

fn is_section(shape: &Shape, value: Option<&Value>) -> bool {
    matches!(shape, Shape::Section(_)) && value.is_none_or(Value::is_table)
}
