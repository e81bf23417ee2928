//! Items, shops, trades and gold between clients of all versions and a node of the test's.
#![allow(clippy::unwrap_used)]

mod support;

use model::event::{Appearance, Event};
use model::item::{Container, Effect, Item, ItemKind, ItemSpec, Slot};
use model::trade::{Offer, OfferItem, Ware};
use model::{CharacterId, Command, EntityId, GroundId, ItemId, SessionId, Tile};
use support::fakes::{appeared, player};
use support::{Client, FakeNode, Stage, TOWN, eventually, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::packet::{
    Autotrade, AutotradeBuy, AutotradeOpen, CargoDepositGold, CargoWithdrawGold, ClientPacket, DeleteItem,
    DropItem, MoveItem, NO_SLOT, PickItem, Repurchase, ServerPacket, ShopBuy, ShopOpen, ShopSell, SplitItem,
    Trade, TradeQuit, UseItem,
};
use wire::{Profile, SCENE_FIELD, record};

fn potions() -> Item {
    let effects = [Effect { code: 61, value: 20 }, Effect::default(), Effect::default()];
    Item { id: ItemId(77), kind: ItemKind(412), effects }
}

/// The same as clients show it.
fn shown() -> record::Item {
    let mut item = record::Item { kind: 412, ..record::Item::default() };
    item.effects[0] = record::ItemEffect { kind: 61, value: 20 };
    item
}

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

fn cargo(index: u8) -> Slot {
    Slot { container: Container::Cargo, index }
}

/// A player in the world beside a merchant and another player.
struct Scene {
    stage: Stage,
    client: Client,
    session: SessionId,
    merchant: u16,
    other: u16,
    other_entity: EntityId,
    merchant_entity: EntityId,
}

impl Scene {
    async fn new(profile: Profile) -> Self {
        Self::with(profile, settings()).await
    }

    async fn with(profile: Profile, settings: edge::Settings) -> Self {
        let stage = Stage::new(settings).await;
        let mut client = stage.enter(profile, "hero").await;
        let (_, merchant) = client.until("create_mob").await;
        let ServerPacket::CreateMob(merchant) = merchant else { panic!("{merchant:?}") };
        let session = stage.registry.session_of("hero").unwrap();
        let other_entity = EntityId::of_character(CharacterId(909));
        let merchant_entity = EntityId::of_creature(stage.zone(TOWN), model::Epoch(1), 1);
        let mut scene = Self {
            stage,
            client,
            session,
            merchant: merchant.plate.id,
            other: 0,
            other_entity,
            merchant_entity,
        };
        scene.tell(appeared(player(CharacterId(909)))).await;
        let (_, other) = scene.client.until("create_mob").await;
        let ServerPacket::CreateMob(other) = other else { panic!("{other:?}") };
        scene.other = other.plate.id;
        scene
    }

    fn node(&self) -> &FakeNode {
        &self.stage.nodes[0]
    }

    async fn tell(&self, event: Event) {
        self.node().tell(self.session, event).await;
    }

    async fn ask(&mut self, packet: impl Into<ClientPacket>) {
        self.client.send(packet).await;
    }

    /// What the node heard, once it has heard so many commands.
    async fn heard(&self, count: usize) -> Vec<Command> {
        eventually("the commands arrive", || self.node().commands().len() >= count).await;
        self.node().commands()
    }
}

fn trade_packet(opponent: u16) -> Trade {
    let mut trade = Trade { gold: 50, checked: true, opponent, ..Trade::default() };
    trade.slots = [NO_SLOT; 15];
    trade.items[2] = shown();
    trade.slots[2] = 5;
    trade
}

fn stall_packet(owner: u16, title: &str) -> Autotrade {
    let mut stall = Autotrade { title: title.to_owned(), owner, ..Autotrade::default() };
    stall.slots = [NO_SLOT; 12];
    stall.items[1] = shown();
    stall.slots[1] = 119;
    stall.prices[1] = 900;
    stall
}

#[tokio::test(flavor = "multi_thread")]
async fn what_players_ask_arrives_free_of_versions_and_short_ids() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        let (merchant, other, own) = (scene.merchant, scene.other, scene.client.own);
        let (seller, partner) = (scene.merchant_entity, scene.other_entity);
        let spec = potions().spec();
        let mut expected = Vec::new();
        let mut asks: Vec<(ClientPacket, Command)> = vec![
            (
                MoveItem {
                    to_container: 2,
                    to_slot: 119,
                    from_container: 1,
                    from_slot: 63,
                    keeper: merchant,
                }
                .into(),
                Command::MoveItem { from: carry(63), to: cargo(119), keeper: Some(seller) },
            ),
            (
                MoveItem { to_container: 1, to_slot: 3, from_container: 1, from_slot: 2, keeper: merchant }
                    .into(),
                Command::MoveItem { from: carry(2), to: carry(3), keeper: None },
            ),
            (
                DropItem { container: 1, slot: 4, rotate: 3, x: 2100, y: 2101, item_id: 0 }.into(),
                Command::DropItem { from: carry(4), tile: Tile::new(2100, 2101), rotate: 3 },
            ),
            (ShopOpen { target: merchant }.into(), Command::OpenShop { merchant: seller }),
            (
                ShopBuy { target: 0, shelf: 62, slot: 14, gold: 0 }.into(),
                Command::BuyItem { merchant: None, shelf: 62, to: 14 },
            ),
            (
                ShopBuy { target: merchant, shelf: 0, slot: 63, gold: 0 }.into(),
                Command::BuyItem { merchant: Some(seller), shelf: 0, to: 63 },
            ),
            (
                ShopSell { target: 0, container: 1, slot: 9 }.into(),
                Command::SellItem { merchant: None, from: carry(9) },
            ),
            (
                CargoDepositGold { amount: 2_000_000_000 }.into(),
                Command::DepositGold { amount: 2_000_000_000 },
            ),
            (CargoWithdrawGold { amount: 1 }.into(), Command::WithdrawGold { amount: 1 }),
            (
                trade_packet(other).into(),
                Command::OfferTrade {
                    partner,
                    offer: Offer { items: vec![OfferItem { position: 2, slot: 5, shown: spec }], gold: 50 },
                    checked: true,
                },
            ),
            (TradeQuit {}.into(), Command::CancelTrade),
            (
                stall_packet(own, "Poções").into(),
                Command::OpenStall {
                    title: "Poções".to_owned(),
                    wares: vec![Ware { position: 1, cargo_slot: 119, shown: spec, price: 900 }],
                },
            ),
            (AutotradeOpen { owner: other }.into(), Command::VisitStall { owner: partner }),
            (
                AutotradeBuy { position: 11, owner: other, price: 900, tax: 5, item: shown() }.into(),
                Command::BuyFromStall { owner: partner, position: 11, shown: spec, price: 900 },
            ),
        ];
        if profile != Profile::V748 {
            asks.extend([
                (
                    SplitItem { slot: 5, kind: 412, amount: 7 }.into(),
                    Command::SplitItem { slot: 5, kind: ItemKind(412), amount: 7 },
                ),
                (
                    DeleteItem { slot: 63, kind: 412 }.into(),
                    Command::DestroyItem { slot: 63, kind: ItemKind(412) },
                ),
                (Repurchase::default().into(), Command::ListSold),
                (ShopBuy { target: own, shelf: 27, slot: 3, gold: 0 }.into(), Command::BuyBack { order: 9 }),
            ]);
        }
        for (packet, command) in asks {
            scene.ask(packet).await;
            expected.push(command);
        }
        assert_eq!(scene.heard(expected.len()).await, expected, "{profile}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_names_the_empty_slot_as_its_source_is_understood() {
    let mut scene = Scene::new(Profile::V769).await;
    scene.tell(Event::SlotChanged { slot: carry(3), item: Some(potions()) }).await;
    scene.client.until("send_item").await;
    let (here, there) = ((1, 3), (1, 8));
    for ((to_container, to_slot), (from_container, from_slot)) in [(here, there), (there, here)] {
        scene.ask(MoveItem { to_container, to_slot, from_container, from_slot, keeper: 0 }).await;
    }
    let asked = Command::MoveItem { from: carry(3), to: carry(8), keeper: None };
    assert_eq!(scene.heard(2).await, [asked.clone(), asked.clone()]);

    scene.tell(Event::ItemMoved { from: carry(3), to: carry(8), keeper: None }).await;
    let (id, moved) = scene.client.until("move_item").await;
    let ServerPacket::MoveItem(moved) = moved else { panic!("{moved:?}") };
    assert_eq!((id, moved.to_slot, moved.from_slot), (scene.client.own, 8, 3));
    // now the item lies in slot 8
    scene.ask(MoveItem { to_container: 1, to_slot: 8, from_container: 1, from_slot: 3, keeper: 0 }).await;
    let back = Command::MoveItem { from: carry(8), to: carry(3), keeper: None };
    assert_eq!(scene.heard(3).await[2], back);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_cannot_be_used_yet_is_given_back_to_the_client() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        scene.tell(Event::SlotChanged { slot: carry(3), item: Some(potions()) }).await;
        scene.client.until("send_item").await;
        scene.ask(UseItem { container: 1, slot: 3, ..UseItem::default() }).await;
        let (id, slot) = scene.client.until("send_item").await;
        let ServerPacket::SendItem(slot) = slot else { panic!("{slot:?}") };
        assert_eq!((id, slot.container, slot.slot, slot.item), (scene.client.own, 1, 3, shown()));
        assert!(scene.node().commands().is_empty());
    }
}

fn ground(number: u64) -> Event {
    let shown = potions().spec();
    Event::GroundAppeared { ground: GroundId(number), tile: TOWN, shown, rotate: 1, fell: true }
}

async fn lain_down(client: &mut Client) -> u16 {
    let (id, packet) = client.until("ground_item_create").await;
    let ServerPacket::GroundItemCreate(packet) = packet else { panic!("{packet:?}") };
    assert_eq!((id, packet.x, packet.y, &packet.item), (SCENE_FIELD, TOWN.x, TOWN.y, &shown()));
    packet.item_id
}

async fn gone(client: &mut Client) -> u16 {
    let (_, packet) = client.until("ground_item_remove").await;
    let ServerPacket::GroundItemRemove(packet) = packet else { panic!("{packet:?}") };
    packet.item_id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_on_the_ground_is_picked_up_by_a_short_id_that_is_lent_again_late() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        scene.tell(ground(5)).await;
        let id = lain_down(&mut scene.client).await;
        assert!((10_000..15_000).contains(&id));
        let pick = PickItem { container: 1, slot: 7, item_id: id, x: TOWN.x, y: TOWN.y };
        scene.ask(pick.clone()).await;
        assert_eq!(scene.heard(1).await, [Command::PickUp { ground: GroundId(5), to: 7 }]);

        scene.tell(Event::PickedUp { slot: carry(7), item: potions() }).await;
        let (own, picked) = scene.client.until("pick_item_ok").await;
        let ServerPacket::PickItemOk(picked) = picked else { panic!("{picked:?}") };
        assert_eq!((own, picked.slot, picked.item), (scene.client.own, 7, shown()));
        let (_, slot) = scene.client.until("send_item").await;
        let ServerPacket::SendItem(slot) = slot else { panic!("{slot:?}") };
        assert_eq!((slot.container, slot.slot, slot.item), (1, 7, shown()));

        scene.tell(Event::GroundGone { ground: GroundId(5) }).await;
        assert_eq!(gone(&mut scene.client).await, id);
        scene.tell(ground(6)).await;
        assert_ne!(lain_down(&mut scene.client).await, id, "not lent again at once");
        scene.ask(pick).await;
        assert_eq!(gone(&mut scene.client).await, id, "who was too late is told again");
        assert_eq!(scene.node().commands().len(), 1, "{profile}: the node hears of no id that is not lent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_the_new_node_does_not_show_are_taken_out_of_the_picture() {
    let mut scene = Scene::new(Profile::V759).await;
    scene.tell(ground(5)).await;
    let id = lain_down(&mut scene.client).await;
    scene.stage.nodes[0].stop();
    scene.stage.place(1, 1);
    assert_eq!(gone(&mut scene.client).await, id);
    scene.stage.nodes[1].tell(scene.session, ground(5)).await;
    assert_ne!(lain_down(&mut scene.client).await, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_with_a_node_is_told_by_the_next() {
    let mut scene = Scene::new(Profile::V748).await;
    scene
        .tell(Event::SlotChanged {
            slot: Slot { container: Container::Equip, index: 4 },
            item: Some(potions()),
        })
        .await;
    scene.client.until("send_item").await;
    scene.ask(trade_packet(scene.other)).await;
    scene.heard(1).await;
    // the node dies with news of the bank that it has not told
    scene.stage.bank.cargo.lock().unwrap().items[9] = Some(potions());
    scene.stage.bank.cargo.lock().unwrap().gold = 444;
    scene.stage.nodes[0].stop();
    scene.stage.place(1, 1);
    let (_, slot) = scene.client.until("send_item").await;
    let ServerPacket::SendItem(slot) = slot else { panic!("{slot:?}") };
    assert_eq!((slot.container, slot.slot, slot.item.kind), (0, 4, 0), "not worn after all");
    scene.client.until("trade_quit").await;
    let (_, slot) = scene.client.until("send_item").await;
    let ServerPacket::SendItem(slot) = slot else { panic!("{slot:?}") };
    assert_eq!((slot.container, slot.slot, slot.item), (2, 9, shown()));
    let (_, gold) = scene.client.until("cargo_gold").await;
    assert!(matches!(gold, ServerPacket::CargoGold(gold) if gold.gold == 444));
    let node = scene.stage.nodes[1].clone();
    eventually("the new node hears that the trade is off", || node.commands() == [Command::CancelTrade])
        .await;
}

fn sitting(character: u64, stall: Option<&str>) -> Box<Appearance> {
    let stall = stall.map(ToOwned::to_owned);
    Box::new(Appearance { stall, ..player(CharacterId(character)) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_shop_is_seen_opened_visited_sold_out_and_closed() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        let (owner, other) = (scene.other_entity, scene.other);
        scene.tell(Event::StallChanged { look: sitting(909, Some("Barato")) }).await;
        let (id, sign) = scene.client.until("create_mob_trade").await;
        let ServerPacket::CreateMobTrade(sign) = sign else { panic!("{sign:?}") };
        assert_eq!((id, sign.plate.id, sign.stall.as_str()), (SCENE_FIELD, other, "Barato"));

        let ware = Ware { position: 1, cargo_slot: 119, shown: potions().spec(), price: 900 };
        let shop = Event::StallShown { owner, title: "Barato".to_owned(), wares: vec![ware], tax: 5 };
        scene.tell(shop).await;
        let (id, shop) = scene.client.until("autotrade").await;
        let ServerPacket::Autotrade(shop) = shop else { panic!("{shop:?}") };
        let mut expected = stall_packet(other, "Barato");
        expected.tax = 5;
        assert_eq!((id, shop), (SCENE_FIELD, expected));

        scene.tell(Event::StallSold { owner, position: 1 }).await;
        let (id, sold) = scene.client.until("autotrade_sold").await;
        let ServerPacket::AutotradeSold(sold) = sold else { panic!("{sold:?}") };
        assert_eq!((id, sold.owner, sold.position), (SCENE_FIELD, other, 1));

        scene.tell(Event::StallChanged { look: sitting(909, None) }).await;
        let (_, stands) = scene.client.until("create_mob").await;
        let ServerPacket::CreateMob(stands) = stands else { panic!("{stands:?}") };
        assert_eq!(stands.plate.id, other);
        // somebody who comes into view already sitting
        scene.tell(appeared(*sitting(77, Some("Caro")))).await;
        let (_, sign) = scene.client.until("create_mob_trade").await;
        assert!(matches!(sign, ServerPacket::CreateMobTrade(sign) if sign.stall == "Caro"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_is_offered_checked_and_closed() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        let offered = OfferItem { position: 2, slot: 5, shown: potions().spec() };
        let offer = Offer { items: vec![offered], gold: 50 };
        let partner = scene.other_entity;
        scene.tell(Event::TradeOffered { partner, offer: offer.clone(), checked: true }).await;
        let (id, trade) = scene.client.until("trade").await;
        assert_eq!((id, trade), (scene.client.own, trade_packet(scene.other).into()));
        scene.tell(Event::TradeChecked).await;
        assert_eq!(scene.client.until("trade_checked").await.0, scene.client.own);
        scene.tell(Event::TradeClosed).await;
        assert_eq!(scene.client.until("trade_quit").await.0, scene.client.own);

        // somebody whom this client has not been shown: the world is asked to describe it
        let stranger = EntityId::of_character(CharacterId(5_555));
        scene.tell(Event::TradeOffered { partner: stranger, offer, checked: false }).await;
        let (_, trade) = scene.client.until("trade").await;
        let ServerPacket::Trade(trade) = trade else { panic!("{trade:?}") };
        assert!(trade.opponent != scene.other && trade.opponent != scene.client.own);
        assert_eq!(scene.heard(1).await, [Command::Inspect { entity: stranger }]);
        scene.tell(appeared(player(CharacterId(5_555)))).await;
        let (_, seen) = scene.client.until("create_mob").await;
        let ServerPacket::CreateMob(seen) = seen else { panic!("{seen:?}") };
        assert_eq!(seen.plate.id, trade.opponent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shops_and_gold_are_echoed_with_the_ids_that_were_lent() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        let merchant = scene.merchant_entity;
        let shelf: Vec<Option<ItemSpec>> = vec![Some(potions().spec()); 27];
        for event in [
            Event::ShopShown { merchant, skills: false, shelf, tax: 5 },
            Event::Bought { merchant, shelf: 62, to: 7, gold: 1_000 },
            Event::Sold { merchant, from: carry(7) },
            Event::GoldDeposited { amount: 10 },
            Event::GoldWithdrawn { amount: 20 },
            Event::CargoGoldChanged { gold: 545 },
            Event::GoldChanged { gold: 990 },
            Event::CarryChanged { carry: vec![None; 64], gold: 980 },
        ] {
            scene.tell(event).await;
        }
        let own = scene.client.own;
        let (id, shop) = scene.client.until("shop_list").await;
        assert!(id == SCENE_FIELD && matches!(shop, ServerPacket::ShopList(shop) if shop.tax == 5));
        let bought = ShopBuy { target: scene.merchant, shelf: 62, slot: 7, gold: 1_000 };
        assert_eq!(scene.client.until("shop_buy").await, (own, bought.into()));
        let sold = ShopSell { target: scene.merchant, container: 1, slot: 7 };
        assert_eq!(scene.client.until("shop_sell").await, (own, sold.into()));
        let names = scene.client.names(5).await;
        let expected =
            ["cargo_deposit_gold", "cargo_withdraw_gold", "cargo_gold", "update_etc", "update_carry"];
        assert_eq!(names, expected, "{profile}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_honest_client_asks_is_a_strike_and_never_reaches_a_node() {
    for profile in Profile::ALL {
        let mut patient = settings();
        patient.budgets.strikes_max = 1_000;
        let mut scene = Scene::with(profile, patient).await;
        let (own, other, merchant) = (scene.client.own, scene.other, scene.merchant);
        let cargo_end = if profile == Profile::V769 { 120 } else { 128 };
        let equip_end = if profile == Profile::V769 { 18 } else { 16 };
        let to = |to_container, to_slot| MoveItem {
            to_container,
            to_slot,
            from_container: 1,
            from_slot: 5,
            keeper: 0,
        };
        let mut twice = trade_packet(other);
        twice.items[3] = shown();
        twice.slots[3] = 5;
        let mut free = stall_packet(own, "Barato");
        free.prices[1] = 0;
        let bad: Vec<ClientPacket> = vec![
            to(2, cargo_end).into(),
            to(0, equip_end).into(),
            to(1, 64).into(),
            to(3, 0).into(),
            DropItem { container: 2, slot: 1, x: 2100, y: 2100, ..DropItem::default() }.into(),
            DropItem { container: 1, slot: 1, rotate: 4, x: 2100, y: 2100, item_id: 0 }.into(),
            DropItem { container: 1, slot: 1, x: 5_000, y: 2100, ..DropItem::default() }.into(),
            PickItem { container: 2, slot: 1, item_id: 10_000, x: 1, y: 1 }.into(),
            PickItem { container: 1, slot: 64, item_id: 10_000, x: 1, y: 1 }.into(),
            PickItem { container: 1, slot: 1, item_id: 9_999, x: 1, y: 1 }.into(),
            ShopOpen { target: own }.into(),
            ShopBuy { target: 0, shelf: 64, slot: 1, gold: 0 }.into(),
            ShopBuy { target: 0, shelf: 1, slot: 64, gold: 0 }.into(),
            ShopBuy { target: own, shelf: 9, slot: 1, gold: 0 }.into(),
            ShopBuy { target: own, shelf: 28, slot: 1, gold: 0 }.into(),
            ShopSell { target: own, container: 1, slot: 1 }.into(),
            ShopSell { target: 0, container: 3, slot: 1 }.into(),
            CargoDepositGold { amount: -1 }.into(),
            CargoWithdrawGold { amount: 2_000_000_001 }.into(),
            trade_packet(own).into(),
            trade_packet(merchant).into(),
            Trade { gold: -5, opponent: other, ..Trade::default() }.into(),
            twice.into(),
            free.into(),
            stall_packet(own, "ding\u{7}").into(),
            AutotradeBuy { position: 12, owner: other, price: 9, tax: 0, item: shown() }.into(),
            AutotradeBuy { position: 1, owner: other, price: -9, tax: 0, item: shown() }.into(),
            AutotradeBuy { position: 1, owner: other, price: 9, tax: 0, item: record::Item::default() }
                .into(),
        ];
        let count = bad.len() as u64;
        for packet in bad {
            scene.ask(packet).await;
        }
        let (_, slot) = scene.client.until("send_item").await;
        let ServerPacket::SendItem(slot) = slot else { panic!("{slot:?}") };
        assert_eq!((slot.container, slot.slot), (1, 5), "the slot that was named is told again as it is");
        scene.client.whisper("day", "").await;
        scene.client.panel().await;
        assert_eq!(strikes(&scene.stage, "field").await, count, "{profile}");
        assert!(scene.node().commands().is_empty(), "{profile}: {:?}", scene.node().commands());
    }
}

/// Strikes of a reason so far, from the edge's own metrics page.
async fn strikes(stage: &Stage, reason: &str) -> u64 {
    let mut page = tokio::net::TcpStream::connect(stage.metrics).await.unwrap();
    page.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    support::soon("the metrics", page.read_to_string(&mut text)).await.unwrap();
    let named = format!("wydbr_edge_strikes_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&named)).map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_asking_nonsense_is_closed() {
    let mut scene = Scene::new(Profile::V769).await;
    for _ in 0..20 {
        scene.ask(CargoDepositGold { amount: -1 }).await;
    }
    scene.client.closed().await;
    assert!(scene.node().commands().iter().all(|command| !matches!(command, Command::DepositGold { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_about_goods_are_dropped() {
    let mut few = settings();
    few.budgets.goods = edge::Rate::new(0.0, 2.0);
    let mut scene = Scene::with(Profile::V759, few).await;
    for amount in 1..=4 {
        scene.ask(CargoDepositGold { amount }).await;
    }
    scene.client.say("done").await;
    let deposit = |amount| Command::DepositGold { amount };
    let said = Command::Say { text: "done".to_owned() };
    assert_eq!(scene.heard(3).await, [deposit(1), deposit(2), said]);
    assert_eq!(strikes(&scene.stage, "goods").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_said_to_be_far_away() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        let nobody = 24_321;
        let asks: [ClientPacket; 4] = [
            ShopOpen { target: nobody }.into(),
            ShopSell { target: nobody, container: 1, slot: 1 }.into(),
            AutotradeOpen { owner: nobody }.into(),
            AutotradeBuy { position: 1, owner: nobody, price: 9, tax: 0, item: shown() }.into(),
        ];
        for packet in asks {
            scene.ask(packet).await;
            assert_eq!(scene.client.panel().await, "Too far away.");
        }
        assert!(scene.node().commands().is_empty());
        // a trade may be open with somebody who is out of the picture now: it ends where it lives
        scene.ask(trade_packet(nobody)).await;
        assert_eq!(scene.client.panel().await, "Too far away.");
        assert_eq!(scene.heard(1).await, [Command::CancelTrade]);
        assert_eq!(strikes(&scene.stage, "field").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whisper_to_a_command_word_is_a_command() {
    for profile in Profile::ALL {
        let mut scene = Scene::new(profile).await;
        scene.client.whisper("auction", "sell 3 5000").await;
        scene.client.whisper("Leilao", "=find").await;
        scene.client.whisper("bancoguild", "").await;
        let words = |word: &str, text: &str| Command::Words { word: word.to_owned(), text: text.to_owned() };
        let expected = [words("auction", "sell 3 5000"), words("leilao", "=find"), words("bancoguild", "")];
        assert_eq!(scene.heard(3).await, expected, "{profile}");
        scene.client.whisper("Nobody", "auction").await;
        assert_eq!(scene.client.panel().await, "Nobody is not connected.");
    }
}
