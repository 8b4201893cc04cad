//! What must be true of a database at any moment, whatever has happened to the program.

use std::path::Path;

use super::database::texts;
use super::{program, run};

/// Each returns what contradicts a rule, so that a sound database yields nothing.
const CONTRADICTIONS: [(&str, &str); 12] = [
    ("the database is sound", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
    ("every row refers to one that is there", "SELECT \"table\" FROM pragma_foreign_key_check"),
    (
        "record numbers have no gaps",
        "SELECT hex(instance_id) FROM backups JOIN instances USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    (
        "restore numbers have no gaps",
        "SELECT hex(instance_id) FROM restores JOIN instances USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    (
        "events have no gaps",
        "SELECT 'gap' FROM (SELECT count(*) AS count, max(event_number) AS last FROM events) WHERE count <> last",
    ),
    (
        "every event goes on where the one before it ended",
        "SELECT 'event ' || event_number FROM (
             SELECT *, lag(to_status) OVER (PARTITION BY instance_key, record_kind, record_number ORDER BY event_number)
                 AS previous FROM events)
         WHERE from_status IS NOT previous",
    ),
    (
        "the last event of every backup leads to its status",
        "SELECT hex(backup_id) FROM backups b WHERE status IS NOT (
             SELECT to_status FROM (SELECT instance_key, record_number, to_status, max(event_number) FROM events
                                    WHERE record_kind = 1 GROUP BY instance_key, record_number) e
             WHERE e.instance_key = b.instance_key AND e.record_number = b.record_number)",
    ),
    (
        "the last event of every restore leads to its status",
        "SELECT hex(restore_id) FROM restores r WHERE status IS NOT (
             SELECT to_status FROM (SELECT instance_key, record_number, to_status, max(event_number) FROM events
                                    WHERE record_kind = 2 GROUP BY instance_key, record_number) e
             WHERE e.instance_key = r.instance_key AND e.record_number = r.record_number)",
    ),
    (
        "every record but those of policies was created by a request of its own",
        "SELECT coalesce(hex(request_id), 'none') FROM events WHERE record_kind > 0 AND from_status IS NULL
           AND NOT (record_kind = 1 AND EXISTS (SELECT 1 FROM backups b WHERE b.instance_key = events.instance_key
                                                  AND b.record_number = events.record_number AND b.backup_type = 1))
         GROUP BY request_id HAVING count(*) <> 1 OR request_id IS NULL",
    ),
    (
        "a job is open exactly where a record is",
        "SELECT 'job' FROM open_work w
         LEFT JOIN backups b ON w.record_kind = 1 AND b.instance_key = w.instance_key
                            AND b.record_number = w.record_number AND b.status IN (0, 1)
         LEFT JOIN restores r ON w.record_kind = 2 AND r.instance_key = w.instance_key
                             AND r.record_number = w.record_number AND r.status IN (0, 6)
         WHERE b.status IS NULL AND r.status IS NULL
         UNION ALL
         SELECT 'record' FROM (SELECT instance_key, 1 AS kind FROM backups WHERE status IN (0, 1)
                               UNION ALL SELECT instance_key, 2 FROM restores WHERE status IN (0, 6)) o
         WHERE NOT EXISTS (SELECT 1 FROM open_work w WHERE w.instance_key = o.instance_key AND w.record_kind = o.kind)",
    ),
    (
        "an instance is RESTORING exactly while a restore of it is open",
        "SELECT name FROM instances i WHERE (status = 'RESTORING') <> EXISTS (
             SELECT 1 FROM restores r WHERE r.instance_key = i.instance_key AND r.status IN (0, 6))",
    ),
    (
        "the last event of every instance leads to its status",
        "SELECT name FROM instances i WHERE status IS NOT (
             SELECT word FROM events JOIN statuses ON statuses.status = to_status
             WHERE record_kind = 0 AND instance_key = i.instance_key ORDER BY event_number DESC LIMIT 1)",
    ),
];

/// Looks for contradictions in the file of a database, also with the program's own check.
pub(crate) fn look_through(database: &Path) {
    for (rule, query) in CONTRADICTIONS {
        assert_eq!(texts(database, query), Vec::<String>::new(), "{rule}");
    }
    let checked = run(program(&["check", "--database", &database.to_string_lossy()]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("is sound"), "{checked:?}");
}
