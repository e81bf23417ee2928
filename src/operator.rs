//! Who sits at the command line: the name under which the ledger keeps what an operator does.

use std::os::unix::fs::MetadataExt;

/// Longest name that is kept.
const NAME_MAX: usize = 32;

/// The name of the user that this program runs as; its number where it has no name here. What the environment says
/// is not asked: anybody can set that.
pub fn name() -> String {
    let Ok(own) = std::fs::metadata("/proc/self") else { return "unknown".to_owned() };
    let uid = own.uid();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = of_uid(&passwd, uid).filter(|name| !name.is_empty() && name.len() <= NAME_MAX);
    name.map_or_else(|| format!("uid {uid}"), str::to_owned)
}

fn of_uid(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nana:x:1001:1001::/home/ana:/bin/sh\n";
        assert_eq!(of_uid(passwd, 1001), Some("ana"));
        assert_eq!(of_uid(passwd, 0), Some("root"));
        assert_eq!(of_uid(passwd, 7), None);
        assert!(!name().is_empty());
    }
}
