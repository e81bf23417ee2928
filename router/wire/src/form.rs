//! How a value lies in the bytes of a packet.
//!
//! A *place* is an offset and a [`Form`]; a field has one place per profile, or none where the profile lacks the
//! field. [`Wire`] moves a value into and out of a form. Writing saturates: an experience of 64 bits becomes the
//! largest number that 32 bits hold. Reading is exact: a number that the value's type cannot hold is refused.

use crate::{Profile, record::Record, sample::Samples, secret::Hidden, secret::Token, text};

/// The shape of one value.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Integer of that many bytes, little-endian, and whether it is signed.
    Int(u8, bool),
    /// 32-bit floating point number.
    F32,
    /// Text field of `len` bytes, of which at most `most` are text.
    Text {
        /// Bytes of the field.
        len: usize,
        /// Bytes of text that clients keep.
        most: usize,
    },
    /// Several of the same in a row.
    Many(&'static Form, usize),
    /// A shared structure.
    Record(&'static Record),
    /// Digits of a walk, NUL padded, 24 bytes: see [`crate::record::Route`].
    Route,
    /// Short id, name and PK marks, 18 bytes: see [`crate::record::Nameplate`].
    Nameplate,
}

/// `u8`.
pub const U8: Form = Form::Int(1, false);
/// `u16`.
pub const U16: Form = Form::Int(2, false);
/// `i16`.
pub const I16: Form = Form::Int(2, true);
/// `u32`.
pub const U32: Form = Form::Int(4, false);
/// `i32`.
pub const I32: Form = Form::Int(4, true);
/// `i64`.
pub const I64: Form = Form::Int(8, true);
/// `f32`.
pub const F32: Form = Form::F32;

/// Text field whose last byte is always NUL.
pub const fn text(len: usize) -> Form {
    Form::Text { len, most: len - 1 }
}

/// Text field of which clients keep only `most` bytes.
pub const fn text_most(len: usize, most: usize) -> Form {
    Form::Text { len, most }
}

/// `count` values in a row.
pub const fn many(form: &'static Form, count: usize) -> Form {
    Form::Many(form, count)
}

impl Form {
    /// Bytes of the form.
    pub const fn size(&self, profile: Profile) -> usize {
        match self {
            Form::Int(size, _) => *size as usize,
            Form::F32 => 4,
            Form::Text { len, .. } => *len,
            Form::Many(form, count) => form.size(profile) * *count,
            Form::Record(record) => record.sizes[profile.index()],
            Form::Route => 24,
            Form::Nameplate => 18,
        }
    }

    /// How the documentation names it: `i32`, `text[16]`, `item[64]`.
    pub fn name(&self) -> String {
        match self {
            Form::Int(size, signed) => format!("{}{}", if *signed { 'i' } else { 'u' }, u32::from(*size) * 8),
            Form::F32 => "f32".to_owned(),
            Form::Text { len, most } if *most + 1 == *len => format!("text[{len}]"),
            Form::Text { len, most } => format!("text[{len}], {most} kept"),
            Form::Many(form, count) => format!("{}[{count}]", form.name()),
            Form::Record(record) => record.name.to_owned(),
            Form::Route => "route[24]".to_owned(),
            Form::Nameplate => "nameplate".to_owned(),
        }
    }

    fn put_int(&self, value: i64, out: &mut [u8]) {
        let Form::Int(size, signed) = *self else { unreachable!("an integer lies in an integer form") };
        let bits = u32::from(size) * 8;
        let value = match (bits, signed) {
            (64, _) => value,
            (_, true) => value.clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            (_, false) => value.clamp(0, (1 << bits) - 1),
        };
        out.copy_from_slice(&value.to_le_bytes()[..usize::from(size)]);
    }

    fn get_int(&self, bytes: &[u8]) -> i64 {
        let Form::Int(size, signed) = *self else { unreachable!("an integer lies in an integer form") };
        let mut wide = [0u8; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let spare = 64 - u32::from(size) * 8;
        let raw = u64::from_le_bytes(wide) << spare;
        if signed { (raw as i64) >> spare } else { (raw >> spare) as i64 }
    }
}

/// Where a field lies in one profile.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Bytes from the start of the packet (header included) or of the structure.
    pub offset: usize,
    /// What lies there.
    pub form: Form,
}

/// Where a field lies in every profile.
#[derive(Clone, Copy, Debug)]
pub struct Places([Option<Place>; 3]);

impl Places {
    /// The place in this profile.
    pub const fn in_profile(&self, profile: Profile) -> Option<Place> {
        self.0[profile.index()]
    }

    /// The same with a place in 7.48.
    pub const fn v748(self, offset: usize, form: Form) -> Self {
        Self([self.0[0], self.0[1], Some(Place { offset, form })])
    }

    /// The same with a place in 7.69.
    pub const fn v769(self, offset: usize, form: Form) -> Self {
        Self([self.0[0], Some(Place { offset, form }), self.0[2]])
    }

    /// The same with a place in 7.59.
    pub const fn v759(self, offset: usize, form: Form) -> Self {
        Self([Some(Place { offset, form }), self.0[1], self.0[2]])
    }
}

/// In no profile: the field only helps to encode the others.
pub const NOWHERE: Places = Places([None, None, None]);

/// The same place in every profile.
pub const fn all(offset: usize, form: Form) -> Places {
    each(offset, offset, offset, form)
}

/// The same form at the offsets of 7.59, 7.69 and 7.48.
pub const fn each(v759: usize, v769: usize, v748: usize, form: Form) -> Places {
    newer(v759, v769, form).v748(v748, form)
}

/// The same form at the offsets of 7.59 and 7.69; not in 7.48.
pub const fn newer(v759: usize, v769: usize, form: Form) -> Places {
    NOWHERE.v759(v759, form).v769(v769, form)
}

/// A value that can be written into and read from bytes.
pub trait Wire: Sized {
    /// The value of a field that a profile does not have: zero, empty.
    fn blank() -> Self;
    /// Writes it; `out` is exactly as large as the form.
    fn put(&self, form: &Form, profile: Profile, out: &mut [u8]);
    /// Reads it; `bytes` is exactly as large as the form. `None` when no value of this type lies there.
    fn get(form: &Form, profile: Profile, bytes: &[u8]) -> Option<Self>;
    /// A sample value that the form holds without loss.
    fn sample(form: &Form, profile: Profile, samples: &mut Samples) -> Self;
}

macro_rules! wire_int {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            fn blank() -> Self {
                0
            }
            fn put(&self, form: &Form, _: Profile, out: &mut [u8]) {
                form.put_int(i64::from(*self), out);
            }
            fn get(form: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
                <$ty>::try_from(form.get_int(bytes)).ok()
            }
            fn sample(form: &Form, profile: Profile, samples: &mut Samples) -> Self {
                let bits = samples.number().to_le_bytes();
                let small = [bits[0] & 0x7F, 0, 0, 0, 0, 0, 0, 0];
                let size = form.size(profile);
                Self::get(form, profile, &bits[..size])
                    .or_else(|| Self::get(form, profile, &small[..size]))
                    .unwrap_or_else(Self::blank)
            }
        }
    )*};
}
wire_int!(u8, i8, u16, i16, u32, i32, i64);

impl Wire for bool {
    fn blank() -> Self {
        false
    }
    fn put(&self, form: &Form, _: Profile, out: &mut [u8]) {
        form.put_int(i64::from(*self), out);
    }
    fn get(form: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
        Some(form.get_int(bytes) != 0)
    }
    fn sample(_: &Form, _: Profile, samples: &mut Samples) -> Self {
        samples.number() & 1 == 1
    }
}

impl Wire for f32 {
    fn blank() -> Self {
        0.0
    }
    fn put(&self, _: &Form, _: Profile, out: &mut [u8]) {
        out.copy_from_slice(&self.to_le_bytes());
    }
    fn get(_: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
        let value = f32::from_le_bytes(bytes.try_into().ok()?);
        value.is_finite().then_some(value)
    }
    fn sample(_: &Form, _: Profile, samples: &mut Samples) -> Self {
        samples.below(6283) as f32 / 1000.0
    }
}

impl Wire for String {
    fn blank() -> Self {
        String::new()
    }
    fn put(&self, form: &Form, _: Profile, out: &mut [u8]) {
        let Form::Text { most, .. } = *form else { unreachable!("text lies in a text form") };
        text::encode(self, most, out);
    }
    fn get(_: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
        Some(text::decode(bytes))
    }
    fn sample(form: &Form, _: Profile, samples: &mut Samples) -> Self {
        let Form::Text { most, .. } = *form else { unreachable!("text lies in a text form") };
        let letters = ['a', 'k', 'Z', '0', '9', '_', ' ', 'ã', 'Ç', '€', 'ÿ'];
        let len = 1 + samples.below(most);
        (0..len).map(|_| letters[samples.below(letters.len())]).collect()
    }
}

impl Wire for Hidden {
    fn blank() -> Self {
        Self::default()
    }
    fn put(&self, form: &Form, _: Profile, out: &mut [u8]) {
        let Form::Text { most, .. } = *form else { unreachable!("text lies in a text form") };
        text::encode(self.reveal(), most, out);
    }
    fn get(_: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
        Some(Self::new(text::decode(bytes)))
    }
    fn sample(form: &Form, profile: Profile, samples: &mut Samples) -> Self {
        Self::new(String::sample(form, profile, samples))
    }
}

impl Wire for Token {
    fn blank() -> Self {
        Self::default()
    }
    fn put(&self, form: &Form, profile: Profile, out: &mut [u8]) {
        self.0.put(form, profile, out);
    }
    fn get(form: &Form, profile: Profile, bytes: &[u8]) -> Option<Self> {
        <[u8; 52]>::get(form, profile, bytes).map(Self)
    }
    fn sample(form: &Form, profile: Profile, samples: &mut Samples) -> Self {
        Self(<[u8; 52]>::sample(form, profile, samples))
    }
}

/// A row of values. A profile with fewer of them writes the first ones, and reads the others as blank.
impl<T: Wire, const N: usize> Wire for [T; N] {
    fn blank() -> Self {
        std::array::from_fn(|_| T::blank())
    }
    fn put(&self, form: &Form, profile: Profile, out: &mut [u8]) {
        let Form::Many(each, _) = *form else { unreachable!("a row lies in a row") };
        for (value, bytes) in self.iter().zip(out.chunks_exact_mut(each.size(profile))) {
            value.put(each, profile, bytes);
        }
    }
    fn get(form: &Form, profile: Profile, bytes: &[u8]) -> Option<Self> {
        let Form::Many(each, _) = *form else { unreachable!("a row lies in a row") };
        let mut chunks = bytes.chunks_exact(each.size(profile));
        let mut good = true;
        let row = std::array::from_fn(|_| match chunks.next() {
            None => T::blank(),
            Some(bytes) => T::get(each, profile, bytes).unwrap_or_else(|| {
                good = false;
                T::blank()
            }),
        });
        good.then_some(row)
    }
    fn sample(form: &Form, profile: Profile, samples: &mut Samples) -> Self {
        let Form::Many(each, count) = *form else { unreachable!("a row lies in a row") };
        std::array::from_fn(|i| if i < count { T::sample(each, profile, samples) } else { T::blank() })
    }
}

impl<T: Wire> Wire for Box<T> {
    fn blank() -> Self {
        Box::new(T::blank())
    }
    fn put(&self, form: &Form, profile: Profile, out: &mut [u8]) {
        T::put(self, form, profile, out);
    }
    fn get(form: &Form, profile: Profile, bytes: &[u8]) -> Option<Self> {
        T::get(form, profile, bytes).map(Box::new)
    }
    fn sample(form: &Form, profile: Profile, samples: &mut Samples) -> Self {
        Box::new(T::sample(form, profile, samples))
    }
}

/// Writes a field at its place, if the profile has one.
pub(crate) fn put_at<T: Wire>(value: &T, places: &Places, profile: Profile, out: &mut [u8]) {
    if let Some(Place { offset, form }) = places.in_profile(profile) {
        value.put(&form, profile, &mut out[offset..offset + form.size(profile)]);
    }
}

/// Reads a field from its place; blank when the profile has none.
pub(crate) fn get_at<T: Wire>(places: &Places, profile: Profile, bytes: &[u8]) -> Option<T> {
    match places.in_profile(profile) {
        None => Some(T::blank()),
        Some(Place { offset, form }) => T::get(&form, profile, &bytes[offset..offset + form.size(profile)]),
    }
}

/// A sample for a field; blank when the profile has none.
pub(crate) fn sample_at<T: Wire>(places: &Places, profile: Profile, samples: &mut Samples) -> T {
    match places.in_profile(profile) {
        None => T::blank(),
        Some(Place { form, .. }) => T::sample(&form, profile, samples),
    }
}
