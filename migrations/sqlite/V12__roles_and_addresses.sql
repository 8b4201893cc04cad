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
