-- The order of soft states: see "fencing".

-- Under which epoch and number the stored one was written, zero when that was not counted yet; and the last owner that did
-- not give the character up with a state of its own.
ALTER TABLE characters ADD COLUMN soft_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN soft_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN former_owner TEXT;
