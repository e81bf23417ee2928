-- What the operator wishes of the placement of zones: see "wishes" in placement. Times are milliseconds since 1970
-- by this database's clock.

-- One row: the number of the last wish. Whoever enters one holds it.
CREATE TABLE wishes (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint  NOT NULL
);
INSERT INTO wishes (version) VALUES (0);
CREATE TABLE drained_nodes (
    node text PRIMARY KEY
);
-- By name: the numbers of zones depend on the content.
CREATE TABLE placed_zones (
    zone text PRIMARY KEY,
    node text NOT NULL,
    hold text NOT NULL CHECK (hold IN ('moved', 'pinned'))
);
CREATE TABLE wish_log (
    number  bigint PRIMARY KEY,
    at_ms   bigint NOT NULL,
    by_whom text   NOT NULL,
    wish    text   NOT NULL,
    before  text   NOT NULL,
    after   text   NOT NULL
);
