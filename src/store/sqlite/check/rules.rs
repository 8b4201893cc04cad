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
const RULES: [(&str, &str); 11] = [
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
    (
        "instances are counted",
        "SELECT 'there are ' || coalesce(i.instances, 0) || ' of ' || coalesce(i.capacity_mb, c.capacity_mb) || ' MB, counted are '
                || coalesce(c.instances, 0)
         FROM counted_instances i
         FULL JOIN (SELECT * FROM instance_counts WHERE instances > 0) c
                ON c.project_key = i.project_key AND c.engine = i.engine AND c.status = i.status
                   AND c.capacity_mb = i.capacity_mb
         WHERE c.instances IS NOT i.instances",
    ),
    (
        "blocks of lists are as long as they say",
        "SELECT 'there are ' || found || ' instances in a block of ' || instances
         FROM (SELECT b.instances, (
                   SELECT count(*) FROM instances i
                   WHERE i.project_key = b.project_key AND i.deleted_at IS NULL AND i.status <> 'CREATEFAILED'
                     AND (-i.created_at, i.instance_id) >= (b.list_order, b.instance_id)
                     AND (b.next_order IS NULL OR (-i.created_at, i.instance_id) < (b.next_order, b.next_id))) AS found
               FROM (SELECT *, lead(list_order) OVER next AS next_order, lead(instance_id) OVER next AS next_id
                     FROM instance_blocks
                     WINDOW next AS (PARTITION BY project_key ORDER BY list_order, instance_id)) b)
         WHERE found <> instances
         UNION ALL
         SELECT 'there is no block for instance ' || n.instance_id FROM instances i JOIN instance_names n USING (instance_key)
         WHERE deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM instance_blocks b
                                                  WHERE b.project_key = i.project_key AND b.instance_id = x'')",
    ),
    (
        "instances are found by every part of their names and addresses",
        "SELECT instance_id || ' and ' || json_quote(term)
         FROM (SELECT * FROM (SELECT * FROM terms_of_instances EXCEPT SELECT * FROM instance_terms)
               UNION ALL SELECT * FROM (SELECT * FROM instance_terms EXCEPT SELECT * FROM terms_of_instances))
         LEFT JOIN instance_names USING (instance_key)",
    ),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

    use super::*;
    use crate::store::migrate;

    /// What triggers keep: the rules about it, by what they begin with.
    const KEPT: [&str; 3] = ["instances are counted", "blocks of lists", "instances are found"];

    /// A change of an instance, by its key, as a statement.
    fn change() -> impl Strategy<Value = String> {
        let key = 1..8_i64;
        let status = proptest::sample::select(vec!["CREATING", "RUNNING", "CREATEFAILED", "ERROR"]);
        prop_oneof![
            3 => (status.clone(), 0..3_i64, 1..3_i64, proptest::option::weighted(0.2, 0..9_i64)).prop_map(
                |(status, created_at, capacity_mb, deleted_at)| format!(
                    "INSERT INTO instances (instance_id, project_key, name, engine, engine_version, cache_mode, capacity_mb, \
                                            spec_code, status, ip, port, no_password_access, zone_codes, vpc_id, subnet_id, \
                                            user_id, user_name, created_at, deleted_at) \
                     VALUES (randomblob(16), 1 + {created_at} % 2, 'name', 'Redis', '5.0', 'ha', {capacity_mb}, 'spec', \
                             '{status}', '10.0.0.1', 1, 1, 'zone', 'vpc', 'subnet', 'user', 'user', {created_at}, {})",
                    deleted_at.map_or_else(|| "NULL".to_owned(), |at| at.to_string())
                )
            ),
            2 => (key.clone(), status).prop_map(|(key, status)| format!("UPDATE instances SET status = '{status}' WHERE instance_key = {key}")),
            1 => (key.clone(), "[a-c]{4,12}").prop_map(|(key, name)| format!("UPDATE instances SET name = '{name}' WHERE instance_key = {key}")),
            1 => (key.clone(), "[0-2.,]{0,12}").prop_map(|(key, ip)| format!("UPDATE instances SET ip = '{ip}' WHERE instance_key = {key}")),
            1 => (key.clone(), 1..4_i64).prop_map(|(key, size)| format!("UPDATE instances SET capacity_mb = {size} WHERE instance_key = {key}")),
            1 => (key.clone(), proptest::sample::select(vec!["created_at = 8", "project_key = 3 - project_key", "engine = 'other'"]))
                .prop_map(|(key, place)| format!("UPDATE instances SET {place} WHERE instance_key = {key}")),
            1 => key.prop_map(|key| format!("UPDATE instances SET deleted_at = 9 WHERE instance_key = {key}")),
        ]
    }

    async fn live(changes: &[String]) -> Result<(), TestCaseError> {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate::migrate(&mut connection, 1).await.unwrap();
        let projects = "INSERT INTO projects (project_id, name, created_at) VALUES (zeroblob(16), 'a', 0), (randomblob(16), 'b', 0)";
        sqlx::query(projects).execute(&mut connection).await.unwrap();
        for change in changes {
            // One that is deleted refuses to change.
            drop(sqlx::query(AssertSqlSafe(change.as_str())).execute(&mut connection).await);
        }
        let rules = all().filter(|rule| KEPT.iter().any(|kept| rule.text.starts_with(kept)));
        let rules: Vec<Rule> = rules.collect();
        prop_assert_eq!(rules.len(), KEPT.len());
        for Rule { text, query } in rules {
            let found: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
            prop_assert_eq!(found, Vec::<String>::new(), "{}", text);
        }
        Ok(())
    }

    #[test]
    fn whatever_becomes_of_instances_triggers_keep_what_follows_from_them() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let changes = proptest::collection::vec(change(), 1..40);
        let outcome = TestRunner::new(config).run(&changes, |changes| runtime.block_on(live(&changes)));
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    }
}
