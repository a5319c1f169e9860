-- What somebody should know of, from when it begins to when it ends.
CREATE TABLE alarms (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What it is and of what, such as connector:corp:failed. It is open once at a time.
    alarm_key      TEXT    NOT NULL,
    -- What is said of it (JSON).
    condition      TEXT    NOT NULL,
    begun_at       INTEGER NOT NULL,
    ended_at       INTEGER,
    -- Until when nobody is told of it again.
    silenced_until INTEGER
) STRICT;
CREATE UNIQUE INDEX alarms_open ON alarms (alarm_key) WHERE ended_at IS NULL;
CREATE INDEX alarms_ended ON alarms (ended_at);

-- Messages about them, each to one receiver, from when they are owed to when they are delivered or given up.
CREATE TABLE alarm_deliveries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm_id   INTEGER NOT NULL REFERENCES alarms (id) ON DELETE CASCADE,
    receiver   TEXT    NOT NULL,
    -- What the receiver can tell by that it has had this one already.
    message_id TEXT    NOT NULL,
    -- raised, repeated, over.
    event      TEXT    NOT NULL,
    -- How near to its end something was that expires.
    stage      INTEGER NOT NULL,
    -- What was to be said of the alarm when this was written (JSON).
    condition  TEXT    NOT NULL,
    -- waiting, delivered, given_up.
    state      TEXT    NOT NULL,
    tries      INTEGER NOT NULL,
    -- When it is tried, or tried again if whoever tries it now has died.
    next_at    INTEGER NOT NULL,
    -- Why it could not be delivered the last time.
    problem    TEXT,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX alarm_deliveries_of ON alarm_deliveries (alarm_id, receiver, id);
CREATE INDEX alarm_deliveries_waiting ON alarm_deliveries (next_at) WHERE state = 'waiting';

-- The one gateway that looks what begins and what ends.
CREATE TABLE alarm_watch (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    holder     TEXT    NOT NULL,
    held_until INTEGER NOT NULL
) STRICT;
INSERT INTO alarm_watch (id, holder, held_until) VALUES (1, '', 0);

-- When what a connector proves itself with ends, as far as its cloud or a file says so.
CREATE TABLE connector_credentials (
    connector_id INTEGER PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
    -- What it is, such as the client secret.
    what         TEXT,
    expires_at   INTEGER,
    seen_at      INTEGER NOT NULL
) STRICT;

-- What came of a run in a word, and how many warnings it has.
ALTER TABLE connector_runs ADD COLUMN outcome TEXT;
ALTER TABLE connector_runs ADD COLUMN warnings INTEGER NOT NULL DEFAULT 0;
