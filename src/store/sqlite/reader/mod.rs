//! Reads, over read-only connections. A page costs the same wherever it lies and however long the list is.

mod export;
mod instance_list;
mod instances;
mod pool;
mod records;

pub use pool::{LentConnection, ReadPool};
use tokio::sync::Mutex;

use crate::store::row::{BACKUP_JSON, BACKUP_WORK, INSTANCE_COLUMNS, RESTORE_JSON, RESTORE_WORK};

/// The read-only side of the store, with the statements that are put together once.
pub(super) struct Reader {
    pool: ReadPool,
    /// Held by whoever reads the whole state.
    exporting: Mutex<()>,
    page_of_backups: PageStatements,
    page_of_restores: PageStatements,
    one_backup: String,
    open_backups: String,
    open_restores: String,
    one_instance: String,
}

/// The statements that read a page of an instance's records: first the range of record numbers that the list looks at, then
/// the part of it that the page shows, as one JSON array in no order that counts. One row, if there is the instance, and null if the page is empty.
struct PageStatements {
    /// Of all records.
    everything: String,
    /// Of those in a window of time.
    window: String,
}

impl PageStatements {
    /// Puts them together for the records of `table`, called `name` in `json` and in what is `joined` to them.
    fn of(table: &str, name: &str, json: &str, joined: &str) -> Self {
        let page = |range: &str| {
            format!(
                "WITH range AS MATERIALIZED ({range}) \
                 SELECT range.first, range.last, \
                     (SELECT '[' || group_concat({json}, ',') || ']' \
                      FROM {table} {name} {joined} \
                      WHERE {name}.instance_key = range.instance_key AND {name}.record_number \
                          BETWEEN max(range.first, range.last - ?3 - ?4 + 1) AND range.last - ?3) AS records \
                 FROM range"
            )
        };
        let everything = format!(
            "SELECT instance_key, 1 AS first, \
                    coalesce((SELECT max(record_number) FROM {table} x WHERE x.instance_key = i.instance_key), 0) AS last \
             FROM instances i JOIN projects p USING (project_key) \
             WHERE i.instance_id = ?1 AND p.project_id = ?2 AND i.deleted_at IS NULL"
        );
        let window = include_str!("record_range.sql").replace("{records}", table);
        Self { everything: page(&everything), window: page(&window) }
    }
}

impl Reader {
    pub(super) fn new(pool: ReadPool) -> Self {
        let open_backups = format!(
            "SELECT {BACKUP_JSON} AS backup, w.due_at, i.instance_id FROM open_work w \
             JOIN backups b ON b.instance_key = w.instance_key AND b.record_number = w.record_number \
             JOIN instances i ON i.instance_key = w.instance_key JOIN projects p USING (project_key) \
             WHERE w.record_kind = 1"
        );
        let open_restores = format!(
            "SELECT {RESTORE_JSON} AS restore, w.due_at, i.instance_id FROM open_work w \
             JOIN restores r ON r.instance_key = w.instance_key AND r.record_number = w.record_number \
             JOIN backups b ON b.instance_key = r.instance_key AND b.record_number = r.backup_number \
             JOIN instances i ON i.instance_key = w.instance_key JOIN projects p USING (project_key) \
             WHERE w.record_kind = 2"
        );
        Self {
            pool,
            exporting: Mutex::default(),
            page_of_backups: PageStatements::of("backups", "b", BACKUP_JSON, BACKUP_WORK),
            page_of_restores: PageStatements::of("restores", "r", RESTORE_JSON, RESTORE_WORK),
            one_backup: format!(
                "SELECT {BACKUP_JSON} AS backup, EXISTS ( \
                     SELECT 1 FROM open_work o JOIN restores r ON r.instance_key = o.instance_key \
                                                              AND r.record_number = o.record_number \
                     WHERE o.instance_key = b.instance_key AND o.record_kind = 2 AND r.backup_number = b.record_number \
                 ) AS in_use \
                 FROM backups b {BACKUP_WORK} JOIN instances i ON i.instance_key = b.instance_key JOIN projects p USING (project_key) \
                 WHERE b.backup_id = ? AND i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
            ),
            open_backups,
            open_restores,
            one_instance: format!(
                "SELECT {INSTANCE_COLUMNS} FROM instances i JOIN projects p USING (project_key) \
                 WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
            ),
        }
    }

    pub(super) fn pool(&self) -> &ReadPool {
        &self.pool
    }
}

/// Returns a number as a column takes it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a count that a statement has made.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
