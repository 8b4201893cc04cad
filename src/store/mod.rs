//! What is stored, and the promise made about it. SQL is spoken here, and nowhere else.
//!
//! One file a resource says, in words of the domain, what can be read of it and how it changes; [`sqlite`] implements it.
//!
//! Every method is one step: it happens wholly or not at all, also when the process is killed within it. A method that changes
//! something returns after the change has been written and synced; when it returns an error other than `OutcomeUnknown`,
//! nothing has changed.

mod accounts;
mod backups;
mod contents;
mod control;
mod diagnoses;
mod enterprise_projects;
mod error;
mod exports;
mod identity;
mod instance_config;
mod instances;
mod key_analyses;
mod metrics;
mod migrate;
mod migrations;
mod networks;
mod nodes;
mod orders;
mod restores;
mod row;
mod run_logs;
mod schedule;
mod seed;
mod sessions;
mod snapshot;
pub mod sqlite;
mod tasks;
mod web_cli;

pub use accounts::{
    AccountCommand, AccountPasswordChange, AccountReads, AccountWrites, ChangeAccount, ChangeAccountPassword,
};
pub use backups::{BackupReads, BackupWrites, CreateBackup, DeleteBackup};
pub use contents::{ContentsReads, ContentsWrites};
pub use control::{ControlReads, ControlWrites, Counts, ResetPlan, SettingStore};
pub use diagnoses::{CreateDiagnosis, DeleteDiagnosis, DiagnosisReads, DiagnosisWrites};
pub use enterprise_projects::{
    ChangeEnterpriseProjects, EnterpriseProjectReads, EnterpriseProjectWrites, MoveResource,
};
pub use error::{OpenError, StoreError};
pub use exports::{BeginExport, ExportReads, ExportWrites};
pub use identity::{
    AgencyName, IdentityStore, LoginProof, NewTemporaryKey, NewToken, ProjectFilter, UserKey,
};
pub use instance_config::{
    ChangeConfig, ChangeTemplate, ConfigReads, ConfigWrites, CreateTemplate, DeleteTemplate,
    ParameterHistoryEntry, TagValues,
};
pub use instances::{
    ChangeInstance, ChangePassword, CreateInstances, InstanceCommand, InstanceFilter, InstancePageStart,
    InstanceReads, InstanceRef, InstanceWrites, NewInstanceIdentity, PasswordAnswer, PasswordChange,
    StatusCount, StoredPassword,
};
pub use key_analyses::{
    CreateKeyAnalysis, DeleteKeyAnalysis, KeyAnalysisReads, KeyAnalysisWrites, NewKeyAnalysis,
};
pub use metrics::StoreMetrics;
pub use migrations::{
    ChangeMigration, CreateMigration, DeleteMigrations, MigrationChange, MigrationReads, MigrationWrites,
};
pub use networks::{ChangeNetwork, NetworkReads, NetworkWork, NetworkWrites};
pub use nodes::{ChangeNode, NodeWrites};
pub use orders::{OrderReads, OrderWrites, PayOrder, ResourceFilter, SwitchRenewal, Unsubscribe};
pub use restores::{CreateRestore, RestoreReads, RestoreWrites};
pub use run_logs::{CollectRunLogs, RunLogReads, RunLogWrites};
pub use schedule::{
    AppliedChange, BackupChange, ChangedRecord, DueChange, InstanceChange, OpenRecord, RestoreChange,
    ScheduleOutcome, ScheduleReads, ScheduleStep, ScheduleWrites, ScheduledRun, ScheduledScan, WorkStep,
};
pub use seed::{
    AgencySeed, BeforeCommit, DomainSeed, InstanceSeed, ProjectSeed, SeedPlan, SeedReport, StatePart,
    UserSeed,
};
pub use sessions::{ChangeSessions, SessionCommand, SessionReads, SessionWrites};
pub use snapshot::{
    CheckedUpload, RestorePlan, Snapshot, SnapshotError, SnapshotFile, SnapshotLabel, SnapshotStore,
    SnapshotUpload,
};
pub use tasks::{TaskReads, TaskWrites};
pub use web_cli::{WebCliLogin, WebCliUser, WebCliWrites};

/// Everything that can be read of the service.
pub trait Reads:
    BackupReads
    + RestoreReads
    + InstanceReads
    + ConfigReads
    + ContentsReads
    + KeyAnalysisReads
    + NetworkReads
    + EnterpriseProjectReads
    + OrderReads
    + DiagnosisReads
    + RunLogReads
    + ExportReads
    + AccountReads
    + SessionReads
    + MigrationReads
    + TaskReads
    + ScheduleReads
    + ControlReads
{
}

/// The durable store of the service: everything that can be read of it, and every change.
pub trait Store:
    Reads
    + BackupWrites
    + RestoreWrites
    + InstanceWrites
    + ConfigWrites
    + ContentsWrites
    + KeyAnalysisWrites
    + NetworkWrites
    + EnterpriseProjectWrites
    + OrderWrites
    + DiagnosisWrites
    + RunLogWrites
    + ExportWrites
    + TaskWrites
    + NodeWrites
    + AccountWrites
    + SessionWrites
    + WebCliWrites
    + MigrationWrites
    + ScheduleWrites
    + ControlWrites
    + SettingStore
{
}
