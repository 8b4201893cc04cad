//! Snapshots of everything that is kept, and the way back to one.

use std::future::Future;

use tokio::sync::OwnedMutexGuard;

use crate::domain::snapshot::SnapshotName;
use crate::engine::EngineError;
use crate::engine::control::Control;
use crate::engine::control::kept::{self, Decisions, KeptClock, as_json};
use crate::store::{RestorePlan, Snapshot, SnapshotError, SnapshotFile, SnapshotLabel, SnapshotUpload};

impl Control {
    /// Returns all snapshots, by name.
    ///
    /// # Errors
    /// `Store`.
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>, SnapshotError> {
        Ok(self.snapshots.snapshots().await?)
    }

    /// Returns a snapshot.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub async fn snapshot(&self, name: &SnapshotName) -> Result<Snapshot, SnapshotError> {
        self.snapshots.snapshot(name).await
    }

    /// Makes a snapshot of everything as it is now, in place of one that has that name.
    ///
    /// # Errors
    /// `TooMany`, `Store`.
    pub async fn take_snapshot(&self, name: &SnapshotName) -> Result<Snapshot, SnapshotError> {
        let _turn = self.changing.lock().await;
        self.snapshots.take_snapshot(name, self.clock.real_now()).await
    }

    /// Opens the file of a snapshot.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub async fn snapshot_file(&self, name: &SnapshotName) -> Result<SnapshotFile, SnapshotError> {
        self.snapshots.snapshot_file(name).await
    }

    /// Begins a file that is to become a snapshot.
    ///
    /// # Errors
    /// `TooMany`, `Store`.
    pub async fn begin_upload(&self, name: &SnapshotName) -> Result<SnapshotUpload, SnapshotError> {
        self.snapshots.begin_upload(name).await
    }

    /// Makes a snapshot of a file that was written, in place of one that has that name.
    ///
    /// # Errors
    /// `TooMany`, `Unusable`, `Store`.
    pub async fn finish_upload(
        &self,
        name: &SnapshotName,
        upload: SnapshotUpload,
    ) -> Result<Snapshot, SnapshotError> {
        let checked = self.snapshots.check_upload(upload, self.clock.real_now()).await?;
        let _turn = self.changing.lock().await;
        self.snapshots.place_upload(name, checked).await
    }

    /// Removes a snapshot; returns those that are left, by name.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub async fn delete_snapshot(&self, name: &SnapshotName) -> Result<Vec<Snapshot>, SnapshotError> {
        let _turn = self.changing.lock().await;
        self.snapshots.delete_snapshot(name).await
    }

    /// Makes sure that a snapshot can be brought back; meanwhile requests go on.
    ///
    /// # Errors
    /// `NotFound`, `Unusable`, `Store`.
    pub async fn prepare_restore(&self, name: SnapshotName) -> Result<PreparedRestore, SnapshotError> {
        let turn = self.changing.clone().lock_owned().await;
        let settings = self.snapshots.prepare_restore(&name).await?;
        let decisions = Decisions::read(settings).map_err(unusable)?;
        let label = self.snapshots.snapshot(&name).await?.label;
        Ok(PreparedRestore { control: self.clone(), name, decisions, label, _turn: turn })
    }
}

/// A snapshot that can be brought back. While it is there nobody else decides anything.
pub struct PreparedRestore {
    control: Control,
    name: SnapshotName,
    decisions: Decisions,
    label: Option<SnapshotLabel>,
    _turn: OwnedMutexGuard<()>,
}

impl PreparedRestore {
    /// Returns the faults of the snapshot, as they were given.
    pub fn faults(&self) -> Option<&str> {
        self.decisions.faults.as_deref()
    }

    /// Brings everything back: first what is kept, then what is remembered of it; `also` is done with that. Every request is of
    /// before or of after. What `held` yields is waited for once nobody else does anything, and held to the end. Returns the snapshot, as it
    /// was when it was brought back.
    ///
    /// # Errors
    /// `Store`; then nothing has changed, unless it is `OutcomeUnknown`.
    pub async fn carry_out<H>(
        mut self,
        held: impl Future<Output = H>,
        also: impl FnOnce(),
    ) -> Result<Snapshot, SnapshotError> {
        let control = &self.control;
        let _alone = control.engine.lock_exclusively().await;
        let _held = held.await;
        let mut settings = Vec::new();
        if let (Some(face), Some(label)) = (&mut self.decisions.clock, self.label) {
            // It shows what it showed then, and runs on from there.
            *face = face.showing(face.at(label.created_at), control.clock.real_now());
            settings.push((kept::CLOCK, as_json(&KeptClock::of(*face)).map_err(unusable)?));
        }
        let plan = RestorePlan { name: self.name, settings };
        let snapshot = control.snapshots.restore_snapshot(plan).await?;
        control.take_up(&self.decisions);
        control.identity.forget();
        also();
        Ok(snapshot)
    }
}

fn unusable(error: EngineError) -> SnapshotError {
    let reason = match error {
        EngineError::Internal(error) => error.to_string(),
        error => error.to_string(),
    };
    SnapshotError::Unusable { reason }
}
