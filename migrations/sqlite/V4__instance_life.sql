-- Instances that live: what their creator says of them, the way from one state to the next, and what clients poll meanwhile.

-- What a creator or an update says, and what became of it.
ALTER TABLE instances ADD COLUMN engine_as_sent TEXT CHECK (lower(engine_as_sent) = lower(engine)); -- null: as engine has it
ALTER TABLE instances ADD COLUMN product_id TEXT;                             -- null: the hourly one of the spec code
ALTER TABLE instances ADD COLUMN charging_mode INTEGER NOT NULL DEFAULT 0 CHECK (charging_mode IN (0, 1)); -- 1: prepaid
ALTER TABLE instances ADD COLUMN order_id TEXT CHECK (order_id IS NULL OR charging_mode = 1);
ALTER TABLE instances ADD COLUMN maintain_begin TEXT NOT NULL DEFAULT '02:00:00' CHECK (maintain_begin GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]');
ALTER TABLE instances ADD COLUMN maintain_end TEXT NOT NULL DEFAULT '06:00:00' CHECK (maintain_end GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]');
ALTER TABLE instances ADD COLUMN enterprise_project_id TEXT NOT NULL DEFAULT '0';
ALTER TABLE instances ADD COLUMN enable_publicip INTEGER NOT NULL DEFAULT 0 CHECK (enable_publicip IN (0, 1));
ALTER TABLE instances ADD COLUMN publicip_id TEXT;
ALTER TABLE instances ADD COLUMN enable_ssl INTEGER NOT NULL DEFAULT 0 CHECK (enable_ssl IN (0, 1));
ALTER TABLE instances ADD COLUMN access_user TEXT;
ALTER TABLE instances ADD COLUMN password_hash TEXT;                          -- PHC text; null: any password is the right one
ALTER TABLE instances ADD COLUMN wrong_passwords INTEGER NOT NULL DEFAULT 0 CHECK (wrong_passwords BETWEEN 0 AND 5); -- in a row
ALTER TABLE instances ADD COLUMN locked_until INTEGER CHECK (locked_until IS NULL OR wrong_passwords = 5);
ALTER TABLE instances ADD COLUMN rename_commands TEXT NOT NULL DEFAULT '{}' CHECK (json_type(rename_commands) = 'object');
ALTER TABLE instances ADD COLUMN launched_at INTEGER;                         -- null: it has never been in service
ALTER TABLE instances ADD COLUMN updated_at INTEGER CHECK (updated_at >= created_at); -- null: not since it was created
ALTER TABLE instances ADD COLUMN error_code TEXT;
-- Backups up to this number were made before the instance was extended: they can no longer be restored.
ALTER TABLE instances ADD COLUMN restorable_after INTEGER NOT NULL DEFAULT 0 CHECK (restorable_after >= 0);

UPDATE instances SET launched_at = created_at WHERE status NOT IN ('CREATING', 'CREATEFAILED');

-- Lists leave out what is deleted, and usually what was never created; a page is found in the index alone.
DROP INDEX instances_in_list_order;
CREATE INDEX instances_in_list_order ON instances (project_key, created_at DESC, instance_id, status) WHERE deleted_at IS NULL;
CREATE INDEX instances_by_name ON instances (project_key, name) WHERE deleted_at IS NULL;

CREATE TABLE instance_tags (
    instance_key INTEGER NOT NULL REFERENCES instances,
    position     INTEGER NOT NULL CHECK (position >= 0),                     -- the order in which they were given
    key          TEXT    NOT NULL CHECK (key <> ''),
    value        TEXT    NOT NULL,
    PRIMARY KEY (instance_key, key)
) STRICT, WITHOUT ROWID;

-- When backups are made by themselves, as it was sent; absent until it is sent for the first time.
CREATE TABLE backup_policies (
    instance_key    INTEGER PRIMARY KEY REFERENCES instances,
    policy_id       BLOB    NOT NULL UNIQUE CHECK (length(policy_id) = 16),
    backup_type     TEXT    NOT NULL CHECK (backup_type IN ('auto', 'manual')),
    save_days       INTEGER CHECK (save_days BETWEEN 1 AND 7),
    begin_at        TEXT    CHECK (begin_at GLOB '[0-2][0-9]:00-[0-2][0-9]:00'), -- HH:mm-HH:mm; null: no plan was sent
    period_type     TEXT    CHECK (period_type = 'weekly'),
    backup_at       TEXT    CHECK (json_type(backup_at) = 'array'),          -- days, 1 Monday to 7 Sunday
    timezone_offset TEXT,                                                    -- such as +0800
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL CHECK (updated_at >= created_at),
    CHECK ((begin_at IS NULL) = (backup_at IS NULL) AND (begin_at IS NULL) = (period_type IS NULL)
           AND (begin_at IS NULL) = (timezone_offset IS NULL)),
    CHECK (backup_type = 'manual' OR (save_days IS NOT NULL AND begin_at IS NOT NULL))
) STRICT;

-- The one piece of work that is open on an instance can now be a way of its own, from its state to the next.
CREATE TABLE planned_work (
    instance_key  INTEGER PRIMARY KEY REFERENCES instances,
    record_kind   INTEGER NOT NULL CHECK (record_kind IN (0, 1, 2)),         -- as in events
    record_number INTEGER CHECK (record_number > 0),                         -- null for an instance's own way
    start_at      INTEGER,                                                   -- null: when it is told to
    finish_at     INTEGER CHECK (finish_at >= start_at),
    failure       INTEGER CHECK (failure BETWEEN 1 AND 8),                   -- the planned end; null: success
    due_at        INTEGER CHECK (due_at IN (start_at, finish_at)),           -- of the next step; null: when it is told to
    CHECK ((start_at IS NULL) = (finish_at IS NULL)),
    CHECK ((record_kind = 0) = (record_number IS NULL))
) STRICT;

INSERT INTO planned_work SELECT * FROM open_work;
DROP TABLE open_work;
ALTER TABLE planned_work RENAME TO open_work;

CREATE INDEX open_work_by_due_time ON open_work (due_at) WHERE due_at IS NOT NULL;

-- What an instance that is EXTENDING will be.
CREATE TABLE planned_sizes (
    instance_key INTEGER PRIMARY KEY REFERENCES instances,
    spec_code    TEXT    NOT NULL,
    product_id   TEXT,
    capacity_mb  INTEGER NOT NULL CHECK (capacity_mb > 0),
    cache_mode   TEXT    NOT NULL CHECK (cache_mode IN ('single', 'ha', 'ha_rw_split', 'cluster', 'proxy')),
    ip           TEXT    NOT NULL
) STRICT;

-- Background tasks of an instance, as clients list them. A finished one may be deleted.
CREATE TABLE background_tasks (
    instance_key INTEGER NOT NULL REFERENCES instances,
    task_number  INTEGER NOT NULL CHECK (task_number > 0),
    task_id      BLOB    NOT NULL UNIQUE CHECK (length(task_id) = 16),
    name         TEXT    NOT NULL,
    details      TEXT    NOT NULL CHECK (json_type(details) = 'object'),
    user_id      TEXT    NOT NULL,
    user_name    TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER CHECK (finished_at >= created_at),                  -- null: it runs
    failed       INTEGER NOT NULL DEFAULT 0 CHECK (failed IN (0, 1)),
    PRIMARY KEY (instance_key, task_number)
) STRICT, WITHOUT ROWID;

-- Jobs that answers name, of instances that are there or gone.
CREATE TABLE jobs (
    job_id       BLOB    PRIMARY KEY CHECK (length(job_id) = 16),
    project_key  INTEGER NOT NULL REFERENCES projects,
    instance_key INTEGER REFERENCES instances,
    job_type     TEXT    NOT NULL,
    begin_at     INTEGER NOT NULL,
    end_at       INTEGER CHECK (end_at >= begin_at),                         -- null: it runs
    fail_reason  TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_that_run ON jobs (instance_key) WHERE end_at IS NULL;

-- Nodes of an instance that were stopped.
CREATE TABLE stopped_nodes (
    instance_key INTEGER NOT NULL REFERENCES instances,
    node_id      BLOB    NOT NULL CHECK (length(node_id) = 16),
    PRIMARY KEY (instance_key, node_id)
) STRICT, WITHOUT ROWID;

-- How many instances there are, so that totals, counts and quotas cost the same whatever their number.
CREATE TABLE instance_counts (
    project_key INTEGER NOT NULL REFERENCES projects,
    engine      TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    instances   INTEGER NOT NULL CHECK (instances >= 0),
    capacity_mb INTEGER NOT NULL CHECK (capacity_mb >= 0),
    PRIMARY KEY (project_key, engine, status)
) STRICT, WITHOUT ROWID;

INSERT INTO instance_counts
SELECT project_key, engine, status, count(*), sum(capacity_mb) FROM instances WHERE deleted_at IS NULL
GROUP BY project_key, engine, status;

CREATE TRIGGER instances_are_counted AFTER INSERT ON instances WHEN new.deleted_at IS NULL
BEGIN
    INSERT INTO instance_counts VALUES (new.project_key, new.engine, new.status, 1, new.capacity_mb)
    ON CONFLICT DO UPDATE SET instances = instances + 1, capacity_mb = capacity_mb + excluded.capacity_mb;
END;

CREATE TRIGGER instances_are_counted_anew AFTER UPDATE OF status, capacity_mb, deleted_at ON instances
BEGIN
    UPDATE instance_counts SET instances = instances - 1, capacity_mb = capacity_mb - old.capacity_mb
    WHERE old.deleted_at IS NULL AND project_key = old.project_key AND engine = old.engine AND status = old.status;
    INSERT INTO instance_counts
    SELECT new.project_key, new.engine, new.status, 1, new.capacity_mb WHERE new.deleted_at IS NULL
    ON CONFLICT DO UPDATE SET instances = instances + 1, capacity_mb = capacity_mb + excluded.capacity_mb;
END;

-- An instance that is deleted stays so, and stays what it was.
CREATE TRIGGER deleted_instances_never_change BEFORE UPDATE ON instances WHEN old.deleted_at IS NOT NULL
BEGIN
    SELECT raise(ABORT, 'a deleted instance never changes');
END;

-- As the API shows it: a backup that was made before an extension cannot be restored.
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
