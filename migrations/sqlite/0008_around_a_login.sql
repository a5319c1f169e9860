-- A login that was finished is still known until it expires, so that who comes back to it can be helped.
ALTER TABLE login_states ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
-- The session that it began.
ALTER TABLE login_states ADD COLUMN session_id INTEGER REFERENCES sessions (id) ON DELETE SET NULL;
CREATE INDEX login_states_of_session ON login_states (session_id);
CREATE INDEX login_states_of_browser ON login_states (browser_hash);
CREATE INDEX login_states_by_expiry ON login_states (expires_at);

-- Forms that came without a session, sealed, until somebody has signed in.
CREATE TABLE saved_forms (
    id           INTEGER PRIMARY KEY,
    token_hash   BLOB    NOT NULL UNIQUE,
    browser_hash BLOB,
    client_hash  BLOB    NOT NULL,
    bytes        INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    sealed       BLOB    NOT NULL
) STRICT;
-- Sizes are added up without reading what is sealed.
CREATE INDEX saved_forms_sizes ON saved_forms (expires_at, client_hash, browser_hash, bytes);
