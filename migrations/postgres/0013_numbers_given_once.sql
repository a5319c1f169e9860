-- A purged directory's number is never another one's: the log speaks of it, and gateways that run may still show it to
-- applications. Numbers of sessions are given once already.
INSERT INTO id_heads (name, last)
    SELECT 'directories', GREATEST(COALESCE((SELECT MAX(id) FROM directories), 0),
                                   COALESCE((SELECT MAX(directory_id) FROM changes), 0));
ALTER TABLE directories ALTER COLUMN id DROP IDENTITY;

-- The directories whose accounts have reached an application, as a JSON array of their numbers; NULL as long as that is
-- not known.
ALTER TABLE crowd_syncs ADD COLUMN directories TEXT;

-- Since when a webhook fails each time; NULL if it does not.
ALTER TABLE crowd_webhooks ADD COLUMN failing_since BIGINT;
