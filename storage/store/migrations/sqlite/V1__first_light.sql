-- Everything in one file: accounts, characters, items, and who is in the cluster.
-- Ids are random 63-bit integers or 16-byte blobs (big endian); times are milliseconds since 1970.

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY,
    bucket        INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    name          TEXT    NOT NULL,
    name_key      TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    pin_hash      TEXT,
    blocked       TEXT,
    -- why the player may move no item and no gold
    frozen        TEXT,
    created_ms    INTEGER NOT NULL,
    cargo_gold    INTEGER NOT NULL DEFAULT 0 CHECK (cargo_gold BETWEEN 0 AND 2000000000)
) STRICT;

CREATE TABLE characters (
    id              INTEGER PRIMARY KEY,
    account         INTEGER NOT NULL REFERENCES accounts (id),
    bucket          INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    slot            INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 3),
    name            TEXT    NOT NULL,
    name_key        TEXT    NOT NULL UNIQUE,
    class           INTEGER NOT NULL,
    level           INTEGER NOT NULL,
    experience      INTEGER NOT NULL,
    gold            INTEGER NOT NULL CHECK (gold BETWEEN 0 AND 2000000000),
    strength        INTEGER NOT NULL,
    intelligence    INTEGER NOT NULL,
    dexterity       INTEGER NOT NULL,
    constitution    INTEGER NOT NULL,
    mastery_0       INTEGER NOT NULL,
    mastery_1       INTEGER NOT NULL,
    mastery_2       INTEGER NOT NULL,
    mastery_3       INTEGER NOT NULL,
    unspent_stat    INTEGER NOT NULL,
    unspent_mastery INTEGER NOT NULL,
    unspent_skill   INTEGER NOT NULL,
    learned_0       INTEGER NOT NULL,
    learned_1       INTEGER NOT NULL,
    clan            INTEGER NOT NULL,
    guild           INTEGER NOT NULL,
    guild_rank      INTEGER NOT NULL,
    chaos           INTEGER NOT NULL,
    -- written behind, in the layout of that version
    soft_version    INTEGER NOT NULL,
    soft            BLOB    NOT NULL,
    -- who may write: see "fencing"
    epoch           INTEGER NOT NULL DEFAULT 0,
    owner           TEXT,
    UNIQUE (account, slot)
) STRICT;

-- An item is in exactly one place. Kinds of place: 1 equipment, 2 inventory (owner: the character),
-- 3 cargo (owner: the account), 4 a lot of the auction house, 5 a parcel, 6 the ground (owner: the record of it,
-- see records), 7 the bank of a guild.
CREATE TABLE items (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    bucket      INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    kind        INTEGER NOT NULL,
    effects     BLOB    NOT NULL CHECK (length(effects) = 6),
    place_kind  INTEGER NOT NULL CHECK (place_kind BETWEEN 1 AND 7),
    place_owner INTEGER NOT NULL,
    place_slot  INTEGER NOT NULL CHECK (CASE place_kind
        WHEN 1 THEN place_slot BETWEEN 0 AND 17
        WHEN 2 THEN place_slot BETWEEN 0 AND 63
        WHEN 3 THEN place_slot BETWEEN 0 AND 127
        WHEN 6 THEN place_slot = 0
        WHEN 7 THEN place_slot BETWEEN 0 AND 127
        ELSE place_slot BETWEEN 0 AND 63 END),
    UNIQUE (place_owner, place_kind, place_slot)
) STRICT, WITHOUT ROWID;

-- The first outcome of every operation: doing it again returns it. A transfer between several buckets has a row
-- in each of them; that of its home holds the outcome, the others (kind transfer-part) say where that is.
CREATE TABLE operations (
    operation BLOB    NOT NULL CHECK (length(operation) = 16),
    bucket    INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    kind      TEXT    NOT NULL,
    outcome   BLOB    NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (operation, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX operations_at ON operations (at_ms);

CREATE TABLE members (
    name           TEXT    NOT NULL PRIMARY KEY,
    role           TEXT    NOT NULL,
    incarnation    INTEGER NOT NULL,
    link           TEXT    NOT NULL,
    http           TEXT    NOT NULL,
    weight         INTEGER NOT NULL,
    content_hash   INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL
) STRICT;

-- One row at most in each of these two.
CREATE TABLE controller (
    one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    name           TEXT    NOT NULL,
    incarnation    INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE slot_table (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO slot_table (one, version) VALUES (1, 0);

CREATE TABLE named_zones (
    position INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL,
    min_x    INTEGER NOT NULL,
    min_y    INTEGER NOT NULL,
    max_x    INTEGER NOT NULL,
    max_y    INTEGER NOT NULL
) STRICT;
CREATE TABLE slots (
    zone  INTEGER PRIMARY KEY,
    owner TEXT,
    epoch INTEGER NOT NULL
) STRICT;
