-- The record numbers of instance ?1 of project ?2 whose creation lies between ?5 and ?6, both included.
-- Record numbers follow the times of creation: both ends are found by halving the range that is left.
WITH RECURSIVE
target AS MATERIALIZED (
    SELECT instance_key,
           coalesce((SELECT max(record_number) FROM {records} b WHERE b.instance_key = i.instance_key), 0) AS newest
    FROM instances i JOIN projects p USING (project_key)
    WHERE i.instance_id = ?1 AND p.project_id = ?2 AND i.deleted_at IS NULL
),
-- The first record created at ?5 or later lies in low..high; high is one past the newest when there is none.
from_start (low, high) AS (
    SELECT 1, newest + 1 FROM target
    UNION ALL
    SELECT iif(b.created_at < ?5, b.record_number + 1, low), iif(b.created_at < ?5, high, b.record_number)
    FROM from_start
    JOIN {records} b ON b.instance_key = (SELECT instance_key FROM target) AND b.record_number = (low + high) / 2
    WHERE low < high
),
-- The first record created after ?6, likewise.
past_end (low, high) AS (
    SELECT 1, newest + 1 FROM target
    UNION ALL
    SELECT iif(b.created_at <= ?6, b.record_number + 1, low), iif(b.created_at <= ?6, high, b.record_number)
    FROM past_end
    JOIN {records} b ON b.instance_key = (SELECT instance_key FROM target) AND b.record_number = (low + high) / 2
    WHERE low < high
)
SELECT instance_key,
       (SELECT low FROM from_start WHERE low = high) AS first,
       (SELECT low FROM past_end WHERE low = high) - 1 AS last
FROM target
