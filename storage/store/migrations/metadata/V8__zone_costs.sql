-- What zones cost, in percent of the tick budget of a game thread, and what they are counted as: see "weights" in placement.
-- By name: the numbers of zones depend on the content.

-- As measured lately.
CREATE TABLE zone_costs (
    zone text   PRIMARY KEY,
    cost bigint NOT NULL
);
-- As the slot table was planned by; with the node that the zone was placed on by a wish then.
CREATE TABLE counted_zones (
    zone text   PRIMARY KEY,
    cost bigint NOT NULL,
    node text
);
-- The nodes for which it was counted; none: it is to be counted anew.
CREATE TABLE counted_nodes (
    node text PRIMARY KEY
);
