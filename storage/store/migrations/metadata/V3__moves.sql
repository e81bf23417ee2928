-- Moves of buckets between live shards: see "moves" in the store. Times are milliseconds since 1970 by this
-- database's clock.

-- The address of a shard that was added to a running cluster; those that the cluster was made with stand in the
-- settings. It may hold a password, so nobody but the owner of this table reads it.
ALTER TABLE shards ADD COLUMN dsn text;
REVOKE ALL ON shards FROM PUBLIC;

-- state: going, stopping, stopped, backing, back, done, failed. An epoch is given to each process that takes a
-- move on; shards refuse what comes with an older one.
CREATE TABLE moves (
    move        bigint     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_shard  smallint   NOT NULL REFERENCES shards (shard),
    to_shard    smallint   NOT NULL REFERENCES shards (shard),
    buckets     smallint[] NOT NULL CHECK (cardinality(buckets) BETWEEN 1 AND 4096),
    state       text       NOT NULL CHECK (state IN
                    ('going', 'stopping', 'stopped', 'backing', 'back', 'done', 'failed')),
    step        text       NOT NULL DEFAULT 'waiting',
    epoch       bigint     NOT NULL DEFAULT 0,
    -- the process that moves, for operators
    mover       text,
    rows_copied bigint     NOT NULL DEFAULT 0,
    -- how long writers of some buckets were held up, each time
    pauses_ms   real[]     NOT NULL DEFAULT '{}',
    started_ms  bigint     NOT NULL,
    ended_ms    bigint,
    error       text,
    CHECK (from_shard <> to_shard)
);
CREATE INDEX moves_unended ON moves (move) WHERE state IN ('going', 'stopping', 'backing');
