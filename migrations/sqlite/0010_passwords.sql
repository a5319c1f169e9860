-- Passwords of accounts of the gateway's own directories: hashes in PHC format, which say how they were made.
CREATE TABLE passwords (
    user_id     INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash        TEXT    NOT NULL,
    -- Whether it is for the day on which the identity provider is down.
    break_glass INTEGER NOT NULL DEFAULT 0,
    expired     INTEGER NOT NULL DEFAULT 0,
    changed_at  INTEGER NOT NULL,
    -- When it was right last, to the hour.
    used_at     INTEGER
) STRICT;
CREATE INDEX passwords_for_breaking_glass ON passwords (user_id) WHERE break_glass = 1;

-- Wrong passwords since the last right one: all of an account's, or, of one that is for breaking glass, those of a network.
CREATE TABLE password_failures (
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network  BLOB    NOT NULL,
    failures INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX password_failures_by_time ON password_failures (last_at);
