-- What is secret is stored as its SHA-256.

CREATE TABLE sessions (
    id             INTEGER PRIMARY KEY,
    secret_hash    BLOB    NOT NULL UNIQUE,
    person_id      INTEGER NOT NULL REFERENCES persons (id),
    issuer         TEXT    NOT NULL,
    method         TEXT    NOT NULL,
    name_id        TEXT,
    name_id_format TEXT,
    session_index  TEXT,
    created_at     INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_person ON sessions (person_id);
CREATE INDEX sessions_of_name_id ON sessions (issuer, name_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE child_sessions (
    id          INTEGER PRIMARY KEY,
    secret_hash BLOB    NOT NULL UNIQUE,
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    host        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX child_sessions_of_session ON child_sessions (session_id);

CREATE TABLE handover_codes (
    code_hash    BLOB    NOT NULL PRIMARY KEY,
    session_id   INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    host         TEXT    NOT NULL,
    browser_hash BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX handover_codes_of_session ON handover_codes (session_id);

CREATE TABLE login_states (
    handle_hash  BLOB    NOT NULL PRIMARY KEY,
    idp          TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    browser_hash BLOB    NOT NULL,
    flow         BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replays (
    kind       TEXT    NOT NULL,
    key_hash   BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX replays_by_expiry ON replays (expires_at);

-- Tells every replica which sessions it must no longer believe from memory.
CREATE TABLE session_endings (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    session_id INTEGER,
    person_id  INTEGER
) STRICT;

CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
