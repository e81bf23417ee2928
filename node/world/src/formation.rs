//! How the followers of a group stand around their leader.

/// Places of a formation.
pub(crate) const PLACES: usize = 12;

/// Ring, wide ring, line, wedge, column.
const OFFSETS: [[(i16, i16); PLACES]; 5] = [
    [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (-1, 1), (1, -1), (2, 0), (-2, 0), (0, 2), (0, -2)],
    [(2, 0), (-2, 0), (0, 2), (0, -2), (2, 2), (-2, -2), (-2, 2), (2, -2), (4, 0), (-4, 0), (0, 4), (0, -4)],
    [(1, 0), (-1, 0), (2, 0), (-2, 0), (3, 0), (-3, 0), (4, 0), (-4, 0), (5, 0), (-5, 0), (6, 0), (-6, 0)],
    [
        (1, -1),
        (-1, -1),
        (2, -2),
        (-2, -2),
        (3, -3),
        (-3, -3),
        (0, -2),
        (1, -3),
        (-1, -3),
        (0, -4),
        (4, -4),
        (-4, -4),
    ],
    [
        (0, -1),
        (0, -2),
        (0, -3),
        (0, -4),
        (0, -5),
        (0, -6),
        (1, -1),
        (1, -2),
        (1, -3),
        (1, -4),
        (1, -5),
        (1, -6),
    ],
];

/// Where the `index`-th follower stands, seen from the leader. Groups larger than a formation begin again.
pub(crate) fn offset(formation: u8, index: usize) -> (i16, i16) {
    let row = &OFFSETS[usize::from(formation).min(OFFSETS.len() - 1)];
    row[index % PLACES]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_places_of_a_formation_are_the_same() {
        for formation in 0..5 {
            let places: BTreeSet<(i16, i16)> = (0..PLACES).map(|index| offset(formation, index)).collect();
            assert_eq!(places.len(), PLACES, "formation {formation}");
            assert!(!places.contains(&(0, 0)), "formation {formation} stands on its leader");
        }
    }
}
