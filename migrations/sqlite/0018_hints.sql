-- What clouds have said by themselves has happened, until somebody has looked: users by their ids, and '' for a run. Who is
-- named again meanwhile is looked at again.
CREATE TABLE connector_hints (
    connector_id INTEGER NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    external_id  TEXT    NOT NULL,
    -- How often it was said; whoever has looked forgets only what was said before.
    times        INTEGER NOT NULL,
    -- Whether it must not wait.
    urgent       INTEGER NOT NULL,
    -- How often it was looked in vain, and when it is looked again.
    tries        INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    PRIMARY KEY (connector_id, external_id)
) STRICT, WITHOUT ROWID;

-- What clouds were asked to say by themselves.
CREATE TABLE connector_subscriptions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    connector_id INTEGER NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    topic        TEXT    NOT NULL,
    -- Which cloud was asked to say it where (a digest), and the digest of what it proves itself with.
    made_for     BLOB    NOT NULL,
    secret       BLOB    NOT NULL,
    -- What the cloud knows it by, once it has agreed.
    handle       TEXT,
    -- From when until when; the cloud may want to be asked again before.
    since        INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    renew        INTEGER NOT NULL
) STRICT;
CREATE INDEX connector_subscriptions_of ON connector_subscriptions (connector_id);

CREATE TABLE connector_hint_states (
    connector_id INTEGER PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
    -- When the cloud last said something.
    heard_at     INTEGER,
    -- Why it cannot be asked to, if that is so.
    problem      TEXT,
    -- Who looks after the subscriptions, until when.
    keeper       TEXT    NOT NULL,
    kept_until   INTEGER NOT NULL,
    -- How many accounts hints have taken away since then.
    taken        INTEGER NOT NULL,
    taken_since  INTEGER NOT NULL
) STRICT;
