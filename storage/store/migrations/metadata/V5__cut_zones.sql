-- Zones that are to be cut in two: the name of each part that is cut off, like 'Armia/3', and who has cut it. See "parts" in placement.
CREATE TABLE cut_zones (
    part    text PRIMARY KEY,
    by_whom text NOT NULL CHECK (by_whom IN ('cost', 'operator'))
);
