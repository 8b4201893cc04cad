//! The rules of the engine as queries over its tables, each of which returns one text for each place that breaks its rule.

/// A rule, and the query that finds what breaks it.
pub(super) struct Rule {
    pub(super) text: String,
    pub(super) query: String,
}

/// Returns every rule.
pub(super) fn all() -> impl Iterator<Item = Rule> {
    let of_records = KINDS.iter().flat_map(|kind| RULES_OF_RECORDS.iter().map(|rule| kind.rule(rule)));
    let others =
        RULES.iter().map(|(rule, query)| Rule { text: (*rule).to_owned(), query: (*query).to_owned() });
    of_records.chain(others)
}

/// What is backed up and what is restored are records alike; this is what differs.
struct Kind {
    noun: &'static str,
    table: &'static str,
    id: &'static str,
    /// Its `record_kind` in `open_work`.
    number: &'static str,
    /// Holds for the records whose work is not done.
    is_open: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { noun: "backup", table: "backups", id: "backup_id", number: "1", is_open: "status < 2" },
    Kind { noun: "restore", table: "restores", id: "restore_id", number: "2", is_open: "status IN (0, 6)" },
];

impl Kind {
    fn rule(&self, (rule, query): &(&str, &str)) -> Rule {
        let fill = |text: &str| {
            text.replace("{noun}", self.noun)
                .replace("{table}", self.table)
                .replace("{id}", self.id)
                .replace("{number}", self.number)
                .replace("{is_open}", self.is_open)
        };
        Rule { text: fill(rule), query: fill(query) }
    }
}

/// What holds for the records of each kind.
const RULES_OF_RECORDS: [(&str, &str); 4] = [
    (
        "{noun} numbers of an instance run from 1 without gaps",
        "SELECT instance_id || ' has ' || count(*) || ' {table} numbered ' || min(record_number) || ' to ' || max(record_number)
         FROM {table} JOIN instance_names USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    (
        "{table} of an instance never go back in time",
        "SELECT instance_id || ' {noun} ' || record_number FROM (
             SELECT instance_key, record_number, created_at,
                    lag(created_at) OVER (PARTITION BY instance_key ORDER BY record_number) AS previous FROM {table})
         JOIN instance_names USING (instance_key) WHERE created_at < previous",
    ),
    (
        "the last event of every {noun} leads to its status",
        "SELECT instance_id || ' {noun} ' || r.record_number || ' is ' || r.status || ' but its audit says ' || coalesce(e.to_status, 'nothing')
         FROM {table} r JOIN instance_names USING (instance_key)
         LEFT JOIN (SELECT project_key, subject_id, to_status, max(number) FROM events WHERE subject_kind = '{noun}'
                    GROUP BY project_key, subject_id) e ON e.subject_id = r.{id}
         WHERE e.to_status IS NOT r.status",
    ),
    (
        "every open {noun} has its work planned, and nothing else has",
        "SELECT instance_id || ' {noun} ' || coalesce(r.record_number, w.record_number)
         FROM (SELECT * FROM {table} WHERE {is_open}) r
         FULL JOIN (SELECT * FROM open_work WHERE record_kind = {number}) w
                ON w.instance_key = r.instance_key AND w.record_number = r.record_number
         JOIN instance_names n ON n.instance_key = coalesce(r.instance_key, w.instance_key)
         WHERE r.instance_key IS NULL OR w.instance_key IS NULL",
    ),
];

/// What else holds.
const RULES: [(&str, &str); 10] = [
    (
        "every event goes on where the one before it ended",
        "SELECT 'event ' || number || ' of project ' || project_key || ', of ' || subject_kind || ' ' || subject_name
         FROM (SELECT *, lag(to_status) OVER (PARTITION BY project_key, subject_id ORDER BY number) AS previous FROM events)
         WHERE from_status IS NOT previous",
    ),
    (
        "events of a project are numbered from 1 without gaps",
        "SELECT 'project ' || project_key || ' has ' || count(*) || ' events numbered ' || min(number) || ' to ' || max(number)
         FROM events GROUP BY project_key HAVING min(number) <> 1 OR max(number) <> count(*)",
    ),
    (
        "every event is of a project that is there, or of none",
        "SELECT 'event ' || number || ' of project ' || project_key FROM events
         WHERE project_key <> 0 AND project_key NOT IN (SELECT project_key FROM projects)",
    ),
    (
        "a request creates one record",
        "SELECT 'request ' || lower(hex(request_id)) || ' created ' || count(*) FROM events
         WHERE subject_kind IN ('backup', 'restore') AND from_status IS NULL AND request_id IS NOT NULL
         GROUP BY request_id HAVING count(*) > 1",
    ),
    (
        "every instance has its events",
        "SELECT n.instance_id FROM instances i JOIN instance_names n USING (instance_key)
         WHERE i.instance_id NOT IN (SELECT subject_id FROM events WHERE subject_kind = 'instance')",
    ),
    (
        "an instance is RESTORING while a restore of it is open, and only by a restore",
        "SELECT n.instance_id || ' is ' || i.status FROM instances i JOIN instance_names n USING (instance_key)
         WHERE i.deleted_at IS NULL
           AND iif(EXISTS (SELECT 1 FROM restores r WHERE r.instance_key = i.instance_key AND r.status IN (0, 6)),
                   i.status <> 'RESTORING',
                   i.status = 'RESTORING' AND i.instance_id IN (SELECT subject_id FROM events
                                                                WHERE to_status = 25 AND from_status <> 25))",
    ),
    (
        "the last event of every instance leads to its status",
        "SELECT n.instance_id || ' is ' || i.status || ' but its audit says ' || coalesce(word, 'nothing')
         FROM instances i JOIN instance_names n USING (instance_key)
         LEFT JOIN (SELECT project_key, subject_id, to_status, max(number) FROM events WHERE subject_kind = 'instance'
                    GROUP BY project_key, subject_id) e ON e.subject_id = i.instance_id
         LEFT JOIN statuses s ON s.status = e.to_status
         WHERE i.deleted_at IS NULL AND word IS NOT i.status",
    ),
    (
        "an instance has its own way planned only in a state that passes",
        "SELECT n.instance_id || ' is ' || i.status FROM open_work w
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE w.record_kind = 0
           AND i.status NOT IN ('CREATING', 'RESTARTING', 'EXTENDING', 'FLUSHING', 'STARTING', 'CLOSING')",
    ),
    (
        "nothing is planned for an instance that is gone",
        "SELECT n.instance_id FROM backup_policies b
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE i.deleted_at IS NOT NULL AND b.next_run_at IS NOT NULL
         UNION ALL
         SELECT n.instance_id FROM waiting_changes w
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key) WHERE i.deleted_at IS NOT NULL",
    ),
    (
        "of the backups whose days are over only the newest automatic one stays, and one that is being restored",
        "SELECT n.instance_id || ' backup ' || b.record_number FROM backups b
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE b.held = 1 AND b.status = 2 AND i.deleted_at IS NULL AND EXISTS (
             SELECT 1 FROM backups newer WHERE newer.instance_key = b.instance_key AND newer.save_days IS NOT NULL
                AND newer.record_number > b.record_number AND newer.status = 2)
            AND NOT EXISTS (SELECT 1 FROM restores r WHERE r.instance_key = b.instance_key
                AND r.backup_number = b.record_number AND r.status IN (0, 6))",
    ),
];
