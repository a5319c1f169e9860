-- A login that was finished is still known until it expires, so that who comes back to it can be helped.
ALTER TABLE login_states ADD COLUMN used BIGINT NOT NULL DEFAULT 0;
-- The session that it began.
ALTER TABLE login_states ADD COLUMN session_id BIGINT REFERENCES sessions (id) ON DELETE SET NULL;
CREATE INDEX login_states_of_session ON login_states (session_id);
CREATE INDEX login_states_of_browser ON login_states (browser_hash);
CREATE INDEX login_states_by_expiry ON login_states (expires_at);

-- Forms that came without a session, sealed, until somebody has signed in.
CREATE TABLE saved_forms (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash   BYTEA   NOT NULL UNIQUE,
    browser_hash BYTEA,
    client_hash  BYTEA   NOT NULL,
    bytes        BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    sealed       BYTEA   NOT NULL
);
-- Sizes are added up without reading what is sealed.
CREATE INDEX saved_forms_sizes ON saved_forms (expires_at, client_hash, browser_hash, bytes);
