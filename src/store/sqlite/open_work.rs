//! The job that is open on an instance: planned when its record is made, moved on as its steps come due.

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::row;

/// A row of `open_work`, in the order of the columns that [`insert`] fills.
#[derive(Debug, Serialize)]
pub(super) struct OpenWorkRow(i64, i64, u64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

impl OpenWorkRow {
    /// Makes the row of a record's plan; `started` says whether the work has started already.
    pub(super) fn new(
        instance_key: i64,
        record_kind: i64,
        number: u64,
        plan: WorkPlan,
        started: bool,
    ) -> Self {
        let due_at = if started { plan.finish_at() } else { plan.start_at() };
        Self(
            instance_key,
            record_kind,
            number,
            plan.start_at().map(Timestamp::as_millis),
            plan.finish_at().map(Timestamp::as_millis),
            plan.failure.map(row::failure_number),
            due_at.map(Timestamp::as_millis),
        )
    }
}

/// Plans new jobs, by one statement.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: &[OpenWorkRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO open_work (instance_key, record_kind, record_number, start_at, finish_at, failure, due_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
         FROM json_each(?) ORDER BY key",
    )
    .bind(serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a step of a job into account: it is due next when `plan` ends, or, without a plan, is done.
pub(super) async fn move_on(
    connection: &mut SqliteConnection,
    instance_key: i64,
    plan: Option<WorkPlan>,
) -> Result<(), sqlx::Error> {
    match plan {
        Some(plan) => sqlx::query("UPDATE open_work SET due_at = ? WHERE instance_key = ?")
            .bind(plan.finish_at().map(Timestamp::as_millis))
            .bind(instance_key),
        None => sqlx::query("DELETE FROM open_work WHERE instance_key = ?").bind(instance_key),
    }
    .execute(connection)
    .await?;
    Ok(())
}
