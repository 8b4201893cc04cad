-- Lists of instances are read in one covering index, with everything that they are filtered by.
DROP TRIGGER instances_are_counted;
DROP TRIGGER instances_are_counted_anew;
DROP TRIGGER instances_come_into_blocks;
DROP TRIGGER instances_change_in_blocks;
DROP TRIGGER long_blocks_are_cut;
DROP TRIGGER empty_blocks_join_the_one_before;
DROP TRIGGER instances_have_their_terms;
DROP TRIGGER old_terms_go;
DROP TRIGGER new_terms_come;
DROP VIEW counted_instances;
DROP VIEW even_blocks;
DROP VIEW terms_of_instances;
DROP TABLE instance_counts;
DROP TABLE instance_blocks;
DROP TABLE instance_terms;
DROP INDEX instances_in_list_order;
DROP INDEX instances_by_status;
DROP INDEX instances_by_capacity;
DROP INDEX instance_tags_by_tag;

-- Deleted instances are in it, so that a reset finds all that a project ever had.
CREATE INDEX instances_in_list_order
ON instances (project_key, deleted_at, created_at DESC, instance_id, status, engine, name, ip, capacity_mb);

-- A reset of a project, and the deletion of its instances, find jobs without reading those of others.
DROP INDEX jobs_that_run;
CREATE INDEX jobs_of_instances ON jobs (instance_key, end_at);
CREATE INDEX jobs_of_projects ON jobs (project_key);

-- States of subjects that have no other.
INSERT INTO statuses (status, word) VALUES (40, 'ACTIVE');

-- What happened, in order, numbered within the project from 1 without gaps. An event tells all of its subject itself, as that was
-- at the time. Only ever appended to; the program fills it from old_events, where there are any.
DROP VIEW backup_audit;
DROP TRIGGER events_are_never_changed;
DROP TRIGGER events_are_never_removed;
ALTER TABLE events RENAME TO old_events;

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

-- What happened, project by project: when, who, to what, from which status to which, with which note, in which request.
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

-- The audit of instances and their records.
CREATE VIEW backup_audit AS
SELECT at, who, what, from_status, to_status, remark, error_code, instance_name, instance_id,
       iif(what = 'instance', NULL, id) AS record_id, project_id, request_id, number
FROM audit WHERE instance_id IS NOT NULL;
