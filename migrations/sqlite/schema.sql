-- What the migrations make of an empty database, in one step. Written by a test: do not change it by hand.

CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));

CREATE TABLE projects (
    project_key INTEGER PRIMARY KEY,
    project_id  BLOB    NOT NULL UNIQUE CHECK (length(project_id) = 16),
    name        TEXT    NOT NULL CHECK (name <> ''),
    created_at  INTEGER NOT NULL
, built_in INTEGER NOT NULL DEFAULT 0 CHECK (built_in IN (0, 1)), instance_quota  INTEGER CHECK (instance_quota >= 0), memory_quota_gb INTEGER CHECK (memory_quota_gb >= 0)) STRICT;

CREATE TABLE instances (
    instance_key       INTEGER PRIMARY KEY,
    instance_id        BLOB    NOT NULL UNIQUE CHECK (length(instance_id) = 16),
    project_key        INTEGER NOT NULL REFERENCES projects,
    name               TEXT    NOT NULL CHECK (length(name) BETWEEN 4 AND 64),
    description        TEXT,
    engine             TEXT    NOT NULL CHECK (engine IN ('Redis', 'Memcached')),
    engine_version     TEXT    NOT NULL,
    cache_mode         TEXT    NOT NULL CHECK (cache_mode IN ('single', 'ha', 'ha_rw_split', 'cluster', 'proxy')),
    capacity_mb        INTEGER NOT NULL CHECK (capacity_mb > 0),
    spec_code          TEXT    NOT NULL,
    status             TEXT    NOT NULL CHECK (status IN ('CREATING', 'RUNNING', 'ERROR', 'RESTARTING', 'EXTENDING',
                                                          'RESTORING', 'FLUSHING', 'STARTING', 'CLOSING', 'CLOSED',
                                                          'CREATEFAILED', 'FROZEN')),
    ip                 TEXT    NOT NULL,
    port               INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    no_password_access INTEGER NOT NULL CHECK (no_password_access IN (0, 1)),
    zone_codes         TEXT    NOT NULL, -- comma-separated, in the order given
    vpc_id             TEXT    NOT NULL,
    subnet_id          TEXT    NOT NULL,
    security_group_id  TEXT,
    user_id            TEXT    NOT NULL,
    user_name          TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    deleted_at         INTEGER            -- set once; the row, its records and its history stay
, engine_as_sent TEXT CHECK (lower(engine_as_sent) = lower(engine)), product_id TEXT, charging_mode INTEGER NOT NULL DEFAULT 0 CHECK (charging_mode IN (0, 1)), order_id TEXT CHECK (order_id IS NULL OR charging_mode = 1), maintain_begin TEXT NOT NULL DEFAULT '02:00:00' CHECK (maintain_begin GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]'), maintain_end TEXT NOT NULL DEFAULT '06:00:00' CHECK (maintain_end GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]'), enterprise_project_id TEXT NOT NULL DEFAULT '0', enable_publicip INTEGER NOT NULL DEFAULT 0 CHECK (enable_publicip IN (0, 1)), publicip_id TEXT, enable_ssl INTEGER NOT NULL DEFAULT 0 CHECK (enable_ssl IN (0, 1)), access_user TEXT, password_hash TEXT, wrong_passwords INTEGER NOT NULL DEFAULT 0 CHECK (wrong_passwords BETWEEN 0 AND 5), locked_until INTEGER CHECK (locked_until IS NULL OR wrong_passwords = 5), rename_commands TEXT NOT NULL DEFAULT '{}' CHECK (json_type(rename_commands) = 'object'), launched_at INTEGER, updated_at INTEGER CHECK (updated_at >= created_at), error_code TEXT, restorable_after INTEGER NOT NULL DEFAULT 0 CHECK (restorable_after >= 0), transparent_client_ip INTEGER CHECK (transparent_client_ip IN (0, 1)), password_has_colon INTEGER NOT NULL DEFAULT 0 CHECK (password_has_colon IN (0, 1)), elb_id TEXT CHECK (elb_id <> ''), bandwidth TEXT                                  -- what was changed of it; null: nothing
    CHECK (bandwidth IS NULL OR json_type(bandwidth) = 'object'), subscription TEXT                               -- for which time it is paid in advance; null: one month
    CHECK (subscription IS NULL OR json_type(subscription) = 'object' AND charging_mode = 1), domain_name TEXT CHECK (domain_name <> '')) STRICT;

CREATE TABLE statuses (
    status INTEGER PRIMARY KEY,
    word   TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE backups (
    instance_key          INTEGER NOT NULL REFERENCES instances,
    record_number         INTEGER NOT NULL CHECK (record_number > 0),
    backup_id             BLOB    NOT NULL CHECK (length(backup_id) = 16),
    status                INTEGER NOT NULL CHECK (status BETWEEN 0 AND 5),
    backup_type           INTEGER NOT NULL CHECK (backup_type IN (0, 1)),    -- 0 manual, 1 auto
    backup_format         INTEGER NOT NULL CHECK (backup_format IN (0, 1)),  -- 0 rdb, 1 aof
    name_offset_minutes   INTEGER NOT NULL CHECK (name_offset_minutes BETWEEN -840 AND 840),
    created_at            INTEGER NOT NULL,
    execution_at          INTEGER CHECK (execution_at >= created_at),
    updated_at            INTEGER CHECK (updated_at >= coalesce(execution_at, created_at)),
    size_bytes            INTEGER NOT NULL CHECK (size_bytes >= 0),
    error_code            INTEGER CHECK (error_code BETWEEN 1 AND 8),        -- dcs.08.000n
    progress              INTEGER CHECK (progress BETWEEN 0 AND 9999),       -- hundredths of a percent, of failed work
    remark                TEXT    CHECK (length(remark) <= 128), period TEXT
    CHECK (period IS NULL OR (backup_type = 1 AND period GLOB '[0-2][0-9]:00-[0-2][0-9]:00')), save_days INTEGER
    CHECK ((save_days IS NULL) = (period IS NULL) AND (save_days IS NULL OR save_days BETWEEN 1 AND 7)), held INTEGER CHECK (held IS NULL OR (held = 1 AND save_days IS NOT NULL)),
    PRIMARY KEY (instance_key, record_number),
    -- What each status says about the rest of the row.
    CHECK (CASE status
        WHEN 0 THEN execution_at IS NULL     AND updated_at IS NULL     AND size_bytes = 0 AND error_code IS NULL
        WHEN 1 THEN execution_at IS NOT NULL AND updated_at IS NULL     AND size_bytes = 0 AND error_code IS NULL
        WHEN 3 THEN                              updated_at IS NOT NULL AND size_bytes = 0 AND error_code IS NOT NULL
        WHEN 5 THEN                              updated_at IS NOT NULL AND (size_bytes = 0) = (error_code IS NOT NULL)
        ELSE        execution_at IS NOT NULL AND updated_at IS NOT NULL AND size_bytes > 0 AND error_code IS NULL
    END),
    CHECK ((progress IS NULL) = (error_code IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX backups_by_id ON backups (backup_id);

CREATE UNIQUE INDEX one_open_backup_an_instance ON backups (instance_key) WHERE status < 2;

CREATE TRIGGER backups_are_never_removed BEFORE DELETE ON backups
BEGIN
    SELECT raise(ABORT, 'backup records are never removed');
END;

CREATE TRIGGER backups_change_status_as_the_contract_says BEFORE UPDATE OF status ON backups
WHEN NOT (CASE old.status
    WHEN 0 THEN new.status IN (1, 3)
    WHEN 1 THEN new.status IN (2, 3)
    WHEN 2 THEN new.status IN (4, 5)
    WHEN 3 THEN new.status = 5
    WHEN 4 THEN new.status = 5
    ELSE 0
END)
BEGIN
    SELECT raise(ABORT, 'a backup cannot go from that status to this one');
END;

CREATE TABLE actors (
    actor_key INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE
) STRICT;

CREATE VIEW instance_names AS
SELECT instance_key,
       lower(hex(project_id)) AS project_id,
       lower(format('%s-%s-%s-%s-%s', substr(h, 1, 8), substr(h, 9, 4), substr(h, 13, 4), substr(h, 17, 4), substr(h, 21)))
           AS instance_id,
       instance_name,
       instance_deleted_at
FROM (SELECT instance_key, project_id, hex(instance_id) AS h, instances.name AS instance_name, deleted_at AS instance_deleted_at
      FROM instances JOIN projects USING (project_key));

CREATE TABLE restores (
    instance_key          INTEGER NOT NULL REFERENCES instances,
    record_number         INTEGER NOT NULL CHECK (record_number > 0),
    restore_id            BLOB    NOT NULL CHECK (length(restore_id) = 16),
    backup_number         INTEGER NOT NULL,                                  -- the backup it comes from
    status                INTEGER NOT NULL CHECK (status IN (0, 6, 2, 3)),
    name_offset_minutes   INTEGER NOT NULL CHECK (name_offset_minutes BETWEEN -840 AND 840),
    created_at            INTEGER NOT NULL,
    execution_at          INTEGER CHECK (execution_at >= created_at),
    updated_at            INTEGER CHECK (updated_at >= coalesce(execution_at, created_at)),
    error_code            INTEGER CHECK (error_code BETWEEN 1 AND 8),        -- dcs.08.000n
    progress              INTEGER CHECK (progress BETWEEN 0 AND 9999),       -- hundredths of a percent, of failed work
    remark                TEXT    CHECK (length(remark) <= 128),
    PRIMARY KEY (instance_key, record_number),
    FOREIGN KEY (instance_key, backup_number) REFERENCES backups (instance_key, record_number),
    -- What each status says about the rest of the row.
    CHECK (CASE status
        WHEN 0 THEN execution_at IS NULL     AND updated_at IS NULL     AND error_code IS NULL
        WHEN 6 THEN execution_at IS NOT NULL AND updated_at IS NULL     AND error_code IS NULL
        WHEN 3 THEN                              updated_at IS NOT NULL AND error_code IS NOT NULL
        ELSE        execution_at IS NOT NULL AND updated_at IS NOT NULL AND error_code IS NULL
    END),
    CHECK ((progress IS NULL) = (error_code IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX restores_by_id ON restores (restore_id);

CREATE UNIQUE INDEX one_open_restore_an_instance ON restores (instance_key) WHERE status IN (0, 6);

CREATE TRIGGER restores_are_never_removed BEFORE DELETE ON restores
BEGIN
    SELECT raise(ABORT, 'restore records are never removed');
END;

CREATE TRIGGER restores_keep_what_never_changes
BEFORE UPDATE OF instance_key, record_number, restore_id, backup_number, name_offset_minutes, created_at, remark ON restores
BEGIN
    SELECT raise(ABORT, 'a restore keeps its ids, backup, name, time of creation and remark');
END;

CREATE TRIGGER restores_change_status_as_the_contract_says BEFORE UPDATE OF status ON restores
WHEN NOT (CASE old.status WHEN 0 THEN new.status IN (6, 3) WHEN 6 THEN new.status IN (2, 3) ELSE 0 END)
BEGIN
    SELECT raise(ABORT, 'a restore cannot go from that status to this one');
END;

CREATE TABLE domain (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    domain_id BLOB    NOT NULL CHECK (length(domain_id) = 16),
    name      TEXT    NOT NULL CHECK (name <> ''),
    link_key  BLOB    NOT NULL CHECK (length(link_key) = 32) -- signs download links
) STRICT;

CREATE TABLE users (
    user_key      INTEGER PRIMARY KEY,
    user_id       BLOB    NOT NULL UNIQUE CHECK (length(user_id) = 16),
    name          TEXT    NOT NULL UNIQUE CHECK (name <> ''),
    password_hash TEXT,                                                     -- PHC text; null: no login by password
    denied        TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(denied)),  -- JSON array of actions
    built_in      INTEGER NOT NULL CHECK (built_in IN (0, 1))               -- there only while no seed names a user
, agency TEXT CHECK (agency <> ''), account_id BLOB CHECK (length(account_id) = 16), account_name TEXT CHECK ((account_id IS NULL) = (account_name IS NULL))) STRICT;

CREATE TABLE user_roles (
    user_key   INTEGER NOT NULL REFERENCES users,
    project_id BLOB CHECK (length(project_id) = 16),
    role       TEXT    NOT NULL CHECK (role IN ('dcs_admin', 'dcs_reader', 'none'))
) STRICT;

CREATE UNIQUE INDEX one_role_a_project ON user_roles (user_key, coalesce(project_id, x''));

CREATE TABLE access_keys (
    access     TEXT    PRIMARY KEY,
    secret     TEXT    NOT NULL,
    user_key   INTEGER NOT NULL REFERENCES users
) STRICT, WITHOUT ROWID;

CREATE VIEW restore_records AS
SELECT project_id,
       instance_id,
       instance_name,
       r.record_number,
       lower(format('%s-%s-%s-%s-%s', substr(hex(restore_id), 1, 8), substr(hex(restore_id), 9, 4),
                    substr(hex(restore_id), 13, 4), substr(hex(restore_id), 17, 4), substr(hex(restore_id), 21))) AS restore_id,
       'restore_' || strftime('%Y%m%d%H%M%S', r.created_at / 1000 + r.name_offset_minutes * 60, 'unixepoch') AS restore_name,
       lower(format('%s-%s-%s-%s-%s', substr(hex(backup_id), 1, 8), substr(hex(backup_id), 9, 4),
                    substr(hex(backup_id), 13, 4), substr(hex(backup_id), 17, 4), substr(hex(backup_id), 21))) AS backup_id,
       'backup_' || strftime('%Y%m%d%H%M%S', b.created_at / 1000 + b.name_offset_minutes * 60, 'unixepoch') AS backup_name,
       b.remark AS backup_remark,
       r.remark AS restore_remark,
       word AS status,
       CASE WHEN r.progress IS NOT NULL THEN printf('%.2f', r.progress / 100.0)
            WHEN r.status = 0 THEN '0.00'
            WHEN r.status = 2 THEN '100.00' END AS progress, -- of running work: a matter of the moment, so null here
       iif(r.error_code IS NULL, NULL, printf('dcs.08.%04d', r.error_code)) AS error_code,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at / 1000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.updated_at / 1000.0, 'unixepoch') AS updated_at
FROM restores r
JOIN backups b ON b.instance_key = r.instance_key AND b.record_number = r.backup_number
JOIN statuses ON statuses.status = r.status
JOIN instance_names ON instance_names.instance_key = r.instance_key
ORDER BY r.instance_key, r.record_number DESC;

CREATE TABLE kept_settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;

CREATE INDEX instances_by_name ON instances (project_key, name) WHERE deleted_at IS NULL;

CREATE TABLE instance_tags (
    instance_key INTEGER NOT NULL REFERENCES instances,
    position     INTEGER NOT NULL CHECK (position >= 0),                     -- the order in which they were given
    key          TEXT    NOT NULL CHECK (key <> ''),
    value        TEXT    NOT NULL,
    PRIMARY KEY (instance_key, key)
) STRICT, WITHOUT ROWID;

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
    updated_at      INTEGER NOT NULL CHECK (updated_at >= created_at), next_run_at INTEGER
    CHECK (next_run_at IS NULL OR (next_run_at >= 0 AND backup_type = 'auto')), failed_tries INTEGER NOT NULL DEFAULT 0 CHECK (failed_tries BETWEEN 0 AND 2),
    CHECK ((begin_at IS NULL) = (backup_at IS NULL) AND (begin_at IS NULL) = (period_type IS NULL)
           AND (begin_at IS NULL) = (timezone_offset IS NULL)),
    CHECK (backup_type = 'manual' OR (save_days IS NOT NULL AND begin_at IS NOT NULL))
) STRICT;

CREATE TABLE "open_work" (
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

CREATE INDEX open_work_by_due_time ON open_work (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE planned_sizes (
    instance_key INTEGER PRIMARY KEY REFERENCES instances,
    spec_code    TEXT    NOT NULL,
    product_id   TEXT,
    capacity_mb  INTEGER NOT NULL CHECK (capacity_mb > 0),
    cache_mode   TEXT    NOT NULL CHECK (cache_mode IN ('single', 'ha', 'ha_rw_split', 'cluster', 'proxy')),
    ip           TEXT    NOT NULL
, replicas TEXT NOT NULL DEFAULT '[]' CHECK (json_type(replicas) = 'array')) STRICT;

CREATE TABLE jobs (
    job_id       BLOB    PRIMARY KEY CHECK (length(job_id) = 16),
    project_key  INTEGER NOT NULL REFERENCES projects,
    instance_key INTEGER REFERENCES instances,
    job_type     TEXT    NOT NULL,
    begin_at     INTEGER NOT NULL,
    end_at       INTEGER CHECK (end_at >= begin_at),                         -- null: it runs
    fail_reason  TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE stopped_nodes (
    instance_key INTEGER NOT NULL REFERENCES instances,
    node_id      BLOB    NOT NULL CHECK (length(node_id) = 16),
    PRIMARY KEY (instance_key, node_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deleted_instances_never_change BEFORE UPDATE ON instances WHEN old.deleted_at IS NOT NULL
BEGIN
    SELECT raise(ABORT, 'a deleted instance never changes');
END;

CREATE TABLE instance_parameters (
    instance_key INTEGER NOT NULL REFERENCES instances,
    param_id     INTEGER NOT NULL CHECK (param_id > 0),
    value        TEXT    NOT NULL,
    PRIMARY KEY (instance_key, param_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter_changes (
    instance_key  INTEGER NOT NULL REFERENCES instances,
    change_number INTEGER NOT NULL CHECK (change_number > 0),
    change_id     BLOB    NOT NULL UNIQUE CHECK (length(change_id) = 16),
    changed_at    INTEGER NOT NULL,
    changes       TEXT    NOT NULL CHECK (json_valid(changes)),              -- [{"name", "old", "new"}]
    PRIMARY KEY (instance_key, change_number)
) STRICT, WITHOUT ROWID;

CREATE TABLE side_settings (
    instance_key INTEGER NOT NULL REFERENCES instances,
    name         TEXT    NOT NULL CHECK (name IN ('whitelist', 'big_key_scan', 'hot_key_scan', 'expired_key_scan',
                                                  'bandwidth_policy')),
    document     TEXT    NOT NULL CHECK (json_valid(document)),
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (instance_key, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE config_templates (
    template_id      BLOB    PRIMARY KEY CHECK (length(template_id) = 16),
    project_id       BLOB    NOT NULL CHECK (length(project_id) = 16),
    name             TEXT    NOT NULL CHECK (length(name) BETWEEN 4 AND 64),
    description      TEXT    CHECK (length(description) <= 1024),
    engine_version   TEXT    NOT NULL,
    cache_mode       TEXT    NOT NULL CHECK (cache_mode IN ('single', 'ha', 'ha_rw_split', 'cluster', 'proxy')),
    parameter_values TEXT    NOT NULL CHECK (json_valid(parameter_values)),  -- {"id": "value"}
    created_at       INTEGER NOT NULL
, product_type TEXT NOT NULL DEFAULT 'generic' CHECK (product_type IN ('generic', 'enterprise')), storage_type TEXT NOT NULL DEFAULT 'DRAM' CHECK (storage_type IN ('DRAM', 'SSD'))) STRICT, WITHOUT ROWID;

CREATE INDEX config_templates_in_list_order ON config_templates (project_id, created_at DESC, template_id);

CREATE INDEX backup_policies_by_next_run ON backup_policies (next_run_at) WHERE next_run_at IS NOT NULL;

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

CREATE INDEX backups_by_end_of_days ON backups (updated_at + save_days * 86400000)
    WHERE save_days IS NOT NULL AND status = 2 AND held IS NULL;

CREATE INDEX usable_automatic_backups ON backups (instance_key, record_number) WHERE save_days IS NOT NULL AND status = 2;

CREATE TRIGGER backups_keep_what_never_changes
BEFORE UPDATE OF instance_key, record_number, backup_id, backup_type, backup_format, name_offset_minutes, created_at, remark,
                 period, save_days
ON backups
BEGIN
    SELECT raise(ABORT, 'a backup keeps its ids, type, format, name, time of creation, remark, period and days');
END;

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

CREATE TABLE planned_places (
    instance_key INTEGER PRIMARY KEY REFERENCES instances,
    zone_codes   TEXT CHECK (zone_codes <> ''),
    vpc_id       TEXT,
    subnet_id    TEXT,
    CHECK ((vpc_id IS NULL) = (subnet_id IS NULL)),
    CHECK (zone_codes IS NOT NULL OR vpc_id IS NOT NULL)
) STRICT;

CREATE TABLE replica_changes (
    instance_key INTEGER NOT NULL REFERENCES instances,
    shard        INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 65535),
    copy         INTEGER NOT NULL CHECK (copy BETWEEN 1 AND 65535),                         -- the master is copy 0
    zone_code    TEXT    CHECK (zone_code <> ''),                            -- where it is; null: as the instance has it
    course       TEXT    NOT NULL CHECK (course IN ('adding', 'added', 'removing', 'removed')),
    CHECK (zone_code IS NOT NULL OR course IN ('removing', 'removed')),
    PRIMARY KEY (instance_key, shard, copy)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiting_changes (
    instance_key  INTEGER NOT NULL REFERENCES instances,
    change_number INTEGER NOT NULL CHECK (change_number > 0),
    due_at        INTEGER NOT NULL,
    task_id       BLOB    NOT NULL UNIQUE CHECK (length(task_id) = 16),
    job_id        BLOB    NOT NULL UNIQUE CHECK (length(job_id) = 16),
    product       TEXT,
    capacity_gb   REAL    CHECK (capacity_gb > 0),                           -- null: it is about the zones of the instance
    change_type   TEXT,
    zones         TEXT    NOT NULL,                                          -- codes or ids, as they were written
    nodes         TEXT    NOT NULL,
    CHECK ((capacity_gb IS NULL) = (product IS NULL)),
    CHECK (capacity_gb IS NOT NULL OR zones <> ''),
    PRIMARY KEY (instance_key, change_number)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiting_changes_by_due_time ON waiting_changes (due_at);

CREATE TRIGGER deleted_instances_wait_for_nothing BEFORE UPDATE OF deleted_at ON instances
WHEN new.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM waiting_changes WHERE instance_key = new.instance_key)
BEGIN
    SELECT raise(ABORT, 'a change of the instance waits still');
END;

CREATE TRIGGER instances_stay_where_they_are BEFORE UPDATE OF instance_id, project_key, engine, created_at ON instances
WHEN new.instance_id <> old.instance_id OR new.project_key <> old.project_key OR new.engine <> old.engine
  OR new.created_at <> old.created_at
BEGIN
    SELECT raise(ABORT, 'id, project, engine and creation of an instance cannot change');
END;

CREATE INDEX instances_in_list_order
ON instances (project_key, deleted_at, created_at DESC, instance_id, status, engine, name, ip, capacity_mb);

CREATE INDEX jobs_of_instances ON jobs (instance_key, end_at);

CREATE INDEX jobs_of_projects ON jobs (project_key);

CREATE TABLE events (
    project_key   INTEGER NOT NULL CHECK (project_key >= 0),                 -- 0: of no project
    number        INTEGER NOT NULL CHECK (number > 0),
    at            INTEGER NOT NULL,
    subject_kind  TEXT    NOT NULL CHECK (subject_kind <> ''),               -- instance, backup, restore, template
    subject_id    BLOB    NOT NULL CHECK (length(subject_id) = 16),
    subject_name  TEXT    NOT NULL,
    instance_id   BLOB    CHECK (length(instance_id) = 16),                  -- the subject or its owner; null: it has none
    instance_name TEXT    CHECK ((instance_name IS NULL) = (instance_id IS NULL)),
    from_status   INTEGER REFERENCES statuses,                               -- null: it came into being
    to_status     INTEGER REFERENCES statuses,                               -- null: it is gone
    remark        TEXT,                                                      -- the event's own, or else the subject's
    error_code    TEXT,                                                      -- of work that failed
    actor_key     INTEGER NOT NULL REFERENCES actors,
    request_id    BLOB    CHECK (length(request_id) = 16),                   -- null: no request was behind it
    PRIMARY KEY (project_key, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events are only ever appended');
END;

CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events are only ever appended');
END;

CREATE VIEW audit AS
SELECT lower(hex(project_id)) AS project_id,
       number,
       strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
       actors.name AS who,
       subject_kind AS what,
       subject_name AS name,
       lower(format('%s-%s-%s-%s-%s', substr(hex(subject_id), 1, 8), substr(hex(subject_id), 9, 4),
                    substr(hex(subject_id), 13, 4), substr(hex(subject_id), 17, 4), substr(hex(subject_id), 21))) AS id,
       coalesce(before.word, 'none') AS from_status,
       coalesce(after.word, 'gone') AS to_status,
       remark,
       error_code,
       instance_name,
       iif(instance_id IS NULL, NULL,
           lower(format('%s-%s-%s-%s-%s', substr(hex(instance_id), 1, 8), substr(hex(instance_id), 9, 4),
                        substr(hex(instance_id), 13, 4), substr(hex(instance_id), 17, 4), substr(hex(instance_id), 21))))
           AS instance_id,
       iif(request_id IS NULL, NULL, lower(hex(request_id))) AS request_id
FROM events
JOIN actors USING (actor_key)
LEFT JOIN projects USING (project_key)
LEFT JOIN statuses AS before ON before.status = from_status
LEFT JOIN statuses AS after ON after.status = to_status
ORDER BY events.project_key, number;

CREATE VIEW backup_audit AS
SELECT at, who, what, from_status, to_status, remark, error_code, instance_name, instance_id,
       iif(what = 'instance', NULL, id) AS record_id, project_id, request_id, number
FROM audit WHERE instance_id IS NOT NULL;

CREATE TABLE background_work (
    work_key     INTEGER PRIMARY KEY,
    project_key  INTEGER NOT NULL REFERENCES projects,
    instance_key INTEGER REFERENCES instances,                               -- null: of the project
    effect       TEXT    NOT NULL CHECK (json_type(effect) = 'object'),      -- what its steps do: {"kind": …}
    occupation   TEXT    CHECK (occupation <> ''),                           -- the instance's "task" meanwhile; null: it has none
    running      INTEGER NOT NULL DEFAULT 0 CHECK (running IN (0, 1)),       -- 0: it waits
    created_at   INTEGER NOT NULL,
    start_at     INTEGER,                                                    -- null: when it is told to
    finish_at    INTEGER CHECK (finish_at >= start_at),
    failure      INTEGER CHECK (failure BETWEEN 1 AND 8),                    -- the planned end; null: success
    due_at       INTEGER CHECK (due_at IN (start_at, finish_at)),            -- of the next step; null: when it is told to
    task_id      BLOB    CHECK (length(task_id) = 16),                       -- its background task, if it has one
    job_id       BLOB    CHECK (length(job_id) = 16),                        -- its job, if it has one
    CHECK ((start_at IS NULL) = (finish_at IS NULL)),
    CHECK (occupation IS NULL OR instance_key IS NOT NULL)
) STRICT;

CREATE INDEX background_work_by_due_time ON background_work (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX background_work_of_instances ON background_work (instance_key);

CREATE INDEX background_work_of_projects ON background_work (project_key);

CREATE UNIQUE INDEX background_work_that_occupies ON background_work (instance_key) WHERE occupation IS NOT NULL;

CREATE TABLE instance_contents (
    instance_key INTEGER NOT NULL REFERENCES instances,
    after_backup INTEGER NOT NULL CHECK (after_backup >= 0),
    document     TEXT    NOT NULL CHECK (json_type(document) = 'object'),
    PRIMARY KEY (instance_key, after_backup)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_analyses (
    instance_key INTEGER NOT NULL REFERENCES instances,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'kind' IN ('big', 'hot', 'expired', 'offline')
                                         AND document ->> 'status' IN ('waiting', 'running', 'success', 'failed')),
    PRIMARY KEY (instance_key, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    instance_key INTEGER NOT NULL REFERENCES instances,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'name' <> 'default' AND length(document ->> 'name') BETWEEN 1 AND 64
                                         AND document ->> 'role' IN ('read', 'write')
                                         AND document ->> 'status' IN ('CREATING', 'AVAILABLE', 'UPDATING', 'DELETING',
                                                                       'CREATEFAILED', 'DELETEFAILED', 'ERROR')),
    PRIMARY KEY (instance_key, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX accounts_by_name ON accounts (instance_key, document ->> 'name');

CREATE TABLE node_sessions (
    instance_key INTEGER NOT NULL REFERENCES instances,
    node_id      BLOB    NOT NULL CHECK (length(node_id) = 16),              -- all zeros: every node of the instance
    scanned_at   INTEGER,
    renewals     INTEGER NOT NULL DEFAULT 0 CHECK (renewals >= 0),           -- of the link between a replica and its master
    renewed_at   INTEGER CHECK ((renewed_at IS NULL) = (renewals = 0)),
    PRIMARY KEY (instance_key, node_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE web_cli_logins (
    client_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(client_hash) = 32), -- SHA-256 of what the client shows
    instance_key INTEGER NOT NULL REFERENCES instances,
    account_id   BLOB    CHECK (length(account_id) = 16),                    -- null: as the default account
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX web_cli_logins_of_instances ON web_cli_logins (instance_key);

CREATE TABLE nodes (
    instance_key    INTEGER NOT NULL REFERENCES instances,
    shard           INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 65535),
    copy            INTEGER NOT NULL CHECK (copy BETWEEN 0 AND 65535),       -- what it was when it came: its ids follow from that
    place           INTEGER NOT NULL CHECK (place BETWEEN 0 AND 65535),      -- the copy whose place it has; the master's is 0
    role_since      INTEGER,                                                 -- null: since it came
    weight          INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 100),
    address_removed INTEGER NOT NULL CHECK (address_removed IN (0, 1)),
    CHECK (place = copy OR role_since IS NOT NULL),
    PRIMARY KEY (instance_key, shard, copy),
    UNIQUE (instance_key, shard, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE "background_tasks" (
    task_key     INTEGER PRIMARY KEY,
    project_key  INTEGER NOT NULL REFERENCES projects,
    instance_key INTEGER REFERENCES instances,                               -- null: of the project
    task_id      BLOB    NOT NULL UNIQUE CHECK (length(task_id) = 16),
    name         TEXT    NOT NULL,
    details      TEXT    CHECK (json_type(details) = 'object'),              -- null: there is nothing to tell
    user_id      TEXT    NOT NULL,
    user_name    TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER CHECK (finished_at >= created_at),                  -- null: it runs
    failed       INTEGER NOT NULL DEFAULT 0 CHECK (failed IN (0, 1)),
    error_code   TEXT    CHECK (error_code IS NULL OR failed = 1),           -- why it failed, if that is known
    job_id       BLOB    CHECK (length(job_id) = 16)
) STRICT;

CREATE INDEX background_tasks_of_instances ON background_tasks (instance_key, created_at);

CREATE INDEX background_tasks_of_projects ON background_tasks (project_key, created_at);

CREATE TABLE diagnoses (
    instance_key INTEGER NOT NULL REFERENCES instances,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'status' IN ('diagnosing', 'finished')
                                         AND document ->> 'begin_at' < document ->> 'end_at'
                                         AND json_type(document, '$.nodes') = 'array'),
    PRIMARY KEY (instance_key, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_logs (
    instance_key INTEGER NOT NULL REFERENCES instances,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'status' IN ('succeed', 'failed')
                                         AND document ->> 'day' GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    PRIMARY KEY (instance_key, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX one_run_log_a_day_and_replica
    ON run_logs (instance_key, document ->> 'replication_id', document ->> 'day');

CREATE TABLE minor_versions (
    instance_key INTEGER PRIMARY KEY REFERENCES instances,
    engine       TEXT,                                                       -- null: the latest one
    proxy        TEXT,                                                       -- null: the latest one, or there are no proxies
    CHECK (engine IS NOT NULL OR proxy IS NOT NULL)
) STRICT;

CREATE TABLE instance_exports (
    project_key  INTEGER NOT NULL REFERENCES projects,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'file_name' <> ''),
    PRIMARY KEY (project_key, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX prepaid_instances ON instances (order_id) WHERE charging_mode = 1 AND deleted_at IS NULL;

CREATE TABLE orders (
    order_id    TEXT    PRIMARY KEY CHECK (order_id <> ''),
    project_key INTEGER NOT NULL REFERENCES projects,
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('purchase', 'change', 'unsubscription')
                                        AND document ->> 'status' IN ('processing', 'cancelled', 'done', 'unpaid')
                                        AND (document ->> 'status' = 'unpaid') = (document ->> 'paid_at' IS NULL)
                                        AND json_type(document, '$.resources') = 'array')
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_of_projects ON orders (project_key);

CREATE INDEX orders_in_processing ON orders (project_key) WHERE document ->> 'status' = 'processing';

CREATE TABLE migrations (
    project_key INTEGER NOT NULL REFERENCES projects,
    number      INTEGER NOT NULL CHECK (number > 0),                         -- in the order of their creation
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('backupfile_import', 'online_migration')
                                        AND document ->> 'status' IN ('RUNNING', 'MIGRATING', 'FULLMIGRATING', 'INCRMIGEATING',
                                                                      'TERMINATING', 'TERMINATED', 'SUCCESS', 'FAILED',
                                                                      'MIGRATION_FAILED', 'RELEASED')),
    PRIMARY KEY (project_key, number)
) STRICT, WITHOUT ROWID;

CREATE VIEW identities AS
SELECT user_key, user_id,
       iif(agency IS NULL, u.name, coalesce(account_name, d.name) || '/' || agency) AS name,
       denied, account_id, account_name, agency, built_in, password_hash
FROM users u CROSS JOIN domain d;

CREATE TABLE "tokens" (
    token_hash      BLOB    PRIMARY KEY CHECK (length(token_hash) = 32),
    user_key        INTEGER NOT NULL REFERENCES users,
    project_id      BLOB CHECK (length(project_id) = 16),                    -- null: good for the domain
    method          TEXT    NOT NULL CHECK (method IN ('password', 'token', 'assume_role', 'mapped')),
    issued_at       INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL CHECK (expires_at > issued_at),
    assumed_by_id   BLOB CHECK (length(assumed_by_id) = 16),
    assumed_by_name TEXT CHECK ((assumed_by_id IS NULL) = (assumed_by_name IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE TABLE temporary_keys (
    access     TEXT    PRIMARY KEY,
    secret     TEXT    NOT NULL,
    token_hash BLOB    NOT NULL CHECK (length(token_hash) = 32),
    user_key   INTEGER NOT NULL REFERENCES users,
    asked_by   BLOB    NOT NULL CHECK (length(asked_by) = 16),               -- the user, or who has assumed the agency
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX temporary_keys_by_expiry ON temporary_keys (expires_at);

CREATE TABLE network_resources (
    project_key INTEGER NOT NULL REFERENCES projects,
    id          TEXT    NOT NULL CHECK (length(id) = 36),                    -- as instances name it
    number      INTEGER NOT NULL CHECK (number > 0),                         -- in the order of their creation
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('vpc', 'subnet', 'security_group', 'public_ip', 'load_balancer')
                                        AND document ->> 'id' = id),
    PRIMARY KEY (project_key, id),
    UNIQUE (project_key, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX vpcs_by_name ON network_resources (project_key, document ->> 'name')
WHERE document ->> 'kind' = 'vpc' AND document ->> 'name' <> '';

CREATE UNIQUE INDEX public_ips_by_address ON network_resources (project_key, document ->> 'address')
WHERE document ->> 'kind' = 'public_ip';

CREATE TABLE enterprise_projects (
    id       BLOB    PRIMARY KEY CHECK (length(id) = 16),
    account  TEXT    CHECK (account <> ''),                                  -- the name of their account; null: the domain
    number   INTEGER NOT NULL UNIQUE CHECK (number > 0),                     -- in the order of their creation
    document TEXT    NOT NULL CHECK (unhex(document ->> 'id', '-') = id
                                     AND length(document ->> 'name') BETWEEN 1 AND 255
                                     AND instr(lower(document ->> 'name'), 'default') = 0
                                     AND length(document ->> 'description') <= 512
                                     AND document ->> 'type' IN ('prod', 'poc')
                                     AND document ->> 'status' IN (1, 2))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX enterprise_projects_by_name ON enterprise_projects (coalesce(account, ''), document ->> 'name');

INSERT INTO statuses VALUES (0, 'waiting');

INSERT INTO statuses VALUES (1, 'backuping');

INSERT INTO statuses VALUES (2, 'succeed');

INSERT INTO statuses VALUES (20, 'CREATING');

INSERT INTO statuses VALUES (21, 'RUNNING');

INSERT INTO statuses VALUES (22, 'ERROR');

INSERT INTO statuses VALUES (23, 'RESTARTING');

INSERT INTO statuses VALUES (24, 'EXTENDING');

INSERT INTO statuses VALUES (25, 'RESTORING');

INSERT INTO statuses VALUES (26, 'FLUSHING');

INSERT INTO statuses VALUES (27, 'STARTING');

INSERT INTO statuses VALUES (28, 'CLOSING');

INSERT INTO statuses VALUES (29, 'CLOSED');

INSERT INTO statuses VALUES (3, 'failed');

INSERT INTO statuses VALUES (30, 'CREATEFAILED');

INSERT INTO statuses VALUES (31, 'FROZEN');

INSERT INTO statuses VALUES (4, 'expired');

INSERT INTO statuses VALUES (40, 'ACTIVE');

INSERT INTO statuses VALUES (5, 'deleted');

INSERT INTO statuses VALUES (6, 'restoring');
