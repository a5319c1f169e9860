-- What never changes about a group at its source, such as a connector's: it is known by that when its name changes.
CREATE TABLE group_external_ids (
    directory_id INTEGER NOT NULL REFERENCES directories (id),
    source       TEXT    NOT NULL,
    external_id  TEXT    NOT NULL,
    group_id     INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    -- Since when the source does not name it any more.
    gone_at      INTEGER,
    PRIMARY KEY (directory_id, source, external_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX group_external_ids_of_group ON group_external_ids (group_id, source);
