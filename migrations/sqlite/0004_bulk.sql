-- Numbers of rows are taken here, so that a plan knows them before it is applied, and none is ever given twice.
CREATE TABLE id_heads (
    name TEXT    NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO id_heads (name, last) SELECT 'persons', COALESCE(MAX(id), 0) FROM persons;
INSERT INTO id_heads (name, last) SELECT 'users', COALESCE(MAX(id), 0) FROM users;
INSERT INTO id_heads (name, last) SELECT 'groups', COALESCE(MAX(id), 0) FROM groups;

-- Who is in which group, in two orders: by user, as a login reads it, and by group. An index on the one would be written all
-- over the place by an import that brings millions; two tables are each written in their own order. Users and groups are
-- removed only when nothing here names them, so no row needs to be looked after by the database.
CREATE TABLE memberships_by_user (
    user_id   INTEGER NOT NULL,
    group_id  INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, group_id, source_id)
) STRICT, WITHOUT ROWID;
INSERT INTO memberships_by_user SELECT user_id, group_id, source_id FROM memberships ORDER BY 1, 2, 3;
CREATE TABLE group_members (
    group_id  INTEGER NOT NULL,
    user_id   INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id, source_id)
) STRICT, WITHOUT ROWID;
INSERT INTO group_members SELECT group_id, user_id, source_id FROM memberships ORDER BY 1, 2, 3;
DROP TABLE memberships;
ALTER TABLE memberships_by_user RENAME TO memberships;

-- Plans too large for one transaction: written in chunks, sealed, then applied chunk by chunk.
CREATE TABLE plans (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    directory_id INTEGER NOT NULL REFERENCES directories (id),
    source       TEXT    NOT NULL,
    actor        TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    -- What it changes, in numbers (JSON).
    size         TEXT    NOT NULL,
    -- The log's head when the directory was first looked at: who has written since may have changed what was seen.
    seen_seq     INTEGER NOT NULL,
    chunks       INTEGER NOT NULL,
    next_chunk   INTEGER NOT NULL,
    -- From this chunk on it takes away; such chunks may wait for an administrator.
    first_ending INTEGER NOT NULL,
    -- Why that has to wait.
    guard        TEXT,
    batch        INTEGER,
    undoes       INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX plans_of_directory ON plans (directory_id, id);

CREATE TABLE plan_chunks (
    plan_id INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    -- Deflated JSON.
    steps   BLOB    NOT NULL,
    PRIMARY KEY (plan_id, number)
) STRICT;

-- What was found otherwise than planned when a chunk was applied (JSON). Most chunks have none.
CREATE TABLE plan_outcomes (
    plan_id INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    PRIMARY KEY (plan_id, number)
) STRICT, WITHOUT ROWID;
