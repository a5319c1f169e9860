-- What a list of people said last, so that the next one is compared with it first: who is said the same of, and has not been
-- touched since, need not be read.
CREATE TABLE last_lists (
    -- The plan that it was read for.
    plan_id      BIGINT PRIMARY KEY,
    directory_id BIGINT NOT NULL,
    source       TEXT   NOT NULL,
    -- The log's head when the directory was looked at.
    seen_seq     BIGINT NOT NULL,
    -- What became of who was not in the list.
    unlisted     TEXT   NOT NULL,
    -- writing; complete: true once the plan is applied; settled: true.
    state        TEXT   NOT NULL
);
CREATE INDEX last_lists_of_directory ON last_lists (directory_id, source);

CREATE TABLE last_list_pages (
    plan_id BIGINT NOT NULL REFERENCES last_lists (plan_id) ON DELETE CASCADE,
    number  BIGINT NOT NULL,
    -- Parts of one long text of bytes: an entry for each account, in the order of the names.
    page    BYTEA  NOT NULL,
    PRIMARY KEY (plan_id, number)
);
