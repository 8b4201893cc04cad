//! Reads, over read-only connections. A page costs the same wherever it lies and however long the list is.

use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, SqlitePool};

use crate::domain::backup::Backup;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{self, BACKUP_COLUMNS, INSTANCE_COLUMNS};
use crate::store::{InstanceFilter, InstancePageStart, InstanceRef};

/// The read-only side of the store.
pub(super) struct Reader {
    pool: SqlitePool,
    page_of_backups: String,
    due_backups: String,
    one_instance: String,
}

/// Which record numbers of an instance a list looks at.
struct RecordRange {
    instance_key: i64,
    /// The lowest number inside.
    first: i64,
    /// The highest number inside; below `first` when there is none.
    last: i64,
}

impl Reader {
    pub(super) fn new(pool: SqlitePool) -> Self {
        let plan = "LEFT JOIN open_work w ON w.instance_key = b.instance_key AND w.record_kind = 1 \
                    AND w.record_number = b.record_number";
        Self {
            pool,
            page_of_backups: format!(
                "SELECT {BACKUP_COLUMNS} FROM backups b {plan} \
                 WHERE b.instance_key = ? AND b.record_number BETWEEN ? AND ? ORDER BY b.record_number DESC"
            ),
            due_backups: format!(
                "SELECT {BACKUP_COLUMNS}, i.instance_id FROM open_work w \
                 JOIN backups b ON b.instance_key = w.instance_key AND b.record_number = w.record_number \
                 JOIN instances i ON i.instance_key = w.instance_key \
                 WHERE w.record_kind = 1 AND w.due_at <= ? ORDER BY w.due_at, w.instance_key LIMIT ?"
            ),
            one_instance: format!(
                "SELECT {INSTANCE_COLUMNS} FROM instances i JOIN projects p USING (project_key) \
                 LEFT JOIN open_work w ON w.instance_key = i.instance_key \
                 WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
            ),
        }
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) async fn list_backups(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Backup>>, StoreError> {
        let Some(range) = self.record_range(instance, window).await? else { return Ok(None) };
        let total = (range.last - range.first + 1).max(0);
        let skip = i64::try_from(page.skip).unwrap_or(i64::MAX);
        if skip >= total {
            return Ok(Some(Page { items: Vec::new(), total: unsigned(total) }));
        }
        let newest = range.last - skip;
        let limit = i64::try_from(page.limit.as_u64()).unwrap_or(i64::MAX);
        let oldest = range.first.max(newest - limit + 1);
        let rows = sqlx::query(AssertSqlSafe(self.page_of_backups.as_str()))
            .bind(range.instance_key)
            .bind(oldest)
            .bind(newest)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::during("read a page of backups"))?;
        let items =
            rows.iter().map(|row| row::backup(row, instance.instance_id)).collect::<Result<_, _>>()?;
        Ok(Some(Page { items, total: unsigned(total) }))
    }

    /// Finds the range of record numbers that lies in a window of time.
    ///
    /// Numbers follow the times of creation, so both ends are found by halving: about 25 look-ups in ten million records.
    async fn record_range(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
    ) -> Result<Option<RecordRange>, StoreError> {
        let query = if window.is_everything() {
            sqlx::query(
                "SELECT instance_key, 1 AS first,
                        coalesce((SELECT max(record_number) FROM backups b WHERE b.instance_key = i.instance_key), 0) AS last
                 FROM instances i JOIN projects p USING (project_key)
                 WHERE i.instance_id = ?1 AND p.project_id = ?2 AND i.deleted_at IS NULL",
            )
        } else {
            sqlx::query(include_str!("record_range.sql"))
        };
        let row = query
            .bind(&instance.instance_id.as_bytes()[..])
            .bind(&instance.project_id.as_bytes()[..])
            .bind(window.from.unwrap_or(Timestamp::MIN).as_millis())
            .bind(window.until.unwrap_or(Timestamp::MAX).as_millis())
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::during("find the records of an instance"))?;
        row.map(|row| {
            Ok(RecordRange {
                instance_key: row::column(&row, "instance_key")?,
                first: row::column(&row, "first")?,
                last: row::column(&row, "last")?,
            })
        })
        .transpose()
    }

    pub(super) async fn due_backups(&self, now: Timestamp, limit: u16) -> Result<Vec<Backup>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(self.due_backups.as_str()))
            .bind(now.as_millis())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::during("find what is due"))?;
        rows.iter()
            .map(|row| row::backup(row, InstanceId::from_bytes(row::bytes16(row, "instance_id")?)))
            .collect()
    }

    pub(super) async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(self.one_instance.as_str()))
            .bind(&instance.instance_id.as_bytes()[..])
            .bind(&instance.project_id.as_bytes()[..])
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::during("read an instance"))?;
        row.map(|row| row::instance(&row)).transpose()
    }

    pub(super) async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        let failed = StoreError::during("list instances");
        let mut counting = QueryBuilder::<Sqlite>::new("SELECT count(*)");
        push_filtered(&mut counting, project_id, &filter);
        let total: i64 = counting.build_query_scalar().fetch_one(&self.pool).await.map_err(&failed)?;

        let mut listing = QueryBuilder::<Sqlite>::new("SELECT ");
        listing.push(INSTANCE_COLUMNS);
        push_filtered(&mut listing, project_id, &filter);
        let mut skip = 0;
        match start {
            InstancePageStart::Skip(count) => skip = i64::try_from(count).unwrap_or(i64::MAX),
            InstancePageStart::After(marker) => {
                // Row values compare column by column; the first column runs the other way, so its sign is turned.
                listing.push(" AND (-i.created_at, i.instance_id) > (SELECT -m.created_at, m.instance_id FROM instances m");
                listing.push(" JOIN projects q ON q.project_key = m.project_key WHERE m.instance_id = ");
                listing.push_bind(marker.as_bytes().to_vec());
                listing.push(" AND q.project_id = ").push_bind(project_id.as_bytes().to_vec());
                listing.push(" AND m.deleted_at IS NULL)");
            }
        }
        listing.push(" ORDER BY i.created_at DESC, i.instance_id LIMIT ");
        listing.push_bind(i64::try_from(limit.as_u64()).unwrap_or(i64::MAX));
        listing.push(" OFFSET ").push_bind(skip);
        let rows = listing.build().fetch_all(&self.pool).await.map_err(&failed)?;
        let items = rows.iter().map(row::instance).collect::<Result<_, _>>()?;
        Ok(Page { items, total: unsigned(total) })
    }
}

/// Appends the instances of a project that a filter lets through; values are bound, never written into the text.
fn push_filtered(query: &mut QueryBuilder<Sqlite>, project_id: ProjectId, filter: &InstanceFilter) {
    query.push(
        " FROM instances i JOIN projects p USING (project_key) LEFT JOIN open_work w ON w.instance_key = i.instance_key \
         WHERE i.deleted_at IS NULL AND p.project_id = ",
    );
    query.push_bind(project_id.as_bytes().to_vec());
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

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
