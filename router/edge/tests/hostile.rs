//! What hostile and broken clients get, at the real socket.
#![allow(clippy::unwrap_used)]

mod support;

use edge::{Budgets, Connections, Deadlines, Settings};
use model::event::Event;
use support::{Client, Stage, TOWN, eventually, settings};
use wire::packet::{Chat, ClientPacket, Ping};
use wire::{Profile, frame};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_client_is_closed() {
    let stage = Stage::new(settings()).await;
    let mut stranger = Client::silent(stage.edge.players(), Profile::V759).await;
    stranger.bytes(b"GET / HTTP/1.1\r\n\r\n").await;
    stranger.closed().await;

    for size in [5_u16, 8_193, 0xffff] {
        let mut oversized = stage.connect(Profile::V759).await;
        oversized.bytes(&size.to_le_bytes()).await;
        oversized.closed().await;
    }

    let mut hasty = stage.connect(Profile::V759).await;
    hasty.walk(b"6").await;
    hasty.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_of_a_wrong_size_or_in_a_wrong_phase_closes() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let mut frame = Vec::new();
    ClientPacket::from(Chat { text: "hi".to_owned() })
        .encode(Profile::V759, 1, client.server_tick, &mut frame)
        .unwrap();
    frame.extend_from_slice(&[0; 8]);
    let size = frame.len() as u16;
    frame[0..2].copy_from_slice(&size.to_le_bytes());
    wire::codec::encode_in_place(&mut frame, 1);
    client.bytes(&frame).await;
    client.closed().await;

    let mut client = stage.enter(Profile::V748, "other").await;
    client.log_in("other", "secret", true).await;
    client.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_wrong_checksums_close() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    for _ in 0..3 {
        let mut frame = Vec::new();
        ClientPacket::from(Ping {}).encode(Profile::V759, 1, client.server_tick, &mut frame).unwrap();
        wire::codec::encode_in_place(&mut frame, 1);
        frame[3] = frame[3].wrapping_add(1);
        client.bytes(&frame).await;
    }
    client.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_closed_by_its_strikes() {
    let budgets = Budgets { strikes_max: 5, ..Budgets::default() };
    let stage = Stage::new(Settings { budgets, ..settings() }).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    for _ in 0..400 {
        client.send(Ping {}).await;
    }
    client.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_close_who_says_nothing_or_half_a_packet() {
    let deadlines =
        Deadlines { init_code_ms: 200, login_ms: 600, partial_frame_ms: 300, ..Deadlines::default() };
    let stage = Stage::new(Settings { deadlines, ..settings() }).await;
    let mut silent = Client::silent(stage.edge.players(), Profile::V759).await;
    silent.closed().await;
    let mut polite = stage.connect(Profile::V759).await;
    polite.closed().await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    client.bytes(&[100, 0, 1]).await;
    client.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_dropped_saved_and_logged_out() {
    let connections = Connections { write_queue_bytes: 32_768, ..Connections::default() };
    let stage = Stage::new(Settings { connections, ..settings() }).await;
    let client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    let (node, registry) = (stage.nodes[0].clone(), stage.registry.clone());
    let talk = async {
        // no reader: the kernel's buffers fill first, then the edge's own
        while !node.was_told_to_detach(session) {
            for _ in 0..100 {
                let notice = model::event::Notice::Text("x".repeat(90));
                node.tell(session, Event::Notice(notice)).await;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), talk).await.expect("dropped as too slow");
    eventually("logged out", || registry.has_logged_out(session)).await;
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_silent_connections_do_not_keep_a_player_out() {
    let connections = Connections { half_open_max: 20, ..Connections::default() };
    let stage = Stage::new(Settings { connections, ..settings() }).await;
    let mut playing = stage.enter(Profile::V748, "first").await;
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(Client::silent(stage.edge.players(), Profile::V759).await);
    }
    for client in silent.iter_mut().take(30) {
        client.closed().await;
    }
    let mut player = stage.enter(Profile::V759, "hero").await;
    player.say("hello").await;
    playing.until("chat").await;
    assert!(TOWN.is_on_map());
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_never_hurt_the_others() {
    // a random size may promise more bytes than ever come
    let deadlines = Deadlines { partial_frame_ms: 200, login_ms: 3_000, ..Deadlines::default() };
    let stage = Stage::new(Settings { deadlines, ..settings() }).await;
    let mut playing = stage.enter(Profile::V748, "first").await;
    let mut seed = 0x9e37_79b9_u32;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed
    };
    for _ in 0..50 {
        let mut hostile = stage.connect(Profile::V759).await;
        let bytes: Vec<u8> = (0..2_000).map(|_| random() as u8).collect();
        hostile.bytes(&bytes).await;
        hostile.closed().await;
    }
    let mut logged_in = stage.enter(Profile::V769, "hostile").await;
    for _ in 0..60 {
        let size = frame::HEADER_SIZE + (random() % 200) as usize;
        let mut frame: Vec<u8> = (0..size).map(|_| random() as u8).collect();
        frame[0..2].copy_from_slice(&(size as u16).to_le_bytes());
        wire::codec::encode_in_place(&mut frame, random() as u8);
        logged_in.bytes(&frame).await;
    }
    let mut player = stage.enter(Profile::V759, "hero").await;
    player.say("still here").await;
    playing.until("chat").await;
}
