//! The server list files that an operator hands out with a client: `serverlist.bin` and `serverlist.txt`.

/// Groups in the file.
pub const GROUPS: usize = 10;
/// Entries of a group: the status address, then ten channels.
pub const ENTRIES: usize = 11;
/// Bytes of one entry.
pub const ENTRY_BYTES: usize = 64;
/// Bytes of the whole file.
pub const FILE_BYTES: usize = GROUPS * ENTRIES * ENTRY_BYTES;
/// Channels of a group.
pub const CHANNELS_MAX: usize = ENTRIES - 1;
/// Longest text of an entry: it is NUL ended.
pub const TEXT_MAX: usize = ENTRY_BYTES - 1;

/// The key of the 7,040-byte form; `plain[i] = file[i] - KEY[63 - i]`.
const KEY: [u8; ENTRY_BYTES] = [
    0xa4, 0xa1, 0xa4, 0xa4, 0xa4, 0xa7, 0xa4, 0xa9, 0xa4, 0xb1, 0xa4, 0xb2, 0xa4, 0xb5, 0xa4, 0xb7, //
    0xa4, 0xb8, 0xa4, 0xba, 0xa4, 0xbb, 0xa4, 0xbc, 0xa4, 0xbd, 0xa4, 0xbe, 0xa4, 0xbf, 0xa4, 0xc1, //
    0xa4, 0xc3, 0xa4, 0xc5, 0xa4, 0xc7, 0xa4, 0xcb, 0xa4, 0xcc, 0xa4, 0xd0, 0xa4, 0xd1, 0xa4, 0xd3, //
    0xa4, 0xbf, 0xa4, 0xc4, 0xa4, 0xd3, 0xa4, 0xc7, 0xa4, 0xcc, 0xb0, 0xa1, 0xb3, 0xaa, 0xb4, 0xd9,
];

/// Why no list can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerListError {
    /// There is no channel.
    #[error("a server list needs at least one channel")]
    NoChannel,
    /// The clients show ten channels.
    #[error("a server list has at most {CHANNELS_MAX} channels, {found} were given")]
    TooManyChannels {
        /// How many were given.
        found: usize,
    },
    /// A text does not fit into its entry.
    #[error("`{text}` cannot stand in a server list: 1 to {TEXT_MAX} ASCII characters without spaces")]
    BadText {
        /// The text.
        text: String,
    },
}

/// One group of channels as players see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerList {
    status_url: String,
    channels: Vec<String>,
}

impl ServerList {
    /// A list of channel addresses, and the address of the page with the player counts.
    pub fn new(status_url: &str, channels: &[String]) -> Result<Self, ServerListError> {
        if channels.is_empty() {
            return Err(ServerListError::NoChannel);
        }
        if channels.len() > CHANNELS_MAX {
            return Err(ServerListError::TooManyChannels { found: channels.len() });
        }
        for text in channels.iter().map(String::as_str).chain([status_url]) {
            let fits = (1..=TEXT_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            if !fits {
                return Err(ServerListError::BadText { text: text.to_owned() });
            }
        }
        Ok(Self { status_url: status_url.to_owned(), channels: channels.to_vec() })
    }

    /// `serverlist.bin`: groups 0 and 1 are both filled, because the 7.48 client shows neither otherwise.
    pub fn to_bin(&self) -> Vec<u8> {
        let mut file = vec![0; FILE_BYTES];
        for group in 0..2 {
            for (index, text) in self.entries() {
                let at = (group * ENTRIES + index) * ENTRY_BYTES;
                file[at..at + text.len()].copy_from_slice(text.as_bytes());
            }
        }
        for entry in file.chunks_exact_mut(ENTRY_BYTES) {
            for (byte, key) in entry.iter_mut().zip(KEY.iter().rev()) {
                *byte = byte.wrapping_add(*key);
            }
        }
        file
    }

    /// `serverlist.txt`: one line an entry, `group index text`.
    pub fn to_txt(&self) -> String {
        let mut lines = String::new();
        for group in 0..2 {
            for (index, text) in self.entries() {
                lines.push_str(&format!("{group} {index} {text}\r\n"));
            }
        }
        lines
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &str)> {
        std::iter::once(self.status_url.as_str()).chain(self.channels.iter().map(String::as_str)).enumerate()
    }
}

/// Reads a `serverlist.bin` of the 7,040-byte form: the texts by group and entry. `None` when the length is wrong.
pub fn read_bin(file: &[u8]) -> Option<Vec<Vec<String>>> {
    if file.len() != FILE_BYTES {
        return None;
    }
    let entry = |bytes: &[u8]| -> String {
        let plain = bytes.iter().zip(KEY.iter().rev()).map(|(byte, key)| byte.wrapping_sub(*key));
        plain.take_while(|b| *b != 0).map(char::from).collect()
    };
    let groups = file.chunks_exact(ENTRIES * ENTRY_BYTES);
    Some(groups.map(|group| group.chunks_exact(ENTRY_BYTES).map(entry).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_list_reads_back() {
        let url = "http://203.0.113.9:8080/SrvCont.htm";
        let list =
            ServerList::new(url, &["203.0.113.9".to_owned(), "203.0.113.10".to_owned()]).expect("a list");
        let file = list.to_bin();
        assert_eq!(file.len(), 7_040);
        let groups = read_bin(&file).expect("the right length");
        for group in &groups[..2] {
            assert_eq!(group[..4], [url, "203.0.113.9", "203.0.113.10", ""]);
        }
        assert!(groups[2..].iter().flatten().all(String::is_empty));
        assert!(list.to_txt().starts_with(&format!("0 0 {url}\r\n0 1 203.0.113.9\r\n")));
        assert!(read_bin(&file[1..]).is_none());
    }

    #[test]
    fn the_first_byte_of_an_entry_takes_the_last_byte_of_the_key() {
        let list = ServerList::new("u", &["c".to_owned()]).expect("a list");
        let file = list.to_bin();
        assert_eq!(file[0], b'u'.wrapping_add(0xd9));
        assert_eq!(file[63], 0xa4, "an empty byte is the key itself");
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let one = ["127.0.0.1".to_owned()];
        assert_eq!(ServerList::new("http://x", &[]), Err(ServerListError::NoChannel));
        assert!(ServerList::new(&"x".repeat(64), &one).is_err());
        assert!(ServerList::new("http://x y", &one).is_err());
        let many = vec!["127.0.0.1".to_owned(); 11];
        assert_eq!(ServerList::new("u", &many), Err(ServerListError::TooManyChannels { found: 11 }));
    }
}
