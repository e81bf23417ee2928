-- Records of another kind: 10, what operators took back (see `store::amend`). Nothing lies in them.
ALTER TABLE records DROP CONSTRAINT records_kind_check;
ALTER TABLE records ADD CONSTRAINT records_kind_check CHECK (kind BETWEEN 4 AND 6 OR kind = 10);
