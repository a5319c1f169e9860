-- Clouds that are read, by their names in the configuration.
CREATE TABLE connectors (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    -- Who runs it has this number until then; whoever takes over has a higher one, and nobody else writes any more.
    fence         BIGINT NOT NULL,
    lease_until   BIGINT NOT NULL,
    -- What the mirror was read with (a digest), and where the next round of changes begins (JSON); without, a round of
    -- everything is needed.
    reads         BYTEA,
    watermark     TEXT,
    -- When the last round of everything began that became complete.
    full_at       BIGINT,
    -- Whether a round is being folded into the mirror: it is half what it was, and half what it will be.
    folding       BIGINT NOT NULL,
    -- The last run whose round was folded, and the last after which the directory was as the mirror says.
    folded_run    BIGINT,
    aligned_run   BIGINT,
    -- Who is compared again, changed or not (JSON).
    again         TEXT   NOT NULL,
    -- Filters and mappings (a digest) whose outcome could be looked at, and those that have been let come true.
    seen_rules    BYTEA,
    applied_rules BYTEA,
    -- Numbers that the mirror's users and groups get: none is ever given twice.
    next_user     BIGINT NOT NULL,
    next_group    BIGINT NOT NULL
);

CREATE TABLE connector_runs (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    asked_by     TEXT   NOT NULL,
    -- What the round says of users, of groups, and of who is in them: everything, or changes.
    users        TEXT   NOT NULL,
    groups       TEXT   NOT NULL,
    members      TEXT   NOT NULL,
    -- Whether nothing that was known before counts, not even that of groups that seem to be the same.
    whole        BIGINT NOT NULL,
    -- What it was begun with (a digest): one with another is not gone on with.
    reads        BYTEA  NOT NULL,
    -- reading, folding, aligning, done, failed.
    state        TEXT   NOT NULL,
    pages        BIGINT NOT NULL,
    items        BIGINT NOT NULL,
    -- What it is at (JSON).
    progress     TEXT   NOT NULL,
    -- What came of it (JSON), or why nothing did.
    report       TEXT,
    error        TEXT,
    begun_at     BIGINT NOT NULL,
    ended_at     BIGINT
);
CREATE INDEX connector_runs_of ON connector_runs (connector_id, id);

-- Requests that are left of a run (JSON).
CREATE TABLE connector_tasks (
    run_id BIGINT NOT NULL REFERENCES connector_runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    task   TEXT   NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- What was answered (deflated JSON), in the order in which it was.
CREATE TABLE connector_pages (
    run_id       BIGINT NOT NULL REFERENCES connector_runs (id) ON DELETE CASCADE,
    number       BIGINT NOT NULL,
    -- Whether it says something of users, and of groups or their members.
    about_users  BIGINT NOT NULL,
    about_groups BIGINT NOT NULL,
    page         BYTEA  NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- What is known of users and groups at the cloud. Who is not there (any more), and is heard of all the same, has nothing known.
CREATE TABLE connector_users (
    connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    number       BIGINT NOT NULL,
    external_id  TEXT   COLLATE "C" NOT NULL,
    known        BYTEA,
    PRIMARY KEY (connector_id, number),
    UNIQUE (connector_id, external_id)
);

CREATE TABLE connector_groups (
    connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    number       BIGINT NOT NULL,
    external_id  TEXT   COLLATE "C" NOT NULL,
    known        BYTEA,
    -- What the cloud said of its members in short when they were read last.
    fingerprint  TEXT,
    -- Whether its members could not be read last time.
    stale        BIGINT NOT NULL,
    -- Whether everybody is in it.
    everybody    BIGINT NOT NULL,
    -- Groups and users in it: sorted numbers, packed.
    subgroups    BYTEA  NOT NULL,
    members      BYTEA  NOT NULL,
    PRIMARY KEY (connector_id, number)
);
CREATE UNIQUE INDEX connector_groups_by_id ON connector_groups (connector_id, external_id);
