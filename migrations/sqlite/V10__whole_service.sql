-- Background work beside backups, restores and status transitions: of an instance, as many pieces at a time as there are, or of a
-- project. A row goes when its work ends.
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
-- One piece of work at a time shows as the task of an instance.
CREATE UNIQUE INDEX background_work_that_occupies ON background_work (instance_key) WHERE occupation IS NOT NULL;

-- What an instance holds: keys, sessions, slow-log and run-log rows, as a test declared them. A row holds from the backup after
-- `after_backup` on, until there is a newer one: what a backup holds is the row before its number.
CREATE TABLE instance_contents (
    instance_key INTEGER NOT NULL REFERENCES instances,
    after_backup INTEGER NOT NULL CHECK (after_backup >= 0),
    document     TEXT    NOT NULL CHECK (json_type(document) = 'object'),
    PRIMARY KEY (instance_key, after_backup)
) STRICT, WITHOUT ROWID;

-- Analyses of the keys of an instance: big, hot, expired, and of a backup.
CREATE TABLE key_analyses (
    instance_key INTEGER NOT NULL REFERENCES instances,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'kind' IN ('big', 'hot', 'expired', 'offline')
                                         AND document ->> 'status' IN ('waiting', 'running', 'success', 'failed')),
    PRIMARY KEY (instance_key, number)
) STRICT, WITHOUT ROWID;

-- Accounts of an instance beside the default one, which follows from the instance.
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

-- A colon stands between the name and the password of an account: some instances whose own password has one can have no accounts.
ALTER TABLE instances ADD COLUMN password_has_colon INTEGER NOT NULL DEFAULT 0 CHECK (password_has_colon IN (0, 1));

-- What is kept of the sessions of a node: when they were read last, and how often its replication link began anew.
CREATE TABLE node_sessions (
    instance_key INTEGER NOT NULL REFERENCES instances,
    node_id      BLOB    NOT NULL CHECK (length(node_id) = 16),              -- all zeros: every node of the instance
    scanned_at   INTEGER,
    renewals     INTEGER NOT NULL DEFAULT 0 CHECK (renewals >= 0),           -- of the link between a replica and its master
    renewed_at   INTEGER CHECK ((renewed_at IS NULL) = (renewals = 0)),
    PRIMARY KEY (instance_key, node_id)
) STRICT, WITHOUT ROWID;

-- Who is logged in to the web CLI of an instance.
CREATE TABLE web_cli_logins (
    client_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(client_hash) = 32), -- SHA-256 of what the client shows
    instance_key INTEGER NOT NULL REFERENCES instances,
    account_id   BLOB    CHECK (length(account_id) = 16),                    -- null: as the default account
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX web_cli_logins_of_instances ON web_cli_logins (instance_key);

-- What does not follow from an instance of its nodes: the roles that they have exchanged, the weights by which replicas become master,
-- and the addresses that were taken from the domain name for reading. A node without a row is where it came, with the usual weight.
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

-- Background tasks may be of a project, and tell why they failed. Tasks are in the order in which they were begun.
CREATE TABLE newer_background_tasks (
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

INSERT INTO newer_background_tasks (project_key, instance_key, task_id, name, details, user_id, user_name, created_at, finished_at,
                                    failed, job_id)
SELECT i.project_key, t.instance_key, t.task_id, t.name, t.details, t.user_id, t.user_name, t.created_at, t.finished_at, t.failed, t.job_id
FROM background_tasks t JOIN instances i USING (instance_key)
ORDER BY t.created_at, t.instance_key, t.task_number;

DROP TABLE background_tasks;
ALTER TABLE newer_background_tasks RENAME TO background_tasks;

CREATE INDEX background_tasks_of_instances ON background_tasks (instance_key, created_at);
CREATE INDEX background_tasks_of_projects ON background_tasks (project_key, created_at);

-- Diagnoses of instances, with their reports.
CREATE TABLE diagnoses (
    instance_key INTEGER NOT NULL REFERENCES instances,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'status' IN ('diagnosing', 'finished')
                                         AND document ->> 'begin_at' < document ->> 'end_at'
                                         AND json_type(document, '$.nodes') = 'array'),
    PRIMARY KEY (instance_key, number)
) STRICT, WITHOUT ROWID;

-- Files of the run log of an instance, one a day and replica.
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

-- The minor versions of instances that are behind the latest ones.
CREATE TABLE minor_versions (
    instance_key INTEGER PRIMARY KEY REFERENCES instances,
    engine       TEXT,                                                       -- null: the latest one
    proxy        TEXT,                                                       -- null: the latest one, or there are no proxies
    CHECK (engine IS NOT NULL OR proxy IS NOT NULL)
) STRICT;

-- Exports of the list of a project's instances; the id is that of the job.
CREATE TABLE instance_exports (
    project_key  INTEGER NOT NULL REFERENCES projects,
    number       INTEGER NOT NULL CHECK (number > 0),                        -- in the order of their creation
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document     TEXT    NOT NULL CHECK (document ->> 'file_name' <> ''),
    PRIMARY KEY (project_key, number)
) STRICT, WITHOUT ROWID;

-- Access from the public network, bandwidth that was changed, orders, and templates of other editions.

ALTER TABLE instances ADD COLUMN elb_id TEXT CHECK (elb_id <> '');               -- the load balancer; null: none was named
ALTER TABLE instances ADD COLUMN bandwidth TEXT                                  -- what was changed of it; null: nothing
    CHECK (bandwidth IS NULL OR json_type(bandwidth) = 'object');
ALTER TABLE instances ADD COLUMN subscription TEXT                               -- for which time it is paid in advance; null: one month
    CHECK (subscription IS NULL OR json_type(subscription) = 'object' AND charging_mode = 1);

CREATE INDEX prepaid_instances ON instances (order_id) WHERE charging_mode = 1 AND deleted_at IS NULL;

-- Orders of a project, which outlive its instances.
CREATE TABLE orders (
    order_id    TEXT    PRIMARY KEY CHECK (order_id <> ''),
    project_key INTEGER NOT NULL REFERENCES projects,
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('purchase', 'change', 'unsubscription')
                                        AND document ->> 'status' IN ('processing', 'cancelled', 'done', 'unpaid')
                                        AND (document ->> 'status' = 'unpaid') = (document ->> 'paid_at' IS NULL)
                                        AND json_type(document, '$.resources') = 'array')
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_of_projects ON orders (project_key);
-- Those that a change of an instance can end.
CREATE INDEX orders_in_processing ON orders (project_key) WHERE document ->> 'status' = 'processing';

ALTER TABLE config_templates ADD COLUMN product_type TEXT NOT NULL DEFAULT 'generic' CHECK (product_type IN ('generic', 'enterprise'));
ALTER TABLE config_templates ADD COLUMN storage_type TEXT NOT NULL DEFAULT 'DRAM' CHECK (storage_type IN ('DRAM', 'SSD'));

-- Migrations of data into an instance. They belong to the project: they survive the instances that they are about.
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

-- The domain name that an instance has got from another one; null: its own, which follows from its id and name.
ALTER TABLE instances ADD COLUMN domain_name TEXT CHECK (domain_name <> '');

-- Scans for keys that are set already are planned as those that are set from now on are: what was missed is not made up for.
INSERT INTO background_work (project_key, instance_key, effect, created_at, start_at, finish_at, due_at)
SELECT i.project_key, i.instance_key,
       json_object('kind', 'scheduled_scan', 'scan', replace(s.name, '_key_scan', '')),
       s.updated_at, s.updated_at, s.updated_at, s.updated_at
FROM side_settings s JOIN instances i USING (instance_key)
WHERE s.name IN ('big_key_scan', 'hot_key_scan', 'expired_key_scan') AND s.document ->> 'enabled' AND i.deleted_at IS NULL;
