-- Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE persons (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid       UUID    NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE identities (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id    BIGINT NOT NULL REFERENCES persons (id),
    issuer       TEXT    NOT NULL,
    subject_kind TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    match_key    TEXT,
    created_at   BIGINT NOT NULL,
    UNIQUE (issuer, subject_kind, subject)
);
CREATE INDEX identities_by_match_key ON identities (match_key);
CREATE INDEX identities_of_person ON identities (person_id);

CREATE TABLE directories (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid        UUID    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    disabled_at BIGINT,
    created_at  BIGINT NOT NULL
);

CREATE TABLE users (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid            UUID    NOT NULL UNIQUE,
    directory_id    BIGINT NOT NULL REFERENCES directories (id),
    person_id       BIGINT NOT NULL REFERENCES persons (id),
    username        TEXT    NOT NULL,
    username_key    TEXT    NOT NULL,
    email           TEXT,
    display_name    TEXT,
    first_name      TEXT,
    last_name       TEXT,
    inactive_reason TEXT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (directory_id, username_key),
    UNIQUE (directory_id, person_id)
);
CREATE INDEX users_of_person ON users (person_id);

CREATE TABLE user_attributes (
    user_id  BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name     TEXT    NOT NULL,
    position BIGINT NOT NULL,
    value    TEXT    NOT NULL,
    PRIMARY KEY (user_id, name, position)
);

CREATE TABLE groups (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid         UUID    NOT NULL UNIQUE,
    directory_id BIGINT NOT NULL REFERENCES directories (id),
    name         TEXT    NOT NULL,
    name_key     TEXT    NOT NULL,
    description  TEXT,
    created_at   BIGINT NOT NULL,
    UNIQUE (directory_id, name_key)
);

CREATE TABLE sources (
    id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
);

CREATE TABLE memberships (
    group_id  BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id   BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source_id BIGINT NOT NULL REFERENCES sources (id),
    PRIMARY KEY (group_id, user_id, source_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id, group_id);

CREATE TABLE group_nestings (
    parent_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    child_id  BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    source_id BIGINT NOT NULL REFERENCES sources (id),
    PRIMARY KEY (parent_id, child_id, source_id)
);
CREATE INDEX group_nestings_of_child ON group_nestings (child_id);

-- Names of removed users, so that a newcomer does not inherit their work.
CREATE TABLE tombstones (
    directory_id BIGINT NOT NULL REFERENCES directories (id),
    username_key TEXT    NOT NULL,
    user_uuid    UUID    NOT NULL,
    identities   TEXT    NOT NULL,
    removed_at   BIGINT NOT NULL,
    PRIMARY KEY (directory_id, username_key)
);

CREATE TABLE changes (
    seq       BIGINT PRIMARY KEY,
    at        BIGINT NOT NULL,
    actor     TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    person_id BIGINT,
    user_id   BIGINT,
    change    TEXT    NOT NULL
);
CREATE INDEX changes_of_person ON changes (person_id, seq);

-- One row: the highest number given. Whoever writes changes holds it until the commit.
CREATE TABLE change_head (
    id  BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO change_head (id, seq) VALUES (1, 0);
