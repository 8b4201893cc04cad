//! Lists of instances, for both versions of the API and all filters: found in one covering index, in its order.

use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};

use crate::domain::id::ProjectId;
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::page::{Page, PageLimit};
use crate::store::error::StoreError;
use crate::store::row::INSTANCE_COLUMNS;
use crate::store::sqlite::reader::{Reader, signed, unsigned};
use crate::store::{InstanceFilter, InstancePageStart};

impl Reader {
    pub(in crate::store::sqlite) async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        let failed = StoreError::during("list instances");
        let mut connection = self.pool.acquire().await.map_err(&failed)?;
        // The page and its total are those of one moment.
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let mut query = page(project_id, &filter, start);
        query.push(" LIMIT ").push_bind(signed(limit.as_u64()));
        if let InstancePageStart::Skip(skip) = start {
            query.push(" OFFSET ").push_bind(signed(skip));
        }
        let items = fetch(&mut transaction, query).await?;
        let total = if let Some(total) = total_from_page(start, items.len(), limit) {
            total
        } else {
            let mut query = total(project_id, &filter);
            unsigned(query.build_query_scalar().fetch_one(&mut *transaction).await.map_err(failed)?)
        };
        Ok(Page { items, total })
    }

    pub(in crate::store::sqlite) async fn all_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
    ) -> Result<Vec<Instance>, StoreError> {
        let acquired = self.pool.acquire().await;
        let mut connection = acquired.map_err(StoreError::during("read all instances"))?;
        fetch(&mut connection, page(project_id, &filter, InstancePageStart::Skip(0))).await
    }
}

async fn fetch(
    connection: &mut SqliteConnection,
    mut query: QueryBuilder<Sqlite>,
) -> Result<Vec<Instance>, StoreError> {
    query.build_query_scalar().fetch_all(connection).await.map_err(StoreError::during("read instances"))
}

/// Returns the total if a page tells: one that is not full ends the list.
fn total_from_page(start: InstancePageStart, found: usize, limit: PageLimit) -> Option<u64> {
    let found = u64::try_from(found).ok().filter(|found| *found < limit.as_u64())?;
    match start {
        InstancePageStart::Skip(0) => Some(found),
        InstancePageStart::Skip(skipped) if found > 0 => Some(skipped + found),
        // It may begin behind the end.
        InstancePageStart::Skip(_) | InstancePageStart::After(_) => None,
    }
}

/// Builds the query of the instances that a filter matches, newest first; nothing follows an instance that is not in the list.
fn page(project_id: ProjectId, filter: &InstanceFilter, start: InstancePageStart) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(INSTANCE_COLUMNS).push(" FROM projects p CROSS JOIN ");
    if let InstancePageStart::After(marker) = start {
        query.push("(SELECT project_key, created_at, instance_id FROM instances WHERE deleted_at IS NULL");
        query.push(" AND instance_id = ").push_bind(marker.as_bytes().to_vec());
        query.push(") m USING (project_key) CROSS JOIN ");
    }
    query.push("instances i USING (project_key)");
    push_filter(&mut query, project_id, filter);
    if let InstancePageStart::After(_) = start {
        query.push(" AND i.created_at <= m.created_at");
        query.push(" AND (i.created_at < m.created_at OR i.instance_id > m.instance_id)");
    }
    query.push(" ORDER BY i.created_at DESC, i.instance_id");
    query
}

fn total(project_id: ProjectId, filter: &InstanceFilter) -> QueryBuilder<Sqlite> {
    let mut query =
        QueryBuilder::new("SELECT count(*) FROM projects p CROSS JOIN instances i USING (project_key)");
    push_filter(&mut query, project_id, filter);
    query
}

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
    for (key, value) in &filter.tags {
        query.push(" AND EXISTS (SELECT 1 FROM instance_tags t WHERE t.instance_key = i.instance_key");
        query.push(" AND t.key = ").push_bind(key.clone());
        if let Some(value) = value {
            query.push(" AND t.value = ").push_bind(value.clone());
        }
        query.push(")");
    }
    if let Some(engine) = filter.engine {
        query.push(" AND i.engine = ").push_bind(engine.as_str());
    }
    if let Some(capacity) = filter.capacity {
        query.push(" AND i.capacity_mb = ").push_bind(i64::from(capacity.as_megabytes()));
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
    use sqlx::{AssertSqlSafe, Row};

    use super::*;
    use crate::domain::id::InstanceId;
    use crate::domain::instance::{Capacity, Engine};
    use crate::store::migrate;

    /// Every filter that is not for one instance.
    fn filters() -> [InstanceFilter; 8] {
        let text = || Some("text".to_owned());
        let none = InstanceFilter::default;
        [
            none(),
            InstanceFilter { include_create_failed: true, ..none() },
            InstanceFilter { engine: Some(Engine::Redis), ..none() },
            InstanceFilter { status: Some(InstanceStatus::Running), ..none() },
            InstanceFilter { capacity: Some(Capacity::TWO_GB), ..none() },
            InstanceFilter { name_contains: text(), ..none() },
            InstanceFilter { ip: text(), ip_contains: text(), ..none() },
            InstanceFilter { tags: vec![("key".to_owned(), text())], ..none() },
        ]
    }

    #[tokio::test]
    async fn pages_and_totals_are_read_in_the_index_of_lists_and_in_its_order() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate::migrate(&mut connection, 1).await.unwrap();
        let project = ProjectId::from_bytes([1; 16]);
        let starts = [InstancePageStart::Skip(0), InstancePageStart::After(InstanceId::from_bytes([1; 16]))];
        for filter in filters() {
            let pages = starts.map(|start| (page(project, &filter, start), "USING INDEX"));
            for (query, kind) in pages.into_iter().chain([(total(project, &filter), "USING COVERING INDEX")])
            {
                let explained = format!("EXPLAIN QUERY PLAN {}", query.sql().as_str());
                let rows = sqlx::query(AssertSqlSafe(explained)).fetch_all(&mut connection).await.unwrap();
                let plan =
                    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n");
                let expected =
                    format!("SEARCH i {kind} instances_in_list_order (project_key=? AND deleted_at=?");
                assert!(plan.contains(&expected), "{filter:?}: no {expected} in\n{plan}");
                assert!(!plan.contains("FOR ORDER BY"), "{filter:?}\n{plan}");
            }
        }
    }
}
