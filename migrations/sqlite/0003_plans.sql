-- Changes that were made together have the number of the first of them as their batch, and are undone together. Rows from
-- before have none: each stands for itself.
ALTER TABLE changes ADD COLUMN batch INTEGER;
ALTER TABLE changes ADD COLUMN directory_id INTEGER;
-- The account, also when it has been removed and has come back since: numbers can be given again.
ALTER TABLE changes ADD COLUMN user_uuid BLOB;
-- The batch that this one undoes.
ALTER TABLE changes ADD COLUMN undoes INTEGER;
CREATE INDEX changes_by_batch ON changes (batch);
CREATE INDEX changes_undoing ON changes (undoes) WHERE undoes IS NOT NULL;

-- What an issuer said last of somebody, and when, to the hour. Not part of the directory: a login that changes nothing there
-- writes nothing there.
CREATE TABLE last_logins (
    identity_id INTEGER PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    claims      TEXT    NOT NULL
) STRICT;

-- Whose name it was: they may come back to it.
ALTER TABLE tombstones ADD COLUMN person_id INTEGER;

-- Who has been given an application's default groups: once, so that taking them away lasts.
CREATE TABLE first_visits (
    user_uuid BLOB    NOT NULL,
    app       TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (user_uuid, app)
) STRICT, WITHOUT ROWID;
