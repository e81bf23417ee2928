-- Creatures and generators of zones, as their owners had them some minutes ago at most. See "population" in model. Times are
-- milliseconds since 1970 by this database's clock.
CREATE TABLE populations (
    zone    INTEGER PRIMARY KEY,
    scope   INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB    NOT NULL CHECK (length(body) <= 2097152)
) STRICT;
CREATE INDEX populations_scope ON populations (scope);
