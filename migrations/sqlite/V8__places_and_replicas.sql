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
    zone_code    TEXT    CHECK (zone_code <> ''),                            -- of one that was added
    course       TEXT    NOT NULL CHECK (course IN ('adding', 'added', 'removing', 'removed')),
    CHECK (zone_code IS NOT NULL OR course IN ('removing', 'removed')),
    PRIMARY KEY (instance_key, shard, copy)
) STRICT, WITHOUT ROWID;

-- An instance that becomes another product has the replicas of that.
CREATE TRIGGER products_bring_their_replicas AFTER UPDATE OF spec_code ON instances WHEN new.spec_code <> old.spec_code
BEGIN
    DELETE FROM replica_changes WHERE instance_key = new.instance_key;
END;

-- Lists of instances are read in one index, with everything that they are filtered by; the newest come first, and a page that follows
-- an instance begins at its place.
DROP INDEX instances_in_list_order;
CREATE INDEX instances_in_list_order
ON instances (project_key, -created_at, instance_id, status, engine, name, ip, capacity_mb, deleted_at) WHERE deleted_at IS NULL;

CREATE INDEX instance_tags_by_tag ON instance_tags (key, value);

-- A task tells the job that was begun with it.
ALTER TABLE background_tasks ADD COLUMN job_id BLOB CHECK (length(job_id) = 16);
