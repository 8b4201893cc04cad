-- What a project has around its instances: VPCs, subnets, security groups with their rules, public addresses, load balancers. A project
-- without a row has what every project begins with; it is written here with the first change.
CREATE TABLE network_resources (
    project_key INTEGER NOT NULL REFERENCES projects,
    id          TEXT    NOT NULL CHECK (length(id) = 36),                    -- as instances name it
    number      INTEGER NOT NULL CHECK (number > 0),                         -- in the order of their creation
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('vpc', 'subnet', 'security_group', 'public_ip', 'load_balancer')
                                        AND document ->> 'id' = id),
    PRIMARY KEY (project_key, id),
    UNIQUE (project_key, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX vpcs_by_name ON network_resources (project_key, document ->> 'name')
WHERE document ->> 'kind' = 'vpc' AND document ->> 'name' <> '';

CREATE UNIQUE INDEX public_ips_by_address ON network_resources (project_key, document ->> 'address')
WHERE document ->> 'kind' = 'public_ip';

-- The enterprise projects that accounts have made; the default one, "0", is of every account and stands nowhere.
CREATE TABLE enterprise_projects (
    id       BLOB    PRIMARY KEY CHECK (length(id) = 16),
    account  TEXT    CHECK (account <> ''),                                  -- the name of their account; null: the domain
    number   INTEGER NOT NULL UNIQUE CHECK (number > 0),                     -- in the order of their creation
    document TEXT    NOT NULL CHECK (unhex(document ->> 'id', '-') = id
                                     AND length(document ->> 'name') BETWEEN 1 AND 255
                                     AND instr(lower(document ->> 'name'), 'default') = 0
                                     AND length(document ->> 'description') <= 512
                                     AND document ->> 'type' IN ('prod', 'poc')
                                     AND document ->> 'status' IN (1, 2))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX enterprise_projects_by_name ON enterprise_projects (coalesce(account, ''), document ->> 'name');
