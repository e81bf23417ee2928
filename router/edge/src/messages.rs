//! Every text that a player reads, in English and Brazilian Portuguese.
//!
//! Lines are Windows-1252 and at most 94 bytes with their arguments, which is what the oldest client shows.

use crate::settings::Language;
use model::account::BadName;
use model::event::{Notice, NoticeKey};

/// A line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// The client's version number is not accepted: `{0}`.
    WrongVersion,
    /// Wrong name or password.
    WrongNameOrPassword,
    /// Locked out for `{0}` seconds.
    LockedOut,
    /// The account is blocked.
    Blocked,
    /// Too many logins at once.
    Busy,
    /// A part of the server does not answer.
    Unavailable,
    /// The session is not known any more.
    SessionLost,
    /// The account logged in elsewhere.
    Replaced,
    /// Another copy of the character took over.
    Fenced,
    /// Too many wrong PINs.
    PinLockedOut,
    /// A PIN has 4 to 14 digits.
    PinMalformed,
    /// A name has `{0}` to `{1}` characters.
    NameLength,
    /// A name has only letters and digits.
    NameCharacters,
    /// The game keeps this name.
    NameKept,
    /// Somebody has this name.
    NameTaken,
    /// The slot is not free.
    BadSlot,
    /// Wrong password at a deletion.
    WrongPassword,
    /// There is no such character.
    NoSuchCharacter,
    /// The world cannot take the player now.
    WorldUnavailable,
    /// The node of this place is full.
    PlaceFull,
    /// The player `{0}` is not connected.
    NotConnected,
    /// Party, guild and kingdom channels do not exist yet.
    ChannelNotBuilt,
    /// Chat too fast.
    ChatTooFast,
    /// The player's place is being moved; wait.
    Moving,
    /// The server stops.
    Stopping,
    /// The client was too long without a sign of life.
    Idle,
    /// Not enough gold: `{0}`.
    NotEnoughGold,
    /// There is no portal here.
    NoPortalHere,
    /// The place cannot be entered.
    PlaceClosed,
    /// No node for the place.
    PlaceUnreachable,
    /// The last request is still being worked on.
    StillBusy,
    /// No free slot.
    NoRoom,
    /// Gold over its bound.
    TooMuchGold,
    /// The item is gone or changed.
    ItemGone,
    /// The offer changed since it was shown.
    OfferChanged,
    /// The item is bound.
    ItemBound,
    /// Too far away.
    TooFar,
    /// The partner is busy.
    PartnerBusy,
    /// The trade ended.
    TradeEnded,
    /// The store does not answer.
    TryLater,
    /// The account is frozen.
    AccountFrozen,
    /// Class, level or attributes are missing.
    CannotWear,
    /// Not in a town.
    OnlyInTown,
    /// Less gold than that.
    GoldMissing,
    /// How the auction house is used.
    AuctionUsage,
    /// Lot `{0}` of item `{1}`, fee `{2}`.
    AuctionListed,
    /// A lot in a list.
    AuctionLot,
    /// End of a list.
    AuctionPage,
    /// No lot was found.
    AuctionNothing,
    /// The bid stands.
    AuctionBid,
    /// Bought.
    AuctionBought,
    /// Taken off.
    AuctionCancelled,
    /// Outbid.
    AuctionOutbid,
    /// Sold.
    AuctionSold,
    /// Not sold.
    AuctionUnsold,
    /// Won.
    AuctionWon,
    /// No such lot.
    AuctionNoSuchLot,
    /// Bid too low.
    AuctionBidTooLow,
    /// The lot has bids.
    AuctionHasBids,
    /// An own lot.
    AuctionOwnLot,
    /// Too many lots.
    AuctionTooManyLots,
    /// How parcels are used.
    ParcelUsage,
    /// A parcel is on its way: `{0}` the receiver, `{1}` the postage.
    ParcelSent,
    /// A parcel of the player `{0}` waits.
    ParcelArrived,
    /// A parcel that waits: `{0}` number, `{1}` sender, `{2}` gold, `{3}` items, `{4}` days left.
    ParcelLine,
    /// A parcel that came back: `{0}` number, `{1}` who was to get it, `{2}` gold, `{3}` items.
    ParcelBackLine,
    /// So many parcels more wait: `{0}`.
    ParcelMore,
    /// No parcel waits.
    ParcelNothing,
    /// What was in a parcel is in the bank.
    ParcelTaken,
    /// What was in `{0}` parcels is in the bank, `{1}` wait still.
    ParcelsTaken,
    /// A parcel goes back to its sender.
    ParcelReturned,
    /// The parcel for `{0}` came back.
    ParcelCameBack,
    /// There is no such parcel.
    ParcelNoSuch,
    /// Too many parcels wait for the receiver.
    ParcelBoxFull,
    /// Nobody sends a parcel to the own account.
    ParcelToOneself,
    /// What came back is not sent back.
    ParcelNotBack,
    /// Nobody has the name `{0}`.
    NoSuchPlayer,
    /// How the bank of a guild is used.
    GuildBankUsage,
    /// An item in the bank of a guild: `{0}` number, `{1}` item.
    GuildBankLine,
    /// What is in the bank of a guild: `{0}` gold, `{1}` items; this was page `{2}` of `{3}`.
    GuildBankSum,
    /// The item `{0}` is in the bank of the guild.
    GuildBankPut,
    /// The item `{0}` is in the inventory.
    GuildBankTook,
    /// The guild has `{0}` gold now.
    GuildBankGold,
    /// The player is in no guild.
    GuildNone,
    /// The rank does not allow it.
    GuildRankTooLow,
    /// The rank allows no more within a day.
    GuildDailyLimit,
    /// `{0}` put `{1}` into the bank of the guild, `{2}` ago.
    GuildLogPut,
    /// `{0}` took `{1}` out of the bank of the guild, `{2}` ago.
    GuildLogTook,
    /// The log has no such page.
    GuildLogNothing,
    /// The cash balance is `{0}`.
    CashBalance,
}

impl Line {
    /// All lines.
    pub const ALL: [Self; 90] = [
        Self::WrongVersion,
        Self::WrongNameOrPassword,
        Self::LockedOut,
        Self::Blocked,
        Self::Busy,
        Self::Unavailable,
        Self::SessionLost,
        Self::Replaced,
        Self::Fenced,
        Self::PinLockedOut,
        Self::PinMalformed,
        Self::NameLength,
        Self::NameCharacters,
        Self::NameKept,
        Self::NameTaken,
        Self::BadSlot,
        Self::WrongPassword,
        Self::NoSuchCharacter,
        Self::WorldUnavailable,
        Self::PlaceFull,
        Self::NotConnected,
        Self::ChannelNotBuilt,
        Self::ChatTooFast,
        Self::Moving,
        Self::Stopping,
        Self::Idle,
        Self::NotEnoughGold,
        Self::NoPortalHere,
        Self::PlaceClosed,
        Self::PlaceUnreachable,
        Self::StillBusy,
        Self::NoRoom,
        Self::TooMuchGold,
        Self::ItemGone,
        Self::OfferChanged,
        Self::ItemBound,
        Self::TooFar,
        Self::PartnerBusy,
        Self::TradeEnded,
        Self::TryLater,
        Self::AccountFrozen,
        Self::CannotWear,
        Self::OnlyInTown,
        Self::GoldMissing,
        Self::AuctionUsage,
        Self::AuctionListed,
        Self::AuctionLot,
        Self::AuctionPage,
        Self::AuctionNothing,
        Self::AuctionBid,
        Self::AuctionBought,
        Self::AuctionCancelled,
        Self::AuctionOutbid,
        Self::AuctionSold,
        Self::AuctionUnsold,
        Self::AuctionWon,
        Self::AuctionNoSuchLot,
        Self::AuctionBidTooLow,
        Self::AuctionHasBids,
        Self::AuctionOwnLot,
        Self::AuctionTooManyLots,
        Self::ParcelUsage,
        Self::ParcelSent,
        Self::ParcelArrived,
        Self::ParcelLine,
        Self::ParcelBackLine,
        Self::ParcelMore,
        Self::ParcelNothing,
        Self::ParcelTaken,
        Self::ParcelsTaken,
        Self::ParcelReturned,
        Self::ParcelCameBack,
        Self::ParcelNoSuch,
        Self::ParcelBoxFull,
        Self::ParcelToOneself,
        Self::ParcelNotBack,
        Self::NoSuchPlayer,
        Self::GuildBankUsage,
        Self::GuildBankLine,
        Self::GuildBankSum,
        Self::GuildBankPut,
        Self::GuildBankTook,
        Self::GuildBankGold,
        Self::GuildNone,
        Self::GuildRankTooLow,
        Self::GuildDailyLimit,
        Self::GuildLogPut,
        Self::GuildLogTook,
        Self::GuildLogNothing,
        Self::CashBalance,
    ];

    /// The line with `{0}` and `{1}` still in it.
    pub fn template(self, language: Language) -> &'static str {
        let (english, portuguese) = self.both();
        match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }

    /// The line with its arguments.
    pub fn text(self, language: Language, arguments: &[&str]) -> String {
        let mut text = self.template(language).to_owned();
        for (index, argument) in arguments.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), argument);
        }
        text
    }

    fn both(self) -> (&'static str, &'static str) {
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
            Self::CashBalance => ("Your cash: {0}", "Seu saldo de cash: {0}"),
        }
    }
}

/// The line for a name that breaks the rules.
pub fn bad_name(bad: BadName, language: Language) -> String {
    match bad {
        BadName::Length { min, max, .. } => {
            Line::NameLength.text(language, &[&min.to_string(), &max.to_string()])
        }
        BadName::Character => Line::NameCharacters.text(language, &[]),
        BadName::Kept => Line::NameKept.text(language, &[]),
    }
}

/// What a notice of the world says.
pub fn notice(notice: &Notice, language: Language) -> String {
    match notice {
        Notice::Text(text) => text.clone(),
        Notice::Catalogue { key, arguments } => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            line_of(*key).text(language, &arguments)
        }
    }
}

/// True when a notice tells of something that came into the bank of the player otherwise than by its own hand there.
pub fn is_of_bank(notice: &Notice) -> bool {
    let Notice::Catalogue { key, .. } = notice else { return false };
    matches!(
        key,
        NoticeKey::AuctionBought
            | NoticeKey::AuctionCancelled
            | NoticeKey::AuctionOutbid
            | NoticeKey::AuctionSold
            | NoticeKey::AuctionUnsold
            | NoticeKey::AuctionWon
            | NoticeKey::ParcelTaken
            | NoticeKey::ParcelsTaken
            // maybe nothing waits because an answer that was lost had delivered it
            | NoticeKey::ParcelNothing
    )
}

fn line_of(key: NoticeKey) -> Line {
    match key {
        NoticeKey::NotEnoughGold => Line::NotEnoughGold,
        NoticeKey::NoPortalHere => Line::NoPortalHere,
        NoticeKey::PlaceClosed => Line::PlaceClosed,
        NoticeKey::PlaceUnreachable => Line::PlaceUnreachable,
        NoticeKey::StillBusy => Line::StillBusy,
        NoticeKey::NoRoom => Line::NoRoom,
        NoticeKey::TooMuchGold => Line::TooMuchGold,
        NoticeKey::ItemGone => Line::ItemGone,
        NoticeKey::OfferChanged => Line::OfferChanged,
        NoticeKey::ItemBound => Line::ItemBound,
        NoticeKey::TooFar => Line::TooFar,
        NoticeKey::PartnerBusy => Line::PartnerBusy,
        NoticeKey::TradeEnded => Line::TradeEnded,
        NoticeKey::TryLater => Line::TryLater,
        NoticeKey::AccountFrozen => Line::AccountFrozen,
        NoticeKey::CannotWear => Line::CannotWear,
        NoticeKey::OnlyInTown => Line::OnlyInTown,
        NoticeKey::GoldMissing => Line::GoldMissing,
        NoticeKey::AuctionUsage => Line::AuctionUsage,
        NoticeKey::AuctionListed => Line::AuctionListed,
        NoticeKey::AuctionLot => Line::AuctionLot,
        NoticeKey::AuctionPage => Line::AuctionPage,
        NoticeKey::AuctionNothing => Line::AuctionNothing,
        NoticeKey::AuctionBid => Line::AuctionBid,
        NoticeKey::AuctionBought => Line::AuctionBought,
        NoticeKey::AuctionCancelled => Line::AuctionCancelled,
        NoticeKey::AuctionOutbid => Line::AuctionOutbid,
        NoticeKey::AuctionSold => Line::AuctionSold,
        NoticeKey::AuctionUnsold => Line::AuctionUnsold,
        NoticeKey::AuctionWon => Line::AuctionWon,
        NoticeKey::AuctionNoSuchLot => Line::AuctionNoSuchLot,
        NoticeKey::AuctionBidTooLow => Line::AuctionBidTooLow,
        NoticeKey::AuctionHasBids => Line::AuctionHasBids,
        NoticeKey::AuctionOwnLot => Line::AuctionOwnLot,
        NoticeKey::AuctionTooManyLots => Line::AuctionTooManyLots,
        NoticeKey::ParcelUsage => Line::ParcelUsage,
        NoticeKey::ParcelSent => Line::ParcelSent,
        NoticeKey::ParcelArrived => Line::ParcelArrived,
        NoticeKey::ParcelLine => Line::ParcelLine,
        NoticeKey::ParcelBackLine => Line::ParcelBackLine,
        NoticeKey::ParcelMore => Line::ParcelMore,
        NoticeKey::ParcelNothing => Line::ParcelNothing,
        NoticeKey::ParcelTaken => Line::ParcelTaken,
        NoticeKey::ParcelsTaken => Line::ParcelsTaken,
        NoticeKey::ParcelReturned => Line::ParcelReturned,
        NoticeKey::ParcelCameBack => Line::ParcelCameBack,
        NoticeKey::ParcelNoSuch => Line::ParcelNoSuch,
        NoticeKey::ParcelBoxFull => Line::ParcelBoxFull,
        NoticeKey::ParcelToOneself => Line::ParcelToOneself,
        NoticeKey::ParcelNotBack => Line::ParcelNotBack,
        NoticeKey::NoSuchPlayer => Line::NoSuchPlayer,
        NoticeKey::GuildBankUsage => Line::GuildBankUsage,
        NoticeKey::GuildBankLine => Line::GuildBankLine,
        NoticeKey::GuildBankSum => Line::GuildBankSum,
        NoticeKey::GuildBankPut => Line::GuildBankPut,
        NoticeKey::GuildBankTook => Line::GuildBankTook,
        NoticeKey::GuildBankGold => Line::GuildBankGold,
        NoticeKey::GuildNone => Line::GuildNone,
        NoticeKey::GuildRankTooLow => Line::GuildRankTooLow,
        NoticeKey::GuildDailyLimit => Line::GuildDailyLimit,
        NoticeKey::GuildLogPut => Line::GuildLogPut,
        NoticeKey::GuildLogTook => Line::GuildLogTook,
        NoticeKey::GuildLogNothing => Line::GuildLogNothing,
        NoticeKey::CashBalance => Line::CashBalance,
    }
}

/// A text without control characters, fit to be shown to others.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_fits_the_oldest_client_in_both_languages() {
        for line in Line::ALL {
            for language in [Language::English, Language::Portuguese] {
                let arguments = ["a name with fifteen", "1234567890", "1234567890", "1234567890", "168"];
                let text = line.text(language, &arguments);
                let mut bytes = [0; 95];
                wire::text::encode(&text, 94, &mut bytes);
                assert_eq!(wire::text::decode(&bytes), text, "{line:?} does not fit, or is not Windows-1252");
                assert!(!text.contains('{'), "{line:?}: {text}");
                assert!(!matches!(bytes[0], b'!' | b'^'), "{line:?} begins with a sign of the client");
            }
        }
    }

    #[test]
    fn both_languages_take_the_same_arguments() {
        for line in Line::ALL {
            for argument in ["{0}", "{1}", "{2}", "{3}", "{4}"] {
                let in_english = line.template(Language::English).contains(argument);
                assert_eq!(in_english, line.template(Language::Portuguese).contains(argument), "{line:?}");
            }
        }
    }

    #[test]
    fn control_characters_never_reach_another_client() {
        assert_eq!(clean("hi\u{7}\u{1b} there\u{85}, ção"), "hi there, ção");
    }
}
