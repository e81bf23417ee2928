//! Friends: what the player asks, and what its client is told of who comes and goes.

use super::Session;
use crate::friends::{Said, in_lines};
use crate::messages::{self, Line};
use crate::phase::Phase;
use model::calls::registry::Reply;
use model::friend::{FriendLine, FriendPage};
use wire::packet::MessagePanel;

/// What of the list was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A page of friends.
    Friends,
    /// The open requests.
    Requests,
}

impl Session {
    /// Other friends are in the world than before.
    pub(super) fn on_friends(&mut self, said: Vec<Said>) {
        if self.phase == Phase::Playing {
            self.say_of_friends(said);
        }
    }

    fn say_of_friends(&mut self, said: Vec<Said>) {
        for (line, word) in said {
            self.say(Line::Friend(line), &[&word]);
        }
    }

    pub(super) fn on_friend_asked(&mut self, reply: Option<&Reply>) {
        match reply {
            Some(Reply::Friend(notice)) => {
                let text = messages::notice(notice, self.language());
                self.send(0, MessagePanel { text });
            }
            _ => self.say(Line::Unavailable, &[]),
        }
    }

    pub(super) fn on_friend_page(&mut self, reply: Option<&Reply>, part: Part) {
        match (reply, part) {
            (Some(Reply::Friends(page)), Part::Friends) => self.list_friends(page),
            (Some(Reply::Friends(page)), Part::Requests) => self.list_requests(page),
            _ => self.say(Line::Unavailable, &[]),
        }
    }

    fn list_friends(&mut self, page: &FriendPage) {
        for row in &page.rows {
            match row.level {
                Some(level) => {
                    let level = (u32::from(level) + 1).to_string();
                    self.say(Line::Friend(FriendLine::RowPlays), &[&row.name, &level]);
                }
                None => {
                    let away = row.away_s.map_or_else(|| "-".to_owned(), model::words::ago);
                    self.say(Line::Friend(FriendLine::RowAway), &[&row.name, &away]);
                }
            }
        }
        let numbers = [page.friends, page.playing, page.page, page.pages].map(|n| n.to_string());
        let [friends, playing, page_number, pages] = &numbers;
        self.say(Line::Friend(FriendLine::Sum), &[friends, playing, page_number, pages]);
        if !page.asking.is_empty() {
            self.say(Line::Friend(FriendLine::Waiting), &[&page.asking.len().to_string()]);
        }
    }

    fn list_requests(&mut self, page: &FriendPage) {
        let of = |line, names: &[String]| in_lines(line, names.iter().map(String::as_str));
        let mut said = of(FriendLine::Asking, &page.asking);
        if said.is_empty() {
            self.say(Line::Friend(FriendLine::NobodyAsks), &[]);
        }
        said.extend(of(FriendLine::AskedThese, &page.asked));
        self.say_of_friends(said);
    }
}
