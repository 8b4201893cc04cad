//! What runs in the background of instances, as clients list it.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.30 and 2.31; docs/contract/dcs-v2.md, sections 2.16 and 3.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::{CacheMode, Capacity, Creator};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::{Progress, WorkPlan};

/// A background task of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundTask {
    /// Its id.
    pub id: TaskId,
    /// What it does, in the API's word.
    pub name: String,
    /// What it is about; none of one that is of a project.
    pub details: Option<TaskDetails>,
    /// The job that was begun with it, if one was.
    pub job_id: Option<JobId>,
    /// Who asked for it.
    pub creator: Creator,
    /// Whether it waits for the window of maintenance.
    pub waits: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended, if it has.
    pub finished_at: Option<Timestamp>,
    /// Whether it failed.
    pub failed: bool,
    /// Why, if that is known.
    pub error_code: Option<String>,
}

/// What a task is about, as far as there is anything to tell of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskDetails {
    /// The size that it changes.
    #[serde(flatten)]
    pub sizes: Option<TaskSizes>,
    /// What it changes the port from, and to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<(u16, u16)>,
    /// The replica that it adds or removes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<TaskReplica>,
    /// What else it is about.
    #[serde(flatten)]
    pub subject: TaskSubject,
}

/// What the size of an instance is changed from, and to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TaskSizes {
    pub old: TaskSize,
    pub new: TaskSize,
}

/// What background work is about, in the API's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the API's `details`")]
pub struct TaskSubject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_public_ip: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ssl: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ip: Option<String>,
}

impl From<TaskSubject> for TaskDetails {
    fn from(subject: TaskSubject) -> Self {
        Self { subject, ..Self::default() }
    }
}

/// A replica, as a task tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReplica {
    /// The name of its shard.
    pub group_name: String,
    /// The code of its zone.
    pub zone_code: String,
    /// Its address.
    pub ip: String,
}

/// The size of an instance, as a task tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSize {
    /// The memory.
    #[serde(rename = "capacity_mb")]
    pub capacity: Capacity,
    /// The code of the product.
    pub spec_code: String,
    /// How data is kept.
    pub cache_mode: CacheMode,
    /// Copies of each shard, the master included.
    pub copies: u32,
}

/// Where something that runs in the background is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It waits for the window of maintenance.
    Waiting,
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
}

impl BackgroundTask {
    /// Returns where it is.
    pub fn course(&self) -> Course {
        match (self.finished_at, self.failed) {
            (None, _) if self.waits => Course::Waiting,
            (None, _) => Course::Running,
            (Some(_), false) => Course::Succeeded,
            (Some(_), true) => Course::Failed,
        }
    }

    /// Returns how far it is at `now`, and how much longer it takes, by the plan of what its instance does.
    ///
    /// Nothing is known of what runs until it is told to end.
    pub fn progress(&self, plan: Option<WorkPlan>, now: Timestamp) -> (Progress, Duration) {
        match (self.course(), plan.and_then(|plan| plan.due)) {
            (Course::Running, Some(due)) => {
                let progress = Progress::of_running(due.start_at, due.finish_at, now);
                (progress, due.finish_at.saturating_since(now))
            }
            (Course::Waiting, _) | (Course::Running, None) => (Progress::NONE, Duration::ZERO),
            (Course::Succeeded | Course::Failed, _) => (Progress::COMPLETE, Duration::ZERO),
        }
    }

    /// Decides whether it may be removed from the list.
    ///
    /// # Errors
    /// `TaskRunning`.
    pub fn permit_deletion(&self) -> Result<(), Refusal> {
        match self.course() {
            Course::Waiting | Course::Running => Err(Refusal::TaskRunning),
            Course::Succeeded | Course::Failed => Ok(()),
        }
    }
}

/// A kind of background work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Gives an instance another size.
    Resize,
    /// Adds a replica.
    AddReplica,
    /// Removes a replica.
    RemoveReplica,
    /// Sets who may connect.
    SetWhitelist,
    /// Sets who may connect, and names a job.
    SetWhitelistByJob,
    /// Changes the port.
    ChangePort,
    /// Changes or resets the password.
    ChangePassword,
    /// Changes configuration parameters, and names a job.
    ConfigureByJob,
    /// Switches encryption.
    SwitchEncryption,
    /// Switches whether the addresses of clients are seen.
    SwitchClientIps,
    /// Takes an instance to other zones.
    MigrateZones,
    /// Takes an instance to another network.
    SwitchSubnet,
    /// Starts or stops nodes.
    SwitchNodes,
    /// Analyses a backup.
    AnalyseOffline,
    /// Opens an instance to the public.
    OpenToPublic,
    /// Closes it.
    CloseToPublic,
    /// Gives shards another bandwidth.
    ChangeBandwidth,
    /// Brings an instance to the latest minor versions.
    UpgradeMinorVersion,
    /// Checks whether an instance can get another size.
    CheckResize,
    /// Exports the list of a project's instances.
    ExportInstances,
    /// Has a replica become master.
    SwitchOver,
    /// The same, before it is answered.
    SwapAtOnce,
    /// Takes the address of a replica from the domain name for reading.
    RemoveAddress,
    /// Makes an account.
    CreateAccount,
    /// Gives an account another role.
    SetAccountRole,
    /// Gives an account another password.
    ResetAccountPassword,
    /// Removes an account.
    DeleteAccount,
    /// Reads the sessions of a node.
    ScanSessions,
    /// Ends all sessions.
    EndSessions,
    /// Creates the machine of an online migration.
    CreateMigration,
    /// Exchanges addresses with another instance.
    ExchangeAddresses,
    /// Exchanges them back.
    RollBackAddresses,
}

/// The names under which the API shows a kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskNames {
    /// The name of its background task, if it has one.
    pub task: Option<&'static str>,
    /// The type of its job, if it has one.
    pub job: Option<&'static str>,
}

impl TaskKind {
    /// Returns the names of its task and of its job.
    ///
    /// The pages name every kind of task; a kind they do not name has none. Of jobs they name two only; the others follow their style.
    pub fn names(self) -> TaskNames {
        let (task, job) = match self {
            Self::Resize => (Some("ChangeInstanceSpec"), None),
            Self::AddReplica => (Some("AddReplica"), Some("addReplicaJob")),
            Self::RemoveReplica => (Some("DelReplica"), Some("deleteReplicaJob")),
            Self::SetWhitelist => (Some("AddWhitelist"), None),
            Self::SetWhitelistByJob => (Some("AddWhitelist"), Some("modifyWhitelistJob")),
            Self::ChangePort => (Some("UpdatePort"), None),
            Self::ChangePassword => (Some("modify"), None),
            Self::ConfigureByJob => (None, Some("modifyConfigJob")),
            Self::SwitchEncryption => (None, Some("modifySslJob")),
            Self::SwitchClientIps => (None, Some("modifyClientIpTransJob")),
            Self::MigrateZones => (None, Some("migrateAzJob")),
            Self::SwitchSubnet => (None, Some("switchSubnetJob")),
            Self::SwitchNodes => (None, Some("modifyNodeStatusJob")),
            Self::AnalyseOffline => (Some("OfflineKeyAnalysis"), None),
            Self::OpenToPublic => (Some("BindEip"), Some("bindPublicIpJob")),
            Self::CloseToPublic => (Some("UnBindEip"), Some("unbindPublicIpJob")),
            Self::ChangeBandwidth => (Some("ModifyBandwidth"), Some("modifyBandwidthJob")),
            Self::UpgradeMinorVersion => (Some("UpgradeMinorVersion"), None),
            Self::CheckResize => (Some("ResizePreCheck"), Some("resizePreCheckJob")),
            Self::ExportInstances => (Some("dcsExportJob"), Some("dcsExportJob")),
            Self::SwitchOver => (Some("masterStandbySwapJob"), Some("masterStandbySwapJob")),
            Self::SwapAtOnce => (Some("masterStandbySwapJob"), None),
            Self::RemoveAddress => (Some("RemoveIpFromDns"), Some("removeIpFromDnsJob")),
            Self::CreateAccount => (Some("CreateAcl"), Some("createAclJob")),
            Self::SetAccountRole => (Some("UpdateAclRole"), Some("updateAclRoleJob")),
            Self::ResetAccountPassword => (Some("ResetAclPassword"), None),
            Self::DeleteAccount => (Some("DeleteAcl"), None),
            Self::ScanSessions => (None, Some("scanClientsJob")),
            Self::EndSessions => (None, Some("killAllClientsJob")),
            Self::CreateMigration => (None, Some("createMigrationJob")),
            Self::ExchangeAddresses => (Some("ExchangeIp"), None),
            Self::RollBackAddresses => (Some("RollbackIp"), None),
        };
        TaskNames { task, job }
    }
}

/// Background work that is about to start, with the ids of its task and job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// What it is.
    pub task: TaskKind,
    /// The id of its task.
    pub task_id: TaskId,
    /// The id of its job.
    pub job_id: JobId,
    /// Who counts as having asked for it.
    pub creator: Creator,
}

/// A job that has begun. It outlives its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does, in the API's word.
    pub kind: String,
    /// Whether it waits for the window of maintenance.
    pub waits: bool,
    /// When it was begun, or asked for if it waits.
    pub begun_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Why it failed, if it did.
    pub fail_reason: Option<String>,
}

impl Job {
    /// Returns where it is.
    pub fn course(&self) -> Course {
        match (self.ended_at, &self.fail_reason) {
            (None, _) if self.waits => Course::Waiting,
            (None, _) => Course::Running,
            (Some(_), None) => Course::Succeeded,
            (Some(_), Some(_)) => Course::Failed,
        }
    }
}
