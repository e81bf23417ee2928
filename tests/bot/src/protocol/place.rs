//! Tiles, steps and walks as a client draws them.

use std::fmt;
use std::time::{Duration, Instant};

/// Most steps of one walk packet.
pub const ROUTE_MAX: usize = 12;
/// Bytes of the route field.
pub const ROUTE_FIELD: usize = 24;

/// One tile of the map, 4096 x 4096.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// Column.
    pub x: u16,
    /// Row; grows with digit 8.
    pub y: u16,
}

impl Tile {
    /// A tile.
    pub const fn new(x: u16, y: u16) -> Tile {
        Tile { x, y }
    }

    /// Steps to another tile when diagonals count one.
    pub fn distance(self, other: Tile) -> u16 {
        self.x.abs_diff(other.x).max(self.y.abs_diff(other.y))
    }

    /// True for the tiles that a character may stand on: 1..=4095 on both axes.
    pub fn is_on_map(self) -> bool {
        (1..4096).contains(&self.x) && (1..4096).contains(&self.y)
    }

    /// The neighbour that a numpad digit leads to; `None` for anything that is no digit or leaves the map.
    pub fn step(self, digit: u8) -> Option<Tile> {
        let (dx, dy): (i16, i16) = match digit {
            b'7' => (-1, 1),
            b'8' => (0, 1),
            b'9' => (1, 1),
            b'4' => (-1, 0),
            b'6' => (1, 0),
            b'1' => (-1, -1),
            b'2' => (0, -1),
            b'3' => (1, -1),
            _ => return None,
        };
        let tile = Tile::new(self.x.checked_add_signed(dx)?, self.y.checked_add_signed(dy)?);
        tile.is_on_map().then_some(tile)
    }

    /// The digit of the step that brings this tile nearer to another; `None` when it is there.
    pub fn toward(self, other: Tile) -> Option<u8> {
        let column = other.x.cmp(&self.x) as i8 + 1;
        let row = other.y.cmp(&self.y) as i8 + 1;
        const DIGITS: [[u8; 3]; 3] = [*b"123", *b"4.6", *b"789"];
        let digit = DIGITS[row as usize][column as usize];
        (digit != b'.').then_some(digit)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.x, self.y)
    }
}

/// A rectangle of tiles, both corners inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Lower corner.
    pub low: Tile,
    /// Upper corner.
    pub high: Tile,
}

impl Area {
    /// The square of a radius around a tile, cut at the edge of the map.
    pub fn around(centre: Tile, radius: u16) -> Area {
        let low = Tile::new(centre.x.saturating_sub(radius).max(1), centre.y.saturating_sub(radius).max(1));
        let high = Tile::new((centre.x + radius).min(4095), (centre.y + radius).min(4095));
        Area { low, high }
    }

    /// True when the tile is inside.
    pub fn contains(self, tile: Tile) -> bool {
        (self.low.x..=self.high.x).contains(&tile.x) && (self.low.y..=self.high.y).contains(&tile.y)
    }
}

impl std::str::FromStr for Tile {
    type Err = String;

    fn from_str(text: &str) -> Result<Tile, String> {
        let wrong = || format!("\"{text}\" is no tile: write x,y with numbers from 1 to 4095");
        let (x, y) = text.split_once(',').ok_or_else(wrong)?;
        let number = |part: &str| part.trim().parse::<u16>().map_err(|_| wrong());
        let tile = Tile::new(number(x)?, number(y)?);
        if tile.is_on_map() { Ok(tile) } else { Err(wrong()) }
    }
}

impl std::str::FromStr for Area {
    type Err = String;

    fn from_str(text: &str) -> Result<Area, String> {
        let wrong = || format!("\"{text}\" is no area: write x1,y1,x2,y2 with numbers from 1 to 4095");
        let numbers: Vec<u16> =
            text.split(',').map(|part| part.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let [x1, y1, x2, y2] = numbers[..] else { return Err(wrong()) };
        let area = Area { low: Tile::new(x1.min(x2), y1.min(y2)), high: Tile::new(x1.max(x2), y1.max(y2)) };
        if area.low.is_on_map() && area.high.is_on_map() { Ok(area) } else { Err(wrong()) }
    }
}

/// The steps of one walk: digits, at most the field's width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    digits: [u8; ROUTE_FIELD],
    len: u8,
}

impl Steps {
    /// No steps.
    pub const NONE: Steps = Steps { digits: [0; ROUTE_FIELD], len: 0 };

    /// Reads the field of a packet: everything before the first NUL.
    pub fn from_field(field: &[u8]) -> Steps {
        let mut steps = Steps::NONE;
        for &digit in field.iter().take(ROUTE_FIELD).take_while(|&&digit| digit != 0) {
            steps.push(digit);
        }
        steps
    }

    /// The straight way from one tile toward another, diagonals first, at most [`ROUTE_MAX`] steps.
    pub fn straight(from: Tile, to: Tile) -> Steps {
        let mut steps = Steps::NONE;
        let mut at = from;
        while let (Some(digit), true) = (at.toward(to), steps.len() < ROUTE_MAX) {
            let Some(next) = at.step(digit) else { break };
            steps.push(digit);
            at = next;
        }
        steps
    }

    /// Adds a step; a full route stays as it is.
    pub fn push(&mut self, digit: u8) {
        if self.len() < ROUTE_FIELD {
            self.digits[self.len()] = digit;
            self.len += 1;
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digits.
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.len()]
    }

    /// The tile after the first `count` steps; stops at a digit that is none.
    pub fn after(&self, from: Tile, count: usize) -> Tile {
        let mut at = from;
        for &digit in self.digits().iter().take(count) {
            match at.step(digit) {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }

    /// The last tile.
    pub fn end(&self, from: Tile) -> Tile {
        self.after(from, self.len())
    }
}

/// Where something is over time: standing, or on a walk that began at a moment of this process's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// First tile.
    pub from: Tile,
    /// Last tile.
    pub to: Tile,
    /// Steps between them; none while standing, or when the packet carried no route.
    pub steps: Steps,
    /// Tiles a second.
    pub speed: u8,
    /// When it began.
    pub since: Instant,
}

impl Track {
    /// Standing on a tile.
    pub fn standing(at: Tile, since: Instant) -> Track {
        Track { from: at, to: at, steps: Steps::NONE, speed: 1, since }
    }

    /// The tile at a moment. Without a route the straight way is drawn.
    pub fn at(&self, now: Instant) -> Tile {
        if self.from == self.to && self.steps.is_empty() {
            return self.to;
        }
        let walked =
            now.saturating_duration_since(self.since).as_millis() * u128::from(self.speed.max(1)) / 1000;
        let walked = usize::try_from(walked).unwrap_or(usize::MAX);
        if walked >= self.length() {
            return self.to;
        }
        if self.steps.is_empty() {
            return Steps::straight(self.from, self.to).after(self.from, walked);
        }
        self.steps.after(self.from, walked)
    }

    /// How many steps it takes.
    pub fn length(&self) -> usize {
        if self.steps.is_empty() { usize::from(self.from.distance(self.to)) } else { self.steps.len() }
    }

    /// When the last tile is reached.
    pub fn over_at(&self) -> Instant {
        let steps = u64::try_from(self.length()).unwrap_or(u64::MAX);
        self.since + Duration::from_millis(steps.saturating_mul(1000) / u64::from(self.speed.max(1)))
    }
}
