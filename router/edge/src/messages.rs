//! Every text that a player reads, in English and Brazilian Portuguese.
//!
//! Lines are Windows-1252 and at most 94 bytes with their arguments, which is what the oldest client shows.

mod friend_texts;
mod guild_texts;
mod texts;

use crate::settings::Language;
use model::account::BadName;
use model::event::{Notice, NoticeKey};
use model::friend::FriendLine;
use model::guild::GuildLine;

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
    /// There is no such channel: allies of a guild, citizens, nobody.
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
    /// Gestures of who is far are not shown.
    CrowdIdle,
    /// Mail and listings take a while.
    CrowdTrade,
    /// Walks of who is far are shown late.
    CrowdFar,
    /// Sight is `{0}` tiles.
    CrowdView,
    /// Time goes at `{0}` percent.
    CrowdClock,
    /// Nobody new is let in.
    CrowdClosed,
    /// The crowd is over.
    CrowdOver,
    /// The instance ends in `{0}`.
    InstanceEnds,
    /// The instance is gone.
    InstanceOver,
    /// Number `{0}` in the queue for a place.
    LoginQueue,
    /// The other player does not play now.
    OtherNotConnected,
    /// Somebody was asked to join.
    PartyAsked,
    /// The player is in no party.
    PartyNone,
    /// The player is in a party already.
    PartyInOne,
    /// The other player is in a party already.
    PartyOtherInOne,
    /// Only the leader may.
    PartyNotLeader,
    /// The party is full.
    PartyFull,
    /// Nobody asked the player to join, or another one did later.
    PartyNotAsked,
    /// The other player is not in the party.
    PartyNotMember,
    /// The player itself was meant.
    PartyOneself,
    /// How parties are used.
    PartyUsage,
    /// A leader: `{0}` name, `{1}` level.
    PartyLeader,
    /// A member: `{0}` name, `{1}` level.
    PartyMember,
    /// The player is of no kingdom.
    KingdomNone,
    /// So many play: `{0}`.
    WhoCount,
    /// `{0}` plays.
    WhoPlays,
    /// How to speak to everybody.
    ShoutUsage,
    /// A character that is in a guild is not deleted.
    InGuild,
    /// Something of guilds.
    Guild(GuildLine),
    /// Something of friends.
    Friend(FriendLine),
}

impl Line {
    /// All lines but those of guilds and friends, see [`GuildLine::ALL`] and [`FriendLine::ALL`].
    pub const ALL: [Self; 118] = [
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
        Self::CrowdIdle,
        Self::CrowdTrade,
        Self::CrowdFar,
        Self::CrowdView,
        Self::CrowdClock,
        Self::CrowdClosed,
        Self::CrowdOver,
        Self::InstanceEnds,
        Self::InstanceOver,
        Self::LoginQueue,
        Self::OtherNotConnected,
        Self::PartyAsked,
        Self::PartyNone,
        Self::PartyInOne,
        Self::PartyOtherInOne,
        Self::PartyNotLeader,
        Self::PartyFull,
        Self::PartyNotAsked,
        Self::PartyNotMember,
        Self::PartyOneself,
        Self::PartyUsage,
        Self::PartyLeader,
        Self::PartyMember,
        Self::KingdomNone,
        Self::WhoCount,
        Self::WhoPlays,
        Self::ShoutUsage,
        Self::InGuild,
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
        NoticeKey::CrowdIdle => Line::CrowdIdle,
        NoticeKey::CrowdTrade => Line::CrowdTrade,
        NoticeKey::CrowdFar => Line::CrowdFar,
        NoticeKey::CrowdView => Line::CrowdView,
        NoticeKey::CrowdClock => Line::CrowdClock,
        NoticeKey::CrowdClosed => Line::CrowdClosed,
        NoticeKey::CrowdOver => Line::CrowdOver,
        NoticeKey::InstanceEnds => Line::InstanceEnds,
        NoticeKey::InstanceOver => Line::InstanceOver,
        NoticeKey::Guild(line) => Line::Guild(line),
        NoticeKey::Friend(line) => Line::Friend(line),
    }
}

/// A text without control characters, fit to be shown to others.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Line> {
        let friends = FriendLine::ALL.into_iter().map(Line::Friend);
        Line::ALL.into_iter().chain(GuildLine::ALL.into_iter().map(Line::Guild)).chain(friends)
    }

    #[test]
    fn every_line_fits_the_oldest_client_in_both_languages() {
        for line in all() {
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
        for line in all() {
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
