//! The state of instances that the writer decides by, kept in memory beside the connection that alone changes them.
//!
//! They are a copy: whatever undoes a transaction, or changes an instance by another way than a create, forgets them.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Engine, EngineVersion, InstanceState, OpenWork};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row;
use crate::store::sqlite::sql::sql;

/// How many instances are cached before all are dropped and read again.
const REMEMBERED_INSTANCES: usize = 16_384;

/// The state of an instance, with its name and with its keys in the tables.
#[derive(Clone, Debug)]
pub(super) struct CachedInstance {
    pub(super) key: i64,
    pub(super) project_key: i64,
    pub(super) name: String,
    pub(super) state: InstanceState,
}

/// The instances whose state is in memory.
#[derive(Debug, Default)]
pub(super) struct InstanceCache {
    by_id: HashMap<InstanceId, CachedInstance>,
    /// Instances whose row was just found to be unreadable: only those who ask for them are told.
    unreadable: HashMap<InstanceId, StoreError>,
}

impl InstanceCache {
    /// Makes sure that those of `ids` that exist and are not deleted are known.
    pub(super) async fn load(
        &mut self,
        connection: &mut SqliteConnection,
        ids: impl Iterator<Item = InstanceId>,
    ) -> Result<(), StoreError> {
        if self.by_id.len() > REMEMBERED_INSTANCES {
            self.by_id.clear();
        }
        let unknown: Vec<String> =
            ids.filter(|id| !self.by_id.contains_key(id)).map(|id| id.to_string().replace('-', "")).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.unreadable.clear();
        for (id, instance) in read(connection, &unknown).await? {
            match instance {
                Ok(instance) => {
                    self.by_id.insert(id, instance);
                }
                Err(error) => {
                    self.unreadable.insert(id, error);
                }
            }
        }
        Ok(())
    }

    /// Returns an instance that has been loaded.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound` if it is not there or belongs to another project; `Inconsistent` if its row cannot be
    /// read.
    pub(super) fn get_mut(
        &mut self,
        project_id: ProjectId,
        id: InstanceId,
    ) -> Result<&mut CachedInstance, StoreError> {
        if let Some(error) = self.unreadable.get(&id) {
            return Err(error.clone());
        }
        let known = self.by_id.get_mut(&id).filter(|known| known.state.project_id == project_id);
        Ok(known.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Forgets an instance that is about to change.
    pub(super) fn forget(&mut self, id: InstanceId) {
        self.by_id.remove(&id);
    }

    /// Forgets all instances.
    pub(super) fn forget_all(&mut self) {
        self.by_id.clear();
    }
}

async fn read(
    connection: &mut SqliteConnection,
    hex_ids: &[String],
) -> Result<Vec<(InstanceId, Result<CachedInstance, StoreError>)>, StoreError> {
    let ids = serde_json::to_string(hex_ids).unwrap_or_default();
    let read = sql(
        "read the state of instances",
        "SELECT i.instance_key, i.instance_id, i.project_key, i.name, p.project_id, i.cache_mode, i.status, i.engine, i.engine_version, i.charging_mode,
                b.record_number AS last_number, b.created_at AS last_at,
                r.record_number AS last_restore_number, r.created_at AS last_restore_at,
                w.record_kind AS open_kind, w.record_number AS open_number, r.backup_number AS open_backup,
                (SELECT occupation FROM background_work k WHERE k.instance_key = i.instance_key AND occupation IS NOT NULL)
                    AS occupation
         FROM instances i
         JOIN projects p USING (project_key)
         LEFT JOIN backups b ON b.instance_key = i.instance_key
                            AND b.record_number = (SELECT max(record_number) FROM backups WHERE instance_key = i.instance_key)
         LEFT JOIN restores r ON r.instance_key = i.instance_key
                             AND r.record_number = (SELECT max(record_number) FROM restores WHERE instance_key = i.instance_key)
         LEFT JOIN open_work w ON w.instance_key = i.instance_key
         WHERE i.instance_id IN (SELECT unhex(value) FROM json_each(?)) AND i.deleted_at IS NULL",
    );
    let rows = read.bind(ids).rows(connection).await?;
    let named = |row| Ok((row::column(row, "instance_id")?, known_instance(row)));
    rows.iter().map(named).collect()
}

fn known_instance(row: &sqlx::sqlite::SqliteRow) -> Result<CachedInstance, StoreError> {
    let engine: Engine = row::column(row, "engine")?;
    let version = EngineVersion::new(engine, row::column(row, "engine_version")?)
        .map_err(|_| StoreError::Inconsistent { what: "instances.engine_version is unknown" })?;
    let last_number: Option<i64> = row::column(row, "last_number")?;
    let last_restore_number: Option<i64> = row::column(row, "last_restore_number")?;
    let last_restore_at: Option<Timestamp> = row::column(row, "last_restore_at")?;
    let last_at: Option<Timestamp> = row::column(row, "last_at")?;
    Ok(CachedInstance {
        key: row::column(row, "instance_key")?,
        project_key: row::column(row, "project_key")?,
        name: row::column(row, "name")?,
        state: InstanceState {
            instance_id: row::column(row, "instance_id")?,
            project_id: row::column(row, "project_id")?,
            cache_mode: row::column(row, "cache_mode")?,
            status: row::column(row, "status")?,
            backup_format: version.backup_format(engine),
            is_first_generation: version.is_first_generation(),
            is_prepaid: row::column::<i64>(row, "charging_mode")? == 1,
            last_backup_number: row::record_number(last_number.unwrap_or(0))?,
            last_backup_at: last_at.unwrap_or(Timestamp::MIN),
            last_restore_number: row::record_number(last_restore_number.unwrap_or(0))?,
            last_restore_at: last_restore_at.unwrap_or(Timestamp::MIN),
            open_work: open_work(row)?,
        },
    })
}

fn open_work(row: &sqlx::sqlite::SqliteRow) -> Result<Option<OpenWork>, StoreError> {
    let Some(kind) = row::column::<Option<i64>>(row, "open_kind")? else {
        return Ok(row::column::<Option<_>>(row, "occupation")?.map(OpenWork::Occupied));
    };
    if kind == row::record_kind::INSTANCE {
        return Ok(Some(OpenWork::StatusTransition));
    }
    let number = row::record_number(row::column(row, "open_number")?)?;
    match kind {
        row::record_kind::BACKUP => Ok(Some(OpenWork::Backup(number))),
        // An open restore is always the newest one of its instance.
        row::record_kind::RESTORE => Ok(Some(OpenWork::Restore {
            number,
            backup_number: row::record_number(row::column(row, "open_backup")?)?,
        })),
        _ => Err(StoreError::Inconsistent { what: "open_work.record_kind is unknown" }),
    }
}
