-- What characters have become, one row for each change: hard state without gold, which the ledger tells.

-- Written in the transaction that changes the character, never changed. The newest row of a character is as the character
-- is; each row counts until the next one. A row goes when a newer one is past the retention too, or with its character.
CREATE TABLE character_states (
    character       bigint   NOT NULL REFERENCES characters (id) ON DELETE CASCADE,
    since_ms        bigint   NOT NULL,
    bucket          smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    -- who and why as in the ledger; no operation only for the rows of this migration
    operation       uuid,
    actor_kind      smallint NOT NULL,
    actor_id        bigint,
    actor_name      text,
    reason          text     NOT NULL CHECK (length(reason) <= 32),
    level           integer  NOT NULL,
    experience      bigint   NOT NULL,
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
    PRIMARY KEY (character, since_ms)
);
CREATE INDEX character_states_bucket ON character_states (bucket, since_ms);

-- what was before is not known: the history of who is there begins now
INSERT INTO character_states
    SELECT id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, bucket, NULL, 3, NULL, 'migration', 'opening',
           level, experience, strength, intelligence, dexterity, constitution, mastery_0, mastery_1, mastery_2, mastery_3,
           unspent_stat, unspent_mastery, unspent_skill, learned_0, learned_1, clan, guild, guild_rank, chaos
    FROM characters;

-- a move that is on finds rows that it has not copied, and begins its buckets again
DO $$
DECLARE
    state "char";
BEGIN
    SELECT tgenabled INTO state FROM pg_trigger
        WHERE tgrelid = 'characters'::regclass AND tgname = 'bucket_change';
    IF FOUND THEN
        CREATE TRIGGER bucket_change AFTER INSERT OR UPDATE OR DELETE ON character_states
            FOR EACH ROW EXECUTE FUNCTION log_bucket_change('character_states', 'character', 'since_ms');
        IF state = 'D' THEN
            ALTER TABLE character_states DISABLE TRIGGER bucket_change;
        END IF;
    END IF;
END $$;
