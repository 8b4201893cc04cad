//! The state as a whole: empty it, fill it, write it down.

use std::collections::HashSet;

use tokio::sync::MutexGuard;

use crate::clock::Clock;
use crate::domain::clock::ClockFace;
use crate::domain::id::{InstanceId, ProjectId};
use crate::engine::EngineError;
use crate::engine::control::Control;
use crate::engine::control::kept::{self, KeptClock, KeptIds, KeptRule, as_json};
use crate::engine::lock::ExclusiveGuard;
use crate::engine::seed::{Applying, Export, KnownUsers, Seed, SeededSettings};
use crate::engine::transitions::TransitionRule;
use crate::store::{ResetPlan, SeedReport};

/// The right to replace everything, or much of it. While it is there nobody else decides anything, and no operation changes
/// anything: nothing comes due either.
pub struct Alone<'c> {
    control: &'c Control,
    _changing: MutexGuard<'c, ()>,
    store: ExclusiveGuard,
}

/// The right to apply a seed. While it is there nobody else decides anything, and no operation changes anything; reads go on.
pub struct Seeding<'c> {
    control: &'c Control,
    _changing: MutexGuard<'c, ()>,
    store: ExclusiveGuard,
}

/// What a seed makes of the settings.
struct NewSettings {
    /// The clock, if it changes.
    face: Option<ClockFace>,
    /// The seed of ids, if it changes.
    ids: Option<KeptIds>,
    /// The rules that hold afterwards.
    rules: Vec<TransitionRule>,
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

    /// Waits until nobody else decides anything and no operation runs.
    pub async fn alone(&self) -> Alone<'_> {
        let changing = self.changing.lock().await;
        Alone { control: self, _changing: changing, store: self.engine.lock_exclusively().await }
    }

    /// Waits until nobody else decides anything and no operation changes anything.
    pub async fn seeding(&self) -> Seeding<'_> {
        let changing = self.changing.lock().await;
        Seeding { control: self, _changing: changing, store: self.engine.lock_changes().await }
    }

    /// Returns what a reset of everything, or of a project, applies afterwards.
    pub fn seeds_of_reset(&self, project: Option<ProjectId>, seed: bool) -> Seed {
        let seeds = if seed { (*self.start_seed).clone() } else { Seed::default() };
        match project {
            Some(project) => seeds.only(project),
            None => seeds,
        }
    }

    /// Decides what a seed makes of the settings there are: it adds what is not there, and replaces what is if it is to
    /// overwrite.
    fn new_settings(
        &self,
        seeded: &SeededSettings,
        mut rules: Vec<TransitionRule>,
        sets_clock: bool,
        overwrite: bool,
    ) -> Result<NewSettings, EngineError> {
        let mut kept = Vec::new();
        let face = seeded.clock.filter(|_| sets_clock).map(|clock| clock.face(self.clock.real_now()));
        if let Some(face) = face {
            kept.push((kept::CLOCK, as_json(&KeptClock::of(face))?));
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
            let kept_rules: Vec<KeptRule> = rules.iter().map(KeptRule::of).collect();
            kept.push((kept::TRANSITIONS, as_json(&kept_rules)?));
        }
        Ok(NewSettings { face, ids, rules, kept })
    }
}

impl Alone<'_> {
    /// Returns the instances of a project, those that were deleted among them.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn instances_of(&self, project: ProjectId) -> Result<HashSet<InstanceId>, EngineError> {
        Ok(self.store.instances_of(project).await?)
    }
}

impl Seeding<'_> {
    /// Applies a seed: creates what is not there, and replaces what is if it is to overwrite. Reads show the state of before until
    /// it is committed.
    ///
    /// `faults` are those that hold afterwards, as text, if the seed changes them; `also` is done with what changes in memory.
    ///
    /// # Errors
    /// `Refused` with `InstanceNameTaken` or `IdTaken`; `Unstorable`; `Unavailable`; `Internal`. Then nothing has changed.
    pub async fn seed(
        self,
        seed: Seed,
        overwrite: bool,
        faults: Option<String>,
        also: impl FnOnce(),
    ) -> Result<SeedReport, EngineError> {
        let control = self.control;
        let has_clock = self.store.kept_settings().await?.contains_key(kept::CLOCK);
        let rules = control.engine.transitions.all();
        let new = control.new_settings(&seed.settings, rules, overwrite || !has_clock, overwrite)?;
        let mut settings = new.kept;
        settings.extend(faults.map(|faults| (kept::FAULTS, faults)));
        let known = if overwrite { KnownUsers::AreGone } else { KnownUsers::AreKept };
        let ids = new.ids.map_or(control.ids.seed(), |ids| ids.seed);
        let names_link_key = seed.names_link_key();
        let now = new.face.map_or_else(|| control.clock.now(), |face| face.at(control.clock.real_now()));
        let mut plan = control.engine.plan(seed, Applying { known, overwrite, settings, now }).await?;
        if let Some(ids) = ids {
            plan.new_link_key = kept::link_key(ids);
            // What is seeded is reproducible, whatever there was before.
            plan.replaces_link_key = new.ids.is_some() && !names_link_key;
        }
        let (before_commit, reads) = control.engine.lock_reads_before_commit();
        plan.before_commit = Some(before_commit);
        let report = self.store.seed(plan, now).await?;
        // Nothing has come due by the old clock, and nobody has read by the new state and the old clock.
        let _reads = reads.await;
        if let Some(face) = new.face {
            control.clock.set_face(face);
        }
        if let Some(ids) = new.ids {
            control.ids.reseed(ids.seed);
        }
        control.engine.transitions.replace(new.rules);
        control.identity.forget();
        also();
        Ok(report)
    }
}

impl Alone<'_> {
    /// Empties everything, or a project, and applies the seeds of the start again unless told not to. After emptying
    /// everything, clock, ids and rules start over too; with a project, the rules about it and its instances go.
    ///
    /// `faults` are those that hold afterwards, as text, if there are any.
    ///
    /// # Errors
    /// `Internal`; then nothing has changed.
    pub async fn reset(
        &self,
        project: Option<ProjectId>,
        seed: bool,
        faults: Option<String>,
    ) -> Result<SeedReport, EngineError> {
        let seeds = self.control.seeds_of_reset(project, seed);
        match project {
            Some(project) => self.reset_project(project, seeds, faults).await,
            None => self.reset_everything(seeds, faults).await,
        }
    }

    async fn reset_project(
        &self,
        project: ProjectId,
        seeds: Seed,
        faults: Option<String>,
    ) -> Result<SeedReport, EngineError> {
        let control = self.control;
        let instances = self.instances_of(project).await?;
        let mut rules = control.engine.transitions.all();
        rules.retain(|rule| !rule.scope.is_within(project, &instances));
        let new = control.new_settings(&seeds.settings, rules, false, false)?;
        let now = control.clock.now();
        let how = Applying { known: KnownUsers::AreKept, overwrite: false, settings: Vec::new(), now };
        let seed = control.engine.plan(seeds, how).await?;
        // A project is emptied without a look at what is built in.
        let seed = Some(seed).filter(|seed| !seed.projects.is_empty());
        let kept_rules: Vec<KeptRule> = new.rules.iter().map(KeptRule::of).collect();
        let mut settings = vec![(kept::TRANSITIONS, as_json(&kept_rules)?)];
        settings.extend(faults.map(|faults| (kept::FAULTS, faults)));
        let report = self.store.reset(ResetPlan { project: Some(project), seed, settings, now }).await?;
        control.engine.transitions.replace(new.rules);
        control.identity.forget();
        Ok(report)
    }

    /// Memory changes only once the store has.
    async fn reset_everything(&self, seeds: Seed, faults: Option<String>) -> Result<SeedReport, EngineError> {
        let control = self.control;
        let new = control.new_settings(&seeds.settings, Vec::new(), true, false)?;
        let ids = control.ids.seed().or(new.ids.and_then(|ids| ids.seed));
        let mut settings = new.kept;
        settings.retain(|(name, _)| *name != kept::IDS);
        settings.push((kept::IDS, as_json(&KeptIds { seed: ids })?));
        settings.extend(faults.map(|faults| (kept::FAULTS, faults)));
        let real = control.clock.real_now();
        let face = new.face.unwrap_or_else(|| ClockFace::real(real));
        let now = face.at(real);
        let how = Applying { known: KnownUsers::AreGone, overwrite: false, settings: Vec::new(), now };
        let mut seed = control.engine.plan(seeds, how).await?;
        if let Some(ids) = ids {
            seed.new_link_key = kept::link_key(ids);
        }
        let plan = ResetPlan { project: None, seed: Some(seed), settings, now };
        let report = self.store.reset(plan).await?;
        control.clock.set_face(face);
        control.ids.reseed(ids);
        control.engine.transitions.replace(new.rules);
        control.identity.forget();
        Ok(report)
    }
}
