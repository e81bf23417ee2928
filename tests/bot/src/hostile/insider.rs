//! Attacks by somebody who has an account and is in the world.

use super::Attack;
use super::outsider::random_frame;
use super::tally::Kind;
use crate::client::{Client, ClientError, EnterOutcome, Event, LoginOutcome, PinOutcome, SelectionOutcome};
use crate::protocol::bytes::put_u16;
use crate::protocol::outgoing;
use crate::protocol::place::{Steps, Tile};
use crate::protocol::profile::Profile;
use crate::signup::SignupPage;
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an attack watches what the server does about it.
const WATCH: Duration = Duration::from_secs(2);
/// Rest after something went wrong.
const REST: Duration = Duration::from_secs(1);
/// The PIN of insiders.
const PIN: &str = "135790";
/// What insiders do in the world.
const KINDS: [Kind; 6] =
    [Kind::Replay, Kind::ForgedIds, Kind::ChatFlood, Kind::PacketFlood, Kind::BadFields, Kind::RandomFrames];

struct Insider {
    profile: Profile,
    account: String,
    password: String,
    character: String,
}

/// Attacks until the run is over.
pub(super) async fn attack(attack: Arc<Attack>, page: SignupPage, seed: u64, number: usize, mut rng: StdRng) {
    let profile = Profile::ALL[number % 3];
    let account = format!("evil{:04x}{number}", seed & 0xFFFF);
    let insider = Insider {
        profile,
        character: format!("E{}", &account[1..]),
        password: "evilpw1".to_owned(),
        account,
    };
    if let Err(error) = page.make(&insider.account, &insider.password).await {
        attack.tally.unexpected(|| format!("no account for an insider: {error}"));
        return;
    }
    while !attack.is_over() {
        // a connection that breaks is what the attacks are for; the next round opens another
        if once(&attack, &insider, &mut rng).await.is_err() {
            tokio::time::sleep(REST).await;
        }
    }
}

async fn once(attack: &Attack, insider: &Insider, rng: &mut StdRng) -> Result<(), ClientError> {
    let edge = attack.edge.to_string();
    let mut client = Client::connect(insider.profile, &edge).await?;
    let LoginOutcome::CharList(list) = client.login(&insider.account, &insider.password, true).await? else {
        return Err(ClientError::Closed);
    };
    if insider.profile.has_pin() {
        if rng.random_bool(0.2) {
            return enter_before_pin(attack, &mut client).await;
        }
        if client.pin(PIN, false).await? != PinOutcome::Right {
            return Err(ClientError::Closed);
        }
    }
    if rng.random_bool(0.1) {
        client.send(outgoing::login(insider.profile, &insider.account, &insider.password, true)).await?;
        let closed = watch(attack, &mut client).await;
        attack.tally.attempt(Kind::LoginTwice, closed);
        return Ok(());
    }
    let slot = match list.characters.first() {
        Some(character) => character.slot,
        None => match client.create_character(0, &insider.character, 0).await? {
            SelectionOutcome::Done(_) => 0,
            SelectionOutcome::Refused => return Err(ClientError::Closed),
        },
    };
    let EnterOutcome::Entered(_) = client.enter(slot).await? else { return Err(ClientError::Closed) };
    while !attack.is_over() {
        let kind = KINDS[rng.random_range(0..KINDS.len())];
        let sent = misbehave(&mut client, kind, rng).await;
        let closed = sent.is_err() || watch(attack, &mut client).await;
        attack.tally.attempt(kind, closed);
        if closed {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks for the world without the PIN; being let in would be a hole.
async fn enter_before_pin(attack: &Attack, client: &mut Client) -> Result<(), ClientError> {
    client.send(outgoing::character_login(0)).await?;
    let by = attack.ends_at.min(Instant::now() + WATCH);
    let mut closed = false;
    loop {
        match client.next_event(by).await {
            Ok(Some((Event::Entered(_), _))) => {
                attack
                    .tally
                    .unexpected(|| "a character entered the world before the PIN was given".to_owned());
                break;
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => {
                closed = true;
                break;
            }
        }
    }
    attack.tally.attempt(Kind::EnterBeforePin, closed);
    Ok(())
}

async fn misbehave(client: &mut Client, kind: Kind, rng: &mut StdRng) -> Result<(), ClientError> {
    let profile = client.profile();
    let own = client.world().own().own_id;
    let at = client.world().tile(Instant::now());
    let steps = Steps::straight(at, Tile::new(at.x + 5, at.y));
    match kind {
        Kind::Replay => {
            let mut packet = outgoing::walk(profile, own, at, &steps, client.world().speed());
            outgoing::stamp(&mut packet, client.tick());
            wire::codec::encode_in_place(&mut packet, rng.random());
            for _ in 0..20 {
                client.send_raw(&packet).await?;
            }
        }
        Kind::ForgedIds => {
            for _ in 0..20 {
                let id = rng.random_range(0..30_010);
                client.send(outgoing::walk(profile, id, at, &steps, 15)).await?;
                client.send(outgoing::say(profile, id, "I am somebody else")).await?;
                client.send(outgoing::with_number(0x369, own, i32::from(rng.random::<u16>()))).await?;
                client.send(outgoing::attack(profile, own, at, rng.random(), at)).await?;
            }
        }
        Kind::ChatFlood => {
            for number in 0..100 {
                client.send(outgoing::say(profile, own, &format!("buy gold {number}"))).await?;
                client.send(outgoing::whisper(profile, own, "Anybody", "buy gold")).await?;
            }
        }
        Kind::PacketFlood => {
            for _ in 0..1000 {
                client.send(outgoing::motion(own, 17, 0)).await?;
            }
        }
        Kind::BadFields => bad_fields(client, rng).await?,
        _ => {
            for _ in 0..10 {
                client.send_raw(&random_frame(rng)).await?;
            }
        }
    }
    Ok(())
}

/// Known opcodes with impossible contents and sizes.
async fn bad_fields(client: &mut Client, rng: &mut StdRng) -> Result<(), ClientError> {
    let profile = client.profile();
    let own = client.world().own().own_id;
    let route = profile.layout().action.route;
    for _ in 0..10 {
        let mut steps = Steps::NONE;
        (0..24).for_each(|_| steps.push(rng.random_range(1..=255)));
        let from = Tile::new(rng.random(), rng.random());
        let mut walk = outgoing::walk(profile, own, from, &Steps::NONE, rng.random());
        walk[route..route + 24].copy_from_slice(steps.digits());
        client.send(walk).await?;
        let mut short = outgoing::say(profile, own, "short");
        short.truncate(rng.random_range(12..60));
        let len = short.len() as u16;
        put_u16(&mut short, 0, len);
        client.send(short).await?;
        let mut unended = outgoing::say(profile, own, "");
        unended[12..].fill(b'x');
        client.send(unended).await?;
        client.send(outgoing::character_login(rng.random())).await?;
        client.send(outgoing::with_number(0x291, own, rng.random())).await?;
        let mut unchecked = outgoing::walk(profile, own, from, &Steps::NONE, 2);
        outgoing::stamp(&mut unchecked, 235_543_242);
        wire::codec::encode_in_place(&mut unchecked, rng.random());
        client.send_raw(&unchecked).await?;
    }
    Ok(())
}

/// Reads on for a while; true when the server closed.
async fn watch(attack: &Attack, client: &mut Client) -> bool {
    let by = attack.ends_at.min(Instant::now() + WATCH);
    loop {
        match client.next_event(by).await {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}
