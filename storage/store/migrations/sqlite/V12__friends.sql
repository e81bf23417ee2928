-- Records of friends: 14, one for each character that has friends or open requests (see `store::friends`). Nothing lies
-- in them. Sixty friends and forty requests are more than 4 KiB. A check cannot be changed in place.
CREATE TABLE new_records (
    kind     INTEGER NOT NULL CHECK (kind BETWEEN 4 AND 6 OR kind BETWEEN 10 AND 14),
    id       INTEGER NOT NULL CHECK (id > 0),
    home     INTEGER NOT NULL,
    bucket   INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    version  INTEGER NOT NULL CHECK (version > 0),
    scope    INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    body     BLOB    NOT NULL CHECK (length(body) <= 8192),
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_records SELECT kind, id, home, bucket, version, scope, until_ms, body FROM records;
DROP TABLE records;
ALTER TABLE new_records RENAME TO records;
CREATE INDEX records_scope ON records (kind, scope, id);
CREATE INDEX records_bucket ON records (bucket);
