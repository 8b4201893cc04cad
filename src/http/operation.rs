//! The operations of the API by stable names.

/// Something a client can ask for, whichever version of the API it speaks.
///
/// The name is stable: metrics and logs use it.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name.
    pub name: &'static str,
}

/// Record a backup.
pub(super) const CREATE_BACKUP: Operation = Operation { name: "create_backup" };
/// List the backups of an instance.
pub(super) const LIST_BACKUPS: Operation = Operation { name: "list_backups" };
/// Delete a backup.
pub(super) const DELETE_BACKUP: Operation = Operation { name: "delete_backup" };
/// Show an instance.
pub(super) const GET_INSTANCE: Operation = Operation { name: "get_instance" };
/// List the instances of a project.
pub(super) const LIST_INSTANCES: Operation = Operation { name: "list_instances" };
/// Tell that the process is alive.
pub(super) const LIVEZ: Operation = Operation { name: "livez" };
/// Tell whether requests can be served.
pub(super) const READYZ: Operation = Operation { name: "readyz" };
/// Show the measurements.
pub(super) const METRICS: Operation = Operation { name: "metrics" };
