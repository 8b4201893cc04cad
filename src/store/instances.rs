//! Instances as the store keeps them.

use std::collections::HashSet;

use async_trait::async_trait;

use crate::domain::id::{InstanceId, ProjectId, TaskId};
use crate::domain::identity::Secret;
use crate::domain::instance::password::{PasswordTries, PasswordVerdict};
use crate::domain::instance::{
    Capacity, Creator, Engine, Instance, InstanceName, InstanceStatus, InstanceSwitch, InstanceUpdate,
    MinorVersions, NewInstance, NodeSwitch, PlacementChange, Resize, StatusAction, UpgradeRequest,
    WaitingChange,
};
use crate::domain::network::PublicAccessRequest;
use crate::domain::order::Order;
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageLimit};
use crate::domain::quota::{Quota, Usage};
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::StoreError;

/// An instance, named together with the project that it must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceRef {
    /// The project.
    pub project_id: ProjectId,
    /// The instance.
    pub instance_id: InstanceId,
}

/// Which instances a list shows. What is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// The id is this one.
    pub id: Option<InstanceId>,
    /// The name contains this, case-sensitively.
    pub name_contains: Option<String>,
    /// The name is this.
    pub name_is: Option<String>,
    /// The status is this one.
    pub status: Option<InstanceStatus>,
    /// One of the addresses is this.
    pub ip: Option<String>,
    /// The address contains this.
    pub ip_contains: Option<String>,
    /// The cache engine is this one.
    pub engine: Option<Engine>,
    /// The memory is this much.
    pub capacity: Option<Capacity>,
    /// It has each of these tags: a key, and the value unless any will do.
    pub tags: Vec<(String, Option<String>)>,
    /// Whether instances whose creation failed are shown (they are when `status` asks for them).
    pub include_create_failed: bool,
}

/// Where a page of instances starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstancePageStart {
    /// After that many instances of the list.
    Skip(u64),
    /// After this instance; an id that is not in the list is followed by nothing.
    After(InstanceId),
}

/// How many instances of a cache engine are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The cache engine.
    pub engine: Engine,
    /// The state.
    pub status: InstanceStatus,
    /// How many.
    pub instances: u64,
}

/// Creates instances of a project: all or none.
#[derive(Clone, Debug)]
pub struct CreateInstances {
    /// The project.
    pub project_id: ProjectId,
    /// The id and name of each.
    pub identities: Vec<NewInstanceIdentity>,
    /// Whether their caller chose the id: then it may be taken.
    pub is_id_client_chosen: bool,
    /// What all of them are.
    pub new: NewInstance,
    /// A hash of the password, as PHC text.
    pub password_hash: Option<Secret>,
    /// The order by which they are paid, if they are in advance.
    pub order: Option<Order>,
    /// Who counts as their creator.
    pub creator: Creator,
    /// Whether no other instance of the project may have the name.
    pub unique_names: bool,
    /// Whether they can be in nothing else than the network of the project has.
    pub strict_network: bool,
    /// When they are made.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// The identity of one of several instances to be made, and how it comes about.
#[derive(Clone, Debug)]
pub struct NewInstanceIdentity {
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: InstanceName,
    /// The id of its backup policy, should it have one.
    pub policy_id: [u8; 16],
    /// How long it is being created.
    pub work: WorkOptions,
}

/// Changes an instance.
#[derive(Clone, Debug)]
pub struct ChangeInstance {
    /// The instance.
    pub instance: InstanceRef,
    /// What is to be done to it.
    pub command: InstanceCommand,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// What can be done to an instance.
#[derive(Clone, Debug)]
pub enum InstanceCommand {
    /// Change what takes no time.
    Update {
        /// What is to change.
        update: Box<InstanceUpdate>,
        /// The id of its backup policy, should this be its first.
        policy_id: [u8; 16],
        /// Whether no other instance of the project may have the name.
        unique_names: bool,
        /// The background task of a changed port, if a port is named.
        port_change: Option<NewTask>,
    },
    /// Give it other zones, another network, other replicas.
    ChangePlacement {
        /// What is wanted.
        extension: PlacementChange,
        /// The region, whose zones there are.
        region: String,
        /// What waits if the window of maintenance is not open; none: it begins at once.
        wait: Option<WaitingChange>,
        /// Its background task.
        task: NewTask,
        /// How long that takes.
        work: WorkOptions,
    },
    /// Delete it: it and its records are gone for everybody but the audit.
    Delete,
    /// Switch what is on or off.
    Switch {
        /// What, and which way.
        switch: InstanceSwitch,
        /// Its background task.
        task: NewTask,
    },
    /// Start or stop nodes of it.
    SwitchNodes {
        /// Which, and which way.
        switch: NodeSwitch,
        /// Its background task.
        task: NewTask,
    },
    /// Give it another size.
    Resize {
        /// What it is to become.
        resize: Box<Resize>,
        /// What waits if the window of maintenance is not open; none: it begins at once.
        wait: Option<WaitingChange>,
        /// Its background task.
        task: NewTask,
        /// How long that takes.
        work: WorkOptions,
        /// The order by which that is paid, if it is in advance.
        order: Option<Order>,
    },
    /// Open it to the public, or close it.
    ChangePublicAccess {
        /// How it is opened; none: it is closed.
        to: Option<PublicAccessRequest>,
        /// Whether it can be opened by nothing else than its project has.
        strict_network: bool,
        /// Its background task.
        task: NewTask,
        /// How long that takes.
        work: WorkOptions,
    },
    /// Give shards another bandwidth.
    ChangeBandwidth {
        /// The ids of shards, each with Mbit/s.
        wanted: Vec<(String, u64)>,
        /// Its background task.
        task: NewTask,
        /// How long that takes.
        work: WorkOptions,
    },
    /// Double its bandwidth for a week.
    ExpandBandwidth,
    /// Check whether it can get another size; nothing changes by that.
    CheckResize {
        /// What it would become.
        resize: Box<Resize>,
        /// Its background task.
        task: NewTask,
        /// How long that takes.
        work: WorkOptions,
    },
    /// Bring it to the latest minor versions.
    UpgradeMinorVersion {
        /// What is to be upgraded.
        order: UpgradeRequest,
        /// Its background task.
        task: NewTask,
        /// How long that takes.
        work: WorkOptions,
    },
    /// Remove a task that has ended from the list.
    DeleteTask {
        /// The task.
        task_id: TaskId,
    },
    /// Have it restarted, emptied, started or stopped.
    ChangeStatus {
        /// Which of them.
        action: StatusAction,
        /// How long that takes.
        work: WorkOptions,
    },
}

/// The password of an instance, as it is kept.
#[derive(Clone, Debug)]
pub struct StoredPassword {
    /// A hash of it, as PHC text; none if every password is the right one.
    pub hash: Option<Secret>,
    /// How often it was named wrongly of late.
    pub tries: PasswordTries,
}

/// Changes the password of an instance.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The instance.
    pub instance: InstanceRef,
    /// How it is to change.
    pub change: PasswordChange,
    /// Whether the new password has a colon.
    pub has_colon: bool,
    /// Its background task; none where nothing is to change.
    pub task: Option<NewTask>,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// How the password of an instance is to change. Hashes are PHC texts: the writer has no time to make or compare them.
#[derive(Clone, Debug)]
pub enum PasswordChange {
    /// By somebody who named the old one.
    Change {
        /// The hash that what was named has been compared with; none if every password is the right one.
        compared_with: Option<Secret>,
        /// A hash of the new password; none if the wrong old one was named.
        new_hash: Option<Secret>,
    },
    /// Whatever the old one is.
    Reset {
        /// A hash of the new password; none if clients are to need none.
        new_hash: Option<Secret>,
    },
    /// By somebody who came while nobody may try, so that nothing was compared or hashed.
    WhileLocked,
}

impl PasswordChange {
    /// Returns whether the password changes if it is granted.
    pub fn may_change(&self) -> bool {
        match self {
            Self::Change { new_hash, .. } => new_hash.is_some(),
            Self::Reset { .. } => true,
            Self::WhileLocked => false,
        }
    }
}

/// The result of a password change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// It was judged; it has changed if the verdict is `Right`.
    Judged(PasswordVerdict),
    /// Meanwhile there is another password than the one that was compared with, or the lock is gone. Nothing has changed.
    Outdated,
}

/// Reads of instances.
#[async_trait]
pub trait InstanceReads: Send + Sync {
    /// Returns an instance, or `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError>;

    /// Returns an instance, and the minor versions in which it is behind; `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn minor_versions(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<(Instance, MinorVersions)>, StoreError>;

    /// Returns the project of an instance that is there, whoever asks.
    ///
    /// # Errors
    /// `Failed`.
    async fn project_of(&self, instance_id: InstanceId) -> Result<Option<ProjectId>, StoreError>;

    /// Returns a page of a project's instances: newest first, ties by id.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError>;

    /// Returns all of a project's instances that a filter lets through, as they are at one moment: newest first, ties by id.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn all_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
    ) -> Result<Vec<Instance>, StoreError>;

    /// Returns the ids of a project's instances, those that were deleted among them.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn instances_of(&self, project_id: ProjectId) -> Result<HashSet<InstanceId>, StoreError>;

    /// Returns how many instances of each engine are in each state, as far as there are any.
    ///
    /// The cost does not depend on how many instances there are.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, StoreError>;

    /// Returns how much a project may have, and how much it has.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn quota(&self, project_id: ProjectId) -> Result<(Quota, Usage), StoreError>;

    /// Returns what is kept of the password of an instance; `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn instance_password(&self, instance: InstanceRef) -> Result<Option<StoredPassword>, StoreError>;
}

/// Changes of instances.
#[async_trait]
pub trait InstanceWrites: Send + Sync {
    /// Makes instances, all or none; the project is made if it is not there.
    ///
    /// # Errors
    /// `Refused` with `InstanceNameTaken`, as `Quota::permit`, with `IdTaken`, or with `InvalidParameter` (`private_ip`) if another
    /// instance of the subnet has the address; in this order.
    async fn create_instances(&self, command: CreateInstances) -> Result<(), StoreError>;

    /// Changes an instance.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `InstanceState::permit`, or as the command's own rules have it; in this order.
    async fn change_instance(&self, command: ChangeInstance) -> Result<(), StoreError>;

    /// Changes the password of an instance, or counts the try.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `PasswordFree` (of a change, not of a reset), or as `InstanceState::permit`; in this
    /// order.
    async fn change_password(&self, command: ChangePassword) -> Result<PasswordAnswer, StoreError>;
}
