-- Instances: zones that are born for some players and die. See "instances" in placement. Times are milliseconds since 1970 by this
-- database's clock.

-- One row: the number of the last instance, which none has again, and the bounds of instances.
CREATE TABLE instance_rules (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    last           bigint  NOT NULL,
    open_max       bigint  NOT NULL,
    per_player_max bigint  NOT NULL,
    life_max_s     bigint  NOT NULL,
    empty_s        bigint  NOT NULL
);
INSERT INTO instance_rules (last, open_max, per_player_max, life_max_s, empty_s) VALUES (0, 200, 1, 14400, 120);
-- Those that are open.
CREATE TABLE instances (
    instance  bigint PRIMARY KEY,
    place     text   NOT NULL,
    opened_ms bigint NOT NULL,
    until_ms  bigint NOT NULL
);
CREATE TABLE instance_guests (
    instance  bigint NOT NULL REFERENCES instances ON DELETE CASCADE,
    position  bigint NOT NULL,
    character bigint NOT NULL,
    name      text   NOT NULL,
    PRIMARY KEY (instance, position)
);
-- Which operation opened which, for a day.
CREATE TABLE instance_openings (
    operation uuid   PRIMARY KEY,
    instance  bigint NOT NULL,
    at_ms     bigint NOT NULL
);
