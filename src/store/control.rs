//! The state as a whole: what a test empties, fills, counts and decides.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::id::ProjectId;
use crate::domain::time::Timestamp;
use crate::store::{SeedPlan, SeedReport, StatePart, StoreError};

/// What is emptied, and what is there afterwards.
#[derive(Clone)]
pub struct ResetPlan {
    /// The project that is emptied; everything if absent, settings included.
    pub project: Option<ProjectId>,
    /// What is created afterwards, if anything.
    pub seed: Option<SeedPlan>,
    /// The settings that are kept afterwards, each by its name and as a JSON document.
    pub settings: Vec<(&'static str, String)>,
    /// When it happens.
    pub now: Timestamp,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Projects.
    pub projects: u64,
    /// Instances that are not deleted.
    pub instances: u64,
    /// Backup records.
    pub backups: u64,
    /// Restore records.
    pub restores: u64,
    /// Events of the audit.
    pub events: u64,
    /// The version of the schema.
    pub schema_version: u64,
}

/// Reads of the state as a whole.
#[async_trait]
pub trait ControlReads: Send + Sync {
    /// Returns whether an instance, a record, a job, or anything else with an id of its own has this one.
    ///
    /// # Errors
    /// `Failed`.
    async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError>;

    /// Begins to read the whole state, or that of a project, and returns where its parts come out, in the order of a document
    /// and [`StatePart::End`] last. All of them show the same moment, whatever is written meanwhile.
    ///
    /// Nothing more comes after an error, or when nobody has taken anything for half a minute.
    fn export(&self, project: Option<ProjectId>) -> mpsc::Receiver<Result<StatePart, StoreError>>;
}

/// Changes of the state as a whole.
#[async_trait]
pub trait ControlWrites: Send + Sync {
    /// Creates what a seed wants and is not there; what is there stays as it is, or is replaced if the plan says so.
    ///
    /// # Errors
    /// `Refused` with `InstanceNameTaken` or `IdTaken`; `Unstorable`; `Failed`.
    async fn seed(&self, plan: SeedPlan, now: Timestamp) -> Result<SeedReport, StoreError>;

    /// Empties and fills again, as one step. The audit of what is emptied goes too.
    ///
    /// # Errors
    /// `Failed`; then nothing has changed.
    async fn reset(&self, plan: ResetPlan) -> Result<SeedReport, StoreError>;
}

/// The settings of the emulator that are persisted, and the state of its store.
#[async_trait]
pub trait SettingStore: Send + Sync {
    /// Returns the settings that are kept, by name.
    ///
    /// # Errors
    /// `Failed`.
    async fn kept_settings(&self) -> Result<BTreeMap<String, String>, StoreError>;

    /// Keeps a setting, a JSON document, or forgets it.
    ///
    /// # Errors
    /// `Failed`.
    async fn store_setting(&self, name: &'static str, value: Option<String>) -> Result<(), StoreError>;

    /// Keeps the setting that ids go by, and with it the key that signs links, if that changes, as one step.
    ///
    /// # Errors
    /// `Failed`.
    async fn store_ids_setting(
        &self,
        name: &'static str,
        value: String,
        link_key: Option<[u8; 32]>,
    ) -> Result<(), StoreError>;

    /// Returns how much is kept.
    ///
    /// # Errors
    /// `Failed`.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// Returns once the store has shown that it can write: a transaction of the writer was begun and committed.
    ///
    /// # Errors
    /// `Failed`, `Busy`.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Finishes what is queued, brings everything into the main file and closes it.
    async fn close(&self);
}
