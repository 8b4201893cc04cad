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
