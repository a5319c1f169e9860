-- Numbers of rows are taken here, so that a plan knows them before it is applied, and none is ever given twice.
CREATE TABLE id_heads (
    name TEXT   NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO id_heads (name, last) SELECT 'persons', COALESCE(MAX(id), 0) FROM persons;
INSERT INTO id_heads (name, last) SELECT 'users', COALESCE(MAX(id), 0) FROM users;
INSERT INTO id_heads (name, last) SELECT 'groups', COALESCE(MAX(id), 0) FROM groups;
ALTER TABLE persons ALTER COLUMN id DROP IDENTITY;
ALTER TABLE users ALTER COLUMN id DROP IDENTITY;
ALTER TABLE groups ALTER COLUMN id DROP IDENTITY;

-- Names are read in the order of their bytes, as everybody else sorts them.
ALTER TABLE users ALTER COLUMN username_key TYPE TEXT COLLATE "C";

-- Who is in which group, in two orders: by user, as a login reads it, and by group. An index on the one would be written all
-- over the place by an import that brings millions; two tables are each written in their own order. Users and groups are
-- removed only when nothing here names them, so no row needs to be looked after by the database.
CREATE TABLE memberships_by_user (
    user_id   BIGINT NOT NULL,
    group_id  BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    PRIMARY KEY (user_id, group_id, source_id)
);
INSERT INTO memberships_by_user SELECT user_id, group_id, source_id FROM memberships ORDER BY 1, 2, 3;
CREATE TABLE group_members (
    group_id  BIGINT NOT NULL,
    user_id   BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id, source_id)
);
INSERT INTO group_members SELECT group_id, user_id, source_id FROM memberships ORDER BY 1, 2, 3;
DROP TABLE memberships;
ALTER TABLE memberships_by_user RENAME TO memberships;

-- One index finds a person's accounts, and keeps them to one a directory.
DROP INDEX users_of_person;
ALTER TABLE users DROP CONSTRAINT users_directory_id_person_id_key;
CREATE UNIQUE INDEX users_of_person ON users (person_id, directory_id);

-- Plans too large for one transaction: written in chunks, sealed, then applied chunk by chunk.
CREATE TABLE plans (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directory_id BIGINT NOT NULL REFERENCES directories (id),
    source       TEXT   NOT NULL,
    actor        TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    -- What it changes, in numbers (JSON).
    size         TEXT   NOT NULL,
    -- The log's head when the directory was first looked at: who has written since may have changed what was seen.
    seen_seq     BIGINT NOT NULL,
    chunks       BIGINT NOT NULL,
    next_chunk   BIGINT NOT NULL,
    -- From this chunk on it takes away; such chunks may wait for an administrator.
    first_ending BIGINT NOT NULL,
    -- Why that has to wait.
    guard        TEXT,
    batch        BIGINT,
    undoes       BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE INDEX plans_of_directory ON plans (directory_id, id);

CREATE TABLE plan_chunks (
    plan_id BIGINT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    number  BIGINT NOT NULL,
    -- Deflated JSON.
    steps   BYTEA  NOT NULL,
    PRIMARY KEY (plan_id, number)
);

-- What was found otherwise than planned when a chunk was applied (JSON). Most chunks have none.
CREATE TABLE plan_outcomes (
    plan_id BIGINT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    number  BIGINT NOT NULL,
    outcome TEXT   NOT NULL,
    PRIMARY KEY (plan_id, number)
);
