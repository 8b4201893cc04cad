-- What the control API lets a test decide: when work moves on, and settings that outlive a restart.

-- Work may have no due times: it moves only when it is told to.
CREATE TABLE planned_work (
    instance_key  INTEGER PRIMARY KEY REFERENCES instances,
    record_kind   INTEGER NOT NULL CHECK (record_kind IN (1, 2)),            -- as in events
    record_number INTEGER NOT NULL CHECK (record_number > 0),
    start_at      INTEGER,                                                   -- null: when it is told to
    finish_at     INTEGER CHECK (finish_at >= start_at),
    failure       INTEGER CHECK (failure BETWEEN 1 AND 8),                   -- the planned end; null: success
    due_at        INTEGER CHECK (due_at IN (start_at, finish_at)),           -- of the next step; null: when it is told to
    CHECK ((start_at IS NULL) = (finish_at IS NULL))
) STRICT;

INSERT INTO planned_work SELECT * FROM open_work;
DROP TABLE open_work;
ALTER TABLE planned_work RENAME TO open_work;

CREATE INDEX open_work_by_due_time ON open_work (due_at) WHERE due_at IS NOT NULL;

-- Settings made while the server runs: the clock, ids, transitions, faults. Each is a JSON document.
CREATE TABLE kept_settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;
