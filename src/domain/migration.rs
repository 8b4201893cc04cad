//! Migrations of data into an instance: imports of backups, and online ones from another server.
//!
//! ```text
//! (import)  ─► MIGRATING ─► SUCCESS | FAILED
//! (online)  ─► RUNNING ─► FULLMIGRATING ─► SUCCESS | INCRMIGEATING | MIGRATION_FAILED
//! MIGRATING | FULLMIGRATING | INCRMIGEATING ─► TERMINATING ─► TERMINATED
//! SUCCESS | TERMINATED | FAILED | MIGRATION_FAILED ─► FULLMIGRATING
//! ```
//!
//! While it is MIGRATING or FULLMIGRATING its target is RESTORING.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 12.

use serde::{Deserialize, Serialize};

use crate::domain::background_work::Effect;
use crate::domain::id::{BackupId, InstanceId, MigrationId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;

mod exchange;
mod places;

pub use exchange::{AddressExchange, ExchangeRequest, ExchangeStatus, Exchanged, exchange};
pub use places::{ImportFile, ImportSource, MigrationEndpoint, MigrationNetwork};

/// How many rows a migration logs at most: the oldest ones go.
const MAX_LOG_ROWS: usize = 1000;

/// What kind of migration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationKind {
    /// The import of a backup, or of files of backups.
    #[serde(rename = "backupfile_import")]
    Import,
    /// From another server.
    #[serde(rename = "online_migration")]
    Online,
}

impl MigrationKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Import, Self::Online];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "backupfile_import",
            Self::Online => "online_migration",
        }
    }
}

/// How much is migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationMethod {
    /// All that there is.
    #[serde(rename = "full_amount_migration")]
    Full,
    /// All that there is, then what changes.
    #[serde(rename = "incremental_migration")]
    Incremental,
}

impl MigrationMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Full, Self::Incremental];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full_amount_migration",
            Self::Incremental => "incremental_migration",
        }
    }
}

/// What resumes a migration that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResumeMode {
    /// It resumes by itself.
    Auto,
    /// Somebody resumes it.
    Manual,
}

impl ResumeMode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Auto, Self::Manual];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

/// Where a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MigrationStatus {
    /// Online: it was created, and nobody has said yet from where to where.
    Running,
    /// A backup is imported.
    Migrating,
    /// Online: all that there is, is copied.
    FullMigrating,
    /// Online: the target follows the source.
    #[serde(rename = "INCRMIGEATING")]
    Following,
    /// It is being stopped.
    Terminating,
    /// It was stopped.
    Terminated,
    /// It has ended well.
    Success,
    /// It has failed, or an instance of it is gone.
    Failed,
    /// Online: the full phase has failed.
    #[serde(rename = "MIGRATION_FAILED")]
    MigrationFailed,
    /// Its machine was given back.
    Released,
}

/// What happens to a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationEvent {
    /// The full phase begins.
    Begin,
    /// All that there was, was copied, and that was all.
    Complete,
    /// All that there was, was copied; from now on the target follows.
    Follow,
    /// It fails.
    Fail,
    /// An instance of it is deleted.
    InstanceGone,
    /// It is to stop.
    Stop,
    /// It has stopped.
    Stopped,
}

/// What leads from where to where. Nothing else does.
const TRANSITIONS: [(MigrationStatus, MigrationEvent, MigrationStatus); 17] = {
    use MigrationEvent as E;
    use MigrationStatus as S;
    [
        (S::Running, E::Begin, S::FullMigrating),
        (S::Success, E::Begin, S::FullMigrating),
        (S::Terminated, E::Begin, S::FullMigrating),
        (S::Failed, E::Begin, S::FullMigrating),
        (S::MigrationFailed, E::Begin, S::FullMigrating),
        (S::Migrating, E::Complete, S::Success),
        (S::FullMigrating, E::Complete, S::Success),
        (S::FullMigrating, E::Follow, S::Following),
        (S::Migrating, E::Fail, S::Failed),
        (S::FullMigrating, E::Fail, S::MigrationFailed),
        (S::Migrating, E::InstanceGone, S::Failed),
        (S::FullMigrating, E::InstanceGone, S::Failed),
        (S::Following, E::InstanceGone, S::Failed),
        (S::Migrating, E::Stop, S::Terminating),
        (S::FullMigrating, E::Stop, S::Terminating),
        (S::Following, E::Stop, S::Terminating),
        (S::Terminating, E::Stopped, S::Terminated),
    ]
};

impl MigrationStatus {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Migrating => "MIGRATING",
            Self::FullMigrating => "FULLMIGRATING",
            Self::Following => "INCRMIGEATING",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::MigrationFailed => "MIGRATION_FAILED",
            Self::Released => "RELEASED",
        }
    }

    /// Returns what it is after an event, if that can happen.
    pub fn after(self, event: MigrationEvent) -> Option<Self> {
        let found = TRANSITIONS.into_iter().find(|(from, what, _)| (*from, *what) == (self, event));
        found.map(|(_, _, to)| to)
    }

    /// Returns whether the target is RESTORING meanwhile.
    pub fn occupies_target(self) -> bool {
        matches!(self, Self::Migrating | Self::FullMigrating)
    }

    /// Returns whether data is on its way.
    pub fn is_migrating(self) -> bool {
        self.occupies_target() || self == Self::Following
    }
}

/// How bad it is what a row of a log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// For those who look for mistakes.
    Debug,
    /// All is well.
    Info,
    /// Something is odd.
    Warn,
    /// Something went wrong.
    Error,
}

impl LogLevel {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// A row of the log of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// When.
    pub created_at: Timestamp,
    /// How bad it is.
    pub level: LogLevel,
    /// The code of the message.
    pub code: String,
    /// What it says.
    pub message: String,
    /// What is special in the message.
    pub keyword: Vec<String>,
}

/// From where to where an online migration leads, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationSetup {
    /// How much is migrated.
    pub method: MigrationMethod,
    /// What resumes it; none: as before.
    pub resume_mode: Option<ResumeMode>,
    /// From where.
    pub source: MigrationEndpoint,
    /// To where.
    pub target: MigrationEndpoint,
    /// How many MB a second it may take, as it was sent.
    pub bandwidth_limit_mb: Option<String>,
}

/// A migration, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its id.
    pub id: MigrationId,
    /// Its name.
    pub name: String,
    /// A description, if one was given.
    pub description: Option<String>,
    /// What kind it is.
    pub kind: MigrationKind,
    /// Where it is.
    pub status: MigrationStatus,
    /// How much is migrated; none until that is said.
    pub method: Option<MigrationMethod>,
    /// What resumes it; none until that is said.
    pub resume_mode: Option<ResumeMode>,
    /// From where; none of an import, and until that is said.
    pub source: Option<MigrationEndpoint>,
    /// To where; none until that is said.
    pub target: Option<MigrationEndpoint>,
    /// What an import takes its data from.
    pub import: Option<ImportSource>,
    /// `vpc` or `vpn`.
    pub network_type: String,
    /// The network that its machine is in; none if its target is another server.
    pub network: Option<MigrationNetwork>,
    /// How many MB a second it may take, as it was sent.
    pub bandwidth_limit_mb: Option<String>,
    /// Whether its last full phase has ended well.
    pub is_full_phase_done: bool,
    /// The exchange of addresses between its instances, if there was one.
    pub exchange: Option<AddressExchange>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When an import ended.
    pub released_at: Option<Timestamp>,
    /// What went wrong, if anything did.
    pub error_message: Option<String>,
    /// What happened, oldest first.
    pub logs: Vec<LogRow>,
}

impl Migration {
    /// Returns a migration that is about to begin: an import has begun, an online one waits for its setup.
    pub fn new(id: MigrationId, name: String, kind: MigrationKind, now: Timestamp) -> Self {
        let status = match kind {
            MigrationKind::Import => MigrationStatus::Migrating,
            MigrationKind::Online => MigrationStatus::Running,
        };
        let mut migration = Self {
            id,
            name,
            description: None,
            kind,
            status,
            method: None,
            resume_mode: None,
            source: None,
            target: None,
            import: None,
            network_type: "vpc".to_owned(),
            network: None,
            bandwidth_limit_mb: None,
            is_full_phase_done: false,
            exchange: None,
            created_at: now,
            updated_at: now,
            released_at: None,
            error_message: None,
            logs: Vec::new(),
        };
        migration.info("migration.0001", "migration task created. Task id: ", &id.to_string(), now);
        if kind == MigrationKind::Import {
            migration.info("migration.0002", "import begins.", "", now);
        }
        migration
    }

    /// Returns the address of its machine, which follows from its id.
    pub fn machine_ip(&self) -> String {
        let [.., third, fourth] = *self.id.as_bytes();
        format!("192.168.{third}.{}", 2 + fourth % 250)
    }

    /// Returns the instance that it changes.
    pub fn target_id(&self) -> Option<InstanceId> {
        self.target.as_ref().and_then(|target| target.instance_id)
    }

    /// Returns the instance whose data it takes, or whose backup.
    pub fn source_id(&self) -> Option<InstanceId> {
        match (&self.source, &self.import) {
            (Some(source), _) => source.instance_id,
            (None, Some(ImportSource::BackupRecord { instance_id, .. })) => Some(*instance_id),
            (None, _) => None,
        }
    }

    /// Returns the backup whose data it takes.
    pub fn backup_id(&self) -> Option<BackupId> {
        match &self.import {
            Some(ImportSource::BackupRecord { backup_id, .. }) => Some(*backup_id),
            Some(ImportSource::SelfBuildObs { .. }) | None => None,
        }
    }

    /// Returns its full phase, or its import, as background work.
    pub fn transfer(&self) -> Effect {
        Effect::Migration { id: self.id, source: self.source_id(), backup: self.backup_id() }
    }

    /// Says from where to where it leads, and has its full phase begin.
    ///
    /// # Errors
    /// `InvalidParameter` (`target_instance`) if both ends are the same; `TaskRunning` of an import, or in the wrong state.
    pub fn configure(&mut self, setup: MigrationSetup, now: Timestamp) -> Result<(), Refusal> {
        let MigrationSetup { method, resume_mode, source, target, bandwidth_limit_mb } = setup;
        if self.kind == MigrationKind::Import {
            return Err(Refusal::TaskRunning);
        }
        if source.is_same(&target) {
            return Err(Refusal::InvalidParameter { name: "target_instance" });
        }
        self.happen(MigrationEvent::Begin, now)?;
        self.method = Some(method);
        self.resume_mode = resume_mode.or(self.resume_mode);
        (self.source, self.target) = (Some(source), Some(target));
        (self.bandwidth_limit_mb, self.exchange) = (bandwidth_limit_mb, None);
        Ok(())
    }

    /// Has its full phase begin again.
    ///
    /// # Errors
    /// `NotOnlineMigration` of an import; `TaskRunning` in the wrong state, and without a setup.
    pub fn restart(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.kind == MigrationKind::Import {
            return Err(Refusal::NotOnlineMigration);
        }
        if self.target.is_none() {
            return Err(Refusal::TaskRunning);
        }
        self.happen(MigrationEvent::Begin, now)
    }

    /// Has its full phase, or its import, end.
    ///
    /// # Errors
    /// `TaskRunning` in the wrong state.
    pub fn finish(&mut self, failure: Option<FailureCode>, at: Timestamp) -> Result<(), Refusal> {
        let event = match (failure, self.method) {
            (Some(_), _) => MigrationEvent::Fail,
            (None, Some(MigrationMethod::Incremental)) => MigrationEvent::Follow,
            (None, _) => MigrationEvent::Complete,
        };
        self.happen(event, at)?;
        if let Some(code) = failure {
            self.error_message = Some(format!("The migration failed: {}.", code.as_str()));
        }
        Ok(())
    }

    /// Says what resumes it from now on.
    ///
    /// # Errors
    /// `TaskRunning` of an import.
    pub fn set_resume_mode(&mut self, mode: ResumeMode, now: Timestamp) -> Result<(), Refusal> {
        if self.kind == MigrationKind::Import {
            return Err(Refusal::TaskRunning);
        }
        (self.resume_mode, self.updated_at) = (Some(mode), now);
        Ok(())
    }

    /// Decides whether it may be removed.
    ///
    /// # Errors
    /// `TaskRunning`.
    pub fn permit_deletion(&self) -> Result<(), Refusal> {
        let is_open = self.status.is_migrating() || self.status == MigrationStatus::Terminating;
        if is_open || self.exchange.as_ref().is_some_and(|exchange| exchange.status.is_open()) {
            Err(Refusal::TaskRunning)
        } else {
            Ok(())
        }
    }

    /// Has something happen to it, and logs it.
    ///
    /// # Errors
    /// `TaskRunning` if that cannot happen where it is.
    pub fn happen(&mut self, event: MigrationEvent, at: Timestamp) -> Result<(), Refusal> {
        self.status = self.status.after(event).ok_or(Refusal::TaskRunning)?;
        self.updated_at = at;
        let is_import = self.kind == MigrationKind::Import;
        match event {
            MigrationEvent::Begin => {
                (self.is_full_phase_done, self.error_message) = (false, None);
                self.info("migration.0003", "full migration begins.", "", at);
            }
            MigrationEvent::Complete if is_import => {
                self.is_full_phase_done = true;
                for name in self.imported() {
                    self.info("migration.0026", "file import complete: ", &name, at);
                }
                let id = self.id.to_string();
                self.info("migration.0012", "job success, all files import complete.Job id: ", &id, at);
            }
            MigrationEvent::Complete | MigrationEvent::Follow => {
                self.is_full_phase_done = true;
                self.info("migration.0004", "full migration complete.", "", at);
                if event == MigrationEvent::Follow {
                    self.info("migration.0005", "incremental migration begins.", "", at);
                }
            }
            MigrationEvent::Stop => self.info("migration.0006", "migration is being stopped.", "", at),
            MigrationEvent::Stopped => self.info("migration.0007", "migration stopped.", "", at),
            MigrationEvent::Fail => self.error("migration.0008", "the migration failed.", at),
            MigrationEvent::InstanceGone => {
                self.error("migration.0009", "an instance of the migration was deleted.", at);
            }
        }
        let has_ended = matches!(self.status, MigrationStatus::Success | MigrationStatus::Failed);
        if is_import && has_ended {
            self.released_at = Some(at);
        }
        Ok(())
    }

    fn imported(&self) -> Vec<String> {
        match &self.import {
            Some(ImportSource::SelfBuildObs { files, .. }) => {
                files.iter().map(|file| file.file_name.clone()).collect()
            }
            Some(ImportSource::BackupRecord { backup_name, .. }) => vec![backup_name.clone()],
            None => Vec::new(),
        }
    }

    fn info(&mut self, code: &str, message: &str, keyword: &str, at: Timestamp) {
        let (message, keyword) = match keyword {
            "" => (message.to_owned(), Vec::new()),
            keyword => (format!("{message}{keyword}."), vec![keyword.to_owned()]),
        };
        self.log(LogRow { created_at: at, level: LogLevel::Info, code: code.to_owned(), message, keyword });
    }

    fn error(&mut self, code: &str, message: &str, at: Timestamp) {
        self.error_message = Some(message.to_owned());
        let (code, message) = (code.to_owned(), message.to_owned());
        self.log(LogRow { created_at: at, level: LogLevel::Error, code, message, keyword: Vec::new() });
    }

    fn log(&mut self, row: LogRow) {
        if self.logs.len() >= MAX_LOG_ROWS {
            self.logs.remove(0);
        }
        self.logs.push(row);
    }
}

#[cfg(test)]
mod tests;
