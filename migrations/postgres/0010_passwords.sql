-- Passwords of accounts of the gateway's own directories: hashes in PHC format, which say how they were made.
CREATE TABLE passwords (
    user_id     BIGINT  PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash        TEXT    NOT NULL,
    -- Whether it is for the day on which the identity provider is down.
    break_glass BIGINT  NOT NULL DEFAULT 0,
    expired     BIGINT  NOT NULL DEFAULT 0,
    changed_at  BIGINT  NOT NULL,
    -- When it was right last, to the hour.
    used_at     BIGINT
);
CREATE INDEX passwords_for_breaking_glass ON passwords (user_id) WHERE break_glass = 1;

-- Wrong passwords since the last right one: all of an account's, or, of one that is for breaking glass, those of a network.
CREATE TABLE password_failures (
    user_id  BIGINT  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network  BYTEA   NOT NULL,
    failures BIGINT  NOT NULL,
    last_at  BIGINT  NOT NULL,
    PRIMARY KEY (user_id, network)
);
CREATE INDEX password_failures_by_time ON password_failures (last_at);
