//! Backup and restore records as both versions of the API show them. Every member is always there; what is unknown is null.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.2 and 2.6; docs/contract/dcs-v2.md, sections 2.1 and 2.2.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::backup::Backup;
use crate::domain::remark::Remark;
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::engine::ApiVersion;
use crate::http::time::rfc3339;

/// A backup.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct BackupView {
    status: &'static str,
    remark: Option<String>,
    /// The window of a scheduled run. Manual backups have none.
    period: Option<String>,
    progress: String,
    size: u64,
    instance_id: String,
    backup_id: String,
    created_at: String,
    updated_at: Option<String>,
    execution_at: Option<String>,
    backup_type: &'static str,
    backup_name: String,
    error_code: Option<&'static str>,
    /// A text: a JSON boolean makes a client crash.
    is_support_restore: &'static str,
    /// Only v2 knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_format: Option<&'static str>,
}

impl BackupView {
    /// Shows a backup as it is at `now`.
    pub(in crate::http) fn new(backup: &Backup, now: Timestamp, api: ApiVersion) -> Self {
        let status = &backup.status;
        Self {
            status: status.as_str(),
            remark: text_of(backup.remark.as_ref()),
            period: backup.terms.as_ref().map(|terms| terms.window.as_str().to_owned()),
            progress: status.progress(now).to_string(),
            size: status.size_bytes(),
            instance_id: backup.instance_id.to_string(),
            backup_id: backup.id.to_string(),
            created_at: rfc3339(backup.created_at),
            updated_at: status.finished_at().map(rfc3339),
            execution_at: status.started_at().map(rfc3339),
            backup_type: backup.kind.as_str(),
            backup_name: backup.name(),
            error_code: status.failure().map(|failure| failure.code.as_str()),
            is_support_restore: if backup.is_restorable() { "TRUE" } else { "FALSE" },
            backup_format: (api == ApiVersion::V2).then(|| backup.format.as_str()),
        }
    }
}

/// A page of backups.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct BackupsView {
    pub(in crate::http) backup_record_response: Vec<BackupView>,
    pub(in crate::http) total_num: u64,
}

/// A restore.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct RestoreView {
    status: &'static str,
    progress: String,
    restore_id: String,
    backup_id: String,
    restore_remark: Option<String>,
    backup_remark: Option<String>,
    created_at: String,
    updated_at: Option<String>,
    restore_name: String,
    backup_name: String,
    error_code: Option<&'static str>,
}

impl RestoreView {
    /// Shows a restore as it is at `now`.
    pub(in crate::http) fn new(restore: &Restore, now: Timestamp) -> Self {
        let status = &restore.status;
        Self {
            status: status.as_str(),
            progress: status.progress(now).to_string(),
            restore_id: restore.id.to_string(),
            backup_id: restore.source.backup_id.to_string(),
            restore_remark: text_of(restore.remark.as_ref()),
            backup_remark: text_of(restore.source.backup_remark.as_ref()),
            created_at: rfc3339(restore.created_at),
            updated_at: status.finished_at().map(rfc3339),
            restore_name: restore.name(),
            backup_name: restore.source.backup_name.clone(),
            error_code: status.failure().map(|failure| failure.code.as_str()),
        }
    }
}

/// A page of restores.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct RestoresView {
    pub(in crate::http) restore_record_response: Vec<RestoreView>,
    pub(in crate::http) total_num: u64,
}

fn text_of(remark: Option<&Remark>) -> Option<String> {
    remark.map(|remark| remark.as_str().to_owned())
}
