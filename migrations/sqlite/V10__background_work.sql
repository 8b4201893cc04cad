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
