//! Parties: who is asked, who joins, who leaves.

use crate::Profile::{V748, V759, V769};
use crate::form::{I16, I32, U8, U16, all, text};
use crate::table::{Accept::Also, Direction::Both, Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// Asks somebody to join; from the server, somebody asks. Of a client's packet only `leader` and `target` count;
    /// `leader` has to be the own id.
    PartyRequest = "party_request", shapes(Both, 0x037F, [44, 44, 44])
        .accepting(V759, Also(&[48]))
        .accepting(V769, Also(&[48]))
        .accepting(V748, Also(&[48]));
    /// Class of who asks.
    class: u8 = all(12, U8);
    /// 0: the leader asks.
    index: u8 = all(13, U8);
    /// Its level, zero based.
    level: u16 = all(14, I16);
    /// Its most hit points; above 30000 both are scaled down.
    hp_max: i32 = all(16, I16);
    /// Its hit points.
    hp: i32 = all(18, I16);
    /// Short id of who asks.
    leader: u16 = all(20, U16);
    /// Its name.
    name: String = all(22, text(16));
    /// Short id of who is asked.
    target: u16 = all(40, I32);
}

packet! {
    /// A member of the party. Assumed, since no source says it: each member is told once, the receiver itself too, the
    /// leader first; when somebody else leads, the party is dissolved at the client and told anew; what becomes of a
    /// member in view, the client takes from that one's score.
    PartyAdd = "party_add", shapes(ToClient, 0x037D, [40, 40, 40]);
    /// Its class.
    class: u8 = all(12, U8);
    /// 0 the leader, else its place.
    index: u8 = all(13, U8);
    /// Its level, zero based.
    level: u16 = all(14, I16);
    /// Its most hit points; above 30000 both are scaled down.
    hp_max: i32 = all(16, I16);
    /// Its hit points.
    hp: i32 = all(18, I16);
    /// Its short id, which it keeps out of sight, too.
    member: u16 = all(20, U16);
    /// Its name.
    name: String = all(22, text(16));
}

packet! {
    /// From a client: 0 or the own id leaves, another id sends that member away. From the server: 0 dissolves the party,
    /// else that member is out of it.
    PartyRemove = "party_remove", shapes(Both, 0x037E, [16, 16, 16]);
    /// Short id, or 0.
    member: u16 = all(12, I32);
}

packet! {
    /// Joins the party of who asked last; both fields have to be as they were asked.
    PartyAccept = "party_accept", shapes(ToServer, 0x03AB, [32, 32, 32]);
    /// Short id of who asked.
    leader: u16 = all(12, U16);
    /// Its name.
    name: String = all(14, text(16));
}
