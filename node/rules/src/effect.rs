//! Codes of item effects, named as in item lists (`EF_...`).
//!
//! The lineages disagree on three names; the 7.59 numbers are taken: `EF_ITEMTYPE` 113 (others 116),
//! `EF_NOTRADE` 127 (others 111, 200). Codes 116..125 are glow colours that also carry the refinement.

/// Bonus to attack.
pub const DAMAGE: u8 = 2;
/// Armour class.
pub const AC: u8 = 3;
/// Hit points.
pub const HP: u8 = 4;
/// Mana.
pub const MP: u8 = 5;
/// Strength.
pub const STR: u8 = 7;
/// Intelligence.
pub const INT: u8 = 8;
/// Dexterity.
pub const DEX: u8 = 9;
/// Constitution.
pub const CON: u8 = 10;
/// Weapon mastery.
pub const SPECIAL1: u8 = 11;
/// Mastery of the first tree.
pub const SPECIAL2: u8 = 12;
/// Mastery of the second tree.
pub const SPECIAL3: u8 = 13;
/// Mastery of the third tree.
pub const SPECIAL4: u8 = 14;
/// Classes that may use it: a bit each.
pub const CLASS: u8 = 18;
/// Attack speed.
pub const ATTSPEED: u8 = 26;
/// Reach of a weapon in tiles.
pub const RANGE: u8 = 27;
/// Running speed.
pub const RUNSPEED: u8 = 29;
/// Use-item handler.
pub const VOLATILE: u8 = 38;
/// Evasion.
pub const PARRY: u8 = 40;
/// Critical chance, in quarters.
pub const CRITICAL: u8 = 42;
/// Refinement.
pub const SANC: u8 = 43;
/// Percent of mana saved.
pub const SAVEMANA: u8 = 44;
/// Percent of hit points added.
pub const HPADD: u8 = 45;
/// Percent of mana added.
pub const MPADD: u8 = 46;
/// Regeneration of hit points.
pub const REGENHP: u8 = 47;
/// Regeneration of mana.
pub const REGENMP: u8 = 48;
/// Resistance to fire; ice, holy and thunder follow.
pub const RESIST1: u8 = 49;
/// Armour class on top.
pub const ACADD: u8 = 53;
/// All four resistances.
pub const RESISTALL: u8 = 54;
/// Filler with a random value.
pub const UNIQUE: u8 = 59;
/// Magic attack.
pub const MAGIC: u8 = 60;
/// Pieces in a stack.
pub const AMOUNT: u8 = 61;
/// Attack of the special weapon families.
pub const DAMAGEADD: u8 = 67;
/// Magic attack of the special weapon families.
pub const MAGICADD: u8 = 68;
/// Percent of hit points added (second code).
pub const HPADD2: u8 = 69;
/// Percent of mana added (second code).
pub const MPADD2: u8 = 70;
/// Critical chance carried by the instance.
pub const CRITICAL2: u8 = 71;
/// Armour class carried by the instance.
pub const ACADD2: u8 = 72;
/// Attack carried by the instance.
pub const DAMAGE2: u8 = 73;
/// Mastery of all three trees.
pub const SPECIALALL: u8 = 74;
/// Time until something hatches.
pub const INCUBATE: u8 = 78;
/// Hit points of a mount (low byte, then high byte in the value pair).
pub const MOUNTHP: u8 = 80;
/// Grade 0: sub-kind of an NPC on its face item.
pub const GRADE0: u8 = 100;
/// First glow colour that carries the refinement.
pub const COLOR_FIRST: u8 = 116;
/// Last glow colour that carries the refinement.
pub const COLOR_LAST: u8 = 125;
/// Bound to its character.
pub const NOTRADE: u8 = 127;

/// Effects whose value the refinement never multiplies.
const FLAT: [u8; 19] = [33, 18, 17, 21, 27, 1, 22, 23, 24, 25, 38, 78, 84, 112, 113, 87, 127, 126, 91];

/// True for what describes an item (class, reach, requirements...) instead of adding to its wearer.
pub fn is_flat(code: u8) -> bool {
    FLAT.contains(&code)
}

/// The code of a name of the item list, like `EF_DAMAGE`; whatever the case.
pub fn code_of(name: &str) -> Option<u8> {
    NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(code, _)| *code)
}

/// The first name of a code.
pub fn name_of(code: u8) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

#[rustfmt::skip]
const NAMES: &[(u8, &str)] = &[
    (1, "EF_LEVEL"), (2, "EF_DAMAGE"), (3, "EF_AC"), (4, "EF_HP"), (5, "EF_MP"), (6, "EF_EXP"),
    (7, "EF_STR"), (8, "EF_INT"), (9, "EF_DEX"), (10, "EF_CON"), (11, "EF_SPECIAL1"), (12, "EF_SPECIAL2"),
    (13, "EF_SPECIAL3"), (14, "EF_SPECIAL4"), (15, "EF_SCORE14"), (16, "EF_SCORE15"), (17, "EF_POS"),
    (18, "EF_CLASS"), (19, "EF_R1SIDC"), (20, "EF_R2SIDC"), (21, "EF_WTYPE"), (22, "EF_REQ_STR"),
    (23, "EF_REQ_INT"), (24, "EF_REQ_DEX"), (25, "EF_REQ_CON"), (26, "EF_ATTSPEED"), (27, "EF_RANGE"),
    (28, "EF_CITIZEN"), (29, "EF_RUNSPEED"), (30, "EF_SPELL"), (31, "EF_DURATION"), (32, "EF_PARM2"),
    (33, "EF_GRID"), (34, "EF_GROUND"), (35, "EF_CLAN"), (36, "EF_HWORDCOIN"), (37, "EF_LWORDCOIN"),
    (38, "EF_VOLATILE"), (39, "EF_KEYID"), (40, "EF_PARRY"), (41, "EF_HITRATE"), (42, "EF_CRITICAL"),
    (43, "EF_SANC"), (44, "EF_SAVEMANA"), (45, "EF_HPADD"), (46, "EF_MPADD"), (47, "EF_REGENHP"),
    (48, "EF_REGENMP"), (49, "EF_RESIST1"), (50, "EF_RESIST2"), (51, "EF_RESIST3"), (52, "EF_RESIST4"),
    (53, "EF_ACADD"), (54, "EF_RESISTALL"), (55, "EF_BONUS"), (56, "EF_HWORDGUILD"), (57, "EF_LWORDGUILD"),
    (58, "EF_QUEST"), (59, "EF_UNIQUE"), (60, "EF_MAGIC"), (61, "EF_AMOUNT"), (62, "EF_HWORDINDEX"),
    (63, "EF_LWORDINDEX"), (64, "EF_INIT1"), (65, "EF_INIT2"), (66, "EF_INIT3"), (67, "EF_DAMAGEADD"),
    (68, "EF_MAGICADD"), (69, "EF_HPADD2"), (70, "EF_MPADD2"), (71, "EF_CRITICAL2"), (72, "EF_ACADD2"),
    (73, "EF_DAMAGE2"), (74, "EF_SPECIALALL"), (75, "EF_CURKILL"), (76, "EF_LTOTKILL"), (77, "EF_HTOTKILL"),
    (78, "EF_INCUBATE"), (79, "EF_MOUNTLIFE"), (80, "EF_MOUNTHP"), (81, "EF_MOUNTSANC"),
    (82, "EF_MOUNTFEED"), (83, "EF_MOUNTKILL"), (84, "EF_INCUDELAY"), (85, "EF_SUBGUILD"),
    (86, "EF_MOBFACE"), (86, "EF_PREVBONUS"), (87, "EF_ITEMLEVEL"), (87, "EF_REFLEVEL"), (87, "EF_UNKNOW1"),
    (88, "EF_GAMEROOM"), (89, "EF_ABSDAM"), (90, "EF_ABSAC"), (91, "EF_DONATE"), (100, "EF_GRADE0"),
    (101, "EF_GRADE1"), (102, "EF_GRADE2"), (103, "EF_GRADE3"), (104, "EF_GRADE4"), (105, "EF_GRADE5"),
    (106, "EF_DATE"), (106, "EF_WDAY"), (107, "EF_HOUR"), (108, "EF_MIN"), (109, "EF_YEAR"),
    (110, "EF_MONTH"), (110, "EF_WMONTH"), (112, "EF_MOBTYPE"), (112, "EF_TRANS"), (113, "EF_FAME"),
    (113, "EF_ITEMTYPE"), (115, "EF_SELADO"), (115, "EF_STARTCOL"), (116, "EF_COLOR0"), (117, "EF_COLOR1"),
    (117, "EF_NOREFINE"), (118, "EF_COLOR2"), (119, "EF_COLOR3"), (120, "EF_COLOR4"), (121, "EF_COLOR5"),
    (122, "EF_COLOR6"), (123, "EF_COLOR7"), (124, "EF_COLOR8"), (125, "EF_COLOR9"), (126, "EF_MAXCOL"),
    (126, "EF_NOSANC"), (127, "EF_NOTRADE"), (130, "EF_STARTCOS"), (131, "EF_T_COS"), (140, "EF_F_COS"),
    (150, "EF_B_COS"), (150, "EF_LIFESTEAL"), (151, "EF_BONUSEXP"), (152, "EF_POTIONHEAL"),
    (153, "EF_BONUSEXPIND"), (154, "EF_VAMPIRISM"), (155, "EF_IGNORERESISTANCE"), (156, "EF_SLOW"),
    (157, "EF_RESISTANCE"), (160, "EF_H_COS"), (170, "EF_MAXCOS"), (201, "EF_GIFTID"),
    (202, "EF_DROPBONUS"),
];
