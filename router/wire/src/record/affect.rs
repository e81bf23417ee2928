//! Affects: what works on an entity for a while.

use crate::form::{Form, I16, I32, U8, all};

/// [`Affect`] as a form.
pub const AFFECT: Form = Form::Record(&Affect::RECORD);

record! {
    /// One of the own affects, with its remaining time; all zero is none.
    Affect = "affect", sizes [8, 8, 8];
    /// Which affect.
    kind: u8 = all(0, U8);
    /// Level of who caused it.
    level: u8 = all(1, U8);
    /// How strong it is.
    value: i16 = all(2, I16);
    /// What is left of it, in units of 8 s, rounded up.
    time: i32 = all(4, I32);
}

/// The short form in which others see an affect: its kind, and its time cut to 255 units of 8 s.
pub const fn affect_word(kind: u8, time: u32) -> u16 {
    let time = if time > 255 { 255 } else { time as u16 };
    (kind as u16) << 8 | time
}
