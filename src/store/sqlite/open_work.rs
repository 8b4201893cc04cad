//! The open job of an instance: planned with its record, moved on step by step.

use sqlx::SqliteConnection;

use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::row::{self, record_kind};
use crate::store::sqlite::script::{InsertRow, Script};

/// A row of `open_work`.
#[derive(Debug)]
pub(super) struct OpenWorkRow {
    instance_key: i64,
    record_kind: i64,
    record_number: Option<u64>,
    plan: WorkPlan,
    due_at: Option<Timestamp>,
}

impl OpenWorkRow {
    /// Makes the row of a record's plan; `started` says whether the work has started already.
    pub(super) fn new(
        instance_key: i64,
        record_kind: i64,
        record_number: u64,
        plan: WorkPlan,
        started: bool,
    ) -> Self {
        let due_at = if started { plan.finish_at() } else { plan.start_at() };
        Self { instance_key, record_kind, record_number: Some(record_number), plan, due_at }
    }

    /// Makes the row of an instance's own status transition.
    pub(super) fn of_transition(instance_key: i64, plan: WorkPlan) -> Self {
        let (record_kind, due_at) = (record_kind::INSTANCE, plan.finish_at());
        Self { instance_key, record_kind, record_number: None, plan, due_at }
    }
}

impl InsertRow for OpenWorkRow {
    const INTO: &'static str =
        "open_work (instance_key, record_kind, record_number, start_at, finish_at, failure, due_at)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.instance_key);
        script.bind(self.record_kind);
        script.bind(self.record_number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)));
        script.bind(self.plan.start_at().map(Timestamp::as_millis));
        script.bind(self.plan.finish_at().map(Timestamp::as_millis));
        script.bind(self.plan.failure.map(row::failure_number));
        script.bind(self.due_at.map(Timestamp::as_millis));
    }
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

/// Takes steps of the jobs of instances into account, as [`move_on`] does that of one.
pub(super) async fn move_all_on(
    connection: &mut SqliteConnection,
    plans: impl Iterator<Item = (i64, Option<WorkPlan>)>,
) -> Result<(), sqlx::Error> {
    let (mut going_on, mut done) = (Vec::new(), Vec::new());
    for (instance_key, plan) in plans {
        match plan {
            Some(plan) => going_on.push((instance_key, plan.finish_at().map(Timestamp::as_millis))),
            None => done.push(instance_key),
        }
    }
    if !going_on.is_empty() {
        sqlx::query(
            "UPDATE open_work SET due_at = v.value ->> 1 FROM json_each(?) v WHERE instance_key = v.value ->> 0",
        )
        .bind(serde_json::to_string(&going_on).unwrap_or_default())
        .execute(&mut *connection)
        .await?;
    }
    if !done.is_empty() {
        sqlx::query("DELETE FROM open_work WHERE instance_key IN (SELECT value FROM json_each(?))")
            .bind(serde_json::to_string(&done).unwrap_or_default())
            .execute(connection)
            .await?;
    }
    Ok(())
}
