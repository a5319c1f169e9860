-- What applications know sessions by over Crowd's REST interface, as SHA-256. An address is one that a
-- session which an application has begun is bound to; empty if it is bound to none.
CREATE TABLE crowd_tokens (
    token_hash  BLOB    NOT NULL PRIMARY KEY,
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    application TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX crowd_tokens_of_session ON crowd_tokens (session_id);

-- When people have signed out, or been signed out, for the last time: what applications remember of them
-- from before is not theirs any more.
CREATE TABLE sign_outs (
    person_id INTEGER NOT NULL PRIMARY KEY REFERENCES persons (id),
    at        INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_outs_by_time ON sign_outs (at);
