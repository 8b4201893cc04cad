-- Backup policies are run: when the next backup of each is due, and how long the backups made by them stay.

-- Null: none is due, now or ever. 0: that is not planned yet, and will be from the moment at which it is noticed.
ALTER TABLE backup_policies ADD COLUMN next_run_at INTEGER
    CHECK (next_run_at IS NULL OR (next_run_at >= 0 AND backup_type = 'auto'));
-- How often the run has been tried in vain.
ALTER TABLE backup_policies ADD COLUMN failed_tries INTEGER NOT NULL DEFAULT 0 CHECK (failed_tries BETWEEN 0 AND 2);

CREATE INDEX backup_policies_by_next_run ON backup_policies (next_run_at) WHERE next_run_at IS NOT NULL;

UPDATE backup_policies SET next_run_at = 0
WHERE backup_type = 'auto' AND instance_key IN (SELECT instance_key FROM instances WHERE deleted_at IS NULL);

-- A seed written before there were runs says nothing of the next one.
CREATE TRIGGER automatic_policies_are_planned AFTER INSERT ON backup_policies
WHEN new.backup_type = 'auto' AND new.next_run_at IS NULL
BEGIN
    UPDATE backup_policies SET next_run_at = 0
    WHERE instance_key = new.instance_key
      AND EXISTS (SELECT 1 FROM instances WHERE instance_key = new.instance_key AND deleted_at IS NULL);
END;

CREATE TRIGGER deleted_instances_are_not_backed_up AFTER UPDATE OF deleted_at ON instances WHEN new.deleted_at IS NOT NULL
BEGIN
    UPDATE backup_policies SET next_run_at = NULL, failed_tries = 0 WHERE instance_key = new.instance_key;
END;

-- What an automatic backup takes over from the policy that made it; null where a seed does not say.
ALTER TABLE backups ADD COLUMN period TEXT
    CHECK (period IS NULL OR (backup_type = 1 AND period GLOB '[0-2][0-9]:00-[0-2][0-9]:00'));
ALTER TABLE backups ADD COLUMN save_days INTEGER
    CHECK ((save_days IS NULL) = (period IS NULL) AND (save_days IS NULL OR save_days BETWEEN 1 AND 7));
-- 1: its days are over, and it stays because there is no newer one.
ALTER TABLE backups ADD COLUMN held INTEGER CHECK (held IS NULL OR (held = 1 AND save_days IS NOT NULL));

-- Neither index has a row for a backup that somebody asked for.
CREATE INDEX backups_by_end_of_days ON backups (updated_at + save_days * 86400000)
    WHERE save_days IS NOT NULL AND status = 2 AND held IS NULL;
CREATE INDEX usable_automatic_backups ON backups (instance_key, record_number) WHERE save_days IS NOT NULL AND status = 2;

DROP TRIGGER backups_keep_what_never_changes;
CREATE TRIGGER backups_keep_what_never_changes
BEFORE UPDATE OF instance_key, record_number, backup_id, backup_type, backup_format, name_offset_minutes, created_at, remark,
                 period, save_days
ON backups
BEGIN
    SELECT raise(ABORT, 'a backup keeps its ids, type, format, name, time of creation, remark, period and days');
END;

-- As the API shows it: with the window of a scheduled run.
DROP VIEW backup_records;
CREATE VIEW backup_records AS
SELECT project_id,
       instance_id,
       instance_name,
       record_number,
       lower(format('%s-%s-%s-%s-%s', substr(h, 1, 8), substr(h, 9, 4), substr(h, 13, 4), substr(h, 17, 4), substr(h, 21)))
           AS backup_id,
       'backup_' || strftime('%Y%m%d%H%M%S', created_at / 1000 + name_offset_minutes * 60, 'unixepoch') AS backup_name,
       word AS status,
       iif(backup_type = 0, 'manual', 'auto') AS backup_type,
       period,
       iif(backup_format = 0, 'rdb', 'aof') AS backup_format,
       remark,
       size_bytes AS size,
       CASE WHEN progress IS NOT NULL THEN printf('%.2f', progress / 100.0)
            WHEN status = 0 THEN '0.00'
            WHEN status > 1 THEN '100.00' END AS progress, -- of running work: a matter of the moment, so null here
       iif(status = 2 AND record_number > restorable_after, 'TRUE', 'FALSE') AS is_support_restore,
       iif(error_code IS NULL, NULL, printf('dcs.08.%04d', error_code)) AS error_code,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', execution_at / 1000.0, 'unixepoch') AS execution_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', updated_at / 1000.0, 'unixepoch') AS updated_at
FROM (SELECT backups.*, hex(backup_id) AS h, restorable_after
      FROM backups JOIN (SELECT instance_key, restorable_after FROM instances) USING (instance_key))
JOIN statuses USING (status)
JOIN instance_names USING (instance_key)
ORDER BY instance_key, record_number DESC;
