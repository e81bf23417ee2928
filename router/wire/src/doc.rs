//! `docs/PROTOCOL.md`, made from the table.

use crate::form::Places;
use crate::record::RECORDS;
use crate::table::{Accept, Direction, Field, Row, Shape, rows};
use crate::{Profile, known};
use std::fmt::{self, Write};

/// What stands before the tables.
const INTRODUCTION: &str = "\
# The client protocol

Made from the packet table of `router/wire` by `UPDATE_DOCS=1 cargo test -p wire protocol_doc`; do not edit it.

## Transport

One TCP connection a client, port 8281. Numbers are little-endian. The client begins with `11 F3 11 1F`, once; the
server sends no such thing. Then both sides send frames of 12 to 8192 bytes, several to a segment or cut anywhere.

| offset | | |
|---|---|---|
| 0 | u16 | size of the frame, header included |
| 2 | u8 | key index |
| 3 | u8 | checksum: obfuscated minus plain bytes from 4 on, modulo 256 |
| 4 | u16 | number of the packet |
| 6 | u16 | whom it is about: an entity's short id, 0 or a scene (30000 field, 30001 entering, 30002 character list) |
| 8 | u32 | the sender's clock in milliseconds |

Bytes from 4 on are obfuscated with a table of 512 bytes (`router/wire/src/key_table.hex`), starting at the row of the
key index; any key index is valid. Text is Windows-1252, ended by NUL. A text field that keeps fewer bytes than it has
is cut when it is written; characters that the code page lacks become `?`.

A packet of a size that its row does not name is refused. A smaller one that is accepted reads as if zeros followed.
Numbers too large for their field are written as the largest that fits. In 7.48, points above 30000 are scaled down
together with their maximum.

The login packet tells the version: 7.48 keeps it at 40 (748), newer clients at 92 (7640 is 7.59, 1758 is 7.69). The
accepted numbers are configuration.

Offsets below count from the start of the packet, header included; inside a structure from its own start. `-` stands
for a profile that has no such packet or field.
";

/// The whole document.
pub fn render() -> String {
    let mut out = String::from(INTRODUCTION);
    // Writing into a string cannot fail.
    let _ = write_all(&mut out);
    out
}

fn write_all(out: &mut String) -> fmt::Result {
    out.push_str("\n## Structures\n");
    for record in RECORDS {
        let [v759, v769, v748] = record.sizes;
        write!(out, "\n### {}\n\n{}\n\n", record.name, plain(record.doc))?;
        write!(out, "Bytes: {v759} in 7.59, {v769} in 7.69, {v748} in 7.48.\n\n")?;
        write_fields(out, record.fields)?;
    }
    out.push_str("\n### nameplate\n\n18 bytes in every profile: u16 short id, then 16 bytes. Ids below 1000 are players: ");
    out.push_str("12 bytes of name,\nu8 PK points, u8 kills of this life, u16 kills in all. Others: 16 bytes of name.\n");
    out.push_str(
        "\n### route\n\n24 bytes of ASCII digits of the number pad, NUL padded: 8 is +y, 2 is -y, 6 is +x, ",
    );
    out.push_str("4 is -x, 7 9 1 3 the corners.\n");

    out.push_str("\n## Packets that are handled\n");
    for row in rows().filter(|row| row.handled) {
        write_packet(out, row)?;
    }
    out.push_str("\n## Packets that are known, not handled\n\nNumber / sizes.\n\n");
    out.push_str("| packet | sent by | 7.59 | 7.69 | 7.48 |\n|---|---|---|---|---|\n");
    for row in rows().filter(|row| !row.handled) {
        let way =
            Profile::ALL.iter().find_map(|profile| row.shapes.in_profile(*profile)).map(|s| s.direction);
        write!(out, "| {} | {} |", row.name, way.map_or("-", sender))?;
        for profile in Profile::ALL {
            match row.shapes.in_profile(profile) {
                None => write!(out, " - |")?,
                Some(shape) => write!(out, " {:#06x} / {} |", shape.opcode, sizes(&shape))?,
            }
        }
        out.push('\n');
    }
    out.push_str("\n## Numbers of other versions that stock 7.48 neither sends nor handles\n\n");
    for (opcode, name) in known::ABSENT_748 {
        writeln!(out, "- {opcode:#06x} {name}")?;
    }
    Ok(())
}

fn write_packet(out: &mut String, row: &Row) -> fmt::Result {
    write!(out, "\n### {}\n\n{}\n\n", row.name, plain(row.doc))?;
    out.push_str("| | 7.59 | 7.69 | 7.48 |\n|---|---|---|---|\n");
    write_row(out, "number", row, |shape| format!("{:#06x}", shape.opcode))?;
    write_row(out, "size", row, sizes)?;
    write_row(out, "sent by", row, |shape| sender(shape.direction).to_owned())?;
    if !row.fields.is_empty() {
        out.push('\n');
        write_fields(out, row.fields)?;
    }
    Ok(())
}

fn write_row(out: &mut String, title: &str, row: &Row, cell: impl Fn(&Shape) -> String) -> fmt::Result {
    write!(out, "| {title} |")?;
    for profile in Profile::ALL {
        let text = row.shapes.in_profile(profile).map_or("-".to_owned(), |shape| cell(&shape));
        write!(out, " {text} |")?;
    }
    out.push('\n');
    Ok(())
}

fn write_fields(out: &mut String, fields: &[Field]) -> fmt::Result {
    out.push_str("| field | 7.59 | 7.69 | 7.48 | |\n|---|---|---|---|---|\n");
    for field in fields {
        write!(out, "| {} |", field.name)?;
        for profile in Profile::ALL {
            write!(out, " {} |", place(&field.places, profile))?;
        }
        writeln!(out, " {} |", plain(field.doc))?;
    }
    Ok(())
}

/// A doc comment outside rustdoc: without links, and safe in a table.
fn plain(doc: &str) -> String {
    doc.trim().replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

fn place(places: &Places, profile: Profile) -> String {
    match places.in_profile(profile) {
        None => "-".to_owned(),
        Some(place) => format!("{} {}", place.offset, place.form.name()),
    }
}

fn sizes(shape: &Shape) -> String {
    match shape.accept {
        Accept::Exact => shape.size.to_string(),
        Accept::AtLeast(least) => format!("{}, from {least} on accepted", shape.size),
        Accept::Also(others) => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!("{}, also {}", shape.size, others.join(", "))
        }
    }
}

fn sender(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "client",
        Direction::ToClient => "server",
        Direction::Both => "both",
        Direction::Internal => "old servers",
    }
}
