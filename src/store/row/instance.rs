//! Rows of `instances`.

use sqlx::sqlite::SqliteRow;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{
    Capacity, Creator, Engine, EngineVersion, Instance, InstanceName, InstanceStatus, Network, Passage,
    SideTask,
};
use crate::store::error::StoreError;
use crate::store::row::{bytes16, column, parse, record_kind, timestamp, work_plan};

/// Returns the number that stands for an instance's status in `events`.
pub(in crate::store) fn instance_status_code(status: InstanceStatus) -> i64 {
    match status {
        InstanceStatus::Creating => 20,
        InstanceStatus::Running => 21,
        InstanceStatus::Error => 22,
        InstanceStatus::Restarting => 23,
        InstanceStatus::Extending => 24,
        InstanceStatus::Restoring => 25,
        InstanceStatus::Flushing => 26,
        InstanceStatus::Starting => 27,
        InstanceStatus::Closing => 28,
        InstanceStatus::Closed => 29,
        InstanceStatus::CreateFailed => 30,
        InstanceStatus::Frozen => 31,
    }
}

/// Reads an instance that is on its way, from `open_work w JOIN instances i`.
pub(in crate::store) fn passage(row: &SqliteRow) -> Result<Passage, StoreError> {
    Ok(Passage {
        instance_id: InstanceId::from_bytes(bytes16(row, "instance_id")?),
        status: parse(row, "status", "instances.status is unknown")?,
        plan: work_plan(row)?,
    })
}

/// The columns that [`instance`] reads, from `instances i JOIN projects p LEFT JOIN open_work w`.
pub(in crate::store) const INSTANCE_COLUMNS: &str = "i.instance_id, p.project_id, i.name, i.description, i.engine, \
     i.engine_version, i.cache_mode, i.capacity_mb, i.spec_code, i.status, i.ip, i.port, i.no_password_access, i.zone_codes, \
     i.vpc_id, i.subnet_id, i.security_group_id, i.user_id, i.user_name, i.created_at, w.record_kind AS open_kind";

/// Reads an instance from a row of [`INSTANCE_COLUMNS`].
pub(in crate::store) fn instance(row: &SqliteRow) -> Result<Instance, StoreError> {
    let engine = parse::<Engine>(row, "engine", "instances.engine is unknown")?;
    let capacity_mb = u32::try_from(column::<i64>(row, "capacity_mb")?).ok();
    let zone_codes: String = column(row, "zone_codes")?;
    Ok(Instance {
        id: InstanceId::from_bytes(bytes16(row, "instance_id")?),
        project_id: ProjectId::from_bytes(bytes16(row, "project_id")?),
        name: InstanceName::try_from(column::<String>(row, "name")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.name is malformed" })?,
        description: column(row, "description")?,
        engine,
        engine_version: EngineVersion::new(engine, column(row, "engine_version")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.engine_version is unknown" })?,
        cache_mode: parse(row, "cache_mode", "instances.cache_mode is unknown")?,
        capacity: capacity_mb
            .and_then(|megabytes| Capacity::from_megabytes(megabytes).ok())
            .ok_or(StoreError::Inconsistent { what: "instances.capacity_mb is not offered" })?,
        spec_code: column(row, "spec_code")?,
        status: parse(row, "status", "instances.status is unknown")?,
        ip: column(row, "ip")?,
        port: u16::try_from(column::<i64>(row, "port")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.port is out of range" })?,
        no_password_access: column(row, "no_password_access")?,
        zone_codes: zone_codes.split(',').map(str::to_owned).collect(),
        network: Network {
            vpc_id: column(row, "vpc_id")?,
            subnet_id: column(row, "subnet_id")?,
            security_group_id: column(row, "security_group_id")?,
        },
        creator: Creator { user_id: column(row, "user_id")?, user_name: column(row, "user_name")? },
        created_at: timestamp(row, "created_at")?,
        task: match column::<Option<i64>>(row, "open_kind")? {
            Some(record_kind::BACKUP) => Some(SideTask::Backup),
            _ => None,
        },
    })
}
