//! Who is near: the entities of a zone by coarse cells.

use model::place::VIEW_RADIUS;
use model::{GroundId, Rect, Tile};

/// Tiles along one side of a cell.
const CELL: u16 = 16;
/// Entities may stand this far outside of their zone's rectangle.
const MARGIN: u16 = 8;
/// Ghosts stand this far outside.
const GHOST_MARGIN: u16 = 48;

/// One entity of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) slot: usize,
    pub(crate) tile: Tile,
}

#[derive(Debug, Default)]
struct Cell {
    players: Vec<Entry>,
    creatures: Vec<Entry>,
    /// Items on the ground.
    ground: Vec<(GroundId, Tile)>,
}

/// Entities by cell, players apart from creatures. The order within a cell follows from its history alone.
#[derive(Debug)]
pub(crate) struct Grid {
    area: Rect,
    origin: (u16, u16),
    width: u16,
    height: u16,
    cells: Vec<Cell>,
}

impl Grid {
    /// An empty grid over a zone's rectangle and a margin.
    pub(crate) fn new(bounds: Rect) -> Self {
        let low = Tile::new(bounds.min.x.saturating_sub(MARGIN), bounds.min.y.saturating_sub(MARGIN));
        let high = Tile::new(bounds.max.x + MARGIN, bounds.max.y + MARGIN);
        let origin = (
            bounds.min.x.saturating_sub(GHOST_MARGIN) / CELL,
            bounds.min.y.saturating_sub(GHOST_MARGIN) / CELL,
        );
        let far = (bounds.max.x + GHOST_MARGIN, bounds.max.y + GHOST_MARGIN);
        let (width, height) = (far.0 / CELL - origin.0 + 1, far.1 / CELL - origin.1 + 1);
        let count = usize::from(width) * usize::from(height);
        let cells = std::iter::repeat_with(Cell::default).take(count).collect();
        Self { area: Rect::new(low, high), origin, width, height, cells }
    }

    /// True when an entity may stand on a tile: in the rectangle or in its margin.
    pub(crate) fn holds(&self, tile: Tile) -> bool {
        self.area.contains(tile)
    }

    /// Puts an entity in.
    pub(crate) fn insert(&mut self, entry: Entry, player: bool) {
        self.list(entry.tile, player).push(entry);
    }

    /// Takes an entity out.
    pub(crate) fn remove(&mut self, entry: Entry, player: bool) {
        let list = self.list(entry.tile, player);
        let index = list.iter().position(|other| other.slot == entry.slot);
        assert!(index.is_some(), "slot {} is not in the cell of its tile {}", entry.slot, entry.tile);
        list.swap_remove(index.unwrap_or_default());
    }

    /// Moves an entity.
    pub(crate) fn shift(&mut self, slot: usize, from: Tile, to: Tile, player: bool) {
        self.remove(Entry { slot, tile: from }, player);
        self.insert(Entry { slot, tile: to }, player);
    }

    /// Players in the 33 x 33 window around a tile.
    pub(crate) fn players_near(&self, center: Tile) -> impl Iterator<Item = Entry> + '_ {
        self.cells_near(center).flat_map(|cell| &cell.players).copied().filter(move |e| center.sees(e.tile))
    }

    /// Creatures in the 33 x 33 window around a tile.
    pub(crate) fn creatures_near(&self, center: Tile) -> impl Iterator<Item = Entry> + '_ {
        self.cells_near(center).flat_map(|cell| &cell.creatures).copied().filter(move |e| center.sees(e.tile))
    }

    /// Puts an item on the ground.
    pub(crate) fn lay(&mut self, ground: GroundId, tile: Tile) {
        let index = self.index(tile);
        self.cells[index].ground.push((ground, tile));
    }

    /// Takes an item off the ground.
    pub(crate) fn lift(&mut self, ground: GroundId, tile: Tile) {
        let index = self.index(tile);
        self.cells[index].ground.retain(|(other, _)| *other != ground);
    }

    /// Items on the ground in the window around a tile.
    pub(crate) fn lying_near(&self, center: Tile) -> impl Iterator<Item = (GroundId, Tile)> + '_ {
        self.cells_near(center)
            .flat_map(|cell| &cell.ground)
            .copied()
            .filter(move |(_, tile)| center.sees(*tile))
    }

    /// What lies on a tile.
    pub(crate) fn lying_on(&self, tile: Tile) -> Option<GroundId> {
        let cell = &self.cells[self.index(tile)];
        cell.ground.iter().find(|(_, other)| *other == tile).map(|(ground, _)| *ground)
    }

    /// Everybody on a tile.
    pub(crate) fn on(&self, tile: Tile) -> impl Iterator<Item = Entry> + '_ {
        let cell = &self.cells[self.index(tile)];
        cell.players.iter().chain(&cell.creatures).copied().filter(move |entry| entry.tile == tile)
    }

    fn cells_near(&self, center: Tile) -> impl Iterator<Item = &Cell> {
        let span = |at: u16, origin: u16, size: u16| {
            let low = (at.saturating_sub(VIEW_RADIUS) / CELL).max(origin) - origin;
            let high = ((at + VIEW_RADIUS) / CELL).min(origin + size - 1).saturating_sub(origin);
            low..=high
        };
        let columns = span(center.x, self.origin.0, self.width);
        let rows = span(center.y, self.origin.1, self.height);
        rows.flat_map(move |row| {
            let start = usize::from(row) * usize::from(self.width);
            columns.clone().map(move |column| start + usize::from(column))
        })
        .filter_map(|index| self.cells.get(index))
    }

    fn list(&mut self, tile: Tile, player: bool) -> &mut Vec<Entry> {
        let index = self.index(tile);
        let cell = &mut self.cells[index];
        if player { &mut cell.players } else { &mut cell.creatures }
    }

    fn index(&self, tile: Tile) -> usize {
        let column = (tile.x / CELL).saturating_sub(self.origin.0).min(self.width - 1);
        let row = (tile.y / CELL).saturating_sub(self.origin.1).min(self.height - 1);
        usize::from(row) * usize::from(self.width) + usize::from(column)
    }
}
