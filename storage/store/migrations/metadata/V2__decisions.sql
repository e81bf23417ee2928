-- Attempts at what happens on several shards: see "two-phase commit" in the store.
-- state: 1 open, 2 commit. An attempt without a row is aborted.
CREATE TABLE decisions (
    gid    text       PRIMARY KEY,
    state  smallint   NOT NULL CHECK (state IN (1, 2)),
    shards smallint[] NOT NULL,
    -- by this database's clock
    at_ms  bigint     NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX decisions_at ON decisions (at_ms);
