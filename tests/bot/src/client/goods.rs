//! What a client asks for about items and gold. Nothing is shown before the server says so.

use super::Client;
use crate::protocol::incoming::{OfferSeen, StallSeen, WareSeen};
use crate::protocol::outgoing;
use crate::protocol::place::Tile;
use crate::protocol::slot::Slot;
use crate::transport::ClientError;

impl Client {
    /// Moves an item; `keeper` is the id of the bank's keeper when one of the slots is in the bank, else 0.
    pub async fn move_item(&mut self, from: Slot, to: Slot, keeper: u16) -> Result<(), ClientError> {
        self.send(outgoing::move_item(self.own_id, from, to, keeper)).await
    }

    /// Splits pieces off a stack of the inventory.
    pub async fn split(&mut self, slot: u8, pieces: u16) -> Result<(), ClientError> {
        let kind = self.kind_in(Slot::carry(slot));
        self.send(outgoing::split(self.own_id, slot, kind, pieces)).await
    }

    /// Throws an item of the inventory away for ever.
    pub async fn destroy(&mut self, slot: u8) -> Result<(), ClientError> {
        let kind = self.kind_in(Slot::carry(slot));
        self.send(outgoing::destroy(self.own_id, slot, kind)).await
    }

    /// Lays an item on the ground.
    pub async fn drop_item(&mut self, from: Slot, tile: Tile) -> Result<(), ClientError> {
        let kind = self.kind_in(from);
        self.send(outgoing::drop_item(self.own_id, from, kind, tile)).await
    }

    /// Picks an item up from the ground into an inventory slot.
    pub async fn pick_up(&mut self, ground: u16, tile: Tile, to: u8) -> Result<(), ClientError> {
        self.send(outgoing::pick_up(self.own_id, ground, tile, to)).await
    }

    /// Looks at what a merchant sells.
    pub async fn open_shop(&mut self, merchant: u16) -> Result<(), ClientError> {
        self.send(outgoing::open_shop(self.own_id, merchant)).await
    }

    /// Buys what lies in a merchant's slot.
    pub async fn buy(&mut self, merchant: u16, shelf: u16, to: u8) -> Result<(), ClientError> {
        self.send(outgoing::buy(self.own_id, merchant, shelf, to)).await
    }

    /// Sells what lies in a slot.
    pub async fn sell(&mut self, merchant: u16, from: Slot) -> Result<(), ClientError> {
        self.send(outgoing::sell(self.own_id, merchant, from)).await
    }

    /// Asks what was sold lately.
    pub async fn list_sold(&mut self) -> Result<(), ClientError> {
        self.send(outgoing::list_sold(self.own_id)).await
    }

    /// Gold into the bank.
    pub async fn deposit(&mut self, amount: i32) -> Result<(), ClientError> {
        self.send(outgoing::deposit(self.own_id, amount)).await
    }

    /// Gold out of the bank.
    pub async fn withdraw(&mut self, amount: i32) -> Result<(), ClientError> {
        self.send(outgoing::withdraw(self.own_id, amount)).await
    }

    /// The own side of a trade; the first one asks for the trade.
    pub async fn offer(&mut self, offer: &OfferSeen) -> Result<(), ClientError> {
        self.send(outgoing::offer(self.own_id, offer)).await
    }

    /// Ends a trade, or closes the own personal shop.
    pub async fn quit_trade(&mut self) -> Result<(), ClientError> {
        self.send(outgoing::quit_trade(self.own_id)).await
    }

    /// Opens a personal shop; its wares stay in the bank.
    pub async fn open_stall(&mut self, stall: &StallSeen) -> Result<(), ClientError> {
        self.send(outgoing::open_stall(self.own_id, stall)).await
    }

    /// Looks at somebody's personal shop.
    pub async fn visit_stall(&mut self, owner: u16) -> Result<(), ClientError> {
        self.send(outgoing::visit_stall(self.own_id, owner)).await
    }

    /// Buys a ware of a personal shop, as it was shown.
    pub async fn buy_from_stall(&mut self, owner: u16, ware: &WareSeen, tax: u16) -> Result<(), ClientError> {
        self.send(outgoing::buy_from_stall(self.own_id, owner, ware, tax)).await
    }

    fn kind_in(&self, slot: Slot) -> u16 {
        self.world.slot(slot).map_or(0, |item| item.kind)
    }
}
