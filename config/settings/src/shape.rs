//! What keys a settings type has, asked from its own `Deserialize`.
//!
//! A type is deserialised from a probe that answers nothing: it notes what the type asks for at one path
//! (these fields, a list, text, ..) and then gives up. One such pass per key draws the whole tree, without
//! values, so optional keys and keys without a default are found too.

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;

/// Sections within sections end here; a type that contains itself is cut off.
const DEPTH_MAX: usize = 8;

/// The keys of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A section with these keys, in the order of their declaration.
    Section(Vec<(&'static str, Shape)>),
    /// A list of these.
    List(Box<Shape>),
    /// A section whose keys are free.
    Free(Box<Shape>),
    /// A single value.
    Value(Leaf),
}

/// What is known of a single value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// Written as text in TOML.
    pub text: bool,
    /// Must never be shown.
    pub secret: bool,
}

impl Shape {
    /// Draws the tree of a type.
    pub fn of<T: for<'de> Deserialize<'de>>() -> Self {
        draw::<T>(&mut Vec::new())
    }

    /// What is under a key of this section.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Section(keys) => keys.iter().find(|(name, _)| *name == key).map(|(_, shape)| shape),
            Self::Free(inner) => Some(inner),
            Self::List(_) | Self::Value(_) => None,
        }
    }

    /// Whether there is anything in it that must never be shown.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Section(keys) => keys.iter().any(|(_, shape)| shape.is_secret()),
            Self::List(inner) | Self::Free(inner) => inner.is_secret(),
            Self::Value(leaf) => leaf.secret,
        }
    }

    /// All dotted keys below this one, sections included.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, prefix: &str, into: &mut Vec<String>) {
        if let Self::Section(keys) = self {
            for (key, shape) in keys {
                let path = if prefix.is_empty() { (*key).to_owned() } else { format!("{prefix}.{key}") };
                into.push(path.clone());
                shape.collect(&path, into);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Key(&'static str),
    Element,
    AnyKey,
}

enum Found {
    Section(&'static [&'static str]),
    List,
    Free,
    Value(Leaf),
}

fn draw<T: for<'de> Deserialize<'de>>(path: &mut Vec<Step>) -> Shape {
    let found = RefCell::new(None);
    let _ = T::deserialize(Probe { path, found: &found });
    let mut inner = |step| {
        if path.len() >= DEPTH_MAX {
            return Shape::Value(Leaf::default());
        }
        path.push(step);
        let shape = draw::<T>(path);
        path.pop();
        shape
    };
    match found.into_inner() {
        Some(Found::Section(keys)) => {
            Shape::Section(keys.iter().map(|key| (*key, inner(Step::Key(key)))).collect())
        }
        Some(Found::List) => Shape::List(Box::new(inner(Step::Element))),
        Some(Found::Free) => Shape::Free(Box::new(inner(Step::AnyKey))),
        Some(Found::Value(leaf)) => Shape::Value(leaf),
        None => Shape::Value(Leaf::default()),
    }
}

/// Ends a pass.
#[derive(Debug)]
struct Enough;

impl fmt::Display for Enough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the probe holds no values")
    }
}

impl std::error::Error for Enough {}

impl de::Error for Enough {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [Step],
    found: &'a RefCell<Option<Found>>,
}

impl<'a> Probe<'a> {
    fn note<V>(self, found: Found) -> Result<V, Enough> {
        if self.path.is_empty() {
            *self.found.borrow_mut() = Some(found);
        }
        Err(Enough)
    }

    fn value<V>(self, text: bool) -> Result<V, Enough> {
        self.note(Found::Value(Leaf { text, secret: false }))
    }

    fn below(self) -> Option<(Step, Probe<'a>)> {
        let (step, rest) = self.path.split_first()?;
        Some((*step, Probe { path: rest, found: self.found }))
    }
}

macro_rules! values {
    ($($method:ident: $text:literal),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Enough> {
            self.value($text)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Probe<'_> {
    type Error = Enough;

    values! {
        deserialize_any: false, deserialize_bool: false, deserialize_ignored_any: false,
        deserialize_i8: false, deserialize_i16: false, deserialize_i32: false, deserialize_i64: false,
        deserialize_u8: false, deserialize_u16: false, deserialize_u32: false, deserialize_u64: false,
        deserialize_i128: false, deserialize_u128: false, deserialize_f32: false, deserialize_f64: false,
        deserialize_char: true, deserialize_str: true, deserialize_string: true, deserialize_identifier: true,
        deserialize_bytes: false, deserialize_byte_buf: false, deserialize_unit: false,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Enough> {
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Enough> {
        self.value(false)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Enough> {
        if name == "Secret" {
            return self.note(Found::Value(Leaf { text: true, secret: true }));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Enough> {
        match self.below() {
            Some((Step::Element, probe)) => visitor.visit_seq(One { key: "", probe }),
            _ => self.note(Found::List),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Enough> {
        self.value(false)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Enough> {
        self.value(false)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Enough> {
        match self.below() {
            Some((Step::AnyKey, probe)) => visitor.visit_map(One { key: "any", probe }),
            _ => self.note(Found::Free),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Enough> {
        match self.below() {
            Some((Step::Key(key), probe)) => visitor.visit_map(One { key, probe }),
            _ => self.note(Found::Section(fields)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Enough> {
        self.value(true)
    }
}

/// A map of one entry, or a list of one element.
struct One<'a> {
    key: &'static str,
    probe: Probe<'a>,
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Enough;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Enough> {
        seed.deserialize(self.key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Enough> {
        seed.deserialize(self.probe)
    }
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Enough;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Enough> {
        seed.deserialize(self.probe).map(Some)
    }
}
