//! Where things live: tiles to zones, zones to nodes, accounts to buckets, buckets to shards.
//!
//! Pure: a function of members and weights, with no clock, no randomness and no IO. The ring only
//! *proposes*; what holds is the stored slot table and the stored bucket map. Placement is pinned by golden
//! tests: the hash of a name must stay the same for ever, or a new binary would look for accounts on
//! shards where they are not.

mod balance;
mod borders;
mod buckets;
mod instances;
mod parts;
mod plan;
mod propose;
mod ring;
mod shifts;
mod weigher;
mod weights;
mod wishes;
mod zones;

pub use balance::{Balancer, Look, NodeCosts};
pub use borders::{Borders, Crossings};
pub use buckets::{BUCKETS, BucketMap, bucket_of};
pub use instances::{FIRST_INSTANCE, instance_name, is_instance, parse_instance};
pub use parts::{SIDE_MIN, thread_of, whole_of};
pub use plan::{Basis, Node, nodes_of, plan_slots};
pub use ring::{Ring, VIRTUAL_NODES, stable_hash};
pub use shifts::Shift;
pub use weigher::{LONG, Seen, Weigher};
pub use weights::{counts, recount};
pub use wishes::{Judged, judge, opened_before, wished, wished_zones};
pub use zones::{BLOCK_SIDE, InstanceZone, ZoneTable};
