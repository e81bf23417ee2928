-- What transfers need besides: records (lots, parcels, what lies on the ground), and gold that neither a character
-- nor a bank has. Kinds and owners as in the ledger.

-- kind: 4 lot, 5 parcel, 7 guild, 9 cash. A purse that is empty has no row.
CREATE TABLE purses (
    kind    smallint NOT NULL CHECK (kind IN (4, 5, 7, 9)),
    owner   bigint   NOT NULL,
    bucket  smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    balance bigint   NOT NULL CHECK (balance >= 0),
    PRIMARY KEY (kind, owner)
);
CREATE INDEX purses_bucket ON purses (bucket);

-- kind: 4 lot, 5 parcel, 6 ground; home: the account in whose bucket it is.
CREATE TABLE records (
    kind     smallint NOT NULL CHECK (kind BETWEEN 4 AND 6),
    id       bigint   NOT NULL CHECK (id > 0),
    home     bigint   NOT NULL,
    bucket   smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    version  bigint   NOT NULL CHECK (version > 0),
    scope    bigint   NOT NULL,
    until_ms bigint   NOT NULL,
    body     bytea    NOT NULL CHECK (length(body) <= 4096),
    PRIMARY KEY (kind, id)
);
CREATE INDEX records_scope ON records (kind, scope, id);
CREATE INDEX records_bucket ON records (bucket);
