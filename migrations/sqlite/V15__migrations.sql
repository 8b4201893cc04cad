-- Migrations of data into an instance. They belong to the project: they survive the instances that they are about.
CREATE TABLE migrations (
    project_key INTEGER NOT NULL REFERENCES projects,
    number      INTEGER NOT NULL CHECK (number > 0),                         -- in the order of their creation
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('backupfile_import', 'online_migration')
                                        AND document ->> 'status' IN ('RUNNING', 'MIGRATING', 'FULLMIGRATING', 'INCRMIGEATING',
                                                                      'TERMINATING', 'TERMINATED', 'SUCCESS', 'FAILED',
                                                                      'MIGRATION_FAILED', 'RELEASED')),
    PRIMARY KEY (project_key, number)
) STRICT, WITHOUT ROWID;

-- The domain name that an instance has got from another one; null: its own, which follows from its id and name.
ALTER TABLE instances ADD COLUMN domain_name TEXT CHECK (domain_name <> '');
