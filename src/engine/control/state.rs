//! The state as a whole: empty it, fill it, write it down, snapshot it and go back to a snapshot.

use std::collections::HashSet;

use crate::clock::Clock;
use crate::domain::clock::ClockSetting;
use crate::domain::fault::Fault;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::snapshot::SnapshotName;
use crate::engine::EngineError;
use crate::engine::control::Control;
use crate::engine::control::kept::{
    self, ClockDocument, IdsDocument, PersistedSettings, RuleDocument, as_json,
};
use crate::engine::faults::merge;
use crate::engine::seed::{Applying, Export, KnownUsers, Seed, SeededSettings};
use crate::engine::transitions::TransitionRule;
use crate::store::{
    ResetPlan, RestorePlan, SeedReport, Snapshot, SnapshotError, SnapshotFile, SnapshotUpload,
};

/// What a seed makes of the settings.
struct NewSettings {
    /// The clock, if it changes.
    face: Option<ClockSetting>,
    /// The seed of ids, if it changes.
    ids: Option<IdsDocument>,
    /// The rules that hold afterwards.
    rules: Vec<TransitionRule>,
    /// The faults that there are afterwards, if they change.
    faults: Option<Vec<Fault>>,
    /// Those that change, as they are kept.
    kept: Vec<(&'static str, String)>,
}

impl Control {
    /// Begins an export of everything or of a project: a seed of it.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn export(&self, project: Option<ProjectId>) -> Result<Export, EngineError> {
        self.engine.export(project).await
    }

    /// Decides what a seed makes of the settings, of which these rules and faults stay: it adds what is not there, and replaces what is
    /// if it is to overwrite.
    fn new_settings(
        &self,
        seeded: &SeededSettings,
        (mut rules, mut faults): (Vec<TransitionRule>, Vec<Fault>),
        sets_clock: bool,
        overwrite: bool,
    ) -> Result<NewSettings, EngineError> {
        let mut kept = Vec::new();
        let face = seeded.clock.filter(|_| sets_clock).map(|clock| clock.face(self.clock.real_now()));
        if let Some(face) = face {
            kept.push((kept::CLOCK, as_json(&ClockDocument::of(face))?));
        }
        let ids = seeded.ids.filter(|_| overwrite || self.ids.seed().is_none());
        if let Some(ids) = &ids {
            kept.push((kept::IDS, as_json(ids)?));
        }
        let is_same = |rule: &TransitionRule, other: &TransitionRule| {
            rule.scope == other.scope && rule.decision.model() == other.decision.model()
        };
        if overwrite {
            rules.retain(|rule| seeded.rules.iter().all(|seeded| !is_same(rule, seeded)));
        }
        for seeded in &seeded.rules {
            if rules.iter().all(|rule| !is_same(rule, seeded)) {
                rules.push(seeded.clone());
            }
        }
        if !seeded.rules.is_empty() {
            let kept_rules: Vec<RuleDocument> = rules.iter().map(RuleDocument::of).collect();
            kept.push((kept::TRANSITIONS, as_json(&kept_rules)?));
        }
        if !seeded.faults.is_empty() {
            merge(&mut faults, &seeded.faults, overwrite);
            kept.push((kept::FAULTS, as_json(&faults)?));
        }
        Ok(NewSettings { face, ids, rules, faults: Some(faults), kept })
    }

    /// Puts settings that have been stored into effect.
    fn apply_settings(&self, new: NewSettings) {
        if let Some(face) = new.face {
            self.clock.set_face(face);
        }
        if let Some(ids) = new.ids {
            self.ids.reseed(ids.seed);
        }
        self.engine.transitions.replace(new.rules);
        if let Some(faults) = new.faults {
            self.engine.faults.replace(faults);
        }
        self.identity.forget();
    }

    /// Applies a seed: creates what is not there, and replaces what is if it is to overwrite. Reads show the state of before until
    /// it is committed; no operation changes anything meanwhile.
    ///
    /// # Errors
    /// `Refused` with `InstanceNameTaken` or `IdTaken`; `Unstorable`; `Unavailable`; `Internal`. Then nothing has changed.
    pub async fn seed(&self, seed: Seed, overwrite: bool) -> Result<SeedReport, EngineError> {
        let _changing = self.changing.lock().await;
        let store = self.engine.lock_changes().await;
        let seeds_faults = !seed.settings.faults.is_empty();
        let _faults = if seeds_faults { Some(self.engine.faults.lock().await) } else { None };
        let has_clock = store.kept_settings().await?.contains_key(kept::CLOCK);
        let known = (self.engine.transitions.all(), self.engine.faults());
        let mut new = self.new_settings(&seed.settings, known, overwrite || !has_clock, overwrite)?;
        if !seeds_faults {
            new.faults = None;
        }
        let settings = std::mem::take(&mut new.kept);
        let known = if overwrite { KnownUsers::AreGone } else { KnownUsers::AreKept };
        let ids = new.ids.map_or(self.ids.seed(), |ids| ids.seed);
        let names_link_key = seed.names_link_key();
        let now = new.face.map_or_else(|| self.clock.now(), |face| face.at(self.clock.real_now()));
        let mut plan = self.engine.plan(seed, Applying { known, overwrite, settings, now }).await?;
        if let Some(ids) = ids {
            plan.new_link_key = kept::link_key(ids);
            // What is seeded is reproducible, whatever there was before.
            plan.replaces_link_key = new.ids.is_some() && !names_link_key;
        }
        let (before_commit, reads) = self.engine.lock_reads_before_commit();
        plan.before_commit = Some(before_commit);
        let report = store.seed(plan, now).await?;
        // Nothing has come due by the old clock, and nobody has read by the new state and the old clock.
        let _reads = reads.await;
        self.apply_settings(new);
        Ok(report)
    }

    /// Empties everything, or a project, and applies the seeds of the start again unless told not to. After emptying
    /// everything, clock, ids, rules and faults start over too; with a project, the rules and faults about it and its instances go.
    ///
    /// # Errors
    /// `Internal`; then nothing has changed.
    pub async fn reset(&self, project: Option<ProjectId>, seed: bool) -> Result<SeedReport, EngineError> {
        let _changing = self.changing.lock().await;
        let store = self.engine.lock_exclusively().await;
        let _faults = self.engine.faults.lock().await;
        let seeds = if seed { (*self.start_seed).clone() } else { Seed::default() };
        let (plan, new) = match project {
            Some(project) => {
                let instances = store.instances_of(project).await?;
                self.reset_of_project(project, &instances, seeds.only(project)).await?
            }
            None => self.reset_of_everything(seeds).await?,
        };
        let report = store.reset(plan).await?;
        self.apply_settings(new);
        Ok(report)
    }

    async fn reset_of_project(
        &self,
        project: ProjectId,
        instances: &HashSet<InstanceId>,
        seeds: Seed,
    ) -> Result<(ResetPlan, NewSettings), EngineError> {
        let (mut rules, mut faults) = (self.engine.transitions.all(), self.engine.faults());
        rules.retain(|rule| !rule.scope.is_within(project, instances));
        faults.retain(|fault| !fault.matcher.is_within(project, instances));
        let new = self.new_settings(&seeds.settings, (rules, faults), false, false)?;
        let now = self.clock.now();
        let how = Applying { known: KnownUsers::AreKept, overwrite: false, settings: Vec::new(), now };
        let seed = self.engine.plan(seeds, how).await?;
        // A project is emptied without a look at what is built in.
        let seed = Some(seed).filter(|seed| !seed.projects.is_empty());
        let kept_rules: Vec<RuleDocument> = new.rules.iter().map(RuleDocument::of).collect();
        let settings =
            vec![(kept::TRANSITIONS, as_json(&kept_rules)?), (kept::FAULTS, as_json(&new.faults)?)];
        Ok((ResetPlan { project: Some(project), seed, settings, now }, new))
    }

    async fn reset_of_everything(&self, seeds: Seed) -> Result<(ResetPlan, NewSettings), EngineError> {
        let mut new = self.new_settings(&seeds.settings, Default::default(), true, false)?;
        let ids = self.ids.seed().or(new.ids.and_then(|ids| ids.seed));
        let mut settings = std::mem::take(&mut new.kept);
        settings.retain(|(name, _)| *name != kept::IDS);
        settings.push((kept::IDS, as_json(&IdsDocument { seed: ids })?));
        let real = self.clock.real_now();
        let face = new.face.unwrap_or_else(|| ClockSetting::real(real));
        let now = face.at(real);
        let how = Applying { known: KnownUsers::AreGone, overwrite: false, settings: Vec::new(), now };
        let mut seed = self.engine.plan(seeds, how).await?;
        if let Some(ids) = ids {
            seed.new_link_key = kept::link_key(ids);
        }
        (new.face, new.ids) = (Some(face), Some(IdsDocument { seed: ids }));
        Ok((ResetPlan { project: None, seed: Some(seed), settings, now }, new))
    }

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

    /// Brings a snapshot back: first in the store, then in memory. Until it is known to be usable requests go on; each is
    /// of before or of after. Returns the snapshot, as it was when it was brought back.
    ///
    /// # Errors
    /// `NotFound`, `Unusable`, `Store`; then nothing has changed, unless it is `OutcomeUnknown`.
    pub async fn restore_snapshot(&self, name: SnapshotName) -> Result<Snapshot, SnapshotError> {
        let _turn = self.changing.lock().await;
        let settings = self.snapshots.prepare_restore(&name).await?;
        let mut decisions = PersistedSettings::read(settings).map_err(unusable)?;
        let label = self.snapshots.snapshot(&name).await?.label;
        let _alone = self.engine.lock_exclusively().await;
        let _faults = self.engine.faults.lock().await;
        let mut settings = Vec::new();
        if let (Some(face), Some(label)) = (&mut decisions.clock, label) {
            // It shows what it showed then, and runs on from there.
            *face = face.showing(face.at(label.created_at), self.clock.real_now());
            settings.push((kept::CLOCK, as_json(&ClockDocument::of(*face)).map_err(unusable)?));
        }
        let snapshot = self.snapshots.restore_snapshot(RestorePlan { name, settings }).await?;
        self.take_up(decisions);
        self.identity.forget();
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
