-- What sources have taken away without an administrator's word (JSON), for as long as the guard remembers it: many small steps
-- lead as far as a large one.
CREATE TABLE takings (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directory_id BIGINT NOT NULL REFERENCES directories (id) ON DELETE CASCADE,
    source       TEXT   NOT NULL,
    -- ends: accounts and memberships; removes: accounts and groups that had ended long before.
    kind         TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    taken        TEXT   NOT NULL
);
CREATE INDEX takings_of ON takings (directory_id, source, kind, at);

-- The connector's run that a plan is the outcome of.
ALTER TABLE plans ADD COLUMN run_id BIGINT;

-- Who could be removed.
CREATE INDEX users_inactive ON users (directory_id, inactive_reason, updated_at) WHERE inactive_reason IS NOT NULL;
