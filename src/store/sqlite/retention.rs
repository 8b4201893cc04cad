//! What lets backups expire: more of them than are kept, or the end of the days for which an automatic one stays.
//!
//! What stays beyond its days is `held`. SQL finds whose days are over, and what is to be known of each; whether it stays is decided
//! by `RetentionStatus`, in the domain.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::backup::BackupStatusKind;
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::origin::Origin;
use crate::domain::schedule::RetentionStatus;
use crate::domain::time::Timestamp;
use crate::store::row::backup_status_code;
use crate::store::sqlite::events::{self, AuditContext, Subject};
use crate::store::sqlite::sql::sql;
use crate::store::{AppliedChange, ChangedRecord, ScheduleOutcome, StoreError};

/// How many backups have their days ended in one transaction.
const AT_A_TIME: i64 = 512;

/// When the days of a backup `b` are over: as `BackupTerms::days_end` has it, and in the words of the index of it.
macro_rules! end_of_days {
    () => {
        "b.updated_at + b.save_days * 86400000"
    };
}

/// Whether a backup `b` can be used and its days are not known to be over, in the words of that index.
macro_rules! days_run {
    () => {
        "b.save_days IS NOT NULL AND b.status = 2 AND b.held IS NULL"
    };
}

/// When the next days of a backup are over.
pub(super) const NEXT_END_OF_DAYS: &str =
    concat!("SELECT min(", end_of_days!(), ") FROM backups b WHERE ", days_run!());

/// What is to be known of backups `b`, as a [`Row`] has it.
macro_rules! candidates {
    ($from:literal) => {
        concat!(
            "SELECT b.instance_key, b.record_number, b.backup_id, i.instance_id, ",
            end_of_days!(),
            " AS ended_at, i.deleted_at IS NULL AS instance_is_there,
             EXISTS (SELECT 1 FROM backups n INDEXED BY usable_automatic_backups
                     WHERE n.instance_key = b.instance_key AND n.record_number > b.record_number
                       AND n.save_days IS NOT NULL AND n.status = 2) AS has_newer,
             EXISTS (SELECT 1 FROM restores r WHERE r.instance_key = b.instance_key
                       AND r.backup_number = b.record_number AND r.status IN (0, 6)) AS is_being_restored
             FROM ",
            $from,
            " CROSS JOIN instances i USING (instance_key)"
        )
    };
}

/// Backups whose days are over.
const ENDED: &str = concat!(
    candidates!("backups b"),
    " WHERE ",
    days_run!(),
    " AND ",
    end_of_days!(),
    " <= ? ORDER BY ended_at, b.instance_key, b.record_number LIMIT ?"
);

/// Backups that are held, of some instances.
const HELD: &str = concat!(
    candidates!(
        "json_each(?) k CROSS JOIN backups b INDEXED BY usable_automatic_backups ON b.instance_key = k.value"
    ),
    " WHERE b.save_days IS NOT NULL AND b.status = 2 AND b.held = 1 ORDER BY b.instance_key, b.record_number"
);

/// How many usable backups of an instance stay, and what is known of those that went.
pub(super) struct Expiry<'s> {
    /// How many stay; none: all.
    pub(super) keep: Option<u32>,
    /// By instance, a number below which no record is usable: what has expired is not looked at again.
    pub(super) oldest_usable: &'s mut HashMap<i64, i64>,
}

/// A backup that can be used from now on.
pub(super) struct Usable {
    pub(super) instance_key: i64,
    pub(super) instance_id: InstanceId,
    pub(super) at: Timestamp,
    pub(super) is_automatic: bool,
}

/// Lets backups give way to newer ones of their instances, no two of which are of the same; returns what became of them, by the key
/// of the instance.
pub(super) async fn expire_superseded(
    connection: &mut SqliteConnection,
    Expiry { keep, oldest_usable }: Expiry<'_>,
    newer: &[Usable],
    actor_key: i64,
) -> Result<HashMap<i64, Vec<AppliedChange>>, StoreError> {
    let mut gone: HashMap<i64, Vec<AppliedChange>> = HashMap::new();
    for Usable { instance_key, instance_id, at, .. } in newer {
        let expiry = Expiry { keep, oldest_usable: &mut *oldest_usable };
        let ids = expire_beyond(connection, expiry, *instance_key, *at, actor_key).await?;
        gone.entry(*instance_key)
            .or_default()
            .extend(ids.into_iter().map(|id| expiry_of(id, *instance_id, *at)));
    }
    let automatic = newer.iter().filter(|backup| backup.is_automatic);
    let automatic: Vec<_> = automatic.map(|backup| (backup.instance_key, backup.at)).collect();
    for (instance_key, change) in release(connection, &automatic, actor_key).await? {
        gone.entry(instance_key).or_default().push(change);
    }
    Ok(gone)
}

/// Lets all but the newest usable backups of an instance expire; returns those that did, oldest first.
pub(super) async fn expire_beyond(
    connection: &mut SqliteConnection,
    Expiry { keep, oldest_usable }: Expiry<'_>,
    instance_key: i64,
    at: Timestamp,
    actor_key: i64,
) -> Result<Vec<BackupId>, StoreError> {
    let Some(keep) = keep else { return Ok(Vec::new()) };
    let (usable, expired) =
        (backup_status_code(BackupStatusKind::Succeed), backup_status_code(BackupStatusKind::Expired));
    let floor = oldest_usable.get(&instance_key).copied().unwrap_or(1);
    let find = sql(
        "find the oldest backup that is kept",
        "SELECT record_number FROM backups WHERE instance_key = ? AND record_number >= ? AND status = ?
         ORDER BY record_number DESC LIMIT 1 OFFSET ?",
    );
    let find = find.bind(instance_key).bind(floor).bind(usable).bind(i64::from(keep) - 1);
    let oldest_kept: Option<i64> = find.optional_value(&mut *connection).await?;
    let Some(oldest_kept) = oldest_kept else { return Ok(Vec::new()) };
    let expire = sql(
        "let backups expire",
        "UPDATE backups SET status = ?1
         WHERE instance_key = ?2 AND record_number >= ?3 AND record_number < ?4 AND status = ?5
         RETURNING record_number, backup_id",
    );
    let expire = expire.bind(expired).bind(instance_key).bind(floor).bind(oldest_kept).bind(usable);
    let mut gone: Vec<(i64, BackupId)> = expire.all(&mut *connection).await?;
    oldest_usable.insert(instance_key, oldest_kept);
    gone.sort_unstable_by_key(|(number, _)| *number);
    record_expired(connection, gone.iter().map(|(number, _)| (instance_key, *number, at)), actor_key).await?;
    Ok(gone.into_iter().map(|(_, id)| id).collect())
}

/// Lets those automatic backups of instances expire whose days are over and that nothing keeps any more; returns what became of
/// each, with the key of its instance. Each instance has the time at which something changed that could have kept one.
pub(super) async fn release(
    connection: &mut SqliteConnection,
    instances: &[(i64, Timestamp)],
    actor_key: i64,
) -> Result<Vec<(i64, AppliedChange)>, StoreError> {
    if instances.is_empty() {
        return Ok(Vec::new());
    }
    let times: HashMap<i64, Timestamp> = instances.iter().copied().collect();
    let find = sql("find backups that are held", HELD).bind(json(times.keys()));
    let held = find.all(&mut *connection).await?.into_iter().map(Candidate::new);
    let released = held.filter(|candidate| !candidate.standing.stays());
    let gone = released.filter_map(|candidate| {
        let at = *times.get(&candidate.instance_key)?;
        Some(Candidate { at, ..candidate })
    });
    expire(connection, gone.collect(), actor_key).await
}

/// Ends the days of those automatic backups for which they are over at `at`: they expire, or are held. Of many some, with the others
/// still due.
pub(super) async fn end_days(
    connection: &mut SqliteConnection,
    at: Timestamp,
    actor_key: i64,
) -> Result<ScheduleOutcome, StoreError> {
    let find = sql("find backups whose days are over", ENDED).bind(at).bind(AT_A_TIME);
    let candidates: Vec<_> = find.all(&mut *connection).await?.into_iter().map(Candidate::new).collect();
    let done = candidates.len();
    let (held, gone): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|backup| backup.standing.stays());
    change(connection, "held = 1", held.iter().map(|backup| (backup.instance_key, backup.number)))
        .await
        .map_err(StoreError::during("hold backups whose days are over"))?;
    let hidden = |backup: &&Candidate| !backup.standing.instance_is_there;
    let hidden: HashSet<i64> = gone.iter().filter(hidden).map(|backup| backup.instance_key).collect();
    let gone = expire(connection, gone, actor_key).await?;
    // What happens to an instance that is gone is for the audit alone.
    let told = gone.into_iter().filter(|(instance_key, _)| !hidden.contains(instance_key));
    let changes = told.map(|(_, change)| change).collect();
    Ok(ScheduleOutcome { changes, done, ..ScheduleOutcome::default() })
}

/// Returns the change of a backup that expired.
fn expiry_of(id: BackupId, instance_id: InstanceId, at: Timestamp) -> AppliedChange {
    let (from, to) = (Some(BackupStatusKind::Succeed), BackupStatusKind::Expired);
    AppliedChange { record: ChangedRecord::Backup { id, from, to }, instance_id: Some(instance_id), at }
}

/// A row of [`candidates`].
type Row = (i64, i64, BackupId, InstanceId, Timestamp, bool, bool, bool);

/// An automatic backup whose days are over.
struct Candidate {
    instance_key: i64,
    number: i64,
    id: BackupId,
    instance_id: InstanceId,
    /// When it expires, if it does: when its days ended, or what kept it went.
    at: Timestamp,
    standing: RetentionStatus,
}

impl Candidate {
    fn new(row: Row) -> Self {
        let (instance_key, number, id, instance_id, at, instance_is_there, has_newer, is_being_restored) =
            row;
        let standing = RetentionStatus { instance_is_there, has_newer, is_being_restored };
        Self { instance_key, number, id, instance_id, at, standing }
    }
}

/// Lets backups expire, by one statement, and records it, by another.
async fn expire(
    connection: &mut SqliteConnection,
    gone: Vec<Candidate>,
    actor_key: i64,
) -> Result<Vec<(i64, AppliedChange)>, StoreError> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    change(connection, "status = 4", gone.iter().map(|backup| (backup.instance_key, backup.number)))
        .await
        .map_err(StoreError::during("let backups expire"))?;
    record_expired(connection, gone.iter().map(|gone| (gone.instance_key, gone.number, gone.at)), actor_key)
        .await?;
    let made = |gone: Candidate| (gone.instance_key, expiry_of(gone.id, gone.instance_id, gone.at));
    Ok(gone.into_iter().map(made).collect())
}

/// Changes backups, named by the keys of their instances and their numbers; `set` is one of the constants above.
async fn change(
    connection: &mut SqliteConnection,
    set: &'static str,
    backups: impl Iterator<Item = (i64, i64)>,
) -> Result<(), sqlx::Error> {
    let backups: Vec<(i64, i64)> = backups.collect();
    if backups.is_empty() {
        return Ok(());
    }
    sqlx::query(AssertSqlSafe(changing(set))).bind(json(backups)).execute(connection).await.map(drop)
}

fn changing(set: &'static str) -> String {
    format!(
        "UPDATE backups SET {set} FROM json_each(?) v
         WHERE instance_key = v.value ->> 0 AND record_number = v.value ->> 1"
    )
}

fn json<T: Serialize>(values: impl IntoIterator<Item = T>) -> String {
    serde_json::to_string(&values.into_iter().collect::<Vec<_>>()).unwrap_or_default()
}

/// Records that backups expired: the keys of their instances, their numbers, and when.
async fn record_expired(
    connection: &mut SqliteConnection,
    expired: impl Iterator<Item = (i64, i64, Timestamp)>,
    actor_key: i64,
) -> Result<(), StoreError> {
    let (from, to) =
        (backup_status_code(BackupStatusKind::Succeed), backup_status_code(BackupStatusKind::Expired));
    let event = |(instance_key, number, at): (i64, i64, Timestamp)| {
        let number = u64::try_from(number).unwrap_or(0);
        let audit = AuditContext { at, origin: &Origin::SYSTEM, actor_key };
        audit.event(Subject::Backup(instance_key, number), Some(from), Some(to))
    };
    let history = expired.map(event).collect();
    events::append(connection, history).await
}
