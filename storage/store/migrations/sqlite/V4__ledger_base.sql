-- A base for each bucket, into which entries are folded before they are removed.

-- What the entries of a bucket that are past the retention said; they are removed in the same transaction.
-- crossings: the sums of digests of what went to other buckets and came from there.
CREATE TABLE ledger_horizons (
    bucket    INTEGER PRIMARY KEY CHECK (bucket BETWEEN 0 AND 4095),
    until_ms  INTEGER NOT NULL,
    crossings BLOB    NOT NULL
) STRICT;
-- Items that were in the bucket then.
CREATE TABLE ledger_base_items (
    bucket      INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    item        BLOB    NOT NULL CHECK (length(item) = 16),
    kind        INTEGER NOT NULL,
    effects     BLOB    NOT NULL CHECK (length(effects) = 6),
    place_kind  INTEGER NOT NULL,
    place_owner INTEGER NOT NULL,
    place_slot  INTEGER NOT NULL,
    PRIMARY KEY (bucket, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_base_items_item ON ledger_base_items (item);
-- Gold and cash that was there then; a purse that was empty has no row.
CREATE TABLE ledger_base_purses (
    bucket  INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    kind    INTEGER NOT NULL,
    owner   INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (bucket, kind, owner)
) STRICT, WITHOUT ROWID;
-- Gold (cash: 0) and cash (cash: 1) by way: 1 minted, 2 burned, 3 came from other buckets less what went there.
CREATE TABLE ledger_base_sums (
    bucket INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    cash   INTEGER NOT NULL CHECK (cash IN (0, 1)),
    way    INTEGER NOT NULL CHECK (way BETWEEN 1 AND 3),
    reason TEXT    NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (bucket, cash, way, reason)
) STRICT, WITHOUT ROWID;

-- old entries and old outcomes are found by bucket
DROP INDEX ledger_bucket;
CREATE INDEX ledger_bucket ON ledger (bucket, at_ms);
DROP INDEX operations_bucket;
CREATE INDEX operations_bucket ON operations (bucket, at_ms);
