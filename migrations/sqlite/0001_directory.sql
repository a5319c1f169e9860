-- Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE persons (
    id         INTEGER PRIMARY KEY,
    uuid       BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identities (
    id           INTEGER PRIMARY KEY,
    person_id    INTEGER NOT NULL REFERENCES persons (id),
    issuer       TEXT    NOT NULL,
    subject_kind TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    match_key    TEXT,
    created_at   INTEGER NOT NULL,
    UNIQUE (issuer, subject_kind, subject)
) STRICT;
CREATE INDEX identities_by_match_key ON identities (match_key);
CREATE INDEX identities_of_person ON identities (person_id);

CREATE TABLE directories (
    id          INTEGER PRIMARY KEY,
    uuid        BLOB    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    disabled_at INTEGER,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    uuid            BLOB    NOT NULL UNIQUE,
    directory_id    INTEGER NOT NULL REFERENCES directories (id),
    person_id       INTEGER NOT NULL REFERENCES persons (id),
    username        TEXT    NOT NULL,
    username_key    TEXT    NOT NULL,
    email           TEXT,
    display_name    TEXT,
    first_name      TEXT,
    last_name       TEXT,
    inactive_reason TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (directory_id, username_key),
    UNIQUE (directory_id, person_id)
) STRICT;
CREATE INDEX users_of_person ON users (person_id);

CREATE TABLE user_attributes (
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    value    TEXT    NOT NULL,
    PRIMARY KEY (user_id, name, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
    id           INTEGER PRIMARY KEY,
    uuid         BLOB    NOT NULL UNIQUE,
    directory_id INTEGER NOT NULL REFERENCES directories (id),
    name         TEXT    NOT NULL,
    name_key     TEXT    NOT NULL,
    description  TEXT,
    created_at   INTEGER NOT NULL,
    UNIQUE (directory_id, name_key)
) STRICT;

CREATE TABLE sources (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE memberships (
    group_id  INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    PRIMARY KEY (group_id, user_id, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of_user ON memberships (user_id, group_id);

CREATE TABLE group_nestings (
    parent_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    child_id  INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    PRIMARY KEY (parent_id, child_id, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_nestings_of_child ON group_nestings (child_id);

-- Names of removed users, so that a newcomer does not inherit their work.
CREATE TABLE tombstones (
    directory_id INTEGER NOT NULL REFERENCES directories (id),
    username_key TEXT    NOT NULL,
    user_uuid    BLOB    NOT NULL,
    identities   TEXT    NOT NULL,
    removed_at   INTEGER NOT NULL,
    PRIMARY KEY (directory_id, username_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
    seq       INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    person_id INTEGER,
    user_id   INTEGER,
    change    TEXT    NOT NULL
) STRICT;
CREATE INDEX changes_of_person ON changes (person_id, seq);

-- One row: the highest number given. Whoever writes changes holds it until the commit.
CREATE TABLE change_head (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO change_head (id, seq) VALUES (1, 0);
