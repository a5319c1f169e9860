-- What somebody should know of, from when it begins to when it ends.
CREATE TABLE alarms (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What it is and of what, such as connector:corp:failed. It is open once at a time.
    alarm_key      TEXT   NOT NULL,
    -- What is said of it (JSON).
    condition      TEXT   NOT NULL,
    begun_at       BIGINT NOT NULL,
    ended_at       BIGINT,
    -- Until when nobody is told of it again.
    silenced_until BIGINT
);
CREATE UNIQUE INDEX alarms_open ON alarms (alarm_key) WHERE ended_at IS NULL;
CREATE INDEX alarms_ended ON alarms (ended_at);

-- Messages about them, each to one receiver, from when they are owed to when they are delivered or given up.
CREATE TABLE alarm_deliveries (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id   BIGINT NOT NULL REFERENCES alarms (id) ON DELETE CASCADE,
    receiver   TEXT   NOT NULL,
    -- What the receiver can tell by that it has had this one already.
    message_id TEXT   NOT NULL,
    -- raised, repeated, over.
    event      TEXT   NOT NULL,
    -- How near to its end something was that expires.
    stage      BIGINT NOT NULL,
    -- What was to be said of the alarm when this was written (JSON).
    condition  TEXT   NOT NULL,
    -- waiting, delivered, given_up.
    state      TEXT   NOT NULL,
    tries      BIGINT NOT NULL,
    -- When it is tried, or tried again if whoever tries it now has died.
    next_at    BIGINT NOT NULL,
    -- Why it could not be delivered the last time.
    problem    TEXT,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX alarm_deliveries_of ON alarm_deliveries (alarm_id, receiver, id);
CREATE INDEX alarm_deliveries_waiting ON alarm_deliveries (next_at) WHERE state = 'waiting';

-- The one gateway that looks what begins and what ends.
CREATE TABLE alarm_watch (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    holder     TEXT   NOT NULL,
    held_until BIGINT NOT NULL
);
INSERT INTO alarm_watch (id, holder, held_until) VALUES (1, '', 0);

-- When what a connector proves itself with ends, as far as its cloud or a file says so.
CREATE TABLE connector_credentials (
    connector_id BIGINT PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
    -- What it is, such as the client secret.
    what         TEXT,
    expires_at   BIGINT,
    seen_at      BIGINT NOT NULL
);

-- What came of a run in a word, and how many warnings it has.
ALTER TABLE connector_runs ADD COLUMN outcome TEXT;
ALTER TABLE connector_runs ADD COLUMN warnings BIGINT NOT NULL DEFAULT 0;
