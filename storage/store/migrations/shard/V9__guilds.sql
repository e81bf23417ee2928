-- Records of guilds: 11 a guild, 12 who has a name, 13 who is a member (see `store::guild`). Nothing lies in them.
ALTER TABLE records DROP CONSTRAINT records_kind_check;
ALTER TABLE records ADD CONSTRAINT records_kind_check CHECK (kind BETWEEN 4 AND 6 OR kind BETWEEN 10 AND 13);
