//! `NPCGener.txt`: which creatures appear where.
//!
//! `//` is a comment, `#` begins the next generator (its number is its place in the file), everything else
//! is `Key: value`. A generator that cannot be used is reported and left out; the others keep their numbers.

use crate::text::{latin, leading_number, lines, shown};
use crate::{Generator, Report, RouteKind, Terrain, Waypoint};
use model::Tile;

/// Most generators that the original has room for.
pub(crate) const GENERATORS_MAX: u32 = 8192;

/// Names of the points in the order of the route.
const POINTS: [&str; 5] = ["Start", "Segment1", "Segment2", "Segment3", "Dest"];

/// What a file of generators held.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// Those that can be used, by ascending number.
    pub(crate) usable: Vec<Generator>,
    /// How many the file has.
    pub(crate) total: u32,
    /// Lines that creatures say at a point; they are counted, not kept.
    pub(crate) sayings: u32,
}

/// What generators refer to.
pub(crate) struct Context<'a> {
    pub(crate) terrain: &'a Terrain,
    /// Finds a creature by the name that generators use.
    pub(crate) creature: &'a dyn Fn(&str) -> Option<usize>,
}

/// Reads a whole file.
pub(crate) fn parse(bytes: &[u8], file: &str, context: &Context<'_>, report: &mut Report) -> Parsed {
    let mut parsed = Parsed::default();
    let mut draft: Option<Draft> = None;
    let mut shift = 0;
    for (line, text) in lines(bytes, file, report) {
        if text.starts_with(b"//") {
            continue;
        }
        if let Some(header) = text.strip_prefix(b"#") {
            finish(draft.take(), file, context, &mut parsed, report);
            shift = check_number(header, parsed.total, shift, line, file, report);
            draft = Some(Draft::new(parsed.total, line));
            parsed.total += 1;
            continue;
        }
        match (&mut draft, split_key(text)) {
            (_, None) => {
                report.line(file, line, format!("`{}` is no comment, number or key; left out", shown(text)))
            }
            (None, Some(_)) => {
                report.line(file, line, format!("`{}` before the first generator; left out", shown(text)))
            }
            (Some(draft), Some((key, value))) => draft.set(key, value, line, file, report),
        }
    }
    finish(draft, file, context, &mut parsed, report);
    parsed
}

/// The number that a header gives is only a remark: reports where it begins to differ from the place.
fn check_number(header: &[u8], index: u32, shift: i64, line: u32, file: &str, report: &mut Report) -> i64 {
    let header = header.trim_ascii().trim_ascii_start();
    let inside = header.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let Some(given) = inside.and_then(crate::text::number) else {
        return shift;
    };
    let found = given.saturating_sub(i64::from(index));
    if found != shift {
        report.line(
            file,
            line,
            format!("is called {given}, but is number {index}: numbers follow the order"),
        );
    }
    found
}

fn split_key(text: &[u8]) -> Option<(&str, &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let key = std::str::from_utf8(text[..colon].trim_ascii()).ok()?;
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| (key, text[colon + 1..].trim_ascii()))
}

#[derive(Clone, Copy, Default)]
struct Point {
    x: Option<i64>,
    y: Option<i64>,
    range: i64,
    wait: i64,
}

/// A generator while its lines are read.
struct Draft {
    index: u32,
    line: u32,
    /// Bits of the keys seen, to find the second of its kind.
    seen: u64,
    every: i64,
    most: i64,
    group: (i64, i64),
    leader: Option<String>,
    follower: Option<String>,
    route: i64,
    formation: i64,
    points: [Point; 5],
    sayings: u32,
}

impl Draft {
    fn new(index: u32, line: u32) -> Self {
        Self {
            index,
            line,
            seen: 0,
            every: 0,
            most: 0,
            group: (0, 0),
            leader: None,
            follower: None,
            route: 0,
            formation: 0,
            points: [Point::default(); 5],
            sayings: 0,
        }
    }

    fn set(&mut self, key: &str, value: &[u8], line: u32, file: &str, report: &mut Report) {
        let Some(slot) = Slot::of(key) else {
            report.line(file, line, format!("unknown key `{key}`; left out"));
            return;
        };
        if self.seen & slot.bit() != 0 {
            report.line(file, line, format!("second `{key}` of generator {}; the later counts", self.index));
        }
        self.seen |= slot.bit();
        match slot {
            Slot::Leader => self.leader = Some(latin(value)),
            Slot::Follower => self.follower = Some(latin(value)),
            Slot::Say(_) => self.sayings += 1,
            _ => match leading_number(value) {
                None => report.line(
                    file,
                    line,
                    format!("`{key}` needs a number, found `{}`; left out", shown(value)),
                ),
                Some((number, whole)) => {
                    if !whole {
                        report.line(file, line, format!("`{key}: {}` is read as {number}", shown(value)));
                    }
                    self.set_number(slot, number);
                }
            },
        }
    }

    fn set_number(&mut self, slot: Slot, number: i64) {
        match slot {
            Slot::Every => self.every = number,
            Slot::Most => self.most = number,
            Slot::GroupMin => self.group.0 = number,
            Slot::GroupMax => self.group.1 = number,
            Slot::Route => self.route = number,
            Slot::Formation => self.formation = number,
            Slot::X(point) => self.points[point].x = Some(number),
            Slot::Y(point) => self.points[point].y = Some(number),
            Slot::Range(point) => self.points[point].range = number,
            Slot::Wait(point) => self.points[point].wait = number,
            Slot::Leader | Slot::Follower | Slot::Say(_) => {}
        }
    }
}

/// A key of the format.
#[derive(Clone, Copy)]
enum Slot {
    Every,
    Most,
    GroupMin,
    GroupMax,
    Leader,
    Follower,
    Route,
    Formation,
    X(usize),
    Y(usize),
    Range(usize),
    Wait(usize),
    Say(usize),
}

impl Slot {
    fn of(key: &str) -> Option<Self> {
        Some(match key {
            "MinuteGenerate" => Self::Every,
            "MaxNumMob" => Self::Most,
            "MinGroup" => Self::GroupMin,
            "MaxGroup" => Self::GroupMax,
            "Leader" => Self::Leader,
            "Follower" => Self::Follower,
            "RouteType" => Self::Route,
            "Formation" => Self::Formation,
            _ => {
                let (point, rest) =
                    POINTS.iter().enumerate().find_map(|(at, name)| Some((at, key.strip_prefix(name)?)))?;
                match rest {
                    "X" => Self::X(point),
                    "Y" => Self::Y(point),
                    "Range" => Self::Range(point),
                    "Wait" => Self::Wait(point),
                    "Action" => Self::Say(point),
                    _ => return None,
                }
            }
        })
    }

    fn bit(self) -> u64 {
        let number = match self {
            Self::Every => 0,
            Self::Most => 1,
            Self::GroupMin => 2,
            Self::GroupMax => 3,
            Self::Leader => 4,
            Self::Follower => 5,
            Self::Route => 6,
            Self::Formation => 7,
            Self::X(point) => 8 + point,
            Self::Y(point) => 13 + point,
            Self::Range(point) => 18 + point,
            Self::Wait(point) => 23 + point,
            Self::Say(point) => 28 + point,
        };
        1 << number
    }
}

fn finish(draft: Option<Draft>, file: &str, context: &Context<'_>, parsed: &mut Parsed, report: &mut Report) {
    let Some(draft) = draft else { return };
    parsed.sayings += draft.sayings;
    let (index, line) = (draft.index, draft.line);
    match build(&draft, file, context, report) {
        Ok(generator) => parsed.usable.push(generator),
        Err(why) => report.line(file, line, format!("generator {index} is not used: {why}")),
    }
}

fn build(draft: &Draft, file: &str, context: &Context<'_>, report: &mut Report) -> Result<Generator, String> {
    let Draft { index, line, .. } = *draft;
    if index >= GENERATORS_MAX {
        return Err(format!("there are more than {GENERATORS_MAX}"));
    }
    let leader = draft.leader.as_deref().filter(|name| !name.is_empty()).ok_or("it names no leader")?;
    let leader = (context.creature)(leader).ok_or_else(|| format!("there is no monster `{leader}`"))?;
    let mut remarks = Vec::new();
    let group =
        (small(draft.group.0, "MinGroup", &mut remarks), small(draft.group.1, "MaxGroup", &mut remarks));
    let follower = match draft.follower.as_deref().filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => (context.creature)(name).or_else(|| {
            remarks.push(format!("there is no monster `{name}` to follow, its leaders come alone"));
            None
        }),
    };
    let route = RouteKind::from_number(draft.route)
        .ok_or_else(|| format!("route type {} is unknown", draft.route))?;
    let points = points(&draft.points, context.terrain, &mut remarks)?;
    let formation = u8::try_from(draft.formation).ok().filter(|kind| *kind <= 4).unwrap_or_else(|| {
        remarks.push(format!("formation {} is read as 0", draft.formation));
        0
    });
    if group.0 > group.1 {
        remarks.push(format!("its smallest group {} is larger than its largest {}", group.0, group.1));
    }
    let generator = Generator {
        index,
        line,
        every: draft.every.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
        most: small(draft.most, "MaxNumMob", &mut remarks),
        group: (group.0.min(group.1), group.1),
        leader,
        follower,
        route,
        formation,
        points,
    };
    if !remarks.is_empty() {
        report.line(file, line, format!("generator {index}: {}", remarks.join("; ")));
    }
    Ok(generator)
}

fn small(value: i64, name: &str, remarks: &mut Vec<String>) -> u16 {
    u16::try_from(value).unwrap_or_else(|_| {
        remarks.push(format!("{name} {value} is read as 0"));
        0
    })
}

fn points(given: &[Point; 5], terrain: &Terrain, remarks: &mut Vec<String>) -> Result<Vec<Waypoint>, String> {
    let mut points = Vec::new();
    let mut blocked = Vec::new();
    for (point, name) in given.iter().zip(POINTS) {
        let (x, y) = (point.x.unwrap_or(0), point.y.unwrap_or(0));
        let first = points.is_empty();
        if first && name != POINTS[0] {
            return Err("it has no start".to_owned());
        }
        if x == 0 || y == 0 {
            if x != y {
                remarks.push(format!("{name} ({x},{y}) is no point"));
            }
            continue;
        }
        let tile = u16::try_from(x).ok().zip(u16::try_from(y).ok()).map(|(x, y)| Tile::new(x, y));
        let Some(tile) = tile.filter(|tile| tile.is_on_map()) else {
            if first {
                return Err(format!("its start ({x},{y}) is not on the map"));
            }
            remarks.push(format!("{name} ({x},{y}) is not on the map"));
            continue;
        };
        if terrain.is_blocked(tile) {
            blocked.push(format!("{name} {tile}"));
        }
        points.push(Waypoint {
            tile,
            range: small(point.range, "a range of", remarks),
            wait: small(point.wait, "a wait of", remarks),
        });
    }
    if !blocked.is_empty() {
        remarks.push(format!("on blocked tiles: {}", blocked.join(", ")));
    }
    if points.is_empty() { Err("it has no start".to_owned()) } else { Ok(points) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::terrain::ATTRIBUTE_BYTES;
    use proptest::prelude::*;

    /// Everything open but the cell (0..3, 0..3); creatures are `wolf` and `bear`.
    fn read(text: &[u8]) -> (Parsed, Report) {
        let mut cells = vec![0; ATTRIBUTE_BYTES];
        cells[0] = Terrain::BLOCKED;
        let terrain = Terrain::from_bytes(&cells, None).unwrap();
        let creature = |name: &str| ["wolf", "bear"].iter().position(|known| *known == name);
        let mut report = Report::default();
        let parsed =
            parse(text, "NPCGener.txt", &Context { terrain: &terrain, creature: &creature }, &mut report);
        (parsed, report)
    }

    fn said(report: &Report) -> Vec<String> {
        report.oddities.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_generator_with_every_key_is_read() {
        let (parsed, report) = read(
            b"// den\n#\t[   0]\n\tMinuteGenerate:\t4\n\tMaxNumMob:\t3\n\tMinGroup:\t1\n\tMaxGroup:\t2\n\tLeader:\twolf\n\
              Follower: bear\nRouteType: 4\nFormation: 2\nStartX: 100\nStartY: 101\nStartRange: 5\nStartWait: 9\n\
              Segment1X: 110\nSegment1Y: 111\nSegment1Wait: 1\nSegment1Action: grr\nDestX: 120\nDestY: 121\n",
        );
        assert_eq!(said(&report), Vec::<String>::new());
        assert_eq!((parsed.total, parsed.sayings), (1, 1));
        let point = |x, y, range, wait| Waypoint { tile: Tile::new(x, y), range, wait };
        let expected = Generator {
            index: 0,
            line: 2,
            every: 4,
            most: 3,
            group: (1, 2),
            leader: 0,
            follower: Some(1),
            route: RouteKind::Loop,
            formation: 2,
            points: vec![point(100, 101, 5, 9), point(110, 111, 0, 1), point(120, 121, 0, 0)],
        };
        assert_eq!(parsed.usable, [expected]);
    }

    #[test]
    fn numbers_follow_the_order_whatever_the_headers_say() {
        let one = b"Leader: wolf\nStartX: 9\nStartY: 9\n";
        let text = [b"# [0]\n", &one[..], b"# [5]\n", one, b"# [6]\n", one, b"#\n", one].concat();
        let (parsed, report) = read(&text);
        assert_eq!(parsed.usable.iter().map(|one| one.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(
            said(&report),
            ["NPCGener.txt, line 5: is called 5, but is number 1: numbers follow the order"]
        );
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_said_once() {
        for (lines, why) in [
            ("Leader: ghost\nStartX: 9\nStartY: 9\n", "there is no monster `ghost`"),
            ("StartX: 9\nStartY: 9\n", "it names no leader"),
            ("Leader: wolf\n", "it has no start"),
            ("Leader: wolf\nStartX: 9000\nStartY: 9\n", "its start (9000,9) is not on the map"),
            ("Leader: wolf\nStartX: 9\nStartY: 9\nRouteType: 9\n", "route type 9 is unknown"),
        ] {
            let (parsed, report) =
                read(format!("#\n{lines}#\nLeader: bear\nStartX: 9\nStartY: 9\n").as_bytes());
            assert_eq!(said(&report), [format!("NPCGener.txt, line 1: generator 0 is not used: {why}")]);
            assert_eq!(parsed.total, 2);
            assert_eq!(parsed.usable.iter().map(|one| one.index).collect::<Vec<_>>(), [1]);
        }
    }

    #[test]
    fn doubtful_lines_are_reported_and_the_rest_counts() {
        let (parsed, report) = read(
            b"Leader: wolf\n#\nLeader: wolf\nStartX: 1\nStartY: 1\nStartX: 2\nDestX: 50n\nDestY: 60\nColour: red\n\
              / remark\nMaxNumMob: many\nFollower: ghost\n",
        );
        assert_eq!(
            said(&report),
            [
                "NPCGener.txt, line 1: `Leader: wolf` before the first generator; left out",
                "NPCGener.txt, line 6: second `StartX` of generator 0; the later counts",
                "NPCGener.txt, line 7: `DestX: 50n` is read as 50",
                "NPCGener.txt, line 9: unknown key `Colour`; left out",
                "NPCGener.txt, line 10: `/ remark` is no comment, number or key; left out",
                "NPCGener.txt, line 11: `MaxNumMob` needs a number, found `many`; left out",
                "NPCGener.txt, line 2: generator 0: there is no monster `ghost` to follow, its leaders come alone; \
                 on blocked tiles: Start (2,1)",
            ]
        );
        assert_eq!(parsed.usable[0].points.len(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_every_generator_is_accounted_for(
            words in proptest::collection::vec(
                prop_oneof![
                    Just(b"#".to_vec()), Just(b"# [3]".to_vec()), Just(b"Leader: wolf".to_vec()),
                    Just(b"StartX: 7".to_vec()), Just(b"StartY: 7".to_vec()), Just(b"RouteType: 3".to_vec()),
                    Just(b"DestX: 99999999999999999999".to_vec()), Just(b"Segment2Y: -1".to_vec()),
                    proptest::collection::vec(any::<u8>(), 0..30),
                ],
                0..60,
            )
        ) {
            let (parsed, report) = read(&words.join(&b'\n'));
            let unused = report.oddities.iter().filter(|oddity| oddity.what.contains(" is not used: ")).count();
            prop_assert_eq!(parsed.total as usize, parsed.usable.len() + unused);
            prop_assert!(parsed.usable.iter().all(|one| !one.points.is_empty()));
        }
    }
}
