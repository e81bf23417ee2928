-- One shard: everything of the accounts whose buckets live here.
-- Times are milliseconds since 1970 by this database's clock.

-- Which shard of which cluster this database is; one row, written when the shard is first used.
CREATE TABLE shard_identity (
    one     boolean  PRIMARY KEY DEFAULT true CHECK (one),
    cluster uuid     NOT NULL,
    shard   smallint NOT NULL
);

CREATE TABLE accounts (
    id            bigint   PRIMARY KEY,
    bucket        smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    name          text     NOT NULL,
    name_key      text     NOT NULL UNIQUE,
    password_hash text     NOT NULL,
    pin_hash      text,
    blocked       text,
    -- why the player may move no item and no gold
    frozen        text,
    created_ms    bigint   NOT NULL,
    cargo_gold    bigint   NOT NULL DEFAULT 0 CHECK (cargo_gold BETWEEN 0 AND 2000000000)
);
CREATE INDEX accounts_bucket ON accounts (bucket);

CREATE TABLE characters (
    id              bigint   PRIMARY KEY,
    account         bigint   NOT NULL REFERENCES accounts (id),
    bucket          smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    slot            smallint NOT NULL CHECK (slot BETWEEN 0 AND 3),
    name            text     NOT NULL,
    name_key        text     NOT NULL UNIQUE,
    class           smallint NOT NULL,
    level           integer  NOT NULL,
    experience      bigint   NOT NULL,
    gold            bigint   NOT NULL CHECK (gold BETWEEN 0 AND 2000000000),
    strength        integer  NOT NULL,
    intelligence    integer  NOT NULL,
    dexterity       integer  NOT NULL,
    constitution    integer  NOT NULL,
    mastery_0       integer  NOT NULL,
    mastery_1       integer  NOT NULL,
    mastery_2       integer  NOT NULL,
    mastery_3       integer  NOT NULL,
    unspent_stat    integer  NOT NULL,
    unspent_mastery integer  NOT NULL,
    unspent_skill   integer  NOT NULL,
    learned_0       bigint   NOT NULL,
    learned_1       bigint   NOT NULL,
    clan            smallint NOT NULL,
    guild           integer  NOT NULL,
    guild_rank      smallint NOT NULL,
    chaos           smallint NOT NULL,
    -- written behind, in the layout of that version
    soft_version    smallint NOT NULL,
    soft            bytea    NOT NULL,
    -- who may write: see "fencing"
    epoch           bigint   NOT NULL DEFAULT 0,
    owner           text,
    UNIQUE (account, slot)
) WITH (fillfactor = 80);
CREATE INDEX characters_bucket ON characters (bucket);

-- An item is in exactly one place. Kinds of place: 1 equipment, 2 inventory (owner: the character),
-- 3 cargo (owner: the account), 4 a lot of the auction house, 5 a parcel, 6 the ground (owner: the record of it,
-- see records), 7 the bank of a guild.
-- The place is checked at the end of a statement, so that one UPDATE can swap two items.
CREATE TABLE items (
    id          uuid     PRIMARY KEY,
    bucket      smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    kind        integer  NOT NULL,
    effects     bytea    NOT NULL CHECK (length(effects) = 6),
    place_kind  smallint NOT NULL CHECK (place_kind BETWEEN 1 AND 7),
    place_owner bigint   NOT NULL,
    place_slot  integer  NOT NULL CHECK (CASE place_kind
        WHEN 1 THEN place_slot BETWEEN 0 AND 17
        WHEN 2 THEN place_slot BETWEEN 0 AND 63
        WHEN 3 THEN place_slot BETWEEN 0 AND 127
        WHEN 6 THEN place_slot = 0
        WHEN 7 THEN place_slot BETWEEN 0 AND 127
        ELSE place_slot BETWEEN 0 AND 63 END),
    CONSTRAINT items_place UNIQUE (place_owner, place_kind, place_slot) DEFERRABLE INITIALLY IMMEDIATE
);
CREATE INDEX items_bucket ON items (bucket);

-- The first outcome of every operation: doing it again returns it. The row of an operation is also its
-- commit point: see the names protocol in the store. A transfer between several buckets has a row in each of
-- them; that of its home holds the outcome, the others (kind transfer-part) say where that is.
CREATE TABLE operations (
    operation uuid     NOT NULL,
    bucket    smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    kind      text     NOT NULL,
    outcome   bytea    NOT NULL,
    at_ms     bigint   NOT NULL,
    PRIMARY KEY (operation, bucket)
);
CREATE INDEX operations_bucket ON operations (bucket);
CREATE INDEX operations_at ON operations USING brin (at_ms);
