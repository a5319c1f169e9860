-- Keys that sign what applications are told. Gateways that make one at once agree by the number.
CREATE TABLE signing_keys (
    number     INTEGER PRIMARY KEY,
    kid        TEXT    NOT NULL UNIQUE,
    public_key BLOB    NOT NULL,
    sealed_key BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL
) STRICT;
