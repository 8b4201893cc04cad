-- Restore records, and who may do what.

INSERT INTO statuses (status, word) VALUES (6, 'restoring');

-- One row a restore, for ever. Numbered within the instance like backups.
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

-- A project that is there only while no seed names one.
ALTER TABLE projects ADD COLUMN built_in INTEGER NOT NULL DEFAULT 0 CHECK (built_in IN (0, 1));

-- The domain that users and projects belong to: one row.
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
) STRICT;

-- What a user may do: in one project, or (null) in every project.
CREATE TABLE user_roles (
    user_key   INTEGER NOT NULL REFERENCES users,
    project_id BLOB CHECK (length(project_id) = 16),
    role       TEXT    NOT NULL CHECK (role IN ('dcs_admin', 'dcs_reader', 'none'))
) STRICT;

CREATE UNIQUE INDEX one_role_a_project ON user_roles (user_key, coalesce(project_id, x''));

-- Keys that sign requests. The secret itself is kept: a signature cannot be checked against a hash of it.
CREATE TABLE access_keys (
    access     TEXT    PRIMARY KEY,
    secret     TEXT    NOT NULL,
    user_key   INTEGER NOT NULL REFERENCES users
) STRICT, WITHOUT ROWID;

-- Tokens, by the SHA-256 of their text: the text itself is nowhere.
CREATE TABLE tokens (
    token_hash BLOB    PRIMARY KEY CHECK (length(token_hash) = 32),
    user_key   INTEGER NOT NULL REFERENCES users,
    project_id BLOB CHECK (length(project_id) = 16),                        -- null: good for the domain
    method     TEXT    NOT NULL CHECK (method IN ('password', 'token')),
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > issued_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_expiry ON tokens (expires_at);

-- One row a restore, as the API shows it; newest first within an instance.
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

-- What happened, in order: now with restores.
DROP VIEW backup_audit;
CREATE VIEW backup_audit AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
       actors.name AS who,
       CASE record_kind WHEN 0 THEN 'instance' WHEN 1 THEN 'backup' ELSE 'restore' END AS what,
       coalesce(before.word, 'none') AS from_status,
       coalesce(after.word, 'gone') AS to_status,
       coalesce(events.remark, backups.remark, restores.remark) AS remark,
       iif(to_status = 3, printf('dcs.08.%04d', coalesce(backups.error_code, restores.error_code)), NULL) AS error_code,
       instance_name,
       instance_id,
       CASE WHEN record_kind > 0 THEN
           lower(format('%s-%s-%s-%s-%s', substr(hex(coalesce(backup_id, restore_id)), 1, 8),
                        substr(hex(coalesce(backup_id, restore_id)), 9, 4), substr(hex(coalesce(backup_id, restore_id)), 13, 4),
                        substr(hex(coalesce(backup_id, restore_id)), 17, 4), substr(hex(coalesce(backup_id, restore_id)), 21)))
       END AS record_id,
       project_id,
       iif(request_id IS NULL, NULL, lower(hex(request_id))) AS request_id
FROM events
JOIN instance_names USING (instance_key)
JOIN actors USING (actor_key)
LEFT JOIN statuses AS before ON before.status = from_status
LEFT JOIN statuses AS after ON after.status = to_status
LEFT JOIN backups ON record_kind = 1 AND backups.instance_key = events.instance_key
                 AND backups.record_number = events.record_number
LEFT JOIN restores ON record_kind = 2 AND restores.instance_key = events.instance_key
                  AND restores.record_number = events.record_number
ORDER BY event_number;
