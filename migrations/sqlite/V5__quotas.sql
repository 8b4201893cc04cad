-- How much a project may have. Null: nothing was said, and nothing is refused.
ALTER TABLE projects ADD COLUMN instance_quota  INTEGER CHECK (instance_quota >= 0);
ALTER TABLE projects ADD COLUMN memory_quota_gb INTEGER CHECK (memory_quota_gb >= 0);
