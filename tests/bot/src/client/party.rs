//! What a client asks for about parties.

use super::Client;
use crate::protocol::outgoing;
use crate::transport::ClientError;

impl Client {
    /// Asks the player behind an id to join.
    pub async fn ask_to_join(&mut self, target: u16) -> Result<(), ClientError> {
        let own = self.world.own();
        let packet = outgoing::ask_to_join(self.own_id, own.class, &own.name, target);
        self.send(packet).await
    }

    /// Joins whoever asked last; false when nobody did.
    pub async fn join(&mut self) -> Result<bool, ClientError> {
        let Some(by) = self.world.asked_to_join().cloned() else { return Ok(false) };
        self.send(outgoing::join(self.own_id, by.id, &by.name)).await?;
        Ok(true)
    }

    /// Leaves the party with 0, sends another member away with its id.
    pub async fn leave_party(&mut self, member: u16) -> Result<(), ClientError> {
        self.send(outgoing::with_number(0x37E, self.own_id, i32::from(member))).await
    }
}
