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
