//! Migrations as answers show them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::instance::Instance;
use crate::domain::migration::{
    ImportFile, ImportSource, LogRow, Migration, MigrationEndpoint, MigrationMethod, ResumeMode,
};
use crate::engine::{MigrationDetails, MigrationStats};

/// The version of the software that migrates.
const VERSION: &str = "6.0.21";

/// A migration that has begun.
#[derive(Serialize, ToSchema)]
#[schema(as = BegunMigration)]
pub(super) struct BegunView {
    id: String,
    name: String,
    status: &'static str,
}

impl BegunView {
    pub(super) fn of(migration: &Migration) -> Self {
        let (id, name) = (migration.id.to_string(), migration.name.clone());
        Self { id, name, status: migration.status.as_str() }
    }
}

/// An online migration that was created.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedOnlineMigration)]
pub(super) struct CreatedView {
    /// The id of the migration.
    pub(super) instance_id: String,
    pub(super) job_id: String,
}

/// An end of a migration.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationEndpoint)]
struct EndView {
    id: Option<String>,
    name: Option<String>,
    addrs: String,
    ip: String,
    port: String,
    /// Never shown.
    password: Option<String>,
    /// The status of the instance.
    task_status: Option<&'static str>,
    proxy_multi_db: bool,
    db: Option<String>,
}

impl EndView {
    /// Shows an end as it is now, or as it was if it is gone.
    fn of(end: &MigrationEndpoint, instance: Option<&Instance>) -> Self {
        let now = present(end, instance);
        let (ip, port) = now.first_address();
        Self {
            id: now.instance_id.map(|id| id.to_string()),
            ip: ip.to_owned(),
            port: port.to_owned(),
            password: None,
            task_status: instance.map(|instance| instance.status.as_str()),
            proxy_multi_db: false,
            db: None,
            name: now.name,
            addrs: now.addrs,
        }
    }
}

fn present(end: &MigrationEndpoint, instance: Option<&Instance>) -> MigrationEndpoint {
    instance.map_or_else(|| end.clone(), MigrationEndpoint::of_instance)
}

/// What an import takes its data from.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationBackupFiles)]
struct BackupFilesView {
    file_source: &'static str,
    bucket_name: Option<String>,
    files: Vec<FileView>,
    backup_id: Option<String>,
    backup_record: Option<BackupRecordView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MigrationBackupFile)]
struct FileView {
    file_name: String,
    size: Option<String>,
    update_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MigrationBackupRecord)]
struct BackupRecordView {
    backup_id: String,
    backup_name: String,
}

impl BackupFilesView {
    fn of(import: &ImportSource) -> Self {
        match import {
            ImportSource::SelfBuildObs { bucket_name, files } => Self {
                file_source: "self_build_obs",
                bucket_name: bucket_name.clone(),
                files: files.iter().cloned().map(FileView::of).collect(),
                backup_id: None,
                backup_record: None,
            },
            ImportSource::BackupRecord { backup_id, backup_name, .. } => Self {
                file_source: "backup_record",
                bucket_name: None,
                files: Vec::new(),
                backup_id: Some(backup_id.to_string()),
                backup_record: Some(BackupRecordView {
                    backup_id: backup_id.to_string(),
                    backup_name: backup_name.clone(),
                }),
            },
        }
    }
}

impl FileView {
    fn of(ImportFile { file_name, size, update_at }: ImportFile) -> Self {
        Self { file_name, size, update_at }
    }
}

/// A migration.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationDetails)]
pub(super) struct DetailsView {
    task_id: String,
    task_name: String,
    description: Option<String>,
    status: &'static str,
    /// Where the exchange of addresses is, if there was one.
    task_status: Option<&'static str>,
    migration_type: &'static str,
    migration_method: Option<&'static str>,
    backup_files: Option<BackupFilesView>,
    network_type: String,
    source_instance: Option<EndView>,
    target_instance: Option<EndView>,
    created_at: String,
    updated_at: String,
    released_at: Option<String>,
    version: &'static str,
    resume_mode: Option<&'static str>,
    supported_features: Vec<String>,
    tenant_vpc_id: Option<String>,
    tenant_subnet_id: Option<String>,
    tenant_security_group_id: Option<String>,
    bandwidth_limit_mb: Option<String>,
    ecs_tenant_private_ip: String,
}

impl DetailsView {
    pub(super) fn of(details: &MigrationDetails) -> Self {
        let MigrationDetails { migration, source, target } = details;
        let network = migration.network.as_ref();
        Self {
            task_id: migration.id.to_string(),
            task_name: migration.name.clone(),
            description: migration.description.clone(),
            status: migration.status.as_str(),
            task_status: migration.exchange.as_ref().map(|exchange| exchange.status.as_str()),
            migration_type: migration.kind.as_str(),
            migration_method: migration.method.map(MigrationMethod::as_str),
            backup_files: migration.import.as_ref().map(BackupFilesView::of),
            network_type: migration.network_type.clone(),
            source_instance: migration.source.as_ref().map(|end| EndView::of(end, source.as_ref())),
            target_instance: migration.target.as_ref().map(|end| EndView::of(end, target.as_ref())),
            created_at: migration.created_at.to_string(),
            updated_at: migration.updated_at.to_string(),
            released_at: migration.released_at.map(|at| at.to_string()),
            version: VERSION,
            resume_mode: migration.resume_mode.map(ResumeMode::as_str),
            supported_features: Vec::new(),
            tenant_vpc_id: network.map(|network| network.vpc_id.clone()),
            tenant_subnet_id: network.map(|network| network.subnet_id.clone()),
            tenant_security_group_id: network.and_then(|network| network.security_group_id.clone()),
            bandwidth_limit_mb: migration.bandwidth_limit_mb.clone(),
            ecs_tenant_private_ip: migration.machine_ip(),
        }
    }
}

/// A migration, as lists have it.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationRow)]
pub(super) struct RowView {
    task_id: String,
    task_name: String,
    status: &'static str,
    migration_type: &'static str,
    migration_method: Option<&'static str>,
    ecs_tenant_private_ip: String,
    /// The addresses of the source, the name of the bucket, or that of the backup.
    data_source: Option<String>,
    source_instance_name: Option<String>,
    source_instance_id: Option<String>,
    source_instance_status: Option<&'static str>,
    source_instance_subnet_id: Option<String>,
    source_instance_spec_code: Option<String>,
    target_instance_addrs: Option<String>,
    target_instance_name: Option<String>,
    target_instance_id: Option<String>,
    target_instance_status: Option<&'static str>,
    target_instance_subnet_id: Option<String>,
    target_instance_spec_code: Option<String>,
    created_at: String,
    description: Option<String>,
    error_message: Option<String>,
    released_at: Option<String>,
    version: &'static str,
    resume_mode: Option<&'static str>,
    supported_features: Vec<String>,
}

impl RowView {
    pub(super) fn of(details: &MigrationDetails) -> Self {
        let MigrationDetails { migration, source: source_now, target: target_now } = details;
        let source = migration.source.as_ref().map(|end| present(end, source_now.as_ref()));
        let target = migration.target.as_ref().map(|end| present(end, target_now.as_ref()));
        let data_source = match (&source, &migration.import) {
            (Some(source), _) => Some(source.addrs.clone()),
            (None, Some(ImportSource::SelfBuildObs { bucket_name, .. })) => bucket_name.clone(),
            (None, Some(ImportSource::BackupRecord { backup_name, .. })) => Some(backup_name.clone()),
            (None, None) => None,
        };
        let id = |end: &MigrationEndpoint| end.instance_id.map(|id| id.to_string());
        Self {
            task_id: migration.id.to_string(),
            task_name: migration.name.clone(),
            status: migration.status.as_str(),
            migration_type: migration.kind.as_str(),
            migration_method: migration.method.map(MigrationMethod::as_str),
            ecs_tenant_private_ip: migration.machine_ip(),
            data_source,
            source_instance_id: source.as_ref().and_then(id),
            source_instance_status: source_now.as_ref().map(|instance| instance.status.as_str()),
            source_instance_subnet_id: source.as_ref().and_then(|source| source.subnet_id.clone()),
            source_instance_spec_code: source.as_ref().and_then(|source| source.spec_code.clone()),
            source_instance_name: source.and_then(|source| source.name),
            target_instance_addrs: target.as_ref().map(|target| target.addrs.clone()),
            target_instance_id: target.as_ref().and_then(id),
            target_instance_status: target_now.as_ref().map(|instance| instance.status.as_str()),
            target_instance_subnet_id: target.as_ref().and_then(|target| target.subnet_id.clone()),
            target_instance_spec_code: target.as_ref().and_then(|target| target.spec_code.clone()),
            target_instance_name: target.and_then(|target| target.name),
            created_at: migration.created_at.to_string(),
            description: migration.description.clone(),
            error_message: migration.error_message.clone(),
            released_at: migration.released_at.map(|at| at.to_string()),
            version: VERSION,
            resume_mode: migration.resume_mode.map(ResumeMode::as_str),
            supported_features: Vec::new(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Migrations)]
pub(super) struct ListView {
    /// Of all pages.
    pub(super) count: usize,
    pub(super) migration_tasks: Vec<RowView>,
}

/// What became of migrations, in the order in which they were named.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationResults)]
pub(super) struct ResultsView {
    pub(super) migration_tasks: Vec<ResultView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MigrationResult)]
pub(super) struct ResultView {
    pub(super) task_id: String,
    /// `success` or `failed`.
    pub(super) result: &'static str,
    pub(super) error_code: Option<&'static str>,
    pub(super) error_msg: Option<String>,
}

/// The migrations that were removed, and those that were never there.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedMigrations)]
pub(super) struct DeletedView {
    pub(super) task_id_list: Vec<String>,
}

/// How far a migration is. All numbers are texts.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationStats)]
pub(super) struct StatsView {
    /// From 0 to 100.
    full_migration_progress: String,
    offset: &'static str,
    /// How many keys the source holds.
    source_dbsize: String,
    /// How many keys the target holds.
    target_dbsize: String,
    target_input_kbps: &'static str,
    target_ops: &'static str,
    is_migrating: bool,
}

impl StatsView {
    pub(super) fn of(stats: MigrationStats) -> Self {
        Self {
            full_migration_progress: (stats.progress.as_hundredths() / 100).to_string(),
            offset: "0",
            source_dbsize: stats.source_keys.to_string(),
            target_dbsize: stats.target_keys.to_string(),
            target_input_kbps: "0",
            target_ops: "0",
            is_migrating: stats.is_migrating,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = MigrationLogs)]
pub(super) struct LogsView {
    /// Of all pages.
    pub(super) log_num: usize,
    pub(super) migration_logs: Vec<LogView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MigrationLog)]
pub(super) struct LogView {
    created_at: String,
    log_level: &'static str,
    message: String,
    log_code: String,
    keyword: Vec<String>,
}

impl LogView {
    pub(super) fn of(row: &LogRow) -> Self {
        Self {
            created_at: row.created_at.to_string(),
            log_level: row.level.as_str(),
            message: row.message.clone(),
            log_code: row.code.clone(),
            keyword: row.keyword.clone(),
        }
    }
}
