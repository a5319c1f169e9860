-- Which database this is: a place in the log of another one means nothing here.
CREATE TABLE instance (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    uuid BLOB    NOT NULL
) STRICT;
INSERT INTO instance (id, uuid) VALUES (1, randomblob(16));

-- The last change that was forgotten, when all that there were have been: whoever has read up to it has missed nothing.
CREATE TABLE last_forgotten (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    at  INTEGER NOT NULL
) STRICT;

-- How often something has gone from a directory without the log saying what.
ALTER TABLE directories ADD COLUMN purges INTEGER NOT NULL DEFAULT 0;

-- How far applications that keep a copy of their directories are.
CREATE TABLE crowd_syncs (
    application TEXT    NOT NULL PRIMARY KEY,
    -- What it was told when it asked for a token last.
    asked       TEXT    NOT NULL,
    -- Whether it has read all memberships since.
    has_read    INTEGER NOT NULL,
    -- All changes up to there have reached it; 0 if nothing is known.
    synced_seq  INTEGER NOT NULL,
    synced_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts that an application knows though it is not that far: it has asked for them by name, or nobody could wait longer.
CREATE TABLE crowd_known (
    application TEXT    NOT NULL,
    user_uuid   BLOB    NOT NULL,
    -- As it was then.
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (application, user_uuid)
) STRICT, WITHOUT ROWID;

-- Addresses that applications want to be told at that something has changed.
CREATE TABLE crowd_webhooks (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    application TEXT    NOT NULL,
    endpoint    TEXT    NOT NULL,
    -- What the application knows the gateway by.
    sealed      BLOB,
    told_seq    INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    -- Not before; while one gateway is at it, others are not.
    next_at     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (application, endpoint)
) STRICT;
