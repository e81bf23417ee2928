//! Walking.

use crate::form::{Form, I16, I32, U16, Wire, all, newer};
use crate::{Profile, sample::Samples};
use std::fmt;

/// [`Movement`] as a form.
pub const MOVEMENT: Form = Form::Record(&Movement::RECORD);

record! {
    /// The body of the walking packets. Note that 7.48 orders it differently.
    Movement = "movement", sizes [40, 40, 40];
    /// Tile at the start, west to east.
    x: u16 = newer(0, 0, I16).v748(0, U16);
    /// Tile at the start, south to north.
    y: u16 = newer(2, 2, I16).v748(2, U16);
    /// 0 or 2 walk, 1 set down at the target, 6 Illusion, 7 chaos cube.
    effect: i32 = newer(4, 4, I32).v748(8, I32);
    /// Tiles a second.
    speed: i32 = newer(8, 8, I32).v748(4, I32);
    /// The steps between.
    route: Route = newer(12, 12, Form::Route).v748(16, Form::Route);
    /// Tile at the end, west to east.
    target_x: u16 = newer(36, 36, U16).v748(12, U16);
    /// Tile at the end, south to north.
    target_y: u16 = all(38, U16).v748(14, U16);
}

/// Steps of a walk: digits of the number pad (8 is +y, 2 is -y, 6 is +x, 4 is -x), at most 23 of them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Route {
    digits: [u8; Route::BYTES],
    len: u8,
}

impl Route {
    const BYTES: usize = 24;
    /// Most steps of a route.
    pub const MOST: usize = Self::BYTES - 1;

    /// A route of these ASCII digits; `None` when one of them is no direction or there are more than 23.
    pub fn new(digits: &[u8]) -> Option<Self> {
        if digits.len() > Self::MOST || !digits.iter().all(|digit| is_step(*digit)) {
            return None;
        }
        let mut route = Self { digits: [0; Self::BYTES], len: digits.len() as u8 };
        route.digits[..digits.len()].copy_from_slice(digits);
        Some(route)
    }

    /// Its ASCII digits.
    pub fn digits(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }
}

fn is_step(digit: u8) -> bool {
    matches!(digit, b'1'..=b'4' | b'6'..=b'9')
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({})", String::from_utf8_lossy(self.digits()))
    }
}

impl Wire for Route {
    fn blank() -> Self {
        Self::default()
    }
    fn put(&self, _: &Form, _: Profile, out: &mut [u8]) {
        out.copy_from_slice(&self.digits);
    }
    fn get(_: &Form, _: Profile, bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(Self::MOST);
        Self::new(&bytes[..end.min(Self::MOST)])
    }
    fn sample(_: &Form, _: Profile, samples: &mut Samples) -> Self {
        let mut digits = [0u8; 12];
        let len = samples.below(digits.len() + 1);
        for digit in &mut digits[..len] {
            *digit = b"12346789"[samples.below(8)];
        }
        Self::new(&digits[..len]).unwrap_or_default()
    }
}
