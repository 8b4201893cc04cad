-- Agencies, which others assume, and temporary keys.

-- An agency is a user without password and keys. `name` of one is unlike that of any user: its account, a slash and `agency`.
ALTER TABLE users ADD COLUMN agency TEXT CHECK (agency <> '');               -- its name; null: a user
ALTER TABLE users ADD COLUMN account_id BLOB CHECK (length(account_id) = 16); -- its account, if that is not the domain
ALTER TABLE users ADD COLUMN account_name TEXT CHECK ((account_id IS NULL) = (account_name IS NULL));

-- Users and agencies under the names that others see; `built_in` of an agency says that no seed has named it.
CREATE VIEW identities AS
SELECT user_key, user_id,
       iif(agency IS NULL, u.name, coalesce(account_name, d.name) || '/' || agency) AS name,
       denied, account_id, account_name, agency, built_in, password_hash
FROM users u CROSS JOIN domain d;

-- Tokens: now of agencies too, with who has assumed them.
CREATE TABLE new_tokens (
    token_hash      BLOB    PRIMARY KEY CHECK (length(token_hash) = 32),
    user_key        INTEGER NOT NULL REFERENCES users,
    project_id      BLOB CHECK (length(project_id) = 16),                    -- null: good for the domain
    method          TEXT    NOT NULL CHECK (method IN ('password', 'token', 'assume_role', 'mapped')),
    issued_at       INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL CHECK (expires_at > issued_at),
    assumed_by_id   BLOB CHECK (length(assumed_by_id) = 16),
    assumed_by_name TEXT CHECK ((assumed_by_id IS NULL) = (assumed_by_name IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO new_tokens SELECT token_hash, user_key, project_id, method, issued_at, expires_at, NULL, NULL FROM tokens;
DROP TABLE tokens;
ALTER TABLE new_tokens RENAME TO tokens;
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

-- Keys that sign requests for a while, together with a security token, of which there is only the SHA-256.
CREATE TABLE temporary_keys (
    access     TEXT    PRIMARY KEY,
    secret     TEXT    NOT NULL,
    token_hash BLOB    NOT NULL CHECK (length(token_hash) = 32),
    user_key   INTEGER NOT NULL REFERENCES users,
    asked_by   BLOB    NOT NULL CHECK (length(asked_by) = 16),               -- the user, or who has assumed the agency
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX temporary_keys_by_expiry ON temporary_keys (expires_at);
