-- Instances: zones that are born for some players and die. See "instances" in placement. Times are milliseconds since 1970 by this
-- database's clock.

-- One row: the number of the last instance, which none has again, and the bounds of instances.
CREATE TABLE instance_rules (
    one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    last           INTEGER  NOT NULL,
    open_max       INTEGER  NOT NULL,
    per_player_max INTEGER  NOT NULL,
    life_max_s     INTEGER  NOT NULL,
    empty_s        INTEGER  NOT NULL
) STRICT;
INSERT INTO instance_rules (one, last, open_max, per_player_max, life_max_s, empty_s) VALUES (1, 0, 200, 1, 14400, 120);
-- Those that are open.
CREATE TABLE instances (
    instance  INTEGER NOT NULL PRIMARY KEY,
    place     TEXT   NOT NULL,
    opened_ms INTEGER NOT NULL,
    until_ms  INTEGER NOT NULL
) STRICT;
CREATE TABLE instance_guests (
    instance  INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    character INTEGER NOT NULL,
    name      TEXT   NOT NULL,
    PRIMARY KEY (instance, position)
) STRICT;
-- Which operation opened which, for a day.
CREATE TABLE instance_openings (
    operation BLOB NOT NULL PRIMARY KEY,
    instance  INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL
) STRICT;
