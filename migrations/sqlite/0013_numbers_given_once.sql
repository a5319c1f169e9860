-- The number of a session that has ended is never another one's: sign-ins that are under way, and gateways that have not
-- heard of the end yet, still know it.
CREATE TABLE sessions_anew (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
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
INSERT INTO sessions_anew
    SELECT id, secret_hash, person_id, issuer, method, name_id, name_id_format, session_index, created_at, seen_at,
           expires_at
    FROM sessions;
-- Nor are the numbers of those that had ended before.
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'sessions_anew', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'sessions_anew');
UPDATE sqlite_sequence SET seq = MAX(seq, COALESCE((SELECT MAX(session_id) FROM session_endings), 0))
    WHERE name = 'sessions_anew';

-- What refers to sessions has to refer to the new table before the old one goes: what still did would go with it.
CREATE TABLE child_sessions_anew (
    id          INTEGER PRIMARY KEY,
    secret_hash BLOB    NOT NULL UNIQUE,
    session_id  INTEGER NOT NULL REFERENCES sessions_anew (id) ON DELETE CASCADE,
    host        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
INSERT INTO child_sessions_anew SELECT id, secret_hash, session_id, host, created_at FROM child_sessions;
DROP TABLE child_sessions;
ALTER TABLE child_sessions_anew RENAME TO child_sessions;
CREATE INDEX child_sessions_of_session ON child_sessions (session_id);

CREATE TABLE handover_codes_anew (
    code_hash    BLOB    NOT NULL PRIMARY KEY,
    session_id   INTEGER NOT NULL REFERENCES sessions_anew (id) ON DELETE CASCADE,
    host         TEXT    NOT NULL,
    browser_hash BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO handover_codes_anew SELECT code_hash, session_id, host, browser_hash, expires_at FROM handover_codes;
DROP TABLE handover_codes;
ALTER TABLE handover_codes_anew RENAME TO handover_codes;
CREATE INDEX handover_codes_of_session ON handover_codes (session_id);

CREATE TABLE login_states_anew (
    handle_hash  BLOB    NOT NULL PRIMARY KEY,
    idp          TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    browser_hash BLOB    NOT NULL,
    flow         BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- A login that was finished is still known until it expires, so that who comes back to it can be helped.
    used         INTEGER NOT NULL DEFAULT 0,
    -- The session that it began.
    session_id   INTEGER REFERENCES sessions_anew (id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
INSERT INTO login_states_anew
    SELECT handle_hash, idp, request_id, browser_hash, flow, expires_at, used, session_id FROM login_states;
DROP TABLE login_states;
ALTER TABLE login_states_anew RENAME TO login_states;
CREATE INDEX login_states_of_session ON login_states (session_id);
CREATE INDEX login_states_of_browser ON login_states (browser_hash);
CREATE INDEX login_states_by_expiry ON login_states (expires_at);

CREATE TABLE crowd_tokens_anew (
    token_hash  BLOB    NOT NULL PRIMARY KEY,
    session_id  INTEGER NOT NULL REFERENCES sessions_anew (id) ON DELETE CASCADE,
    application TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO crowd_tokens_anew SELECT token_hash, session_id, application, address, created_at FROM crowd_tokens;
DROP TABLE crowd_tokens;
ALTER TABLE crowd_tokens_anew RENAME TO crowd_tokens;
CREATE INDEX crowd_tokens_of_session ON crowd_tokens (session_id);

DROP TABLE sessions;
ALTER TABLE sessions_anew RENAME TO sessions;
CREATE INDEX sessions_of_person ON sessions (person_id);
CREATE INDEX sessions_of_name_id ON sessions (issuer, name_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Nor is a purged directory's number another one's: the log speaks of it, and gateways that run may still show it to
-- applications.
INSERT INTO id_heads (name, last)
    SELECT 'directories', MAX(COALESCE((SELECT MAX(id) FROM directories), 0),
                              COALESCE((SELECT MAX(directory_id) FROM changes), 0));

-- The directories whose accounts have reached an application, as a JSON array of their numbers; NULL as long as that is
-- not known.
ALTER TABLE crowd_syncs ADD COLUMN directories TEXT;

-- Since when a webhook fails each time; NULL if it does not.
ALTER TABLE crowd_webhooks ADD COLUMN failing_since INTEGER;
