//! A client of one version, as bare as it can be.

use super::{TOWN, soon};
use model::Tile;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::packet::{
    AccountLogin, AccountPin, Action, ActionStop, CharacterLogin, CharacterLogout, Chat, ClientPacket,
    ServerPacket, Whisper,
};
use wire::record::{Movement, Route};
use wire::{Deframer, Hidden, Profile, Token};

pub struct Client {
    socket: TcpStream,
    deframer: Deframer,
    pub profile: Profile,
    /// Clock of the server, from the packet read last.
    pub server_tick: u32,
    pub own: u16,
}

impl Client {
    pub async fn connect(address: SocketAddr, profile: Profile) -> Self {
        let mut client = Self::silent(address, profile).await;
        client.bytes(&wire::frame::INIT_CODE).await;
        client
    }

    /// Connected, without an init code.
    pub async fn silent(address: SocketAddr, profile: Profile) -> Self {
        let socket = soon("a connection", TcpStream::connect(address)).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, deframer: Deframer::without_init(), profile, server_tick: 0, own: 0 }
    }

    pub async fn bytes(&mut self, bytes: &[u8]) {
        // the edge may have closed already; what it did is seen by reading
        let _ = self.socket.write_all(bytes).await;
    }

    pub async fn send(&mut self, packet: impl Into<ClientPacket>) {
        let tick = self.server_tick;
        self.send_at(packet, tick).await;
    }

    pub async fn send_at(&mut self, packet: impl Into<ClientPacket>, tick: u32) {
        let mut frame = Vec::new();
        packet.into().encode(self.profile, self.own, tick, &mut frame).unwrap();
        wire::codec::encode_in_place(&mut frame, 0x5a);
        self.bytes(&frame).await;
    }

    /// The next packet: header id and contents; `None` when the edge closed the connection.
    pub async fn next(&mut self) -> Option<(u16, ServerPacket)> {
        let mut chunk = [0; 4_096];
        loop {
            if let Some(frame) = self.deframer.next().unwrap() {
                assert!(frame.checksum_ok());
                let header = frame.header();
                assert!(header.tick >= self.server_tick.max(60_000), "the server's clock went back");
                self.server_tick = header.tick;
                let packet = ServerPacket::parse(self.profile, &frame).unwrap();
                return Some((header.id, packet));
            }
            match soon("bytes of the edge", self.socket.read(&mut chunk)).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => assert_eq!(self.deframer.push(&chunk[..count]), count),
            }
        }
    }

    /// Reads up to a packet of this name.
    pub async fn until(&mut self, name: &str) -> (u16, ServerPacket) {
        loop {
            let Some((id, packet)) = self.next().await else {
                panic!("the edge closed the connection before {name}");
            };
            if let ServerPacket::EnterWorld(packet) = &packet {
                self.own = packet.client_id;
            }
            if packet.name() == name {
                return (id, packet);
            }
        }
    }

    /// The names of the next packets.
    pub async fn names(&mut self, count: usize) -> Vec<&'static str> {
        let mut names = Vec::new();
        for _ in 0..count {
            match self.next().await {
                Some((_, packet)) => {
                    if let ServerPacket::EnterWorld(packet) = &packet {
                        self.own = packet.client_id;
                    }
                    names.push(packet.name());
                }
                None => break,
            }
        }
        names
    }

    /// Reads the text of the next panel line.
    pub async fn panel(&mut self) -> String {
        match self.until("message_panel").await {
            (0, ServerPacket::MessagePanel(panel)) => panel.text,
            other => panic!("{other:?}"),
        }
    }

    /// Reads until the edge closes the connection.
    pub async fn closed(&mut self) {
        while self.next().await.is_some() {}
    }

    pub async fn log_in(&mut self, account: &str, password: &str, force: bool) {
        let version = match self.profile {
            Profile::V759 => 7640,
            Profile::V769 => 1758,
            Profile::V748 => 748,
        };
        self.log_in_as(account, password, force, version).await;
    }

    pub async fn log_in_as(&mut self, account: &str, password: &str, force: bool, version: i32) {
        let login = AccountLogin {
            account: account.to_owned(),
            password: Hidden::new(password),
            token: Token::default(),
            version,
            force,
            machine: [0; 4],
        };
        self.send(login).await;
    }

    pub async fn pin(&mut self, pin: &str) {
        self.send(AccountPin { pin: Hidden::new(pin), change: false }).await;
    }

    pub async fn choose(&mut self, slot: u8) {
        self.send(CharacterLogin { slot, force: false, key_queue: [0; 16] }).await;
    }

    pub async fn back_to_selection(&mut self) {
        self.send(CharacterLogout {}).await;
    }

    pub async fn walk(&mut self, route: &[u8]) {
        let tick = self.server_tick;
        self.walk_at(route, tick).await;
    }

    pub async fn walk_at(&mut self, route: &[u8], tick: u32) {
        let to = model::Route::from_ascii(route).unwrap().tiles(TOWN).last().unwrap_or(TOWN);
        self.send_at(walk(TOWN, route, to), tick).await;
    }

    pub async fn stop_at(&mut self, at: Tile, tick: u32) {
        let movement = walk(at, b"", at).movement;
        self.send_at(ActionStop { movement }, tick).await;
    }

    pub async fn walk_from(&mut self, from: Tile, route: &[u8]) {
        let to = model::Route::from_ascii(route).unwrap().tiles(from).last().unwrap_or(from);
        self.send(walk(from, route, to)).await;
    }

    pub async fn say(&mut self, text: &str) {
        self.send(Chat { text: text.to_owned() }).await;
    }

    pub async fn whisper(&mut self, name: &str, text: &str) {
        self.send(Whisper { name: name.to_owned(), text: text.to_owned(), color: 0 }).await;
    }
}

fn walk(from: Tile, route: &[u8], to: Tile) -> Action {
    Action {
        movement: Movement {
            x: from.x,
            y: from.y,
            effect: 0,
            speed: 3,
            route: Route::new(route).unwrap(),
            target_x: to.x,
            target_y: to.y,
        },
    }
}
