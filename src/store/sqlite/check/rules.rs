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
    /// Its `record_kind` in `events` and `open_work`.
    number: &'static str,
    /// Holds for the records whose work is not done.
    is_open: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { noun: "backup", table: "backups", number: "1", is_open: "status < 2" },
    Kind { noun: "restore", table: "restores", number: "2", is_open: "status IN (0, 6)" },
];

impl Kind {
    fn rule(&self, (rule, query): &(&str, &str)) -> Rule {
        let fill = |text: &str| {
            text.replace("{noun}", self.noun)
                .replace("{table}", self.table)
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
         LEFT JOIN (SELECT instance_key, record_number, to_status, max(event_number) FROM events WHERE record_kind = {number}
                    GROUP BY instance_key, record_number) e
                ON e.instance_key = r.instance_key AND e.record_number = r.record_number
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
const RULES: [(&str, &str); 8] = [
    (
        "every event goes on where the one before it ended",
        "SELECT instance_id || ' event ' || event_number
         FROM (SELECT *, lag(to_status) OVER (PARTITION BY instance_key, record_kind, record_number ORDER BY event_number)
                      AS previous FROM events)
         JOIN instance_names USING (instance_key) WHERE from_status IS NOT previous",
    ),
    (
        "events are numbered from 1 without gaps",
        "SELECT 'there are ' || count || ' events up to number ' || last
         FROM (SELECT count(*) AS count, max(event_number) AS last FROM events) WHERE count <> last",
    ),
    (
        "every instance has its events",
        "SELECT instance_id FROM instance_names n
         WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.instance_key = n.instance_key AND record_kind = 0)",
    ),
    (
        "an instance is RESTORING while a restore of it is open",
        "SELECT n.instance_id || ' is ' || i.status FROM restores r
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE r.status IN (0, 6) AND i.status <> 'RESTORING' AND i.deleted_at IS NULL",
    ),
    (
        "the last event of every instance leads to its status",
        "SELECT n.instance_id || ' is ' || i.status || ' but its audit says ' || coalesce(word, 'nothing')
         FROM instances i JOIN instance_names n USING (instance_key)
         LEFT JOIN (SELECT instance_key, to_status, max(event_number) FROM events WHERE record_kind = 0
                    GROUP BY instance_key) e USING (instance_key)
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
