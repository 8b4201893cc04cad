-- What is set beside an instance, and a project's own templates of configuration parameters.

-- The values that were set; what is not here has its default.
CREATE TABLE instance_parameters (
    instance_key INTEGER NOT NULL REFERENCES instances,
    param_id     INTEGER NOT NULL CHECK (param_id > 0),
    value        TEXT    NOT NULL,
    PRIMARY KEY (instance_key, param_id)
) STRICT, WITHOUT ROWID;

-- Each time that values changed. Numbered within the instance from 1, and only ever appended to.
CREATE TABLE parameter_changes (
    instance_key  INTEGER NOT NULL REFERENCES instances,
    change_number INTEGER NOT NULL CHECK (change_number > 0),
    change_id     BLOB    NOT NULL UNIQUE CHECK (length(change_id) = 16),
    changed_at    INTEGER NOT NULL,
    changes       TEXT    NOT NULL CHECK (json_valid(changes)),              -- [{"name", "old", "new"}]
    PRIMARY KEY (instance_key, change_number)
) STRICT, WITHOUT ROWID;

-- Everything else, one JSON document a setting.
CREATE TABLE side_settings (
    instance_key INTEGER NOT NULL REFERENCES instances,
    name         TEXT    NOT NULL CHECK (name IN ('whitelist', 'big_key_scan', 'hot_key_scan', 'expired_key_scan',
                                                  'bandwidth_policy')),
    document     TEXT    NOT NULL CHECK (json_valid(document)),
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (instance_key, name)
) STRICT, WITHOUT ROWID;

-- A project's own templates. Those that are shipped are in the program.
CREATE TABLE config_templates (
    template_id      BLOB    PRIMARY KEY CHECK (length(template_id) = 16),
    project_id       BLOB    NOT NULL CHECK (length(project_id) = 16),
    name             TEXT    NOT NULL CHECK (length(name) BETWEEN 4 AND 64),
    description      TEXT    CHECK (length(description) <= 1024),
    engine_version   TEXT    NOT NULL,
    cache_mode       TEXT    NOT NULL CHECK (cache_mode IN ('single', 'ha', 'ha_rw_split', 'cluster', 'proxy')),
    parameter_values TEXT    NOT NULL CHECK (json_valid(parameter_values)),  -- {"id": "value"}
    created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX config_templates_in_list_order ON config_templates (project_id, created_at DESC, template_id);
