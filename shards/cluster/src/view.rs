//! One consistent look at the cluster.

use model::membership::{ClusterView, Member, Role, Slot, SlotTable};
use model::{Epoch, ZoneId};
use placement::ZoneTable;

/// Live members and owners of zones, as last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Live members, ordered by name.
    pub members: Vec<Member>,
    /// How the map is divided.
    pub zones: ZoneTable,
    /// Version of the slot table; 0 before the first one.
    pub version: u64,
    /// Who may be alive although its lease has ended, ordered by name.
    late: Vec<Member>,
    slots: Vec<Slot>,
}

impl View {
    /// From what the store says.
    pub fn new(stored: ClusterView) -> Self {
        let ClusterView { mut members, lapsed: late, table } = stored;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let mut slots = table.slots;
        slots.sort_by_key(|slot| slot.zone);
        Self { members, zones: ZoneTable::new(table.named_zones), version: table.version, late, slots }
    }

    /// As the store would say it.
    pub fn to_stored(&self) -> ClusterView {
        let named_zones = self.zones.named().to_vec();
        let table = SlotTable { version: self.version, named_zones, slots: self.slots.clone() };
        ClusterView { members: self.members.clone(), lapsed: Vec::new(), table }
    }

    /// The row of a zone.
    pub fn slot(&self, zone: ZoneId) -> Option<&Slot> {
        let index = self.slots.binary_search_by_key(&zone, |slot| slot.zone).ok()?;
        self.slots.get(index)
    }

    /// All rows, ordered by zone.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The live node that owns a zone, and under which epoch.
    pub fn owner(&self, zone: ZoneId) -> Option<(&Member, Epoch)> {
        let slot = self.slot(zone)?;
        let name = slot.owner.as_ref()?;
        self.members.iter().find(|member| member.name == *name).map(|member| (member, slot.epoch))
    }

    /// Live members of a role, by name.
    pub fn members_of(&self, role: Role) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| member.role == role)
    }

    /// Nodes that may keep something of a character: the live ones, and those that may be late.
    pub fn keepers(&self) -> impl Iterator<Item = &Member> {
        self.members_of(Role::TmSrv).chain(self.late.iter().filter(|member| member.role == Role::TmSrv))
    }

    /// True when there is a table and each of its zones has a live owner.
    pub fn is_complete(&self) -> bool {
        !self.slots.is_empty() && self.slots.iter().all(|slot| self.owner(slot.zone).is_some())
    }
}
