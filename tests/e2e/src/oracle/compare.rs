//! Whether two towns looked the same to everybody. See docs/testing.md for what counts as the same.

use super::actor::{Record, Seen, Sight};
use super::plan::{Act, Deed};
use bot::protocol::place::{Tile, Track};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

/// Tiles in view to each side.
const VIEW: u16 = 16;
/// How far two towns may be apart about somebody on a walk: a tick is less than a tile.
const APART: u16 = 1;
/// How often what is in view is compared.
const LOOK: Duration = Duration::from_millis(250);
/// A tick of the world: what is done within one has no order.
const TICK: Duration = Duration::from_millis(50);
/// How finely the distance of two is looked at.
const STEP: Duration = Duration::from_millis(50);
/// Differences of a kind that are told.
const TOLD: u64 = 12;
/// How long after it a deed may be seen at all.
const DEED_SEEN: Duration = Duration::from_secs(6);

/// What was planned, and what everybody went through in two towns.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// Characters.
    pub names: &'a [String],
    /// Their deeds.
    pub deeds: &'a [Vec<Deed>],
    /// On one node.
    pub one: &'a [Record],
    /// On several.
    pub many: &'a [Record],
    /// How long the round was.
    pub length: Duration,
    /// How far apart in time the same may be seen.
    pub tolerance: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Acts that both towns showed, or neither did, to a viewer.
    pub acts: u64,
    /// Looks at whether and where somebody is in view that were the same.
    pub looks: u64,
    /// What one town showed and the other did not, where the script lets a tick decide.
    pub excused: u64,
    /// How much later the several nodes showed an act than the one did, in milliseconds.
    pub later_ms: Vec<i64>,
    /// Differences by kind.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// The first differences of each kind by name.
    pub differences: Vec<String>,
}

impl Verdict {
    /// How many differences there are.
    pub fn count(&self) -> u64 {
        self.by_kind.values().sum()
    }

    fn differs(&mut self, kind: &'static str, text: &str) {
        let so_many = self.by_kind.entry(kind).or_default();
        *so_many += 1;
        if *so_many <= TOLD {
            self.differences.push(format!("{kind}: {text}"));
        }
    }
}

/// Compares.
pub fn compare(case: &Case<'_>, verdict: &mut Verdict) {
    for (town, records) in [("on one node", case.one), ("on several nodes", case.many)] {
        for (name, record) in case.names.iter().zip(records) {
            for wrong in &record.wrong {
                verdict.differs("wrong", &format!("{name} {town}: {wrong}"));
            }
        }
    }
    for viewer in 0..case.names.len() {
        for seen in (0..case.names.len()).filter(|seen| *seen != viewer) {
            let pair = Pair { case, viewer, seen };
            pair.compare_acts(verdict);
            pair.compare_looks(verdict);
            for records in [case.one, case.many] {
                pair.find_blinks(records, verdict);
            }
        }
    }
}

/// A deed that a viewer saw.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// How long after it was done.
    after: Duration,
    /// Its place among all that the viewer saw of that bot.
    place: usize,
    /// Not as it was done, but as a walk that was going on when the walker came into view.
    described: bool,
}

struct Pair<'a> {
    case: &'a Case<'a>,
    viewer: usize,
    seen: usize,
}

impl Pair<'_> {
    fn text(&self) -> String {
        format!("{} of {}", self.case.names[self.viewer], self.case.names[self.seen])
    }

    fn sights<'r>(&self, records: &'r [Record]) -> impl Iterator<Item = &'r Seen> {
        let name = self.case.names[self.seen].clone();
        records[self.viewer].seen.iter().filter(move |seen| seen.who == name)
    }

    /// Whether the two were in each other's view around a time of the round: `None` where a tick decides.
    fn near(&self, records: &[Record], at: Duration) -> Option<bool> {
        let around = self.case.tolerance;
        let (mut nearest, mut farthest) = (u16::MAX, 0);
        let mut time = at.saturating_sub(around);
        while time <= at + around {
            let [one, other] = [self.viewer, self.seen].map(|index| {
                let record = &records[index];
                record.tile(record.start + time)
            });
            let distance = one.distance(other);
            (nearest, farthest) = (nearest.min(distance), farthest.max(distance));
            time += STEP;
        }
        if farthest < VIEW {
            Some(true)
        } else if nearest > VIEW + 1 {
            Some(false)
        } else {
            None
        }
    }

    fn compare_acts(&self, verdict: &mut Verdict) {
        let deeds = &self.case.deeds[self.seen];
        let [one, many] = [self.case.one, self.case.many].map(|records| self.find(records, verdict));
        for (index, deed) in deeds.iter().enumerate() {
            match (one.get(&index), many.get(&index)) {
                (Some(first), Some(second)) => {
                    verdict.acts += 1;
                    if first.described || second.described {
                        continue;
                    }
                    verdict.later_ms.push(second.after.as_millis() as i64 - first.after.as_millis() as i64);
                }
                (None, None) => verdict.acts += 1,
                // who came into view at the end of a walk may just have seen it, or not; where it is is compared anyhow
                (Some(Found { described: true, .. }), _) | (_, Some(Found { described: true, .. })) => {
                    verdict.excused += 1;
                }
                (found, _) => match self.near(self.case.one, deed.at) {
                    None => verdict.excused += 1,
                    Some(near) => {
                        let only = if found.is_some() { "on one node only" } else { "on several nodes only" };
                        let distance = if near { "near" } else { "far" };
                        let text = format!("{} {only}: {deed:?}, {distance}", self.text());
                        verdict.differs("act", &text);
                    }
                },
            }
        }
        self.compare_order(&one, &many, verdict);
    }

    /// Two acts are in one order in both towns, unless they were done within a tick: that shows both, in any order.
    fn compare_order(
        &self,
        one: &BTreeMap<usize, Found>,
        many: &BTreeMap<usize, Found>,
        verdict: &mut Verdict,
    ) {
        let order = |of: &BTreeMap<usize, Found>, other: &BTreeMap<usize, Found>| {
            let mut both: Vec<(usize, usize)> = of
                .iter()
                .filter(|(index, _)| other.contains_key(index))
                .map(|(index, found)| (found.place, *index))
                .collect();
            both.sort_unstable();
            both.into_iter().map(|(_, index)| index).collect::<Vec<_>>()
        };
        let (first, second) = (order(one, many), order(many, one));
        if first == second {
            return;
        }
        let swapped = first.iter().enumerate().flat_map(|(place, a)| {
            let later = &first[place + 1..];
            later.iter().filter(|b| many[a].place > many[b].place).map(move |b| (*a, *b))
        });
        let far_apart = |(a, b): &(usize, usize)| {
            let apart = |records: &[Record]| {
                let did = &records[self.seen].did;
                did[*a].max(did[*b]) - did[*a].min(did[*b])
            };
            apart(self.case.one).min(apart(self.case.many)) >= TICK
        };
        let (far, near): (Vec<_>, Vec<_>) = swapped.partition(far_apart);
        verdict.excused += near.len() as u64;
        if let Some((a, b)) = far.first() {
            let deeds = &self.case.deeds[self.seen];
            let told = format!("{:?} before {:?}", deeds[*a], deeds[*b]);
            verdict.differs("order", &format!("{}: on one node {told}", self.text()));
        }
    }

    /// When each deed was seen; those that were shown twice are differences.
    fn find(&self, records: &[Record], verdict: &mut Verdict) -> BTreeMap<usize, Found> {
        let did = &records[self.seen].did;
        let mut found = BTreeMap::new();
        let mut came = None; // into view, with nothing seen of it since
        for (place, seen) in self.sights(records).enumerate() {
            if let Sight::Appeared(_) = seen.sight {
                came = Some(seen.at);
                continue;
            }
            let matches = |(index, deed): &(usize, &Deed)| {
                let at = did.get(*index).copied().unwrap_or(seen.at);
                let is_in_time = seen.at + STEP >= at && seen.at <= at + DEED_SEEN;
                is_in_time && is_sight_of(&deed.act, &seen.sight)
            };
            let index = self.case.deeds[self.seen]
                .iter()
                .enumerate()
                .filter(matches)
                .map(|(index, _)| index)
                .next_back();
            let Some(index) = index else { continue };
            let is_walk = matches!(seen.sight, Sight::Walked(_));
            let described = came.take().is_some_and(|came| is_walk && seen.at <= came + STEP);
            let after = seen.at.saturating_duration_since(did[index]);
            match found.entry(index) {
                Entry::Vacant(first) => drop(first.insert(Found { after, place, described })),
                Entry::Occupied(_) if described => {}
                Entry::Occupied(_) => {
                    let deed = &self.case.deeds[self.seen][index];
                    verdict.differs("twice", &format!("{}: {deed:?}", self.text()));
                }
            }
        }
        found
    }

    fn compare_looks(&self, verdict: &mut Verdict) {
        let [one, many] = [self.case.one, self.case.many].map(|records| View::new(self.sights(records)));
        let [start, other] = [self.case.one, self.case.many].map(|records| records[self.viewer].start);
        let mut differed = false;
        let mut time = self.case.tolerance;
        while time < self.case.length {
            let (first, second) = (one.at(start + time), many.at(other + time));
            let same = match (first, second) {
                (None, None) => true,
                (Some(first), Some(second)) => {
                    first.distance(second) <= APART || self.is_late(&one, &many, time)
                }
                _ => false,
            };
            if same {
                verdict.looks += 1;
                differed = false;
            } else if self.near(self.case.one, time).is_none() {
                verdict.excused += 1;
            } else if !std::mem::replace(&mut differed, true) {
                let told =
                    |tile: Option<Tile>| tile.map_or("not in view".to_owned(), |tile| tile.to_string());
                let text = format!(
                    "{} at {time:?}: {} on one node, {} on several",
                    self.text(),
                    told(first),
                    told(second)
                );
                verdict.differs("view", &text);
            }
            time += LOOK;
        }
    }

    /// True when one town shows somebody where the other one did, or will, within the tolerance.
    fn is_late(&self, one: &View, many: &View, time: Duration) -> bool {
        let [start, other] = [self.case.one, self.case.many].map(|records| records[self.viewer].start);
        let first = one.at(start + time);
        let mut shift = time.saturating_sub(self.case.tolerance);
        while shift <= time + self.case.tolerance {
            if let (Some(first), Some(second)) = (first, many.at(other + shift))
                && first.distance(second) <= APART
            {
                return true;
            }
            shift += STEP;
        }
        false
    }

    /// Who is near must not go and come back.
    fn find_blinks(&self, records: &[Record], verdict: &mut Verdict) {
        let start = records[self.viewer].start;
        for seen in self.sights(records).filter(|seen| seen.sight == Sight::Gone) {
            let at = seen.at.saturating_duration_since(start);
            if self.near(records, at) == Some(true) {
                verdict.differs("blink", &format!("{} was taken out of view at {at:?}", self.text()));
            }
        }
    }
}

fn is_sight_of(act: &Act, sight: &Sight) -> bool {
    match (act, sight) {
        (Act::Walk { to, .. }, Sight::Walked(track)) => track.to == *to,
        (Act::Say(line), Sight::Said(heard)) => line == heard,
        (Act::Emote(motion), Sight::Moved(seen)) => motion == seen,
        _ => false,
    }
}

/// Where a viewer had somebody over time.
struct View(Vec<(Instant, Option<Track>)>);

impl View {
    fn new<'r>(sights: impl Iterator<Item = &'r Seen>) -> View {
        let mut states: Vec<(Instant, Option<Track>)> = Vec::new();
        for seen in sights {
            let state = match &seen.sight {
                Sight::Appeared(tile) | Sight::Stands(tile) => Some(Track::standing(*tile, seen.at)),
                Sight::Walked(track) => Some(*track),
                Sight::Gone => None,
                Sight::Said(_) | Sight::Moved(_) => continue,
            };
            states.push((seen.at, state));
        }
        View(states)
    }

    fn at(&self, moment: Instant) -> Option<Tile> {
        let last = self.0.partition_point(|(at, _)| *at <= moment).checked_sub(1)?;
        self.0[last].1.map(|track| track.at(moment))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TOLERANCE: Duration = Duration::from_millis(300);
    const LENGTH: Duration = Duration::from_secs(20);
    const HERE: Tile = Tile::new(2100, 2100);
    const THERE: Tile = Tile::new(2110, 2100);

    /// Two bots: the first stands and looks, the second walks 8 tiles, talks and waves.
    struct Scene {
        deeds: Vec<Vec<Deed>>,
        one: Vec<Record>,
        many: Vec<Record>,
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    impl Scene {
        /// The walker goes from a tile to another one, and the towns show the same; the second one a tick later.
        fn new(from: Tile, to: Tile) -> Scene {
            let start = Instant::now();
            let acts = [Act::Walk { from, to }, Act::Say("#1".into()), Act::Emote(16)];
            let deeds: Vec<Deed> =
                acts.into_iter().zip([2, 8, 12]).map(|(act, at)| Deed { at: seconds(at), act }).collect();
            let record = |start: Instant| {
                let walk = Track {
                    from,
                    to,
                    steps: bot::protocol::place::Steps::straight(from, to),
                    speed: 3,
                    since: start + seconds(2),
                };
                let seen = [
                    (0, Sight::Appeared(from)),
                    (2_030, Sight::Walked(walk)),
                    (8_030, Sight::Said("#1".into())),
                    (12_030, Sight::Moved(16)),
                ];
                let seen = seen.into_iter().map(|(at, sight)| Seen {
                    at: start + Duration::from_millis(at),
                    who: "Walker".into(),
                    sight,
                });
                let quiet =
                    |tracks| Record { start, tracks, did: Vec::new(), seen: Vec::new(), wrong: Vec::new() };
                let looker = Record { seen: seen.collect(), ..quiet(vec![Track::standing(HERE, start)]) };
                let did = [2, 8, 12].map(|at| start + seconds(at)).to_vec();
                let walker = Record { did, ..quiet(vec![Track::standing(from, start), walk]) };
                vec![looker, walker]
            };
            let mut many = record(start + seconds(1));
            for seen in many[0].seen.iter_mut().skip(1) {
                seen.at += Duration::from_millis(50);
            }
            Scene { deeds: vec![Vec::new(), deeds], one: record(start), many }
        }

        fn verdict(&self) -> Verdict {
            let names = ["Looker".to_owned(), "Walker".to_owned()];
            let mut verdict = Verdict::default();
            let (one, many) = (&self.one, &self.many);
            let case =
                Case { names: &names, deeds: &self.deeds, one, many, length: LENGTH, tolerance: TOLERANCE };
            compare(&case, &mut verdict);
            // the walker has no eyes here: what it misses of the looker is the same in both towns
            verdict
        }

        fn kinds(&self) -> Vec<&'static str> {
            self.verdict().by_kind.into_keys().collect()
        }

        fn seen(&mut self) -> &mut Vec<Seen> {
            &mut self.many[0].seen
        }
    }

    #[test]
    fn a_tick_later_is_the_same() {
        let verdict = Scene::new(THERE, Tile::new(2102, 2100)).verdict();
        assert!(verdict.differences.is_empty(), "{:#?}", verdict.differences);
        assert_eq!((verdict.acts, verdict.later_ms), (3, vec![50, 50, 50]));
        assert!(verdict.looks > 70 && verdict.excused == 0, "{} {}", verdict.looks, verdict.excused);
    }

    #[test]
    fn what_only_one_town_shows_is_a_difference() {
        let mut missing = Scene::new(THERE, Tile::new(2102, 2100));
        missing.seen().remove(2);
        assert_eq!(missing.kinds(), ["act"]);
        let mut twice = Scene::new(THERE, Tile::new(2102, 2100));
        let line = twice.seen()[2].clone();
        twice.seen().insert(3, line);
        assert_eq!(twice.kinds(), ["twice"]);
        let mut gone = Scene::new(THERE, Tile::new(2102, 2100));
        let at = gone.seen()[3].at + seconds(1);
        gone.seen().push(Seen { at, who: "Walker".into(), sight: Sight::Gone });
        assert_eq!(gone.kinds(), ["blink", "view"]);
        let mut elsewhere = Scene::new(THERE, Tile::new(2102, 2100));
        let at = elsewhere.seen()[3].at;
        elsewhere.seen().push(Seen { at, who: "Walker".into(), sight: Sight::Stands(Tile::new(2105, 2100)) });
        assert_eq!(elsewhere.kinds(), ["view"]);
    }

    #[test]
    fn another_order_is_a_difference_when_a_tick_lies_between() {
        let swapped = |apart: u64| {
            let apart = Duration::from_millis(apart);
            let mut scene = Scene::new(THERE, Tile::new(2102, 2100));
            scene.deeds[1][2].at = seconds(8) + apart;
            for record in [&mut scene.one, &mut scene.many] {
                record[1].did[2] = record[1].did[1] + apart;
                record[0].seen[3].at = record[0].seen[2].at + apart;
            }
            assert_eq!(scene.kinds(), Vec::<&str>::new());
            scene.seen().swap(2, 3);
            let (first, second) = (scene.seen()[3].at, scene.seen()[2].at);
            (scene.seen()[2].at, scene.seen()[3].at) = (first, second);
            scene.verdict()
        };
        let (within, beyond) = (swapped(20), swapped(60));
        assert_eq!((within.count(), within.excused), (0, 1), "{:#?}", within.differences);
        assert_eq!(beyond.by_kind.into_keys().collect::<Vec<_>>(), ["order"]);
    }

    #[test]
    fn at_the_edge_of_the_view_a_tick_decides() {
        // it comes to rest 16 tiles away: in view, but only just
        let mut scene = Scene::new(Tile::new(2120, 2100), Tile::new(2116, 2100));
        let walk = scene.seen().remove(1);
        assert!(matches!(walk.sight, Sight::Walked(_)));
        scene.seen().retain(|seen| !matches!(seen.sight, Sight::Said(_) | Sight::Moved(_)));
        let verdict = scene.verdict();
        assert!(verdict.excused >= 2, "{}", verdict.excused);
        assert!(!verdict.differences.iter().any(|text| text.contains("#1")), "{:#?}", verdict.differences);
    }
}
