-- The backup-record engine's tables, and two views for people.
--
-- Tables are lean: ids are their 16 bytes, times are Unix milliseconds, states are small numbers. A person reads the views
-- backup_records (one row a backup, as the API shows it) and backup_audit (what happened, in order).
-- The program decides; the constraints here make sure that what it may never store is never stored.

CREATE TABLE projects (
    project_key INTEGER PRIMARY KEY,
    project_id  BLOB    NOT NULL UNIQUE CHECK (length(project_id) = 16),
    name        TEXT    NOT NULL CHECK (name <> ''),
    created_at  INTEGER NOT NULL
) STRICT;

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
) STRICT;

-- Lists are newest first; ties by id.
CREATE INDEX instances_in_list_order ON instances (project_key, created_at DESC, instance_id);

-- The words behind the numbers in backups.status, events.from_status and events.to_status.
CREATE TABLE statuses (
    status INTEGER PRIMARY KEY,
    word   TEXT NOT NULL UNIQUE
) STRICT;

INSERT INTO statuses (status, word)
VALUES (0, 'waiting'), (1, 'backuping'), (2, 'succeed'), (3, 'failed'), (4, 'expired'), (5, 'deleted'),
       (20, 'CREATING'), (21, 'RUNNING'), (22, 'ERROR'), (23, 'RESTARTING'), (24, 'EXTENDING'), (25, 'RESTORING'),
       (26, 'FLUSHING'), (27, 'STARTING'), (28, 'CLOSING'), (29, 'CLOSED'), (30, 'CREATEFAILED'), (31, 'FROZEN');

-- One row a backup, for ever: deleting one marks it. Its number within the instance has no gaps, so that a page of a list
-- is a range of numbers and the highest number is the total.
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
    remark                TEXT    CHECK (length(remark) <= 128),
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

CREATE TRIGGER backups_keep_what_never_changes
BEFORE UPDATE OF instance_key, record_number, backup_id, backup_type, backup_format, name_offset_minutes, created_at, remark
ON backups
BEGIN
    SELECT raise(ABORT, 'a backup keeps its ids, type, format, name, time of creation and remark');
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

-- The job that is waiting or running on an instance: at most one, whatever its kind. Its steps are planned when it is
-- created, so that a restart changes nothing.
CREATE TABLE open_work (
    instance_key  INTEGER PRIMARY KEY REFERENCES instances,
    record_kind   INTEGER NOT NULL CHECK (record_kind IN (1, 2)),            -- as in events
    record_number INTEGER NOT NULL CHECK (record_number > 0),
    start_at      INTEGER NOT NULL,
    finish_at     INTEGER NOT NULL CHECK (finish_at >= start_at),
    failure       INTEGER CHECK (failure BETWEEN 1 AND 8),                   -- the planned end; null: success
    due_at        INTEGER NOT NULL CHECK (due_at IN (start_at, finish_at))   -- of the next step
) STRICT;

CREATE INDEX open_work_by_due_time ON open_work (due_at);

-- Who did it: 'anonymous', 'seed', 'system' (a due change), 'user:NAME', 'key:ACCESS KEY'. Never a secret.
CREATE TABLE actors (
    actor_key INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE
) STRICT;

-- What happened, in order. Only ever appended to.
CREATE TABLE events (
    event_number  INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    instance_key  INTEGER NOT NULL REFERENCES instances,
    record_kind   INTEGER NOT NULL CHECK (record_kind IN (0, 1, 2)),         -- 0 instance, 1 backup, 2 restore
    record_number INTEGER CHECK ((record_kind = 0) = (record_number IS NULL)),
    from_status   INTEGER REFERENCES statuses,                               -- null: it came into being
    to_status     INTEGER REFERENCES statuses,                               -- null: it went out of sight
    actor_key     INTEGER NOT NULL REFERENCES actors,
    request_id    BLOB CHECK (length(request_id) = 16),                      -- null: no request was behind it
    remark        TEXT -- a note of the event's own; where it is null the views show the record's, which never changes
) STRICT;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events are only ever appended');
END;

CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events are only ever appended');
END;

-- Ids as the API writes them.
CREATE VIEW instance_names AS
SELECT instance_key,
       lower(hex(project_id)) AS project_id,
       lower(format('%s-%s-%s-%s-%s', substr(h, 1, 8), substr(h, 9, 4), substr(h, 13, 4), substr(h, 17, 4), substr(h, 21)))
           AS instance_id,
       instance_name,
       instance_deleted_at
FROM (SELECT instance_key, project_id, hex(instance_id) AS h, instances.name AS instance_name, deleted_at AS instance_deleted_at
      FROM instances JOIN projects USING (project_key));

-- One row a backup, as the API shows it; newest first within an instance.
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
       iif(status = 2, 'TRUE', 'FALSE') AS is_support_restore,
       iif(error_code IS NULL, NULL, printf('dcs.08.%04d', error_code)) AS error_code,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', execution_at / 1000.0, 'unixepoch') AS execution_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', updated_at / 1000.0, 'unixepoch') AS updated_at
FROM (SELECT *, hex(backup_id) AS h FROM backups)
JOIN statuses USING (status)
JOIN instance_names USING (instance_key)
ORDER BY instance_key, record_number DESC;

-- What happened, in order: when, who, to what, from which status to which, with which note, in which request.
CREATE VIEW backup_audit AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
       actors.name AS who,
       CASE record_kind WHEN 0 THEN 'instance' WHEN 1 THEN 'backup' ELSE 'restore' END AS what,
       coalesce(before.word, 'none') AS from_status,
       coalesce(after.word, 'gone') AS to_status,
       coalesce(events.remark, backups.remark) AS remark,
       iif(to_status = 3, printf('dcs.08.%04d', error_code), NULL) AS error_code,
       instance_name,
       instance_id,
       iif(backup_id IS NULL, NULL,
           lower(format('%s-%s-%s-%s-%s', substr(hex(backup_id), 1, 8), substr(hex(backup_id), 9, 4),
                        substr(hex(backup_id), 13, 4), substr(hex(backup_id), 17, 4), substr(hex(backup_id), 21)))) AS record_id,
       project_id,
       iif(request_id IS NULL, NULL, lower(hex(request_id))) AS request_id
FROM events
JOIN instance_names USING (instance_key)
JOIN actors USING (actor_key)
LEFT JOIN statuses AS before ON before.status = from_status
LEFT JOIN statuses AS after ON after.status = to_status
LEFT JOIN backups ON record_kind = 1 AND backups.instance_key = events.instance_key
                 AND backups.record_number = events.record_number
ORDER BY event_number;
