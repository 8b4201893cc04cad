-- Where instances are, which replicas they have, and whether they see the addresses of their clients.

-- Null: as the version of the engine has it.
ALTER TABLE instances ADD COLUMN transparent_client_ip INTEGER CHECK (transparent_client_ip IN (0, 1));

-- Where an instance that is EXTENDING will be. Null: there is no change of it.
CREATE TABLE planned_places (
    instance_key INTEGER PRIMARY KEY REFERENCES instances,
    zone_codes   TEXT CHECK (zone_codes <> ''),
    vpc_id       TEXT,
    subnet_id    TEXT,
    CHECK ((vpc_id IS NULL) = (subnet_id IS NULL)),
    CHECK (zone_codes IS NOT NULL OR vpc_id IS NOT NULL)
) STRICT;

-- Replicas of a shard that are there beside those of the product, and those of the product that are not. Numbers are given once.
CREATE TABLE replica_changes (
    instance_key INTEGER NOT NULL REFERENCES instances,
    shard        INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 65535),
    copy         INTEGER NOT NULL CHECK (copy BETWEEN 1 AND 65535),                         -- the master is copy 0
    zone_code    TEXT    CHECK (zone_code <> ''),                            -- where it is; null: as the instance has it
    course       TEXT    NOT NULL CHECK (course IN ('adding', 'added', 'removing', 'removed')),
    CHECK (zone_code IS NOT NULL OR course IN ('removing', 'removed')),
    PRIMARY KEY (instance_key, shard, copy)
) STRICT, WITHOUT ROWID;

-- What of the replicas will not be as the new product has it, each as [shard, copy, zone_code, course].
ALTER TABLE planned_sizes ADD COLUMN replicas TEXT NOT NULL DEFAULT '[]' CHECK (json_type(replicas) = 'array');

-- Lists of instances are read in one index, with everything that they are filtered by; the newest come first, and a page that follows
-- an instance begins at its place.
DROP INDEX instances_in_list_order;
CREATE INDEX instances_in_list_order
ON instances (project_key, -created_at, instance_id, status, engine, name, ip, capacity_mb, deleted_at) WHERE deleted_at IS NULL;

-- The same order of those in one state, and of those of one size.
CREATE INDEX instances_by_status
ON instances (project_key, status, -created_at, instance_id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX instances_by_capacity
ON instances (project_key, capacity_mb, -created_at, instance_id, status, deleted_at) WHERE deleted_at IS NULL;

CREATE INDEX instance_tags_by_tag ON instance_tags (key, value);

-- A task tells the job that was begun with it.
ALTER TABLE background_tasks ADD COLUMN job_id BLOB CHECK (length(job_id) = 16);

-- Changes of instances that wait for the window of maintenance, as they were asked for: they are judged anew when they are due.
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

-- Where an instance stands in lists follows from these, which nothing changes.
CREATE TRIGGER instances_stay_where_they_are BEFORE UPDATE OF instance_id, project_key, engine, created_at ON instances
WHEN new.instance_id <> old.instance_id OR new.project_key <> old.project_key OR new.engine <> old.engine
  OR new.created_at <> old.created_at
BEGIN
    SELECT raise(ABORT, 'id, project, engine and creation of an instance cannot change');
END;

-- How many instances there are, now by their size too: what is listed by engine, state and size has its total here.
CREATE VIEW counted_instances AS
SELECT project_key, engine, status, capacity_mb, count(*) AS instances FROM instances WHERE deleted_at IS NULL
GROUP BY project_key, engine, status, capacity_mb;

DROP TRIGGER instances_are_counted;
DROP TRIGGER instances_are_counted_anew;
DROP TABLE instance_counts;
CREATE TABLE instance_counts (
    project_key INTEGER NOT NULL REFERENCES projects,
    engine      TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    capacity_mb INTEGER NOT NULL,                                            -- of each of them
    instances   INTEGER NOT NULL CHECK (instances >= 0),
    PRIMARY KEY (project_key, engine, status, capacity_mb)
) STRICT, WITHOUT ROWID;

INSERT INTO instance_counts SELECT * FROM counted_instances;

CREATE TRIGGER instances_are_counted AFTER INSERT ON instances WHEN new.deleted_at IS NULL
BEGIN
    INSERT INTO instance_counts VALUES (new.project_key, new.engine, new.status, new.capacity_mb, 1)
    ON CONFLICT DO UPDATE SET instances = instances + 1;
END;

CREATE TRIGGER instances_are_counted_anew AFTER UPDATE OF status, capacity_mb, deleted_at ON instances
BEGIN
    UPDATE instance_counts SET instances = instances - 1
    WHERE old.deleted_at IS NULL AND project_key = old.project_key AND engine = old.engine AND status = old.status
      AND capacity_mb = old.capacity_mb;
    INSERT INTO instance_counts
    SELECT new.project_key, new.engine, new.status, new.capacity_mb, 1 WHERE new.deleted_at IS NULL
    ON CONFLICT DO UPDATE SET instances = instances + 1;
END;

-- A list without filters is cut into blocks, so that a page deep in it is found by their lengths, not by counting instances. A block
-- begins at a place in the order of the list, the first one before all places, and ends where the next one begins.
CREATE TABLE instance_blocks (
    project_key INTEGER NOT NULL REFERENCES projects,
    list_order  INTEGER NOT NULL,                                            -- minus the time of creation
    instance_id BLOB    NOT NULL,
    instances   INTEGER NOT NULL CHECK (instances >= 0),                     -- those whose creation failed are not listed
    PRIMARY KEY (project_key, list_order, instance_id)
) STRICT, WITHOUT ROWID;

-- The blocks of lists that are cut anew.
CREATE VIEW even_blocks AS
SELECT project_key,
       iif(min(place) = 1, -9223372036854775807, -created_at) AS list_order, -- those of its first instance
       iif(place = 1, x'', instance_id) AS instance_id,
       sum(status <> 'CREATEFAILED') AS instances
FROM (SELECT *, row_number() OVER (PARTITION BY project_key ORDER BY -created_at, instance_id) AS place
      FROM instances WHERE deleted_at IS NULL)
GROUP BY project_key, (place - 1) / 300;

INSERT INTO instance_blocks SELECT * FROM even_blocks;

CREATE TRIGGER instances_come_into_blocks AFTER INSERT ON instances
BEGIN
    INSERT INTO instance_blocks VALUES (new.project_key, -9223372036854775807, x'', 0) ON CONFLICT DO NOTHING;
    UPDATE instance_blocks SET instances = instances + (new.deleted_at IS NULL AND new.status <> 'CREATEFAILED')
    WHERE project_key = new.project_key AND (list_order, instance_id) = (
        SELECT list_order, instance_id FROM instance_blocks
        WHERE project_key = new.project_key AND (list_order, instance_id) <= (-new.created_at, new.instance_id)
        ORDER BY list_order DESC, instance_id DESC LIMIT 1);
END;

CREATE TRIGGER instances_change_in_blocks AFTER UPDATE OF status, deleted_at ON instances
WHEN (new.deleted_at IS NULL AND new.status <> 'CREATEFAILED') <> (old.deleted_at IS NULL AND old.status <> 'CREATEFAILED')
BEGIN
    UPDATE instance_blocks SET instances = instances + iif(new.deleted_at IS NULL AND new.status <> 'CREATEFAILED', 1, -1)
    WHERE project_key = new.project_key AND (list_order, instance_id) = (
        SELECT list_order, instance_id FROM instance_blocks
        WHERE project_key = new.project_key AND (list_order, instance_id) <= (-new.created_at, new.instance_id)
        ORDER BY list_order DESC, instance_id DESC LIMIT 1);
END;

CREATE TRIGGER long_blocks_are_cut AFTER UPDATE OF instances ON instance_blocks WHEN new.instances > 600
BEGIN
    INSERT INTO instance_blocks
    SELECT project_key, -created_at, instance_id, new.instances - 300 FROM instances
    WHERE project_key = new.project_key AND deleted_at IS NULL AND status <> 'CREATEFAILED'
      AND -created_at >= new.list_order AND (-created_at > new.list_order OR instance_id >= new.instance_id)
    ORDER BY -created_at, instance_id LIMIT 1 OFFSET 300;
    UPDATE instance_blocks SET instances = 300
    WHERE project_key = new.project_key AND list_order = new.list_order AND instance_id = new.instance_id;
END;

CREATE TRIGGER empty_blocks_join_the_one_before AFTER UPDATE OF instances ON instance_blocks
WHEN new.instances = 0 AND new.instance_id <> x''
BEGIN
    DELETE FROM instance_blocks
    WHERE project_key = new.project_key AND list_order = new.list_order AND instance_id = new.instance_id;
END;

-- What a part of a name or of addresses is found by: each place in them, with the eight characters that begin there. Whoever looks for
-- a part takes the terms that begin with it (of a longer one, with its last eight characters), and compares what is found.
CREATE TABLE instance_terms (
    project_key  INTEGER NOT NULL,
    field        INTEGER NOT NULL CHECK (field IN (0, 1)),                   -- 0 name, 1 addresses
    term         TEXT    NOT NULL CHECK (length(term) BETWEEN 1 AND 8),
    instance_key INTEGER NOT NULL,
    PRIMARY KEY (project_key, field, term, instance_key)
) STRICT, WITHOUT ROWID;

-- The terms there must be. The places in a text are the indexes of an array that is as long.
CREATE VIEW terms_of_instances AS
SELECT DISTINCT project_key, field, substr(text, place.key + 1, 8) AS term, instance_key
FROM (SELECT project_key, instance_key, 0 AS field, name AS text FROM instances WHERE deleted_at IS NULL
      UNION ALL
      SELECT project_key, instance_key, 1, ip FROM instances WHERE deleted_at IS NULL)
JOIN json_each('[' || substr(replace(hex(zeroblob(length(text))), '00', ',0'), 2) || ']') AS place;

INSERT INTO instance_terms SELECT * FROM terms_of_instances;

CREATE TRIGGER instances_have_their_terms AFTER INSERT ON instances WHEN new.deleted_at IS NULL
BEGIN
    INSERT INTO instance_terms SELECT * FROM terms_of_instances WHERE instance_key = new.instance_key;
END;

CREATE TRIGGER old_terms_go BEFORE UPDATE OF name, ip, deleted_at ON instances
WHEN new.name <> old.name OR new.ip <> old.ip OR new.deleted_at IS NOT NULL
BEGIN
    DELETE FROM instance_terms
    WHERE project_key = old.project_key AND field IN (0, 1) AND instance_key = old.instance_key
      AND term IN (SELECT term FROM terms_of_instances WHERE instance_key = old.instance_key);
END;

CREATE TRIGGER new_terms_come AFTER UPDATE OF name, ip, deleted_at ON instances WHEN new.name <> old.name OR new.ip <> old.ip
BEGIN
    INSERT INTO instance_terms SELECT * FROM terms_of_instances WHERE instance_key = new.instance_key;
END;
