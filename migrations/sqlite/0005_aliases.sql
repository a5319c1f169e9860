-- The username that an issuer's subject has, whatever the issuer says and whatever transforms make of it: people of an
-- application that is older than the gateway keep their names.
CREATE TABLE aliases (
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    username     TEXT    NOT NULL,
    username_key TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (username_key, issuer)
) STRICT, WITHOUT ROWID;
