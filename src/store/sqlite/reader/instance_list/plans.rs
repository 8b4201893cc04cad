//! How SQLite goes about the statements: what would read the whole list where an index could say it, fails here.

use sqlx::{AssertSqlSafe, Connection, QueryBuilder, Row, Sqlite, SqliteConnection};

use super::statements::{Clue, Listing, Range, Source};
use crate::domain::id::ProjectId;
use crate::domain::instance::{Capacity, Engine, InstanceStatus};
use crate::store::{InstanceFilter, migrate};

const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
const INSTANCE: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";

/// Returns how SQLite goes about a query.
async fn plan(query: &QueryBuilder<Sqlite>) -> String {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrate::migrate(&mut connection, 1).await.unwrap();
    plan_of(&mut connection, query.sql().as_str()).await
}

async fn plan_of(connection: &mut SqliteConnection, statement: &str) -> String {
    let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
        .fetch_all(connection)
        .await
        .unwrap();
    explained.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}

fn project() -> ProjectId {
    PROJECT.parse().unwrap()
}

const LIST: &str = "INDEX instances_in_list_order (project_key=?";

/// Every filter, alone, with the index in which its instances are found, whether that has the order of the list, and whether their
/// total is counted beforehand.
fn filters() -> [(InstanceFilter, &'static str, bool, bool); 13] {
    let text = || Some("text".to_owned());
    let none = InstanceFilter::default;
    [
        (none(), LIST, true, true),
        (InstanceFilter { include_create_failed: true, ..none() }, LIST, true, true),
        (InstanceFilter { engine: Some(Engine::Redis), ..none() }, LIST, true, true),
        (
            InstanceFilter { status: Some(InstanceStatus::Running), ..none() },
            "INDEX instances_by_status (project_key=? AND status=?",
            true,
            true,
        ),
        (
            InstanceFilter { capacity: Some(Capacity::TWO_GB), ..none() },
            "INDEX instances_by_capacity (project_key=? AND capacity_mb=?",
            true,
            true,
        ),
        (InstanceFilter { name_contains: text(), ..none() }, LIST, true, false),
        (InstanceFilter { ip: text(), ..none() }, LIST, true, false),
        (InstanceFilter { ip_contains: text(), ..none() }, LIST, true, false),
        (InstanceFilter { tags: vec![("key".to_owned(), None)], ..none() }, LIST, true, false),
        (InstanceFilter { tags: vec![("key".to_owned(), text())], ..none() }, LIST, true, false),
        (
            InstanceFilter { name_contains: text(), status: Some(InstanceStatus::Running), ..none() },
            "INDEX instances_by_status (project_key=? AND status=?",
            true,
            false,
        ),
        (
            InstanceFilter { name_is: text(), ..none() },
            "INDEX instances_by_name (project_key=? AND name=?",
            false,
            false,
        ),
        (
            InstanceFilter { id: Some(INSTANCE.parse().unwrap()), ..none() },
            "INDEX sqlite_autoindex_instances_1 (instance_id=?",
            false,
            false,
        ),
    ]
}

#[tokio::test]
async fn a_page_is_a_range_of_an_index_and_its_order_is_the_indexs() {
    for (filter, index, is_ordered, _) in filters() {
        let listing = Listing { project_id: project(), source: Source::of(&filter), filter: &filter };
        for (range, bounds) in [
            (Range::Everything, ""),
            (Range::AtInstant { list_order: 0, from: vec![1] }, " AND <expr>=? AND instance_id>?"),
            (Range::Before { list_order: 0 }, " AND <expr>>?"),
        ] {
            if !is_ordered && !bounds.is_empty() {
                continue;
            }
            let plan = plan(&listing.page(&range, 0, 10)).await;
            let expected = format!("SEARCH i USING {index}{bounds})");
            assert!(plan.contains(&expected), "{filter:?} {range:?}: no {expected} in\n{plan}");
            assert!(!plan.contains("SCAN i"), "{filter:?}\n{plan}");
            // The few of one name are sorted.
            assert!(!is_ordered || !plan.contains("FOR ORDER BY"), "{filter:?} {range:?}\n{plan}");
        }
    }
}

#[tokio::test]
async fn totals_are_counted_beforehand_or_in_an_index_alone() {
    for (filter, index, is_ordered, is_counted) in filters() {
        let listing = Listing { project_id: project(), source: Source::of(&filter), filter: &filter };
        let plan = plan(&listing.total()).await;
        let expected = match index {
            _ if is_counted => "SEARCH i USING PRIMARY KEY (project_key=?".to_owned(),
            _ if is_ordered => format!("SEARCH i USING COVERING {LIST})"),
            _ => format!("SEARCH i USING {index})"),
        };
        assert!(plan.contains(&expected), "{filter:?}: no {expected} in\n{plan}");
        let is_from_counts = listing.total().sql().as_str().contains("instance_counts");
        assert_eq!(is_from_counts, is_counted, "{filter:?}");
    }
}

#[tokio::test]
async fn few_instances_are_looked_at_by_their_keys() {
    for (filter, ..) in filters() {
        let listing = Listing { project_id: project(), source: Source::Few(vec![1, 2]), filter: &filter };
        for query in [listing.page(&Range::Everything, 0, 10), listing.total()] {
            let is_from_counts = query.sql().as_str().contains("instance_counts");
            let plan = plan(&query).await;
            let expected = "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)";
            assert!(is_from_counts || plan.contains(expected), "{filter:?}\n{plan}");
        }
    }
}

#[tokio::test]
async fn parts_of_texts_and_tags_are_ranges_of_an_index() {
    let terms = "SEARCH t USING PRIMARY KEY (project_key=? AND field=? AND term>? AND term<?)";
    for (clue, expected) in [
        (Clue::Part { field: 0, text: "t" }, terms),
        (Clue::Part { field: 1, text: "a longer text" }, terms),
        (Clue::Tag { key: "key", value: None }, "SEARCH t USING COVERING INDEX instance_tags_by_tag (key=?)"),
        (
            Clue::Tag { key: "key", value: Some("value") },
            "SEARCH t USING COVERING INDEX instance_tags_by_tag (key=? AND value=?)",
        ),
    ] {
        let plan = plan(&clue.keys(project(), 10)).await;
        assert!(plan.contains(expected), "{clue:?}: no {expected} in\n{plan}");
        assert!(!plan.contains("SCAN"), "{clue:?}\n{plan}");
    }
}

#[tokio::test]
async fn a_deep_page_is_found_by_the_blocks() {
    let filter = InstanceFilter::default();
    let listing = Listing { project_id: project(), source: Source::List, filter: &filter };
    assert!(listing.is_in_blocks());
    let plan = plan(&listing.block_behind(1_000)).await;
    let expected = "SEARCH instance_blocks USING PRIMARY KEY (project_key=?)";
    assert!(plan.contains(expected), "no {expected} in\n{plan}");
}

/// The tables in which there are rows for each instance or some of them.
const OF_INSTANCES: [&str; 4] = ["instances", "instance_terms", "instance_blocks", "instance_counts"];

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// Returns a statement of a trigger with a parameter in the place of each column of the row that changes.
fn of_parameter(statement: &str, row: &str) -> String {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut parts = statement.split(row);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "?1" + part.trim_start_matches(is_of_name))
}

/// What triggers do for an instance must not look at all others.
#[tokio::test]
async fn triggers_look_at_one_instance() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrate::migrate(&mut connection, 1).await.unwrap();
    let triggers: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN ('instances', 'instance_blocks')
             AND sql NOT LIKE '%raise(%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut statements = 0;
    for (name, sql) in &triggers {
        let (_, body) = sql.split_once("\nBEGIN").unwrap();
        for statement in body.split(';').filter(|text| !text.trim_end().ends_with("END")) {
            let alone =
                ["new.", "old."].iter().fold(statement.to_owned(), |text, row| of_parameter(&text, row));
            let plan = plan_of(&mut connection, &alone).await;
            let reads_all = |line: &str| {
                line.strip_prefix("SCAN ").is_some_and(|read| OF_INSTANCES.contains(&first_word(read)))
            };
            assert!(!plan.lines().any(reads_all), "{name}: {statement}\n{plan}");
            statements += 1;
        }
    }
    assert!(statements >= 10, "{triggers:?}");
}
