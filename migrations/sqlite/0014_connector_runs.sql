-- Clouds that are read, by their names in the configuration.
CREATE TABLE connectors (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    -- Who runs it has this number until then; whoever takes over has a higher one, and nobody else writes any more.
    fence         INTEGER NOT NULL,
    lease_until   INTEGER NOT NULL,
    -- What the mirror was read with (a digest), and where the next round of changes begins (JSON); without, a round of
    -- everything is needed.
    reads         BLOB,
    watermark     TEXT,
    -- When the last round of everything began that became complete.
    full_at       INTEGER,
    -- Whether a round is being folded into the mirror: it is half what it was, and half what it will be.
    folding       INTEGER NOT NULL,
    -- The last run whose round was folded, and the last after which the directory was as the mirror says.
    folded_run    INTEGER,
    aligned_run   INTEGER,
    -- Who is compared again, changed or not (JSON).
    again         TEXT    NOT NULL,
    -- Filters and mappings (a digest) whose outcome could be looked at, and those that have been let come true.
    seen_rules    BLOB,
    applied_rules BLOB,
    -- Numbers that the mirror's users and groups get: none is ever given twice.
    next_user     INTEGER NOT NULL,
    next_group    INTEGER NOT NULL
) STRICT;

CREATE TABLE connector_runs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    connector_id INTEGER NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    asked_by     TEXT    NOT NULL,
    -- What the round says of users, of groups, and of who is in them: everything, or changes.
    users        TEXT    NOT NULL,
    groups       TEXT    NOT NULL,
    members      TEXT    NOT NULL,
    -- Whether nothing that was known before counts, not even that of groups that seem to be the same.
    whole        INTEGER NOT NULL,
    -- What it was begun with (a digest): one with another is not gone on with.
    reads        BLOB    NOT NULL,
    -- reading, folding, aligning, done, failed.
    state        TEXT    NOT NULL,
    pages        INTEGER NOT NULL,
    items        INTEGER NOT NULL,
    -- What it is at (JSON).
    progress     TEXT    NOT NULL,
    -- What came of it (JSON), or why nothing did.
    report       TEXT,
    error        TEXT,
    begun_at     INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;
CREATE INDEX connector_runs_of ON connector_runs (connector_id, id);

-- Requests that are left of a run (JSON).
CREATE TABLE connector_tasks (
    run_id INTEGER NOT NULL REFERENCES connector_runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    task   TEXT    NOT NULL,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- What was answered (deflated JSON), in the order in which it was.
CREATE TABLE connector_pages (
    run_id       INTEGER NOT NULL REFERENCES connector_runs (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    -- Whether it says something of users, and of groups or their members.
    about_users  INTEGER NOT NULL,
    about_groups INTEGER NOT NULL,
    page         BLOB    NOT NULL,
    PRIMARY KEY (run_id, number)
) STRICT;

-- What is known of users and groups at the cloud. Who is not there (any more), and is heard of all the same, has nothing known.
CREATE TABLE connector_users (
    connector_id INTEGER NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    external_id  TEXT    NOT NULL,
    known        BLOB,
    PRIMARY KEY (connector_id, number),
    UNIQUE (connector_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE connector_groups (
    connector_id INTEGER NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    external_id  TEXT    NOT NULL,
    known        BLOB,
    -- What the cloud said of its members in short when they were read last.
    fingerprint  TEXT,
    -- Whether its members could not be read last time.
    stale        INTEGER NOT NULL,
    -- Whether everybody is in it.
    everybody    INTEGER NOT NULL,
    -- Groups and users in it: sorted numbers, packed.
    subgroups    BLOB    NOT NULL,
    members      BLOB    NOT NULL,
    PRIMARY KEY (connector_id, number)
) STRICT;
CREATE UNIQUE INDEX connector_groups_by_id ON connector_groups (connector_id, external_id);
