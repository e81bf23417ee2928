-- What the operator wishes of the placement of zones: see "wishes" in placement.

-- One row: the number of the last wish.
CREATE TABLE wishes (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO wishes (one, version) VALUES (1, 0);
CREATE TABLE drained_nodes (
    node TEXT NOT NULL PRIMARY KEY
) STRICT;
-- By name: the numbers of zones depend on the content.
CREATE TABLE placed_zones (
    zone TEXT NOT NULL PRIMARY KEY,
    node TEXT NOT NULL,
    hold TEXT NOT NULL CHECK (hold IN ('moved', 'pinned'))
) STRICT;
CREATE TABLE wish_log (
    number  INTEGER NOT NULL PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    by_whom TEXT    NOT NULL,
    wish    TEXT    NOT NULL,
    before  TEXT    NOT NULL,
    after   TEXT    NOT NULL
) STRICT;
