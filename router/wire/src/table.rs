//! What the table says about a packet, and the checks that follow from it.

use crate::form::Places;
use crate::{Frame, Profile, frame::HEADER_SIZE, known, packet, sample::Samples};
use thiserror::Error;

/// Who sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The client.
    ToServer,
    /// The server.
    ToClient,
    /// Either.
    Both,
    /// Old servers among themselves; never a client.
    Internal,
}

/// Which sizes besides the one that we send are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// No others.
    Exact,
    /// These too. Fields beyond the end of a smaller packet read as zero.
    Also(&'static [usize]),
    /// Anything from this size on.
    AtLeast(usize),
}

/// Number, size and direction of a packet in one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its number.
    pub opcode: u16,
    /// Its size, header included, as we send it.
    pub size: usize,
    /// What else is accepted.
    pub accept: Accept,
    /// Who sends it.
    pub direction: Direction,
}

impl Shape {
    /// Whether a packet of so many bytes can be this one.
    pub fn accepts(&self, found: usize) -> bool {
        found == self.size
            || match self.accept {
                Accept::Exact => false,
                Accept::Also(sizes) => sizes.contains(&found),
                Accept::AtLeast(least) => found >= least,
            }
    }

    /// Whether it travels this way.
    pub fn goes(&self, way: Direction) -> bool {
        self.direction == way || self.direction == Direction::Both
    }
}

/// The shapes of a packet in the profiles that have it.
#[derive(Clone, Copy, Debug)]
pub struct Shapes([Option<Shape>; 3]);

impl Shapes {
    /// The shape in this profile.
    pub const fn in_profile(&self, profile: Profile) -> Option<Shape> {
        self.0[profile.index()]
    }

    /// The same, accepting other sizes in one profile.
    pub const fn accepting(mut self, profile: Profile, accept: Accept) -> Self {
        if let Some(shape) = self.0[profile.index()].as_mut() {
            shape.accept = accept;
        }
        self
    }

    /// The same, travelling otherwise in one profile.
    pub const fn going(mut self, profile: Profile, direction: Direction) -> Self {
        if let Some(shape) = self.0[profile.index()].as_mut() {
            shape.direction = direction;
        }
        self
    }
}

/// One number; sizes in 7.59, 7.69 and 7.48 (0: that profile has no such packet).
pub const fn shapes(direction: Direction, opcode: u16, sizes: [usize; 3]) -> Shapes {
    renumbered(direction, [opcode; 3], sizes)
}

/// Numbers and sizes in 7.59, 7.69 and 7.48 (size 0: that profile has no such packet).
pub const fn renumbered(direction: Direction, opcodes: [u16; 3], sizes: [usize; 3]) -> Shapes {
    let mut shapes = [None; 3];
    let mut i = 0;
    while i < shapes.len() {
        if sizes[i] != 0 {
            assert!(sizes[i] >= HEADER_SIZE, "every packet has a header");
            shapes[i] = Some(Shape { opcode: opcodes[i], size: sizes[i], accept: Accept::Exact, direction });
        }
        i += 1;
    }
    Shapes(shapes)
}

/// A field in the table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, as in the struct.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Where it lies.
    pub places: Places,
}

/// A packet in the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its numbers, sizes and directions.
    pub shapes: Shapes,
    /// Its fields; none for a packet that is only known by number.
    pub fields: &'static [Field],
    /// Whether it is encoded and parsed, or only known.
    pub handled: bool,
}

impl Row {
    /// The same, accepting other sizes in one profile.
    pub const fn accepting(mut self, profile: Profile, accept: Accept) -> Self {
        self.shapes = self.shapes.accepting(profile, accept);
        self
    }

    /// The same, travelling otherwise in one profile.
    pub const fn going(mut self, profile: Profile, direction: Direction) -> Self {
        self.shapes = self.shapes.going(profile, direction);
        self
    }
}

/// A packet that can be written and read: made by the `packet!` declaration.
pub trait Packet: Sized {
    /// Its row.
    const ROW: Row;
    /// Writes the fields into a zeroed frame of the right size.
    fn put(&self, profile: Profile, frame: &mut [u8]);
    /// Reads the fields; the error is the name of the bad one.
    fn get(profile: Profile, frame: &[u8]) -> Result<Self, &'static str>;
    /// A sample that survives the journey through this profile's bytes.
    fn sample(profile: Profile, samples: &mut Samples) -> Self;
}

/// Why a frame is no packet that we act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Nobody knows such a packet in this profile.
    #[error("unknown opcode {opcode:#06x}")]
    UnknownOpcode {
        /// Its number.
        opcode: u16,
    },
    /// A real packet of this profile that nothing handles.
    #[error("{name} is known but not handled")]
    KnownUnhandled {
        /// Its name.
        name: &'static str,
    },
    /// A packet of a size that it never has.
    #[error("{name} of {found} bytes instead of {expected}")]
    WrongSize {
        /// Its name.
        name: &'static str,
        /// The size it came with.
        found: usize,
        /// The size it should have.
        expected: usize,
    },
    /// A packet that only the other side sends.
    #[error("{name} from the wrong side")]
    WrongDirection {
        /// Its name.
        name: &'static str,
    },
    /// A field holds what it cannot.
    #[error("{name} with an impossible {field}")]
    BadField {
        /// Name of the packet.
        name: &'static str,
        /// Name of the field.
        field: &'static str,
    },
}

/// The client's version has no such packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{name} does not exist in {profile}")]
pub struct NotInProfile {
    /// Name of the packet.
    pub name: &'static str,
    /// The version that lacks it.
    pub profile: Profile,
}

/// Largest packet that may come in smaller than it is laid out.
const PADDED_MAX: usize = 256;

/// Appends a whole plain frame.
pub(crate) fn encode<P: Packet>(
    packet: &P,
    way: Direction,
    profile: Profile,
    id: u16,
    tick: u32,
    out: &mut Vec<u8>,
) -> Result<(), NotInProfile> {
    let missing = NotInProfile { name: P::ROW.name, profile };
    let shape = P::ROW.shapes.in_profile(profile).filter(|shape| shape.goes(way)).ok_or(missing)?;
    let start = out.len();
    out.resize(start + shape.size, 0);
    let frame = &mut out[start..];
    // Sizes come from the table, where the largest is far below 65,536.
    frame[0..2].copy_from_slice(&(shape.size as u16).to_le_bytes());
    frame[4..6].copy_from_slice(&shape.opcode.to_le_bytes());
    frame[6..8].copy_from_slice(&id.to_le_bytes());
    frame[8..12].copy_from_slice(&tick.to_le_bytes());
    packet.put(profile, frame);
    Ok(())
}

/// Whether this frame carries the packet, going this way in this profile.
pub(crate) fn is<P: Packet>(way: Direction, profile: Profile, opcode: u16) -> bool {
    const { assert!(P::ROW.handled, "only handled packets are parsed") };
    P::ROW.shapes.in_profile(profile).is_some_and(|shape| shape.opcode == opcode && shape.goes(way))
}

/// Reads the packet from a frame that [`is`] it.
pub(crate) fn parse<P: Packet>(profile: Profile, frame: &Frame<'_>) -> Result<P, ParseError> {
    let name = P::ROW.name;
    let bytes = frame.bytes();
    let Some(shape) = P::ROW.shapes.in_profile(profile) else {
        return Err(ParseError::UnknownOpcode { opcode: frame.header().opcode });
    };
    if !shape.accepts(bytes.len()) {
        return Err(ParseError::WrongSize { name, found: bytes.len(), expected: shape.size });
    }
    let fields = if bytes.len() < shape.size {
        let mut padded = [0u8; PADDED_MAX];
        padded[..bytes.len()].copy_from_slice(bytes);
        P::get(profile, &padded)
    } else {
        P::get(profile, bytes)
    };
    fields.map_err(|field| ParseError::BadField { name, field })
}

/// Says why a frame is none of the packets that are handled this way.
pub(crate) fn explain(way: Direction, profile: Profile, frame: &Frame<'_>) -> ParseError {
    let opcode = frame.header().opcode;
    let found = frame.bytes().len();
    let mut verdict = ParseError::UnknownOpcode { opcode };
    for row in rows() {
        let Some(shape) = row.shapes.in_profile(profile).filter(|shape| shape.opcode == opcode) else {
            continue;
        };
        if !shape.goes(way) {
            verdict = ParseError::WrongDirection { name: row.name };
        } else if shape.accepts(found) {
            return ParseError::KnownUnhandled { name: row.name };
        } else {
            return ParseError::WrongSize { name: row.name, found, expected: shape.size };
        }
    }
    if let (ParseError::UnknownOpcode { .. }, Some(name)) = (verdict, known::absent(profile, opcode)) {
        return ParseError::KnownUnhandled { name };
    }
    verdict
}

/// Every packet: the handled ones, then those that are only known.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    packet::ROWS.iter().chain(known::ROWS)
}
