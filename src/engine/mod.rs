//! What the service does, in words of the domain: one function a use case, whichever version of the API asked.
//!
//! Every use case begins with the present time, and with it what is due at that time has been done ("reconcile, then
//! serve"): nobody ever sees a state that the plan has left behind.

mod accounts;
mod backups;
mod catalogue;
mod contents;
pub mod control;
mod diagnoses;
mod enterprise_projects;
mod error;
mod exports;
mod faults;
pub mod identity;
mod instance_config;
mod instance_password;
mod instances;
mod key_analyses;
mod links;
mod lock;
mod logs;
mod migrations;
mod minor_versions;
mod network;
mod networks;
mod nodes;
mod orders;
mod passwords;
mod restores;
pub mod seed;
mod sessions;
mod tasks;
pub mod transitions;
mod web_cli;

use std::sync::Arc;
use std::time::Duration;

pub use backups::{CreateBackupRequest, RecordsQuery};
pub use catalogue::ProductsQuery;
pub use enterprise_projects::AccountCaller;
pub use error::EngineError;
pub use faults::{FaultDocument, MAX_FAULTS};
pub use instances::{CreatedInstances, InstancesQuery, ResizeTerms};
pub use links::{DownloadLink, LinkRequest, LinkTarget, LinkedFile};
pub use migrations::{
    ConfigureMigrationRequest, CreateMigrationRequest, MigrationDetails, MigrationSourceRequest,
    MigrationStats, NewOnlineMigration, RequestedEndpoint,
};
pub use passwords::Passwords;
pub use restores::CreateRestoreRequest;
pub(crate) use seed::text::{DurationText, Text, TimeText};

pub use crate::domain::origin::ApiVersion;
/// Words of the store that callers of the engine speak as well.
pub use crate::store::{
    AppliedChange, ChangedRecord, Counts, InstanceFilter, InstancePageStart, InstanceRef,
    ParameterHistoryEntry, ResourceFilter, SeedReport, Snapshot, SnapshotError, SnapshotFile, StatusCount,
    TagValues,
};

use crate::clock::Clock;
use crate::domain::catalogue::Offers;
use crate::domain::id::{Identifier, ProjectId, RequestId};
use crate::domain::instance::transition::StateProgression;
use crate::domain::instance::{BackupRules, InstanceStatus};
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{FailureCode, Progression, WorkOptions};
use crate::engine::faults::Faults;
use crate::engine::lock::GuardedStore;
use crate::engine::transitions::{TransitionRules, WorkModel};
use crate::ids::IdSource;
use crate::store::{IdentityStore, Store};

/// Which version of the API may back up clusters. Setting `backup.cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterBackups {
    /// None: only master/standby instances. Source: docs/contract/dcs-v1.0.md, section 2.1.
    Never,
    /// Only v2, whose pages allow it.
    V2,
    /// Both, as the later revision of the v1.0 page allows.
    Always,
}

/// How the service behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct EngineSettings {
    /// Whether backups and restores are possible at all. Setting `backup.enabled`.
    pub backups_enabled: bool,
    /// Which version of the API may back up clusters. Setting `backup.cluster`.
    pub cluster_backups: ClusterBackups,
    /// How long a backup takes. Setting `backup.duration`.
    pub backup_duration: Duration,
    /// How long a restore takes. Setting `restore.duration`.
    pub restore_duration: Duration,
    /// How long all other background work takes. Setting `task.duration`.
    pub task_duration: Duration,
    /// How many usable backups of an instance stay; older ones expire. None: all. Setting `backup.keep`.
    pub backups_kept: Option<u32>,
    /// What is sold. Setting `cloud.products`.
    pub offers: Offers,
    /// The region, which names the built-in project. Setting `region`.
    pub region: String,
    /// Whether clusters can be given another size. Setting `instance.allow_cluster_extend`.
    pub clusters_extend: bool,
    /// Whether instances can be in nothing else than the network of their project has. Setting `network.mode`.
    pub strict_network: bool,
    /// Whether the instances of a project have different names. Setting `instances.unique_names`.
    pub unique_instance_names: bool,
    /// Whether an upgrade of minor versions that are the latest is refused. Setting `compat.upgrade_4053`.
    pub upgrades_must_change: bool,
    /// Whether hot keys are looked for only where uses of keys are counted. Setting `compat.hotkey_needs_lfu`.
    pub hot_keys_need_lfu: bool,
    /// The zone of the time in record names. Setting `naming.utc_offset`.
    pub name_offset: UtcOffset,
}

impl EngineSettings {
    fn backup_rules(&self, api: ApiVersion) -> BackupRules {
        let clusters = match self.cluster_backups {
            ClusterBackups::Never => false,
            ClusterBackups::V2 => api == ApiVersion::V2,
            ClusterBackups::Always => true,
        };
        BackupRules { enabled: self.backups_enabled, clusters }
    }
}

/// The service: its store, clock, ids and settings.
#[derive(Clone)]
pub struct Engine {
    guarded: GuardedStore,
    identity: Arc<dyn IdentityStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    settings: Arc<EngineSettings>,
    transitions: Arc<TransitionRules>,
    faults: Arc<Faults>,
    passwords: Passwords,
}

impl Engine {
    /// Puts the service together.
    pub fn new(
        store: Arc<dyn Store>,
        identity: Arc<dyn IdentityStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        settings: EngineSettings,
    ) -> Self {
        Self {
            guarded: GuardedStore::new(store),
            identity,
            clock,
            ids,
            settings: Arc::new(settings),
            transitions: Arc::default(),
            faults: Arc::default(),
            passwords: Passwords::default(),
        }
    }

    /// Returns what hashes passwords: its memory is bounded for all who share it.
    pub fn passwords(&self) -> Passwords {
        self.passwords.clone()
    }

    /// Returns an id for a request that has just arrived.
    pub fn new_request_id(&self) -> RequestId {
        self.ids.request_id()
    }

    /// Returns an id for what comes into being at `now`, that nothing has.
    async fn new_id<T: Identifier>(&self, now: Timestamp) -> Result<T, EngineError> {
        self.unused_id(|| T::from_random(self.ids.random_bits(), now), Identifier::as_bytes).await
    }

    /// Returns an id, made by `make`, that no record has.
    async fn unused_id<T>(
        &self,
        make: impl Fn() -> T + Send,
        bits: impl Fn(&T) -> &[u8; 16] + Send,
    ) -> Result<T, EngineError>
    where
        T: Send + Sync,
    {
        loop {
            let id = make();
            if !self.ids.may_repeat() || !self.guarded.is_taken(*bits(&id)).await? {
                return Ok(id);
            }
        }
    }

    /// Returns an id for the policy by which an instance is backed up.
    async fn new_policy_id(&self) -> Result<[u8; 16], EngineError> {
        self.unused_id(|| self.ids.random_bits(), |bits| bits).await
    }

    /// Returns the rules about what moves work on.
    pub fn transitions(&self) -> &TransitionRules {
        &self.transitions
    }

    /// Returns how a job on an instance is to go: as the rules have it, else as the settings do.
    fn work_options(
        &self,
        model: WorkModel,
        instance: InstanceRef,
        failure: Option<FailureCode>,
    ) -> WorkOptions {
        self.default_work_options(model, self.transitions.progression(model, instance), failure)
    }

    /// Returns how work of a project is to go: as the rules have it, else as the settings do.
    fn project_work_options(
        &self,
        model: WorkModel,
        project_id: ProjectId,
        failure: Option<FailureCode>,
    ) -> WorkOptions {
        self.default_work_options(model, self.transitions.progression_of_project(model, project_id), failure)
    }

    fn default_work_options(
        &self,
        model: WorkModel,
        ruled: Option<Progression>,
        failure: Option<FailureCode>,
    ) -> WorkOptions {
        let usual = match model {
            WorkModel::Backup => self.settings.backup_duration,
            WorkModel::Restore => self.settings.restore_duration,
            _ => self.settings.task_duration,
        };
        WorkOptions { progression: ruled.unwrap_or_else(|| Progression::lasting(usual)), failure }
    }

    /// Returns how the way of an instance through a state is to go: as the rules have it, else it takes no time.
    fn transition_options(&self, instance: InstanceRef, status: InstanceStatus) -> WorkOptions {
        let ruled = self.transitions.state_progression(instance, status);
        let progression = match ruled.unwrap_or(StateProgression::Immediate) {
            StateProgression::Immediate => Progression::Immediate,
            StateProgression::Lasting(running) => Progression::Timed { waiting: Duration::ZERO, running },
            StateProgression::Manual => Progression::Manual,
        };
        WorkOptions { progression, failure: None }
    }

    /// Returns once the store has shown that it can write.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` if it cannot.
    pub async fn probe(&self) -> Result<(), EngineError> {
        Ok(self.guarded.settings().probe().await?)
    }

    /// Finishes what is queued and closes the store.
    pub async fn close(&self) {
        self.guarded.settings().close().await;
    }
}
