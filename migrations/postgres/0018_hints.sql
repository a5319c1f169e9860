-- What clouds have said by themselves has happened, until somebody has looked: users by their ids, and '' for a run. Who is
-- named again meanwhile is looked at again.
CREATE TABLE connector_hints (
    connector_id BIGINT  NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    external_id  TEXT    COLLATE "C" NOT NULL,
    -- How often it was said; whoever has looked forgets only what was said before.
    times        BIGINT  NOT NULL,
    -- Whether it must not wait.
    urgent       BIGINT  NOT NULL,
    -- How often it was looked in vain, and when it is looked again.
    tries        BIGINT  NOT NULL,
    due_at       BIGINT  NOT NULL,
    PRIMARY KEY (connector_id, external_id)
);

-- What clouds were asked to say by themselves.
CREATE TABLE connector_subscriptions (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connector_id BIGINT  NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    topic        TEXT    NOT NULL,
    -- Which cloud was asked to say it where (a digest), and the digest of what it proves itself with.
    made_for     BYTEA   NOT NULL,
    secret       BYTEA   NOT NULL,
    -- What the cloud knows it by, once it has agreed.
    handle       TEXT,
    -- From when until when; the cloud may want to be asked again before.
    since        BIGINT  NOT NULL,
    until        BIGINT  NOT NULL,
    renew        BIGINT  NOT NULL
);
CREATE INDEX connector_subscriptions_of ON connector_subscriptions (connector_id);

CREATE TABLE connector_hint_states (
    connector_id BIGINT  PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
    -- When the cloud last said something.
    heard_at     BIGINT,
    -- Why it cannot be asked to, if that is so.
    problem      TEXT,
    -- Who looks after the subscriptions, until when.
    keeper       TEXT    NOT NULL,
    kept_until   BIGINT  NOT NULL,
    -- How many accounts hints have taken away since then.
    taken        BIGINT  NOT NULL,
    taken_since  BIGINT  NOT NULL
);
