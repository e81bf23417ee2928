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
}

impl Line {
    /// All lines.
    pub const ALL: [Self; 61] = [
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

/// True when a notice tells of something that was put into the bank of the player by others.
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
