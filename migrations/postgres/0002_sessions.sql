-- What is secret is stored as its SHA-256.

CREATE TABLE sessions (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_hash    BYTEA    NOT NULL UNIQUE,
    person_id      BIGINT NOT NULL REFERENCES persons (id),
    issuer         TEXT    NOT NULL,
    method         TEXT    NOT NULL,
    name_id        TEXT,
    name_id_format TEXT,
    session_index  TEXT,
    created_at     BIGINT NOT NULL,
    seen_at        BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX sessions_of_person ON sessions (person_id);
CREATE INDEX sessions_of_name_id ON sessions (issuer, name_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE child_sessions (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_hash BYTEA    NOT NULL UNIQUE,
    session_id  BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    host        TEXT    NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX child_sessions_of_session ON child_sessions (session_id);

CREATE TABLE handover_codes (
    code_hash    BYTEA    NOT NULL PRIMARY KEY,
    session_id   BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    host         TEXT    NOT NULL,
    browser_hash BYTEA    NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX handover_codes_of_session ON handover_codes (session_id);

CREATE TABLE login_states (
    handle_hash  BYTEA    NOT NULL PRIMARY KEY,
    idp          TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    browser_hash BYTEA    NOT NULL,
    flow         BYTEA    NOT NULL,
    expires_at   BIGINT NOT NULL
);

CREATE TABLE replays (
    kind       TEXT    NOT NULL,
    key_hash   BYTEA    NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, key_hash)
);
CREATE INDEX replays_by_expiry ON replays (expires_at);

-- Tells every replica which sessions it must no longer believe from memory.
CREATE TABLE session_endings (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    session_id BIGINT,
    person_id  BIGINT
);

CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
