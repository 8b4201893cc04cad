//! Reads of instances.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Connection, QueryBuilder, Sqlite, SqliteConnection};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::page::{Page, PageLimit};
use crate::store::error::StoreError;
use crate::store::row::{self, INSTANCE_COLUMNS};
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{InstanceFilter, InstancePageStart, InstanceRef, KeptPassword, StatusCount};

impl Reader {
    pub(in crate::store::sqlite) async fn get_instance(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<Instance>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(self.one_instance.as_str()))
            .bind(&instance.instance_id.as_bytes()[..])
            .bind(&instance.project_id.as_bytes()[..])
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::during("read an instance"))?;
        row.map(|row| row::instance(&row)).transpose()
    }

    pub(in crate::store::sqlite) async fn instance_password(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<KeptPassword>, StoreError> {
        let found = sqlx::query(
            "SELECT i.password_hash, i.wrong_passwords, i.locked_until FROM instances i JOIN projects p USING (project_key)
             WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::during("read the password of an instance"))?;
        found.map(|row| row::kept_password(&row)).transpose()
    }

    pub(in crate::store::sqlite) async fn instances_of(
        &self,
        project_id: ProjectId,
    ) -> Result<HashSet<InstanceId>, StoreError> {
        let rows = sqlx::query(
            "SELECT instance_id FROM instances JOIN projects USING (project_key) WHERE project_id = ?",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::during("read the ids of instances"))?;
        rows.iter().map(|row| row::bytes16(row, "instance_id").map(InstanceId::from_bytes)).collect()
    }

    pub(in crate::store::sqlite) async fn status_counts(
        &self,
        project_id: ProjectId,
    ) -> Result<Vec<StatusCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT engine, status, instances FROM instance_counts JOIN projects USING (project_key)
             WHERE project_id = ? AND instances > 0",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::during("count instances by state"))?;
        let count = |row| {
            Ok(StatusCount {
                engine: row::parse(row, "engine", "instance_counts.engine is unknown")?,
                status: row::parse(row, "status", "instance_counts.status is unknown")?,
                instances: unsigned(row::column(row, "instances")?),
            })
        };
        rows.iter().map(count).collect()
    }

    pub(in crate::store::sqlite) async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        let failed = StoreError::during("list instances");
        // One look for the page and its total.
        let mut connection = self.pool.acquire().await.map_err(&failed)?;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let most = limit.as_u64();
        let mut items: Vec<Instance> = Vec::new();
        for place in places(&mut transaction, project_id, start).await.map_err(&failed)? {
            let found = u64::try_from(items.len()).unwrap_or(most);
            let mut query = page(project_id, &filter, place, most.saturating_sub(found));
            let rows = query.build().fetch_all(&mut *transaction).await.map_err(&failed)?;
            for row in &rows {
                items.push(row::instance(row)?);
            }
        }
        let total = if let Some(total) = last_of_all(start, items.len(), limit) {
            total
        } else {
            let mut count = total_of(project_id, &filter);
            let total = count.build_query_scalar().fetch_one(&mut *transaction).await;
            unsigned(total.map_err(&failed)?)
        };
        Ok(Page { items, total })
    }
}

/// Where in the order of the list the instances of a page are looked for: each is one range of the index.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Behind so many.
    Behind(u64),
    /// Among those of one instant, behind an instance.
    AtInstant { created_at: i64, behind: InstanceId },
    /// Among those that are older.
    Before { created_at: i64 },
}

/// Returns where a page is to be looked for, in order; nowhere if it is to follow an instance that is not in the list.
async fn places(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    start: InstancePageStart,
) -> Result<Vec<Place>, sqlx::Error> {
    let behind = match start {
        InstancePageStart::Skip(count) => return Ok(vec![Place::Behind(count)]),
        InstancePageStart::After(instance_id) => instance_id,
    };
    let created_at: Option<i64> = sqlx::query_scalar(
        "SELECT i.created_at FROM instances i JOIN projects p USING (project_key)
         WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
    )
    .bind(&behind.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .fetch_optional(connection)
    .await?;
    Ok(created_at.map_or_else(Vec::new, |created_at| {
        vec![Place::AtInstant { created_at, behind }, Place::Before { created_at }]
    }))
}

/// Returns how many instances there are if a page tells: one that is not full ends the list.
fn last_of_all(start: InstancePageStart, found: usize, limit: PageLimit) -> Option<u64> {
    let found = u64::try_from(found).ok().filter(|found| *found < limit.as_u64())?;
    match start {
        InstancePageStart::Skip(0) => Some(found),
        InstancePageStart::Skip(skipped) if found > 0 => Some(skipped + found),
        // It may begin behind the end.
        InstancePageStart::Skip(_) | InstancePageStart::After(_) => None,
    }
}

/// Makes the query of a page, or of a part of one.
fn page(project_id: ProjectId, filter: &InstanceFilter, place: Place, limit: u64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(INSTANCE_COLUMNS);
    push_source(&mut query, filter);
    query.push(" LEFT JOIN open_work w ON w.instance_key = i.instance_key");
    push_filter(&mut query, project_id, filter);
    let (mut skip, mut order) = (0, "-i.created_at, i.instance_id");
    match place {
        Place::Behind(count) => skip = i64::try_from(count).unwrap_or(i64::MAX),
        Place::AtInstant { created_at, behind } => {
            query.push(" AND -i.created_at = -").push_bind(created_at);
            query.push(" AND i.instance_id > ").push_bind(behind.as_bytes().to_vec());
            order = "i.instance_id";
        }
        Place::Before { created_at } => {
            query.push(" AND -i.created_at > -").push_bind(created_at);
        }
    }
    query.push(" ORDER BY ").push(order).push(" LIMIT ");
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query.push(" OFFSET ").push_bind(skip);
    query
}

/// Makes the query of how many instances a filter lets through. Of engines and states that is counted as they change; of all else the
/// index of the list is read.
fn total_of(project_id: ProjectId, filter: &InstanceFilter) -> QueryBuilder<Sqlite> {
    let is_counted = *filter
        == InstanceFilter {
            engine: filter.engine,
            status: filter.status,
            include_create_failed: filter.include_create_failed,
            ..InstanceFilter::default()
        };
    if is_counted {
        let mut query = QueryBuilder::new(
            "SELECT coalesce(sum(i.instances), 0) FROM projects p JOIN instance_counts i USING (project_key) \
             WHERE p.project_id = ",
        );
        query.push_bind(project_id.as_bytes().to_vec());
        push_kind(&mut query, filter);
        return query;
    }
    let mut query = QueryBuilder::new("SELECT count(*)");
    push_source(&mut query, filter);
    push_filter(&mut query, project_id, filter);
    query
}

/// Appends where instances come from, by the index that leads to few of them: without statistics SQLite cannot know it.
fn push_source(query: &mut QueryBuilder<Sqlite>, filter: &InstanceFilter) {
    let index = match filter {
        InstanceFilter { id: Some(_), .. } => "",
        InstanceFilter { name_is: Some(_), .. } => "INDEXED BY instances_by_name",
        _ => "INDEXED BY instances_in_list_order",
    };
    query.push(" FROM projects p JOIN instances i ").push(index).push(" USING (project_key)");
}

/// Appends what an instance of a project must be like; values are bound, never written into the text.
fn push_filter(query: &mut QueryBuilder<Sqlite>, project_id: ProjectId, filter: &InstanceFilter) {
    query.push(" WHERE i.deleted_at IS NULL AND p.project_id = ").push_bind(project_id.as_bytes().to_vec());
    if let Some(id) = filter.id {
        query.push(" AND i.instance_id = ").push_bind(id.as_bytes().to_vec());
    }
    if let Some(part) = &filter.name_contains {
        query.push(" AND instr(i.name, ").push_bind(part.clone()).push(") > 0");
    }
    if let Some(name) = &filter.name_is {
        query.push(" AND i.name = ").push_bind(name.clone());
    }
    if let Some(ip) = &filter.ip {
        query.push(" AND instr(',' || i.ip || ',', ',' || ").push_bind(ip.clone()).push(" || ',') > 0");
    }
    if let Some(part) = &filter.ip_contains {
        query.push(" AND instr(i.ip, ").push_bind(part.clone()).push(") > 0");
    }
    if let Some(capacity) = filter.capacity {
        query.push(" AND i.capacity_mb = ").push_bind(i64::from(capacity.as_megabytes()));
    }
    for (key, value) in &filter.tags {
        query.push(" AND i.instance_key IN (SELECT instance_key FROM instance_tags WHERE key = ");
        query.push_bind(key.clone());
        if let Some(value) = value {
            query.push(" AND value = ").push_bind(value.clone());
        }
        query.push(")");
    }
    push_kind(query, filter);
}

/// Appends which engine and which state it must have.
fn push_kind(query: &mut QueryBuilder<Sqlite>, filter: &InstanceFilter) {
    if let Some(engine) = filter.engine {
        query.push(" AND i.engine = ").push_bind(engine.as_str());
    }
    match filter.status {
        Some(status) => {
            query.push(" AND i.status = ").push_bind(status.as_str());
        }
        None if filter.include_create_failed => {}
        None => {
            query.push(" AND i.status <> ").push_bind(InstanceStatus::CreateFailed.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Row};

    use super::*;
    use crate::domain::instance::{Capacity, Engine};
    use crate::store::migrate;

    const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
    const INSTANCE: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";

    /// Returns how SQLite goes about a query.
    async fn plan(query: &QueryBuilder<Sqlite>) -> String {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate::migrate(&mut connection, 1).await.unwrap();
        let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", query.sql().as_str())))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        explained.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
    }

    /// Every filter, alone, with how the instances that it lets through are found: by which range of which index, and whether their
    /// total is counted beforehand.
    fn filters() -> [(InstanceFilter, &'static str, bool); 12] {
        const LIST: &str = "instances_in_list_order (project_key=?";
        let text = || Some("text".to_owned());
        let none = InstanceFilter::default;
        [
            (none(), LIST, true),
            (InstanceFilter { include_create_failed: true, ..none() }, LIST, true),
            (InstanceFilter { status: Some(InstanceStatus::Running), ..none() }, LIST, true),
            (InstanceFilter { engine: Some(Engine::Redis), ..none() }, LIST, true),
            (InstanceFilter { name_contains: text(), ..none() }, LIST, false),
            (InstanceFilter { ip: text(), ..none() }, LIST, false),
            (InstanceFilter { ip_contains: text(), ..none() }, LIST, false),
            (InstanceFilter { capacity: Some(Capacity::TWO_GB), ..none() }, LIST, false),
            (InstanceFilter { tags: vec![("key".to_owned(), None)], ..none() }, LIST, false),
            (InstanceFilter { tags: vec![("key".to_owned(), text())], ..none() }, LIST, false),
            (
                InstanceFilter { name_is: text(), ..none() },
                "instances_by_name (project_key=? AND name=?",
                false,
            ),
            (
                InstanceFilter { id: Some(INSTANCE.parse().unwrap()), ..none() },
                "sqlite_autoindex_instances_1 (instance_id=?",
                false,
            ),
        ]
    }

    #[tokio::test]
    async fn a_page_is_a_range_of_an_index_and_its_order_is_the_indexs() {
        let project: ProjectId = PROJECT.parse().unwrap();
        let behind: InstanceId = INSTANCE.parse().unwrap();
        for (filter, source, _) in filters() {
            for (place, range) in [
                (Place::Behind(0), ""),
                (Place::AtInstant { created_at: 0, behind }, " AND <expr>=? AND instance_id>?"),
                (Place::Before { created_at: 0 }, " AND <expr>>?"),
            ] {
                let is_listed = source.starts_with("instances_in_list_order");
                if !is_listed && !range.is_empty() {
                    continue;
                }
                let plan = plan(&page(project, &filter, place, 10)).await;
                let expected =
                    format!("SEARCH i USING INDEX {source}{})", if is_listed { range } else { "" });
                assert!(plan.contains(&expected), "{filter:?} {place:?}: no {expected} in\n{plan}");
                assert!(!plan.contains("SCAN i"), "{filter:?}\n{plan}");
                // The few of one name are sorted.
                let is_sorted = plan.contains("FOR ORDER BY");
                assert!(!is_listed || !is_sorted, "{filter:?} {place:?}\n{plan}");
            }
        }
    }

    #[tokio::test]
    async fn totals_are_counted_beforehand_or_in_an_index_alone() {
        let project: ProjectId = PROJECT.parse().unwrap();
        for (filter, source, is_counted) in filters() {
            let plan = plan(&total_of(project, &filter)).await;
            let expected = match source {
                _ if is_counted => "SEARCH i USING PRIMARY KEY (project_key=?".to_owned(),
                _ if source.starts_with("instances_in_list_order") => {
                    format!("SEARCH i USING COVERING INDEX {source})")
                }
                _ => format!("SEARCH i USING INDEX {source})"),
            };
            assert!(plan.contains(&expected), "{filter:?}: no {expected} in\n{plan}");
            let is_from_counts = total_of(project, &filter).sql().as_str().contains("instance_counts");
            assert_eq!(is_from_counts, is_counted, "{filter:?}");
        }
    }
}
