-- A directory that is removed is there until it is purged.
ALTER TABLE directories ADD COLUMN removed_at INTEGER;

-- What else issuers and lists say of a user, as a JSON object of texts: read with the row, and written with it.
ALTER TABLE users ADD COLUMN attributes TEXT;

-- Nothing has ever been written there.
DROP TABLE user_attributes;
