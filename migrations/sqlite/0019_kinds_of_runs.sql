-- What a run looked at: round (all that the cloud has, or what has changed), retry (what the last run left undone), or user.
ALTER TABLE connector_runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'round';
-- The user whom it looked at.
ALTER TABLE connector_runs ADD COLUMN about TEXT;
