//! Reads of backup and restore records.

use async_trait::async_trait;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;

use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;

use crate::domain::backup::{Backup, RecordNumber};
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::instance::StatusTransition;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{self, BackupRow, RestoreRow};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::background_work::{self, OPEN_WORK, WorkRow};
use crate::store::sqlite::reader::{PageStatements, Reader, signed, unsigned};
use crate::store::sqlite::sql::{decode, sql};
use crate::store::{BackupReads, RestoreReads, ScheduleReads};
use crate::store::{InstanceRef, OpenRecord};

#[async_trait]
impl BackupReads for SqliteStore {
    async fn get_backup(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
    ) -> Result<Option<(Backup, bool)>, StoreError> {
        let read = sql("read a backup", self.reader.one_backup.clone()).bind(backup_id);
        let row = read.bind(instance.instance_id).bind(instance.project_id).row(&self.reader.pool).await?;
        row.map(|row| Ok((row::backup(&row, instance.instance_id)?, row::column(&row, "in_use")?)))
            .transpose()
    }

    async fn list_backups(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Backup>>, StoreError> {
        let number = |backup: &Backup| backup.number;
        let statements = &self.reader.page_of_backups;
        self.reader.page(instance, window, page, statements, BackupRow::into_backup, number).await
    }
}

#[async_trait]
impl RestoreReads for SqliteStore {
    async fn list_restores(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Restore>>, StoreError> {
        let number = |restore: &Restore| restore.number;
        let statements = &self.reader.page_of_restores;
        self.reader.page(instance, window, page, statements, RestoreRow::into_restore, number).await
    }
}

#[async_trait]
impl ScheduleReads for SqliteStore {
    fn next_due_at(&self) -> Option<Timestamp> {
        self.writer.next_due_at()
    }

    fn next_scheduled_at(&self) -> Option<Timestamp> {
        self.writer.next_scheduled_at()
    }

    async fn due_records(&self, now: Timestamp, limit: u16) -> Result<Vec<OpenRecord>, StoreError> {
        let mut found = Vec::new();
        for (statement, read) in self.reader.open() {
            let due = format!("{statement} AND w.due_at <= ? ORDER BY w.due_at, w.instance_key LIMIT ?");
            for row in self.reader.due_rows(due, now, limit).await? {
                found.extend(readable(
                    read(&row).and_then(|record| Ok((row::column(&row, "due_at")?, record))),
                ));
            }
        }
        let due = sql(
            "find background work that is due",
            format!("{OPEN_WORK} WHERE w.due_at <= ? ORDER BY w.due_at, w.work_key LIMIT ?"),
        );
        for row in due.bind(now).bind(limit).rows(&self.reader.pool).await? {
            let read = readable(decode::<WorkRow>(&row).map(background_work::work));
            found.extend(read.map(|(due_at, work)| (due_at.unwrap_or(now), OpenRecord::Work(work))));
        }
        found.sort_by_key(|(due_at, _)| *due_at);
        Ok(found.into_iter().take(usize::from(limit)).map(|(_, record)| record).collect())
    }

    async fn due_runs(&self, now: Timestamp, limit: u16) -> Result<Vec<InstanceRef>, StoreError> {
        let statement = "SELECT i.instance_id, p.project_id FROM backup_policies b \
                         JOIN instances i USING (instance_key) JOIN projects p USING (project_key) \
                         WHERE b.next_run_at <= ? ORDER BY b.next_run_at, b.instance_key LIMIT ?";
        self.reader.due_instances(statement, now, limit).await
    }

    async fn due_changes(&self, now: Timestamp, limit: u16) -> Result<Vec<InstanceRef>, StoreError> {
        let statement = "SELECT i.instance_id, p.project_id \
                         FROM waiting_changes w INDEXED BY waiting_changes_by_due_time \
                         CROSS JOIN instances i USING (instance_key) CROSS JOIN projects p USING (project_key) \
                         WHERE w.due_at <= ? ORDER BY w.due_at, w.instance_key LIMIT ?";
        let due = self.reader.due_instances(statement, now, limit).await?;
        // Of an instance all that is due is begun at once.
        let mut seen = HashSet::with_capacity(due.len());
        Ok(due.into_iter().filter(|instance| seen.insert(instance.instance_id)).collect())
    }

    async fn open_records(
        &self,
        project: Option<ProjectId>,
        instance: Option<InstanceId>,
    ) -> Result<Vec<OpenRecord>, StoreError> {
        let mut open = Vec::new();
        for (statement, read) in self.reader.open() {
            let find = format!(
                "{statement} AND (?1 IS NULL OR p.project_id = ?1) AND (?2 IS NULL OR i.instance_id = ?2) ORDER BY w.instance_key"
            );
            let find = sql("find what is open", find).bind(project).bind(instance);
            open.extend(find.rows(&self.reader.pool).await?.iter().filter_map(|row| readable(read(row))));
        }
        let work = sql(
            "find background work that is open",
            format!(
                "{OPEN_WORK} WHERE (?1 IS NULL OR p.project_id = ?1) AND (?2 IS NULL OR i.instance_id = ?2) ORDER BY w.work_key"
            ),
        );
        for row in work.bind(project).bind(instance).rows(&self.reader.pool).await? {
            let read = readable(decode::<WorkRow>(&row).map(background_work::work));
            open.extend(read.map(|(_, work)| OpenRecord::Work(work)));
        }
        Ok(open)
    }
}

/// The ways of instances from one status to another that are open.
const OPEN_TRANSITIONS: &str = "
    SELECT i.instance_id, i.status, w.start_at, w.finish_at, w.failure, w.due_at FROM open_work w
    JOIN instances i ON i.instance_key = w.instance_key JOIN projects p USING (project_key) WHERE w.record_kind = 0";

/// What reads a row of open work.
type ReadOpen = fn(&SqliteRow) -> Result<OpenRecord, StoreError>;

impl Reader {
    /// Reads a page of records.
    ///
    /// Numbers follow the times of creation, so both ends of a window of time are found by halving: about 25 look-ups in ten
    /// million records.
    async fn page<R: DeserializeOwned, T>(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
        statements: &PageStatements,
        value: fn(R, InstanceId) -> Result<T, StoreError>,
        number: fn(&T) -> RecordNumber,
    ) -> Result<Option<Page<T>>, StoreError> {
        let statement = if window.is_everything() { &statements.everything } else { &statements.window };
        let read = sql("read a page of records", statement.clone());
        let read = read.bind(instance.instance_id).bind(instance.project_id);
        let read = read.bind(signed(page.skip)).bind(signed(page.limit.as_u64()));
        let read =
            read.bind(window.from.unwrap_or(Timestamp::MIN)).bind(window.until.unwrap_or(Timestamp::MAX));
        let row = read.row(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let (first, last): (i64, i64) = (row::column(&row, "first")?, row::column(&row, "last")?);
        let records: Vec<R> = match row::column::<Option<&str>>(&row, "records")? {
            Some(_) => row::json(&row, "records")?,
            None => Vec::new(),
        };
        let items = records.into_iter().map(|record| value(record, instance.instance_id));
        let mut items = items.collect::<Result<Vec<_>, _>>()?;
        // Here rather than there: SQLite would sort the whole texts.
        items.sort_by_key(|item| Reverse(number(item)));
        Ok(Some(Page { items, total: unsigned(last - first + 1) }))
    }

    /// Returns the statements that find open work, with what reads their rows.
    fn open(&self) -> [(&str, ReadOpen); 3] {
        [
            (&self.open_backups, open_backup),
            (&self.open_restores, open_restore),
            (OPEN_TRANSITIONS, open_transition),
        ]
    }

    async fn due_instances(
        &self,
        statement: &'static str,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<InstanceRef>, StoreError> {
        let rows = self.due_rows(statement, now, limit).await?;
        let reference = |(instance_id, project_id)| InstanceRef { project_id, instance_id };
        rows.iter().map(|row| Ok(reference(decode(row)?))).collect()
    }

    async fn due_rows(
        &self,
        statement: impl Into<Cow<'static, str>>,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        sql("find what is due", statement).bind(now).bind(limit).rows(&self.pool).await
    }
}

fn open_backup(row: &SqliteRow) -> Result<OpenRecord, StoreError> {
    Ok(OpenRecord::Backup(row::backup(row, row::column(row, "instance_id")?)?))
}

fn open_restore(row: &SqliteRow) -> Result<OpenRecord, StoreError> {
    Ok(OpenRecord::Restore(row::restore(row, row::column(row, "instance_id")?)?))
}

fn open_transition(row: &SqliteRow) -> Result<OpenRecord, StoreError> {
    let (instance_id, status, start_at, finish_at, failure) = decode(row)?;
    let plan = row::plan(start_at, finish_at, failure);
    Ok(OpenRecord::Instance(StatusTransition { instance_id, status, plan }))
}

/// Leaves out a row that cannot be read: it must not hold up all others. `check` finds it.
fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(error = %error, "due work cannot be read and is left as it is"))
        .ok()
}
