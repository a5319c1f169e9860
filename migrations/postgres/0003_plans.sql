-- Changes that were made together have the number of the first of them as their batch, and are undone together. Rows from
-- before have none: each stands for itself.
ALTER TABLE changes ADD COLUMN batch BIGINT;
ALTER TABLE changes ADD COLUMN directory_id BIGINT;
-- The account, also when it has been removed and has come back since: numbers can be given again.
ALTER TABLE changes ADD COLUMN user_uuid UUID;
-- The batch that this one undoes.
ALTER TABLE changes ADD COLUMN undoes BIGINT;
CREATE INDEX changes_by_batch ON changes (batch);
CREATE INDEX changes_undoing ON changes (undoes) WHERE undoes IS NOT NULL;

-- What an issuer said last of somebody, and when, to the hour. Not part of the directory: a login that changes nothing there
-- writes nothing there.
CREATE TABLE last_logins (
    identity_id BIGINT PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    claims      TEXT    NOT NULL
);

-- Whose name it was: they may come back to it.
ALTER TABLE tombstones ADD COLUMN person_id BIGINT;

-- Who has been given an application's default groups: once, so that taking them away lasts.
CREATE TABLE first_visits (
    user_uuid UUID    NOT NULL,
    app       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    PRIMARY KEY (user_uuid, app)
);
