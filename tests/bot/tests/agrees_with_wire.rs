//! Two readings of the published packet layouts against each other: the bots' own offsets and the server's table.
//!
//! This is the only place where the bots meet the server's packet table.
#![allow(clippy::unwrap_used)]

use bot::protocol::bytes::u16_at;
use bot::protocol::incoming::{ItemSeen, Packet, ScoreSeen, SelectionEntry, read};
use bot::protocol::outgoing;
use bot::protocol::place::{Steps, Tile};
use bot::protocol::profile::Profile;
use bot::protocol::sizes::{SizeVerdict, judge};
use wire::record::{CharacterList, Item, Score};
use wire::sample::Samples;
use wire::{ClientPacket, Frame, ServerPacket};

fn theirs(profile: Profile) -> wire::Profile {
    match profile {
        Profile::V759 => wire::Profile::V759,
        Profile::V769 => wire::Profile::V769,
        Profile::V748 => wire::Profile::V748,
    }
}

/// Every packet of the server in a profile, several samples each, with its bytes; the header says id 77.
fn server_packets(profile: Profile) -> Vec<(ServerPacket, Vec<u8>)> {
    (0..20u64)
        .flat_map(|round| {
            ServerPacket::samples(theirs(profile), |name| Samples::new(round * 7919 + name.len() as u64))
        })
        .map(|packet| {
            let mut bytes = Vec::new();
            packet.encode(theirs(profile), 77, 60_000, &mut bytes).unwrap();
            (packet, bytes)
        })
        .collect()
}

fn item(item: &Item) -> Option<ItemSeen> {
    let pairs = &item.effects;
    let effects = std::array::from_fn(|index| {
        let pair = &pairs[index / 2];
        if index % 2 == 0 { pair.kind } else { pair.value }
    });
    (item.kind != 0).then_some(ItemSeen { kind: item.kind, effects })
}

fn items(all: &[Item], slots: usize) -> Vec<Option<ItemSeen>> {
    all.iter().take(slots).map(item).collect()
}

fn score(score: &Score) -> ScoreSeen {
    ScoreSeen {
        level: score.level,
        merchant: score.merchant_dir & 15,
        speed: score.attack_run & 15,
        hp: score.hp,
        max_hp: score.hp_max,
        mp: score.mp,
        max_mp: score.mp_max,
        attributes: [score.strength, score.intelligence, score.dexterity, score.constitution],
    }
}

fn assert_selection(profile: Profile, ours: &[SelectionEntry], theirs: &CharacterList) {
    let named = (0..4).filter(|&slot| theirs.get(slot).is_some()).count();
    assert_eq!(ours.len(), named);
    for entry in ours {
        let there = theirs.get(usize::from(entry.slot)).unwrap();
        assert_eq!((&entry.name, entry.tile), (&there.name, Tile::new(there.x, there.y)));
        assert_eq!(entry.score, score(&there.score));
        assert_eq!((i64::from(entry.gold), entry.experience), (there.gold, there.experience));
        assert_eq!(entry.equip, items(&there.equip, profile.layout().equip_slots));
    }
}

/// Compares what both sides make of one packet; false for packets that bots do not look into.
fn compare(profile: Profile, packet: &ServerPacket, seen: &Packet) -> bool {
    match (packet, seen) {
        (ServerPacket::CharList(list), Packet::CharList(seen)) => {
            assert_eq!(seen.account, list.account);
            assert_eq!(i64::from(seen.cargo_gold), list.cargo_gold);
            assert_eq!(seen.cargo, items(&list.cargo[..], profile.layout().cargo_slots));
            assert_eq!(seen.key_queue_empty, list.key_queue == [0; 16]);
            assert_selection(profile, &seen.characters, &list.characters);
        }
        (ServerPacket::CharListAfterCreate(list), Packet::Created(seen)) => {
            assert_selection(profile, seen, &list.characters);
        }
        (ServerPacket::CharListAfterDelete(list), Packet::Deleted(seen)) => {
            assert_selection(profile, seen, &list.characters);
        }
        (ServerPacket::EnterWorld(enter), Packet::Entered(seen)) => {
            let name: String = enter.mob.name.chars().take(12).collect();
            assert_eq!((seen.own_id, seen.slot, &seen.name), (enter.client_id, enter.slot, &name));
            assert_eq!(seen.tile, Tile::new(enter.x, enter.y));
            assert_eq!(seen.score, score(&enter.mob.current_score));
            assert_eq!((i64::from(seen.gold), seen.experience), (enter.mob.gold, enter.mob.experience));
            assert_eq!(seen.class, enter.mob.class);
            assert_eq!(seen.equip, items(&enter.mob.equip, profile.layout().equip_slots));
            assert_eq!(seen.carry, items(&enter.mob.carry, 64));
        }
        (
            ServerPacket::CreateMob(create),
            Packet::Create { id, name, tile, score: seen, guild, kind, stall },
        ) => {
            assert_eq!((*id, name, stall), (create.plate.id, &create.plate.name, &None));
            assert_eq!((*tile, *kind), (Tile::new(create.x, create.y), create.create_type));
            assert_eq!((*seen, *guild), (score(&create.score), create.guild));
        }
        (ServerPacket::RemoveMob(remove), Packet::Remove { id, kind }) => {
            assert_eq!((*id, i64::from(*kind)), (77, i64::from(remove.reason)));
        }
        (ServerPacket::Action(action), Packet::Action { id, from, to, steps, effect, speed }) => {
            let there = &action.movement;
            assert_eq!((*id, *from), (77, Tile::new(there.x, there.y)));
            assert_eq!(*to, Tile::new(there.target_x, there.target_y));
            assert_eq!((steps.digits(), *effect), (there.route.digits(), there.effect));
            assert_eq!(*speed, there.speed as u8);
        }
        (ServerPacket::ActionStop(stop), Packet::Stop { id, at }) => {
            assert_eq!((*id, *at), (77, Tile::new(stop.movement.target_x, stop.movement.target_y)));
        }
        (ServerPacket::Motion(motion), Packet::Motion { motion: seen, .. }) => {
            assert_eq!(*seen, motion.motion)
        }
        (ServerPacket::Chat(chat), Packet::Chat { id, text }) => assert_eq!((*id, text), (77, &chat.text)),
        (ServerPacket::MessagePanel(panel), Packet::Panel(text)) => assert_eq!(*text, panel.text),
        (ServerPacket::InstanceTimer(timer), Packet::Timer { seconds }) => {
            assert_eq!(*seconds, timer.seconds);
        }
        (ServerPacket::Whisper(whisper), Packet::Whisper { from, text }) => {
            assert_eq!((from, text), (&whisper.name, &whisper.text));
        }
        (ServerPacket::UpdateScore(update), Packet::Score { id, score: seen, guild }) => {
            assert_eq!((*id, *seen, *guild), (77, score(&update.score), update.guild));
        }
        (ServerPacket::UpdateEtc(etc), Packet::Etc { experience, gold }) => {
            assert_eq!((*experience, i64::from(*gold)), (etc.experience, etc.gold));
        }
        (ServerPacket::UpdateCarry(update), Packet::Carry { carry, gold }) => {
            assert_eq!((carry, i64::from(*gold)), (&items(&update.carry[..], 64), update.gold));
        }
        (_, Packet::Other { .. }) => return false,
        _ => {}
    }
    true
}

#[test]
fn every_packet_of_the_server_has_the_size_that_its_client_reads() {
    for profile in Profile::ALL {
        for (packet, bytes) in server_packets(profile) {
            let verdict = judge(profile, u16_at(&bytes, 4), bytes.len());
            assert_eq!(verdict, SizeVerdict::Right, "{} in {profile}, {} bytes", packet.name(), bytes.len());
        }
    }
}

#[test]
fn what_the_server_writes_is_what_a_bot_reads() {
    for profile in Profile::ALL {
        let looked_into = server_packets(profile)
            .iter()
            .filter(|(packet, bytes)| compare(profile, packet, &read(profile, bytes)))
            .count();
        assert!(looked_into > 20 * 12, "only {looked_into} packets of {profile} were compared");
    }
}

fn parsed(profile: Profile, packet: &[u8]) -> ClientPacket {
    ClientPacket::parse(theirs(profile), &Frame::from_plain(packet).unwrap()).unwrap()
}

#[test]
fn what_a_bot_writes_before_the_world_is_what_the_server_reads() {
    for profile in Profile::ALL {
        let login = outgoing::login(profile, "ana", "secret", true);
        let accepted = wire::AcceptedVersions::default();
        let (found, login) = wire::login::recognise(&Frame::from_plain(&login).unwrap(), &accepted).unwrap();
        assert_eq!(found, theirs(profile));
        assert_eq!((login.account.as_str(), login.password.reveal(), login.force), ("ana", "secret", true));

        let ClientPacket::CreateCharacter(create) =
            parsed(profile, &outgoing::create_character(2, "Anastacia", 3))
        else {
            panic!("no create")
        };
        assert_eq!((create.slot, create.name.as_str(), create.class), (2, "Anastacia", 3));
        let packet = outgoing::delete_character(profile, 1, "Anastacia", "secret");
        let ClientPacket::DeleteCharacter(delete) = parsed(profile, &packet) else { panic!("no delete") };
        assert_eq!((delete.slot, delete.name.as_str(), delete.password.reveal()), (1, "Anastacia", "secret"));
        let ClientPacket::CharacterLogin(enter) = parsed(profile, &outgoing::character_login(3)) else {
            panic!("no character login")
        };
        assert_eq!(enter.slot, 3);
        if profile.has_pin() {
            let ClientPacket::AccountPin(pin) = parsed(profile, &outgoing::pin("258014", true)) else {
                panic!("no PIN")
            };
            assert_eq!((pin.pin.reveal(), pin.change), ("258014", true));
        }
    }
}

#[test]
fn what_a_bot_writes_in_the_world_is_what_the_server_reads() {
    for profile in Profile::ALL {
        let from = Tile::new(2100, 2100);
        let steps = Steps::straight(from, Tile::new(2106, 2103));
        let ClientPacket::Action(walk) = parsed(profile, &outgoing::walk(profile, 5, from, &steps, 3)) else {
            panic!("no walk")
        };
        let walk = walk.movement;
        assert_eq!((walk.x, walk.y, walk.target_x, walk.target_y), (2100, 2100, 2106, 2103));
        assert_eq!((walk.route.digits(), walk.speed, walk.effect), (steps.digits(), 3, 0));
        let packet = outgoing::stop(profile, 5, Tile::new(2101, 2101), Tile::new(2106, 2103), 3);
        let ClientPacket::ActionStop(stop) = parsed(profile, &packet) else { panic!("no stop") };
        assert_eq!((stop.movement.target_x, stop.movement.x), (2101, 2106));
        let ClientPacket::Chat(chat) = parsed(profile, &outgoing::say(profile, 5, "bom dia")) else {
            panic!("no chat")
        };
        assert_eq!(chat.text, "bom dia");
        let packet = outgoing::whisper(profile, 5, "Bento", "psst");
        let ClientPacket::Whisper(whisper) = parsed(profile, &packet) else { panic!("no whisper") };
        assert_eq!((whisper.name.as_str(), whisper.text.as_str()), ("Bento", "psst"));
        let ClientPacket::Motion(motion) = parsed(profile, &outgoing::motion(5, 17, 3)) else {
            panic!("no emote")
        };
        assert_eq!((motion.motion, motion.parm), (17, 3));
        let ClientPacket::ChangeCity(city) = parsed(profile, &outgoing::with_number(0x291, 5, 4)) else {
            panic!("no city")
        };
        assert_eq!(city.city, 4);
        let ClientPacket::RequestMob(who) = parsed(profile, &outgoing::with_number(0x369, 5, 1234)) else {
            panic!("no question")
        };
        assert_eq!(who.target, 1234);
        let bare = [outgoing::bare(0x289, 5), outgoing::bare(0x215, 5), outgoing::bare(0x3A0, 5)];
        let names: Vec<&str> = bare.iter().map(|packet| parsed(profile, packet).name()).collect();
        assert_eq!(names, ["restart", "character_logout", "ping"]);
        let countdown = outgoing::with_number(0x3AE, 5, 0);
        assert_eq!(parsed(profile, &countdown).name(), "quit_delay");
        assert_eq!(parsed(profile, &outgoing::with_number(0x290, 5, 0)).name(), "teleport_request");
    }
}
