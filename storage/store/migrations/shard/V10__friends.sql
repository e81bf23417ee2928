-- Records of friends: 14, one for each character that has friends or open requests (see `store::friends`). Nothing lies
-- in them. Sixty friends and forty requests are more than 4 KiB.
ALTER TABLE records DROP CONSTRAINT records_kind_check;
ALTER TABLE records ADD CONSTRAINT records_kind_check CHECK (kind BETWEEN 4 AND 6 OR kind BETWEEN 10 AND 14);
ALTER TABLE records DROP CONSTRAINT records_body_check;
ALTER TABLE records ADD CONSTRAINT records_body_check CHECK (length(body) <= 8192);
