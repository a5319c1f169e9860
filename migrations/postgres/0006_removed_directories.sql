-- A directory that is removed is there until it is purged.
ALTER TABLE directories ADD COLUMN removed_at BIGINT;
