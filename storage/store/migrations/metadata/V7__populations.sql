-- Creatures and generators of zones, as their owners had them some minutes ago at most. See "population" in model. Times are
-- milliseconds since 1970 by this database's clock.
CREATE TABLE populations (
    zone    bigint PRIMARY KEY,
    scope   bigint NOT NULL,
    epoch   bigint NOT NULL,
    at_ms   bigint NOT NULL,
    version bigint NOT NULL,
    body    bytea  NOT NULL CHECK (octet_length(body) <= 2097152)
);
CREATE INDEX populations_scope ON populations (scope);
