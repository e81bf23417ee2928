-- What is about the whole cluster: its shards, global names, members and the slot table.
-- Times are milliseconds since 1970 by this database's clock.

-- One row, written when the cluster is first made.
CREATE TABLE cluster (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    cluster     uuid    NOT NULL,
    map_version bigint  NOT NULL
);
-- ready: the shard's own database says that it is this shard; from then on no other will do.
CREATE TABLE shards (
    shard smallint PRIMARY KEY,
    name  text     NOT NULL UNIQUE,
    ready boolean  NOT NULL DEFAULT false
);
CREATE TABLE buckets (
    bucket smallint PRIMARY KEY CHECK (bucket BETWEEN 0 AND 4095),
    shard  smallint NOT NULL REFERENCES shards (shard)
);

-- Names that are unique over all shards: see the protocol in the store.
-- kind: 1 account, 2 character. state: 1 reserved, 2 held, 3 freeing.
CREATE TABLE names (
    kind      smallint NOT NULL,
    key       text     NOT NULL,
    account   bigint   NOT NULL,
    id        bigint   NOT NULL,
    state     smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
    operation uuid     NOT NULL,
    until_ms  bigint   NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX names_unsettled ON names (until_ms) WHERE state <> 2;

CREATE TABLE members (
    name           text   PRIMARY KEY,
    role           text   NOT NULL,
    incarnation    bigint NOT NULL,
    link           text   NOT NULL,
    http           text   NOT NULL,
    weight         bigint NOT NULL,
    content_hash   bigint NOT NULL,
    lease_until_ms bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE controller (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    name           text    NOT NULL,
    incarnation    bigint  NOT NULL,
    lease_until_ms bigint  NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE slot_table (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint  NOT NULL
);
INSERT INTO slot_table (version) VALUES (0);
CREATE TABLE named_zones (
    position integer PRIMARY KEY,
    name     text    NOT NULL,
    min_x    integer NOT NULL,
    min_y    integer NOT NULL,
    max_x    integer NOT NULL,
    max_y    integer NOT NULL
);
CREATE TABLE slots (
    zone  bigint PRIMARY KEY,
    owner text,
    epoch bigint NOT NULL
);
