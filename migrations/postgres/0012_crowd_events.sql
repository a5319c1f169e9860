-- Which database this is: a place in the log of another one means nothing here.
CREATE TABLE instance (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    uuid UUID    NOT NULL
);
INSERT INTO instance (id, uuid) VALUES (1, gen_random_uuid());

-- The last change that was forgotten, when all that there were have been: whoever has read up to it has missed nothing.
CREATE TABLE last_forgotten (
    id  BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT  NOT NULL,
    at  BIGINT  NOT NULL
);

-- How often something has gone from a directory without the log saying what.
ALTER TABLE directories ADD COLUMN purges BIGINT NOT NULL DEFAULT 0;

-- How far applications that keep a copy of their directories are.
CREATE TABLE crowd_syncs (
    application TEXT    NOT NULL PRIMARY KEY,
    -- What it was told when it asked for a token last.
    asked       TEXT    NOT NULL,
    -- Whether it has read all memberships since.
    has_read    BIGINT  NOT NULL,
    -- All changes up to there have reached it; 0 if nothing is known.
    synced_seq  BIGINT  NOT NULL,
    synced_at   BIGINT  NOT NULL
);

-- Accounts that an application knows though it is not that far: it has asked for them by name, or nobody could wait longer.
CREATE TABLE crowd_known (
    application TEXT    NOT NULL,
    user_uuid   UUID    NOT NULL,
    -- As it was then.
    seq         BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    PRIMARY KEY (application, user_uuid)
);

-- Addresses that applications want to be told at that something has changed.
CREATE TABLE crowd_webhooks (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    application TEXT    NOT NULL,
    endpoint    TEXT    NOT NULL,
    -- What the application knows the gateway by.
    sealed      BYTEA,
    told_seq    BIGINT  NOT NULL,
    failures    BIGINT  NOT NULL,
    -- Not before; while one gateway is at it, others are not.
    next_at     BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    UNIQUE (application, endpoint)
);
