//! The lines themselves, in English and in Portuguese.

use super::{Line, friend_texts, guild_texts};

impl Line {
    /// In both languages, with `{0}` and `{1}` still in it.
    pub(super) fn both(self) -> (&'static str, &'static str) {
        match self {
            Self::WrongVersion => (
                "This client version ({0}) cannot play here.",
                "Esta versão do cliente ({0}) não é aceita aqui.",
            ),
            Self::WrongNameOrPassword => ("Wrong account name or password.", "Conta ou senha incorreta."),
            Self::LockedOut => (
                "Too many wrong passwords. Try again in {0} seconds.",
                "Muitas senhas erradas. Tente de novo em {0} segundos.",
            ),
            Self::Blocked => ("This account is blocked.", "Esta conta está bloqueada."),
            Self::Busy => {
                ("The server is busy. Please try again.", "O servidor está ocupado. Tente novamente.")
            }
            Self::Unavailable => (
                "The server cannot answer now. Please try again.",
                "O servidor não responde agora. Tente novamente.",
            ),
            Self::SessionLost => {
                ("Your session has ended. Please log in again.", "Sua sessão terminou. Entre novamente.")
            }
            Self::Replaced => ("This account logged in elsewhere.", "Esta conta entrou em outro lugar."),
            Self::Fenced => {
                ("This character is played elsewhere.", "Este personagem está sendo jogado em outro lugar.")
            }
            Self::PinLockedOut => ("Wrong PIN too many times.", "Senha numérica errada muitas vezes."),
            Self::PinMalformed => ("A PIN has 4 to 14 digits.", "A senha numérica tem de 4 a 14 dígitos."),
            Self::NameLength => ("A name has {0} to {1} characters.", "Um nome tem de {0} a {1} caracteres."),
            Self::NameCharacters => {
                ("A name has only letters and digits.", "Um nome só tem letras sem acento e números.")
            }
            Self::NameKept => ("This name is kept by the game.", "Este nome é reservado pelo jogo."),
            Self::NameTaken => ("This name is taken.", "Este nome já está em uso."),
            Self::BadSlot => ("This slot is not free.", "Este espaço não está livre."),
            Self::WrongPassword => ("Wrong password.", "Senha incorreta."),
            Self::NoSuchCharacter => ("There is no such character.", "Este personagem não existe."),
            Self::WorldUnavailable => (
                "The world cannot be entered now. Please try again.",
                "Não é possível entrar no mundo agora. Tente novamente.",
            ),
            Self::PlaceFull => {
                ("This place is full. Please try again.", "Este lugar está cheio. Tente novamente.")
            }
            Self::NotConnected => ("{0} is not connected.", "{0} não está conectado."),
            Self::ChannelNotBuilt => (
                "This channel cannot be used on this server.",
                "Este canal não pode ser usado neste servidor.",
            ),
            Self::ChatTooFast => ("You talk too fast.", "Você está falando rápido demais."),
            Self::Moving => ("One moment, please.", "Um momento, por favor."),
            Self::Stopping => (
                "The server is stopping; your character is being saved.",
                "O servidor está parando; seu personagem está sendo salvo.",
            ),
            Self::Idle => ("Disconnected: no sign of life.", "Desconectado por inatividade."),
            Self::NotEnoughGold => ("You need {0} gold.", "Você precisa de {0} de gold."),
            Self::NoPortalHere => ("There is no portal here.", "Não há portal aqui."),
            Self::PlaceClosed => ("This place is closed now.", "Este lugar está fechado agora."),
            Self::PlaceUnreachable => {
                ("This place cannot be reached now.", "Não é possível chegar a este lugar agora.")
            }
            Self::StillBusy => {
                ("Your last request is still being worked on.", "Seu último pedido ainda está em andamento.")
            }
            Self::NoRoom => ("No free place.", "Não há espaço livre."),
            Self::TooMuchGold => (
                "You cannot hold more than 2,000,000,000 gold.",
                "Você não pode ter mais de 2.000.000.000 de gold.",
            ),
            Self::ItemGone => ("This item is not there any more.", "Este item não está mais lá."),
            Self::OfferChanged => ("The offer or the price has changed.", "A oferta ou o preço mudou."),
            Self::ItemBound => ("This item cannot be given away.", "Este item não pode ser passado adiante."),
            Self::TooFar => ("Too far away.", "Muito longe."),
            Self::PartnerBusy => ("The other player is busy.", "O outro jogador está ocupado."),
            Self::TradeEnded => ("The trade was cancelled.", "A troca foi cancelada."),
            Self::TryLater => (
                "Nothing was done. Please try again in a moment.",
                "Nada foi feito. Tente novamente em instantes.",
            ),
            Self::AccountFrozen => (
                "Your account is being checked; items and gold stay where they are.",
                "Sua conta está em análise; itens e gold ficam onde estão.",
            ),
            Self::CannotWear => ("You cannot wear this.", "Você não pode usar isto."),
            Self::OnlyInTown => ("Only in a town.", "Só dentro de uma cidade."),
            Self::GoldMissing => ("You do not have that much gold.", "Você não tem tanto gold."),
            Self::AuctionUsage => (
                "auction sell SLOT START [BUYOUT] [HOURS], find, bid LOT GOLD, buy LOT, cancel LOT, mine",
                "auction sell SLOT INICIAL [COMPRA] [HORAS], find, bid LOTE GOLD, buy LOTE, cancel LOTE, mine",
            ),
            Self::AuctionListed => ("Lot {0}: {1}. Fee {2}.", "Lote {0}: {1}. Taxa {2}."),
            Self::AuctionLot => ("{0} {1}: bid {2}, buy {3}, {4} h", "{0} {1}: lance {2}, compra {3}, {4} h"),
            Self::AuctionPage => ("{0} lots, page {1} of {2}", "{0} lotes, página {1} de {2}"),
            Self::AuctionNothing => ("No lots found.", "Nenhum lote encontrado."),
            Self::AuctionBid => {
                ("Lot {0}: your bid of {1} stands.", "Lote {0}: seu lance de {1} está valendo.")
            }
            Self::AuctionBought => {
                ("{0} bought for {1}. It is in your bank.", "{0} comprado por {1}. Está no seu baú.")
            }
            Self::AuctionCancelled => {
                ("{0} is off the auction and in your bank.", "{0} saiu do leilão e está no seu baú.")
            }
            Self::AuctionOutbid => (
                "Outbid on {0}. {1} gold is back in your bank.",
                "Seu lance em {0} foi superado. {1} de gold voltou ao baú.",
            ),
            Self::AuctionSold => {
                ("{0} sold. {1} gold is in your bank.", "{0} vendido. {1} de gold está no seu baú.")
            }
            Self::AuctionUnsold => {
                ("{0} was not sold. It is in your bank.", "{0} não foi vendido. Está no seu baú.")
            }
            Self::AuctionWon => ("You won {0}. It is in your bank.", "Você arrematou {0}. Está no seu baú."),
            Self::AuctionNoSuchLot => ("There is no such lot any more.", "Este lote não existe mais."),
            Self::AuctionBidTooLow => {
                ("The bid must be at least {0}.", "O lance deve ser de pelo menos {0}.")
            }
            Self::AuctionHasBids => ("This lot has bids.", "Este lote já tem lances."),
            Self::AuctionOwnLot => ("This lot is your own.", "Este lote é seu."),
            Self::AuctionTooManyLots => {
                ("You may have {0} lots at a time.", "Você pode ter {0} lotes por vez.")
            }
            Self::ParcelUsage => (
                "parcel send NAME GOLD [SLOT...], list, take [NUMBER], return NUMBER",
                "encomenda enviar NOME GOLD [SLOT...], lista, pegar [NUMERO], devolver NUMERO",
            ),
            Self::ParcelSent => (
                "The parcel for {0} is on its way. Postage {1}.",
                "A encomenda para {0} foi enviada. Porte {1}.",
            ),
            Self::ParcelArrived => (
                "A parcel from {0} waits for you: parcel take",
                "Chegou uma encomenda de {0}: encomenda pegar",
            ),
            Self::ParcelLine => ("{0} from {1}: {2} gold, {3}, {4} d", "{0} de {1}: {2} gold, {3}, {4} d"),
            Self::ParcelBackLine => ("{0} back from {1}: {2} gold, {3}", "{0} voltou de {1}: {2} gold, {3}"),
            Self::ParcelMore => ("{0} parcels more.", "Mais {0} encomendas."),
            Self::ParcelNothing => ("No parcel waits for you.", "Nenhuma encomenda espera por você."),
            Self::ParcelTaken => {
                ("What was in the parcel is in your bank.", "O conteúdo da encomenda está no seu baú.")
            }
            Self::ParcelsTaken => (
                "{0} parcels came into your bank, {1} wait.",
                "{0} encomendas chegaram ao seu baú, {1} esperam.",
            ),
            Self::ParcelReturned => {
                ("The parcel goes back to its sender.", "A encomenda volta para quem enviou.")
            }
            Self::ParcelCameBack => (
                "Your parcel for {0} came back: parcel take",
                "Sua encomenda para {0} voltou: encomenda pegar",
            ),
            Self::ParcelNoSuch => ("There is no such parcel.", "Esta encomenda não existe."),
            Self::ParcelBoxFull => {
                ("Too many parcels wait for this player.", "Este jogador já tem encomendas demais.")
            }
            Self::ParcelToOneself => {
                ("You cannot send a parcel to yourself.", "Você não pode enviar encomendas a si mesmo.")
            }
            Self::ParcelNotBack => {
                ("This parcel came back to you already.", "Esta encomenda já voltou para você.")
            }
            Self::NoSuchPlayer => ("There is no player {0}.", "Não existe o jogador {0}."),
            Self::GuildBankUsage => (
                "guildbank list, deposit GOLD, withdraw GOLD, put SLOT, take NUMBER, log [PAGE]",
                "bancoguild lista, depositar GOLD, sacar GOLD, guardar SLOT, tirar NUMERO, registro [PAGINA]",
            ),
            Self::GuildBankLine => ("{0} {1}", "{0} {1}"),
            Self::GuildBankSum => (
                "Guild bank: {0} gold, {1} items, page {2} of {3}",
                "Banco da guild: {0} gold, {1} itens, página {2} de {3}",
            ),
            Self::GuildBankPut => ("{0} is in the bank of your guild.", "{0} está no banco da sua guild."),
            Self::GuildBankTook => ("{0} is in your bag.", "{0} está na sua bolsa."),
            Self::GuildBankGold => ("Your guild has {0} gold now.", "Sua guild tem {0} de gold agora."),
            Self::GuildNone => ("You are in no guild.", "Você não está em uma guild."),
            Self::GuildRankTooLow => ("Your rank does not allow this.", "Seu cargo não permite isto."),
            Self::GuildDailyLimit => {
                ("Your rank allows no more today.", "Seu cargo não permite mais por hoje.")
            }
            Self::GuildLogPut => ("{0} put in {1}, {2} ago", "{0} guardou {1}, há {2}"),
            Self::GuildLogTook => ("{0} took {1}, {2} ago", "{0} tirou {1}, há {2}"),
            Self::GuildLogNothing => ("Nothing is written there.", "Nada foi registrado aqui."),
            Self::OtherNotConnected => ("This player is not connected.", "Este jogador não está conectado."),
            Self::PartyAsked => {
                ("The player was asked to join your party.", "O jogador foi convidado para o grupo.")
            }
            Self::PartyNone => ("You are in no party.", "Você não está em um grupo."),
            Self::PartyInOne => ("You are in a party already.", "Você já está em um grupo."),
            Self::PartyOtherInOne => {
                ("This player is in a party already.", "Este jogador já está em um grupo.")
            }
            Self::PartyNotLeader => {
                ("Only the leader of the party may do this.", "Só o líder do grupo pode fazer isto.")
            }
            Self::PartyFull => ("The party is full.", "O grupo está cheio."),
            Self::PartyNotAsked => ("Nobody asked you to join.", "Ninguém convidou você para um grupo."),
            Self::PartyNotMember => {
                ("This player is not in your party.", "Este jogador não está no seu grupo.")
            }
            Self::PartyOneself => ("That is yourself.", "Esse é você mesmo."),
            Self::PartyUsage => (
                "party list, invite NAME, leave, kick NAME, leader NAME",
                "grupo lista, convidar NOME, sair, expulsar NOME, lider NOME",
            ),
            Self::PartyLeader => ("{0}, level {1}, leads", "{0}, nível {1}, líder"),
            Self::PartyMember => ("{0}, level {1}", "{0}, nível {1}"),
            Self::KingdomNone => ("You are of no kingdom.", "Você não é de um reino."),
            Self::WhoCount => ("Players online: {0}", "Jogadores online: {0}"),
            Self::WhoPlays => ("{0} is online.", "{0} está online."),
            Self::Guild(line) => guild_texts::both(line),
            Self::Friend(line) => friend_texts::both(line),
            Self::InGuild => {
                ("First this character leaves its guild.", "Antes este personagem tem de sair da guild.")
            }
            Self::ShoutUsage => ("spk TEXT", "gritar TEXTO"),
            Self::CashBalance => ("Your cash: {0}", "Seu saldo de cash: {0}"),
            Self::CrowdIdle => (
                "Crowded here: you see gestures only close by.",
                "Lugar lotado: gestos só aparecem de perto.",
            ),
            Self::CrowdTrade => (
                "Crowded here: mail and auctions take longer.",
                "Lugar lotado: encomendas e leilões demoram mais.",
            ),
            Self::CrowdFar => (
                "Crowded here: those far away are shown a second late.",
                "Lugar lotado: quem está longe aparece com um segundo de atraso.",
            ),
            Self::CrowdView => {
                ("Crowded here: you see {0} tiles far.", "Lugar lotado: você enxerga até {0} passos.")
            }
            Self::CrowdClock => ("Crowded here: time runs at {0}%.", "Lugar lotado: o tempo corre a {0}%."),
            Self::CrowdClosed => {
                ("Crowded here: nobody new is let in now.", "Lugar lotado: ninguém mais entra por enquanto.")
            }
            Self::CrowdOver => ("All is back to normal here.", "Tudo voltou ao normal aqui."),
            Self::InstanceEnds => ("This place closes in {0}.", "Este lugar fecha em {0}."),
            Self::InstanceOver => ("Time is over: you are back.", "O tempo acabou: você está de volta."),
            Self::LoginQueue => (
                "This place is full. You are number {0} in the queue.",
                "Este lugar está cheio. Você é o número {0} na fila.",
            ),
        }
    }
}
