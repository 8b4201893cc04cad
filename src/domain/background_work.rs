//! Background work other than backups, restores and status transitions. Its instance stays RUNNING, but for the target of a migration,
//! which is RESTORING; any number of pieces may be open.
//!
//! A piece of work is stored with the times at which its two steps are due, and with the effect that they have. It waits, then runs,
//! then has ended.
//!
//! Source: docs/contract/dcs-v2-operations.md.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::analysis_kind::AnalysisKind;
use crate::domain::id::{
    AccountId, AnalysisId, BackupId, DiagnosisId, InstanceId, JobId, MigrationId, ProjectId, TaskId,
};
use crate::domain::network::{BandwidthTargets, PublicAccessRequest};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::{WorkModel, WorkPlan};

/// A piece of background work that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundWork {
    /// The number by which the store knows it.
    pub key: i64,
    /// The project.
    pub project_id: ProjectId,
    /// The instance; none if it is the project's own.
    pub instance_id: Option<InstanceId>,
    /// What its steps do.
    pub effect: Effect,
    /// When they are due.
    pub plan: WorkPlan,
    /// Its background task, if it has one.
    pub task_id: Option<TaskId>,
    /// Its job, if it has one.
    pub job_id: Option<JobId>,
    /// Whether it runs; otherwise it waits.
    pub is_running: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What background work does, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Analyses keys.
    KeyAnalysis {
        /// The analysis.
        id: AnalysisId,
        /// The backup that it is about; none: what the instance holds at its end.
        backup: Option<BackupId>,
    },
    /// Begins the next analysis that a schedule asks for, and plans the one after it.
    ScheduledScan {
        /// What the analysis looks for.
        scan: AnalysisKind,
    },
    /// Opens its instance to the public, or closes it.
    PublicAccess {
        /// How it is opened; none: it is closed.
        to: Option<PublicAccessRequest>,
    },
    /// Gives shards another bandwidth.
    Bandwidth {
        /// The shards.
        shards: BandwidthTargets,
    },
    /// Lets the bandwidth of its instance be doubled, and ends that.
    BandwidthExpansion,
    /// Diagnoses an instance.
    Diagnosis {
        /// The diagnosis.
        id: DiagnosisId,
    },
    /// Brings an instance to the latest minor versions.
    UpgradeMinorVersion {
        /// Its background task.
        id: TaskId,
        /// Whether the engine is upgraded.
        engine: bool,
        /// Whether the proxies are.
        proxy: bool,
    },
    /// Checks whether an instance can get another size.
    CheckResize {
        /// Its background task.
        id: TaskId,
        /// How much more memory it would have, in MB.
        more_memory_mb: u64,
    },
    /// Exports the list of a project's instances.
    ExportInstances {
        /// Its job.
        id: JobId,
    },
    /// Has a replica become the master of its shard.
    SwitchOver {
        /// The replica.
        node: Uuid,
    },
    /// Takes the address of a replica from the domain name for reading.
    RemoveAddress {
        /// The replica.
        node: Uuid,
    },
    /// Makes, changes or removes an account.
    Account {
        /// The account, which says itself what is being done to it.
        id: AccountId,
    },
    /// Ends sessions.
    EndSessions {
        /// The job by which that is known.
        job_id: JobId,
        /// The node whose sessions end; none: those of every node.
        node: Option<Uuid>,
    },
    /// Copies the data of a migration's source.
    Migration {
        /// The migration.
        id: MigrationId,
        /// The instance whose data it takes, or whose backup; none: another server.
        source: Option<InstanceId>,
        /// The backup; none: what the source holds at its end.
        backup: Option<BackupId>,
    },
    /// Stops a migration.
    MigrationStop {
        /// The migration.
        id: MigrationId,
    },
    /// Exchanges the addresses of a migration's instances, or exchanges them back.
    AddressExchange {
        /// The migration.
        id: MigrationId,
    },
}

/// A step of background work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It runs from now on.
    Start,
    /// It has ended.
    Finish,
}

impl Effect {
    /// Returns what moves it on.
    pub fn model(&self) -> WorkModel {
        match self {
            Self::KeyAnalysis { .. } | Self::ScheduledScan { .. } => WorkModel::Analysis,
            Self::Diagnosis { .. } => WorkModel::Diagnosis,
            Self::Account { .. } => WorkModel::Account,
            Self::Migration { .. } | Self::MigrationStop { .. } | Self::AddressExchange { .. } => {
                WorkModel::Migration
            }
            _ => WorkModel::Task,
        }
    }

    /// Returns the id of what it is about, or, of what has none, a word.
    pub fn subject(&self) -> String {
        match self {
            Self::KeyAnalysis { id, .. } => id.to_string(),
            Self::ScheduledScan { scan } => scan.as_str().to_owned(),
            Self::PublicAccess { .. } => "public_access".to_owned(),
            Self::Bandwidth { .. } => "bandwidth".to_owned(),
            Self::BandwidthExpansion => "bandwidth_expansion".to_owned(),
            Self::Diagnosis { id } => id.to_string(),
            Self::UpgradeMinorVersion { id, .. } | Self::CheckResize { id, .. } => id.to_string(),
            Self::ExportInstances { id } => id.to_string(),
            Self::SwitchOver { node } | Self::RemoveAddress { node } => node.simple().to_string(),
            Self::Account { id } => id.to_string(),
            Self::EndSessions { job_id, .. } => job_id.to_string(),
            Self::Migration { id, .. } | Self::MigrationStop { id } | Self::AddressExchange { id } => {
                id.to_string()
            }
        }
    }

    /// Returns the backup that it is about, if it is about one.
    pub fn backup(&self) -> Option<BackupId> {
        match self {
            Self::KeyAnalysis { backup, .. } | Self::Migration { backup, .. } => *backup,
            _ => None,
        }
    }

    /// Returns the instance whose contents its end depends on, where that is another one than its own.
    pub fn source(&self) -> Option<InstanceId> {
        match self {
            Self::Migration { source, .. } => *source,
            _ => None,
        }
    }

    /// Returns whether its end depends on what an instance holds.
    pub fn reads_contents(&self) -> bool {
        match self {
            Self::KeyAnalysis { .. } | Self::Diagnosis { .. } => true,
            Self::Migration { source, .. } => source.is_some(),
            _ => false,
        }
    }

    /// Returns what a schedule looks for, if it is one: it waits for its time, and nothing else moves it on.
    pub fn scheduled_scan(&self) -> Option<AnalysisKind> {
        match self {
            Self::ScheduledScan { scan } => Some(*scan),
            _ => None,
        }
    }
}

impl BackgroundWork {
    /// Returns the steps that are due at `horizon`, in order, each with its time.
    pub fn due_steps(&self, horizon: Timestamp) -> Vec<(Step, Timestamp)> {
        let start = self.plan.start_at().filter(|_| !self.is_running).map(|at| (Step::Start, at));
        let finish = self.plan.finish_at().map(|at| (Step::Finish, at));
        start.into_iter().chain(finish).filter(|(_, at)| *at <= horizon).collect()
    }

    /// Returns the ids of its background task and of its job.
    pub fn ids(&self) -> (Option<TaskId>, Option<JobId>) {
        (self.task_id, self.job_id)
    }

    /// Returns the next step, due or not.
    pub fn next_step(&self) -> Step {
        if self.is_running { Step::Finish } else { Step::Start }
    }
}

impl Step {
    /// Returns the words for the states before and after it, of work that fails or not.
    pub fn states(self, fails: bool) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("waiting", "running"),
            Self::Finish if fails => ("running", "failed"),
            Self::Finish => ("running", "success"),
        }
    }
}

/// What the `task` of an instance shows while background work keeps others from changing it.
///
/// Source: docs/contract/dcs-v2-operations.md, sections 2, 3.4, 8, 10 and 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupation {
    /// A backup is analysed.
    OfflineAnalysis,
    /// Master and replica change places.
    SwitchOver,
    /// It is opened to the public, or closed.
    PublicAccess,
    /// It gets a newer minor version.
    Upgrade,
    /// It exchanges its addresses with another instance.
    AddressExchange,
}

impl Occupation {
    /// Every occupation.
    pub const ALL: [Self; 5] =
        [Self::OfflineAnalysis, Self::SwitchOver, Self::PublicAccess, Self::Upgrade, Self::AddressExchange];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OfflineAnalysis => "OFFLINE_KEY_ANALYSIS",
            Self::SwitchOver => "MASTER_STANDBY_SWAP",
            Self::PublicAccess => "BIND_EIP",
            Self::Upgrade => "UPGRADE",
            Self::AddressExchange => "IP_EXCHANGE",
        }
    }

    /// Returns how everything else is refused meanwhile.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::OfflineAnalysis => Refusal::InstanceAnalysing,
            Self::Upgrade => Refusal::InstanceUpgrading,
            Self::SwitchOver | Self::PublicAccess | Self::AddressExchange => {
                Refusal::InstanceStateUnsupported
            }
        }
    }
}

impl std::str::FromStr for Occupation {
    type Err = UnknownOccupation;

    fn from_str(text: &str) -> Result<Self, UnknownOccupation> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(UnknownOccupation)
    }
}

/// No occupation has that word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a task of an instance")]
pub struct UnknownOccupation;
