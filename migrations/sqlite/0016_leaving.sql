-- What sources have taken away without an administrator's word (JSON), for as long as the guard remembers it: many small steps
-- lead as far as a large one.
CREATE TABLE takings (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    directory_id INTEGER NOT NULL REFERENCES directories (id) ON DELETE CASCADE,
    source       TEXT    NOT NULL,
    -- ends: accounts and memberships; removes: accounts and groups that had ended long before.
    kind         TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    taken        TEXT    NOT NULL
) STRICT;
CREATE INDEX takings_of ON takings (directory_id, source, kind, at);

-- The connector's run that a plan is the outcome of.
ALTER TABLE plans ADD COLUMN run_id INTEGER;

-- Who could be removed.
CREATE INDEX users_inactive ON users (directory_id, inactive_reason, updated_at) WHERE inactive_reason IS NOT NULL;
