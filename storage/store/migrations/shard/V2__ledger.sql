-- The ledger: every birth, move, change and death of an item and every movement of gold, written in the
-- transaction that does it. Nothing that was written is ever changed.
--
-- A place is as in items (kind, owner, slot); a character's purse is its inventory without a slot, the gold of
-- a bank is its cargo without a slot, and so on. No place is the world outside: items are born from it and die
-- into it; gold comes from mint:<reason> and goes to burn:<reason>.
-- Two kinds more: 8 elsewhere (owner: an account at home in another bucket, whose entry of the same operation
-- goes on with it, so that each bucket replays by itself; it has no balance), 9 cash (owner: the account).

-- what is there now must be the same for all statements below
LOCK TABLE accounts, characters, items IN SHARE MODE;

CREATE TABLE ledger (
    entry          bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms          bigint   NOT NULL,
    bucket         smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    -- NULL only for the opening entries of this migration
    operation      uuid,
    -- 1 player (id: the account), 2 operator (name), 3 system (name)
    actor_kind     smallint NOT NULL CHECK (actor_kind BETWEEN 1 AND 3),
    actor_id       bigint,
    actor_name     text,
    reason         text     NOT NULL,
    item           uuid,
    kind           integer,
    effects_before bytea    CHECK (length(effects_before) = 6),
    effects_after  bytea    CHECK (length(effects_after) = 6),
    from_kind      smallint,
    from_owner     bigint,
    from_slot      integer,
    to_kind        smallint,
    to_owner       bigint,
    to_slot        integer,
    amount         bigint   CHECK (amount > 0),
    from_balance   bigint,
    to_balance     bigint,
    CHECK (from_kind IS NOT NULL OR to_kind IS NOT NULL),
    CHECK ((from_kind IS NULL) = (from_owner IS NULL) AND (to_kind IS NULL) = (to_owner IS NULL)),
    CHECK ((item IS NULL) <> (amount IS NULL)),
    CHECK (item IS NULL OR (kind IS NOT NULL
        AND (from_kind IS NULL) = (effects_before IS NULL) AND (from_kind IS NULL) = (from_slot IS NULL)
        AND (to_kind IS NULL) = (effects_after IS NULL) AND (to_kind IS NULL) = (to_slot IS NULL))),
    CHECK (amount IS NULL OR ((from_kind IS NULL OR from_kind = 8) = (from_balance IS NULL)
        AND (to_kind IS NULL OR to_kind = 8) = (to_balance IS NULL)))
);
CREATE INDEX ledger_item ON ledger (item, entry) WHERE item IS NOT NULL;
CREATE INDEX ledger_from ON ledger (from_owner, entry) WHERE from_owner IS NOT NULL;
CREATE INDEX ledger_to ON ledger (to_owner, entry) WHERE to_owner IS NOT NULL;
CREATE INDEX ledger_bucket ON ledger (bucket);
CREATE INDEX ledger_crossing ON ledger (operation) WHERE from_kind = 8 OR to_kind = 8;
CREATE INDEX ledger_at ON ledger USING brin (at_ms);

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'an entry of the ledger is never changed'; END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();

-- opening entries: from here on the ledger explains everything that is there
INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, item, kind, effects_after, to_kind, to_owner, to_slot)
    SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint, bucket, 3, 'migration', 'opening',
           id, kind, effects, place_kind, place_owner, place_slot FROM items;
INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, amount, to_kind, to_owner, to_balance)
    SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint, bucket, 3, 'migration', 'opening',
           gold, 2, id, gold FROM characters WHERE gold > 0;
INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, amount, to_kind, to_owner, to_balance)
    SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint, bucket, 3, 'migration', 'opening',
           cargo_gold, 3, id, cargo_gold FROM accounts WHERE cargo_gold > 0;
