//! The two declarations of which the whole table is made.
//!
//! ```text
//! packet! {
//!     /// What it is for.
//!     Name = "name", shapes(ToClient, 0x0123, [size in 7.59, in 7.69, in 7.48]);
//!     /// What the field means.
//!     field: Type = each(offset in 7.59, in 7.69, in 7.48, FORM);
//! }
//! ```
//!
//! `record!` is the same for a structure inside packets. `fit = path` names a function that is run on a copy
//! before it is written for 7.48, whose fields are narrow.

/// A struct of fields with their places.
macro_rules! fields {
    ($(#[doc = $doc:literal])* $name:ident { $( $(#[doc = $fdoc:literal])* $field:ident : $ty:ty = $places:expr; )* } $($fit:path)?) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $fdoc])* pub $field: $ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: <$ty as $crate::form::Wire>::blank(), )* }
            }
        }

        impl $name {
            const FIELDS: &'static [$crate::table::Field] = &[
                $( $crate::table::Field {
                    name: stringify!($field),
                    doc: concat!("" $(, $fdoc)*),
                    places: $places,
                } ),*
            ];

            #[allow(unused_variables, reason = "some packets have no fields")]
            fn put_fields(&self, profile: $crate::Profile, out: &mut [u8]) {
                $(
                    if profile == $crate::Profile::V748 {
                        let mut narrow = self.clone();
                        $fit(&mut narrow);
                        return narrow.put_fitting(profile, out);
                    }
                )?
                self.put_fitting(profile, out);
            }

            #[allow(unused_variables, reason = "some packets have no fields")]
            fn put_fitting(&self, profile: $crate::Profile, out: &mut [u8]) {
                $( $crate::form::put_at(&self.$field, const { &$places }, profile, out); )*
            }

            #[allow(unused_variables, reason = "some packets have no fields")]
            fn get_fields(profile: $crate::Profile, bytes: &[u8]) -> Result<Self, &'static str> {
                Ok(Self {
                    $( $field: $crate::form::get_at(const { &$places }, profile, bytes).ok_or(stringify!($field))?, )*
                })
            }

            #[allow(unused_variables, unused_mut, reason = "some packets have no fields, most fit everywhere")]
            fn sample_fields(profile: $crate::Profile, samples: &mut $crate::sample::Samples) -> Self {
                let mut sample = Self {
                    $( $field: $crate::form::sample_at(const { &$places }, profile, samples), )*
                };
                $( if profile == $crate::Profile::V748 { $fit(&mut sample); } )?
                sample
            }
        }
    };
}

/// Declares a packet: its struct, its row of the table, and how it is written and read.
macro_rules! packet {
    (
        $(#[doc = $doc:literal])*
        $name:ident = $text:literal, $shapes:expr $(, fit = $fit:path)?;
        $( $(#[doc = $fdoc:literal])* $field:ident : $ty:ty = $places:expr; )*
    ) => {
        fields! { $(#[doc = $doc])* $name { $( $(#[doc = $fdoc])* $field : $ty = $places; )* } $($fit)? }

        impl $crate::table::Packet for $name {
            const ROW: $crate::table::Row = $crate::table::Row {
                name: $text,
                doc: concat!("" $(, $doc)*),
                shapes: $shapes,
                fields: Self::FIELDS,
                handled: true,
            };

            fn put(&self, profile: $crate::Profile, frame: &mut [u8]) {
                self.put_fields(profile, frame);
            }

            fn get(profile: $crate::Profile, frame: &[u8]) -> Result<Self, &'static str> {
                Self::get_fields(profile, frame)
            }

            fn sample(profile: $crate::Profile, samples: &mut $crate::sample::Samples) -> Self {
                Self::sample_fields(profile, samples)
            }
        }
    };
}

/// Declares a structure that packets share.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        $name:ident = $text:literal, sizes $sizes:expr $(, fit = $fit:path)?;
        $( $(#[doc = $fdoc:literal])* $field:ident : $ty:ty = $places:expr; )*
    ) => {
        fields! { $(#[doc = $doc])* $name { $( $(#[doc = $fdoc])* $field : $ty = $places; )* } $($fit)? }

        impl $name {
            /// Its layout in every profile.
            pub const RECORD: $crate::record::Record = $crate::record::Record {
                name: $text,
                doc: concat!("" $(, $doc)*),
                sizes: $sizes,
                fields: Self::FIELDS,
            };
        }

        impl $crate::form::Wire for $name {
            fn blank() -> Self {
                Self::default()
            }
            fn put(&self, _: &$crate::form::Form, profile: $crate::Profile, out: &mut [u8]) {
                self.put_fields(profile, out);
            }
            fn get(_: &$crate::form::Form, profile: $crate::Profile, bytes: &[u8]) -> Option<Self> {
                Self::get_fields(profile, bytes).ok()
            }
            fn sample(
                _: &$crate::form::Form,
                profile: $crate::Profile,
                samples: &mut $crate::sample::Samples,
            ) -> Self {
                Self::sample_fields(profile, samples)
            }
        }
    };
}
