-- Scans for keys that are set already are planned as those that are set from now on are: what was missed is not made up for.
INSERT INTO background_work (project_key, instance_key, effect, created_at, start_at, finish_at, due_at)
SELECT i.project_key, i.instance_key,
       json_object('kind', 'scheduled_scan', 'scan', replace(s.name, '_key_scan', '')),
       s.updated_at, s.updated_at, s.updated_at, s.updated_at
FROM side_settings s JOIN instances i USING (instance_key)
WHERE s.name IN ('big_key_scan', 'hot_key_scan', 'expired_key_scan') AND s.document ->> 'enabled' AND i.deleted_at IS NULL;
