//! Letting a session in: is the zone ours, whose character is it, where does it stand.

use crate::journal;
use crate::node::Node;
use crate::queue::Turn;
use crate::saver;
use crate::session::Session;
use cluster::journal::Loading;
use model::calls::cluster::ReadCluster;
use model::calls::database::LoadCharacter;
use model::calls::node::{Attach, AttachReason, AttachRefusal};
use model::event::Arrival;
use model::{Character, Epoch, Stay, Tile, ZoneId};
use std::sync::Arc;
use std::time::Instant;
use world::{Entering, Snapshot};

/// Loads the character of a session under a new epoch and checks that it belongs into the zone.
pub(crate) async fn admit(
    node: &Arc<Node>,
    session: &Arc<Session>,
    attach: &Attach,
) -> Result<Entering, AttachRefusal> {
    let began = Instant::now();
    if node.closing.is_cancelled() || !owns(node, attach) {
        return Err(AttachRefusal::NotOwner);
    }
    if attach.reason == AttachReason::Login {
        // this one counts already
        if node.sessions.count() > node.settings.get().max_players {
            return Err(AttachRefusal::Overloaded);
        }
        wait_for_turn(node, attach)?;
    }
    let mut character = load(node, session, attach.reason).await?;
    let found = whereabouts(node, &mut character).await;
    let refusal = match found {
        Err(refusal) => Some(refusal),
        Ok((zone, _)) if zone != attach.zone => Some(AttachRefusal::OtherZone(zone)),
        Ok(_) if !owns(node, attach) => Some(AttachRefusal::NotOwner),
        Ok(_) => None,
    };
    if let Some(refusal) = refusal {
        // the character is given back as it is; the edge asks again, there or here
        let Character { account, id, soft, .. } = character;
        let as_loaded = Snapshot {
            session: session.id,
            account,
            character: id,
            number: 0,
            soft,
            jobs_done: 0,
            obeyed: 0,
        };
        saver::save_and_release(node, session, &as_loaded).await;
        return Err(refusal);
    }
    let put_out = found.is_ok_and(|(_, put_out)| put_out);
    let derived = rules::derive(&character, &node.content.items);
    character.soft.hp = derived.score.hp.max(1);
    character.soft.mp = derived.score.mp.max(0);
    let arrival = if attach.reason == AttachReason::Login { Arrival::Glow } else { Arrival::Plain };
    let on_foot = matches!(attach.reason, AttachReason::Handover(_));
    let away_ms = match attach.reason {
        AttachReason::Login => None,
        AttachReason::Handover(_) | AttachReason::Resume => {
            let here_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            Some(u64::from(attach.away_ms).saturating_add(here_ms))
        }
    };
    let epoch = session.epoch.get().copied().unwrap_or(Epoch(0));
    let walk = attach.walk.clone();
    Ok(Entering { session: session.id, epoch, character, derived, arrival, on_foot, away_ms, walk, put_out })
}

/// Label of an outcome for the metrics.
pub(crate) fn label(refusal: Option<&AttachRefusal>) -> &'static str {
    match refusal {
        None => "admitted",
        Some(AttachRefusal::NotOwner) => "not_owner",
        Some(AttachRefusal::OtherZone(_)) => "other_zone",
        Some(AttachRefusal::Overloaded) => "overloaded",
        Some(AttachRefusal::NoSuchCharacter) => "no_such_character",
        Some(AttachRefusal::StoreUnavailable) => "store_unavailable",
        Some(AttachRefusal::Queued { .. }) => "queued",
    }
}

/// Where nobody new is let in a login waits in the queue. Who is handed over or comes back from a node that died never does,
/// and is let in beyond the limit: who plays goes on playing.
fn wait_for_turn(node: &Node, attach: &Attach) -> Result<(), AttachRefusal> {
    let pause = node.settings.get().overload.login_pause();
    let refuses = node.loads.refuses(attach.zone);
    let mut queue = node.queue.lock();
    let turn = queue.ask(attach.character, refuses, pause, Instant::now());
    node.metrics.login_queue.set(i64::try_from(queue.len()).unwrap_or(i64::MAX));
    match turn {
        Turn::Enter => Ok(()),
        Turn::Wait(place) => Err(AttachRefusal::Queued { place }),
        Turn::Full => Err(AttachRefusal::Overloaded),
    }
}

fn owns(node: &Node, attach: &Attach) -> bool {
    node.zones.read().get(&attach.zone) == Some(&attach.zone_epoch)
}

async fn load(node: &Node, session: &Session, reason: AttachReason) -> Result<Character, AttachRefusal> {
    let request =
        LoadCharacter { account: session.account, character: session.character, owner: node.name.clone() };
    let permit = node.store_permits.acquire().await;
    let answer = node.store.load_character(request).await;
    drop(permit);
    match answer {
        Ok(Ok(loaded)) => {
            // a session loads once: its epoch cannot be set before
            session.epoch.get_or_init(|| loaded.epoch);
            let mut character = loaded.character;
            let loading = Loading {
                character: character.id,
                stored: loaded.soft_from,
                former: loaded.former_owner.as_ref(),
                reason,
            };
            if let Some(newer) = journal::recall(node, &loading).await {
                character.soft = newer;
            }
            Ok(character)
        }
        Ok(Err(_)) => Err(AttachRefusal::NoSuchCharacter),
        Err(failure) => {
            tracing::warn!(session = %session.id, %failure, "a character could not be loaded");
            Err(AttachRefusal::StoreUnavailable)
        }
    }
}

/// The zone in which a character is to play, with its tile set to where it stands there, and whether it was in an instance that is gone: then it
/// stands where it had entered.
async fn whereabouts(node: &Node, character: &mut Character) -> Result<(ZoneId, bool), AttachRefusal> {
    let table = node.table.load_full();
    let stay = character.soft.inside().copied();
    let gone = stay.filter(|stay| table.zone_of_instance(stay.instance).is_none());
    if let Some(stay) = gone {
        // this node may be the last to hear of it
        let report = node.store.read_cluster(ReadCluster).await.map_err(|failure| {
            tracing::warn!(%failure, "it is not known whether an instance is gone");
            AttachRefusal::StoreUnavailable
        })?;
        let open = report.wishes.instances.get(&stay.instance);
        if open.is_some_and(|open| table.place(&open.place).is_some()) {
            return Err(AttachRefusal::NotOwner);
        }
        character.soft.tile = stay.back;
        character.soft.stay = Some(Stay { over: true, ..stay });
    }
    character.soft.tile = standing_place(node, character);
    Ok((table.whereabouts(&character.soft).0, gone.is_some()))
}

/// Where the character stands: its own tile, or its home city when nobody can stand there.
fn standing_place(node: &Node, character: &Character) -> Tile {
    let tile = character.soft.tile;
    if !node.content.terrain.is_blocked(tile) {
        return tile;
    }
    let home = usize::from(character.soft.home_city).min(node.content.cities.len() - 1);
    node.content.cities[home].spawn
}
