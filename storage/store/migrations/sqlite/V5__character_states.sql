-- What characters have become, one row for each change: hard state without gold, which the ledger tells.

-- Written in the transaction that changes the character, never changed. The newest row of a character is as the character
-- is; each row counts until the next one. A row goes when a newer one is past the retention too, or with its character.
CREATE TABLE character_states (
    character       INTEGER NOT NULL REFERENCES characters (id) ON DELETE CASCADE,
    since_ms        INTEGER NOT NULL,
    bucket          INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    -- who and why as in the ledger; no operation only for the rows of this migration
    operation       BLOB    CHECK (length(operation) = 16),
    actor_kind      INTEGER NOT NULL,
    actor_id        INTEGER,
    actor_name      TEXT,
    reason          TEXT    NOT NULL CHECK (length(reason) <= 32),
    level           INTEGER NOT NULL,
    experience      INTEGER NOT NULL,
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
    PRIMARY KEY (character, since_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX character_states_bucket ON character_states (bucket, since_ms);

-- what was before is not known: the history of who is there begins now
INSERT INTO character_states
    SELECT id, CAST(unixepoch('subsec') * 1000 AS INTEGER), bucket, NULL, 3, NULL, 'migration', 'opening',
           level, experience, strength, intelligence, dexterity, constitution, mastery_0, mastery_1, mastery_2, mastery_3,
           unspent_stat, unspent_mastery, unspent_skill, learned_0, learned_1, clan, guild, guild_rank, chaos
    FROM characters;
