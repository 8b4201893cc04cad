//! What a test decides: the time, ids, what moves work on, and what there is. Everything it decides outlives a restart.

mod faults;
pub(super) mod kept;
mod state;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;

use crate::clock::{Clock, VirtualClock};
use crate::domain::clock::{ClockRate, ClockSetting};
use crate::domain::instance::StatusTransition;
use crate::domain::time::Timestamp;
use crate::engine::contents::with_contents;
use crate::engine::control::kept::{ClockDocument, IdsDocument, PersistedSettings, RuleDocument, as_json};
use crate::engine::identity::Identity;
use crate::engine::seed::Seed;
use crate::engine::transitions::{Model, RuleDecision, RuleScope, TransitionRule, WorkModel};
use crate::engine::{Engine, EngineError};
use crate::ids::ReseedableIds;
use crate::store::{
    AppliedChange, BackupChange, Counts, DueChange, InstanceChange, OpenRecord, RestoreChange, SnapshotStore,
    WorkStep,
};

/// How many rules about a model there may be.
pub const MAX_RULES: usize = 1000;

/// A change of the clock; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClockChange {
    /// What it is to show.
    pub now: Option<Timestamp>,
    /// Whether it is to stand still.
    pub frozen: Option<bool>,
    /// How fast it is to run.
    pub rate: Option<ClockRate>,
}

/// Controls the emulator itself: clock, ids, transition rules, faults, seeds, reset, snapshots.
#[derive(Clone)]
pub struct Control {
    engine: Engine,
    identity: Identity,
    snapshots: Arc<dyn SnapshotStore>,
    clock: Arc<VirtualClock>,
    ids: Arc<ReseedableIds>,
    start_seed: Arc<Seed>,
    /// Held by whoever changes something: changes come one after the other, and what is kept is what holds.
    changing: Arc<Mutex<()>>,
}

impl Control {
    /// Puts it together; `start_seed` is what a reset applies again.
    pub fn new(
        engine: Engine,
        identity: Identity,
        snapshots: Arc<dyn SnapshotStore>,
        clock: Arc<VirtualClock>,
        ids: Arc<ReseedableIds>,
        start_seed: Seed,
    ) -> Self {
        let (start_seed, changing) = (Arc::new(start_seed), Arc::default());
        Self { engine, identity, snapshots, clock, ids, start_seed, changing }
    }

    /// Takes up what was decided before a restart.
    ///
    /// # Errors
    /// `Internal` if what is kept cannot be read.
    pub async fn resume(&self) -> Result<(), EngineError> {
        let decisions = PersistedSettings::read(self.engine.guarded.settings().kept_settings().await?)?;
        self.take_up(decisions);
        Ok(())
    }

    /// Lets what is kept hold.
    fn take_up(&self, decisions: PersistedSettings) {
        let real = || ClockSetting::real(self.clock.real_now());
        self.clock.set_face(decisions.clock.unwrap_or_else(real));
        self.ids.reseed(decisions.ids);
        self.engine.transitions.replace(decisions.rules);
        self.engine.faults.replace(decisions.faults);
    }

    /// Returns what the clock shows, and how it follows the real time.
    pub fn clock(&self) -> (Timestamp, ClockSetting) {
        (self.clock.now(), self.clock.face())
    }

    /// Changes the clock; what is due at the new time has been done when this returns.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn set_clock(&self, change: ClockChange) -> Result<Vec<AppliedChange>, EngineError> {
        let _turn = self.changing.lock().await;
        let real = self.clock.real_now();
        let mut face = self.clock.face();
        if let Some(now) = change.now {
            face = face.showing(now, real);
        }
        if let Some(rate) = change.rate {
            face = face.running_at(rate, real);
        }
        if let Some(frozen) = change.frozen {
            face = face.frozen(frozen, real);
        }
        self.set_clock_setting(face).await
    }

    /// Moves the clock forward; what has come due meanwhile has been done, in order, when this returns.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn advance(&self, duration: Duration) -> Result<Vec<AppliedChange>, EngineError> {
        let _turn = self.changing.lock().await;
        let real = self.clock.real_now();
        let face = self.clock.face();
        self.set_clock_setting(face.showing(face.at(real).saturating_add(duration), real)).await
    }

    /// Stored before it holds, so that a crash in between is made good by the next start. Nobody else does what comes due by it.
    async fn set_clock_setting(&self, face: ClockSetting) -> Result<Vec<AppliedChange>, EngineError> {
        let reconciler = self.engine.lock_reconciler().await;
        self.keep(kept::CLOCK, &ClockDocument::of(face)).await?;
        self.clock.set_face(face);
        let mut fired = reconciler.reconcile(self.clock.now()).await?;
        // A call that had its time before the clock moved may bring more, when what came due later is done.
        fired.sort_by_key(|change| change.at);
        Ok(fired)
    }

    /// Returns the seed from which ids follow, if any.
    pub fn ids_seed(&self) -> Option<u64> {
        self.ids.seed()
    }

    /// Lets ids follow from a seed, and with them the key that signs links, or not any more.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn reseed_ids(&self, seed: Option<u64>) -> Result<(), EngineError> {
        let _turn = self.changing.lock().await;
        let text = as_json(&IdsDocument { seed })?;
        self.engine.guarded.settings().store_ids_setting(kept::IDS, text, seed.map(kept::link_key)).await?;
        self.ids.reseed(seed);
        Ok(())
    }

    /// Returns the rules about what moves a model on.
    pub fn rules(&self, model: Model) -> Vec<TransitionRule> {
        self.engine.transitions.all().into_iter().filter(|rule| rule.decision.model() == model).collect()
    }

    /// Makes a rule about what is to come, in place of the one of the same model and scope; returns whether it was made: not if it
    /// would be one more than [`MAX_RULES`].
    ///
    /// # Errors
    /// `Internal`.
    pub async fn rule(&self, scope: RuleScope, decision: RuleDecision) -> Result<bool, EngineError> {
        let model = decision.model();
        self.replace_rule(model, scope, Some(TransitionRule { scope, decision })).await
    }

    /// Removes the rule about a model and a scope, if there is one.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn remove_rule(&self, model: Model, scope: RuleScope) -> Result<(), EngineError> {
        self.replace_rule(model, scope, None).await.map(drop)
    }

    async fn replace_rule(
        &self,
        model: Model,
        scope: RuleScope,
        by: Option<TransitionRule>,
    ) -> Result<bool, EngineError> {
        let _turn = self.changing.lock().await;
        let mut rules = self.engine.transitions.all();
        rules.retain(|rule| rule.decision.model() != model || rule.scope != scope);
        if by.is_some() && rules.iter().filter(|rule| rule.decision.model() == model).count() >= MAX_RULES {
            return Ok(false);
        }
        rules.extend(by);
        let kept: Vec<RuleDocument> = rules.iter().map(RuleDocument::of).collect();
        // What holds is what is kept, to the millisecond.
        let rules = kept.iter().cloned().map(RuleDocument::rule).collect::<Result<_, _>>()?;
        self.keep(kept::TRANSITIONS, &kept).await?;
        self.engine.transitions.replace(rules);
        Ok(true)
    }

    /// Moves what is open of a model one step on, whether it is due or not: all of it, or that of a project or an instance.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn step(&self, model: Model, scope: RuleScope) -> Result<Vec<AppliedChange>, EngineError> {
        let _turn = self.changing.lock().await;
        let reconciler = self.engine.lock_reconciler().await;
        let now = self.clock.now();
        reconciler.reconcile(now).await?;
        let open = reconciler.open_records(scope.project(), scope.instance()).await?;
        let changes: Vec<DueChange> =
            open.into_iter().filter_map(|record| next_change(record, model, now)).collect();
        let changes = with_contents(&*reconciler, changes).await?;
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(reconciler.apply_changes(changes, self.engine.settings.backups_kept).await?)
    }

    /// Returns the region, which seeds complete their entries by.
    pub fn region(&self) -> &str {
        &self.engine.settings.region
    }

    /// Returns how much is kept.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn counts(&self) -> Result<Counts, EngineError> {
        Ok(self.engine.guarded.settings().counts().await?)
    }

    async fn keep(&self, name: &'static str, value: &impl Serialize) -> Result<(), EngineError> {
        Ok(self.engine.guarded.settings().store_setting(name, Some(as_json(value)?)).await?)
    }
}

/// Returns the next step of a record of a model, made now.
fn next_change(record: OpenRecord, model: Model, now: Timestamp) -> Option<DueChange> {
    match (record, model) {
        (OpenRecord::Backup(backup), Model::Work(WorkModel::Backup)) => {
            let (event, _) = backup.next_event()?;
            // Not before the step before it, should the clock have been put back.
            let at = now.max(backup.status.started_at().unwrap_or(backup.created_at));
            let to = backup.status.transition(event, at).ok()?;
            let (id, instance_id, number) = (backup.id, backup.instance_id, backup.number);
            let (kind, from) = (backup.kind, backup.status.kind());
            Some(DueChange::Backup(BackupChange { id, instance_id, number, kind, from, to, at }))
        }
        (OpenRecord::Restore(restore), Model::Work(WorkModel::Restore)) => {
            let (event, _) = restore.next_event()?;
            let at = now.max(restore.status.started_at().unwrap_or(restore.created_at));
            let to = restore.status.transition(event, at).ok()?;
            let (id, instance_id, number) = (restore.id, restore.instance_id, restore.number);
            let from = restore.status.kind();
            Some(DueChange::Restore(RestoreChange { id, instance_id, number, from, to, at }))
        }
        (OpenRecord::Work(work), Model::Work(model))
            if work.effect.model() == model && work.effect.scheduled_scan().is_none() =>
        {
            // Not before the step before it, should the clock have been put back.
            let at = now.max(work.created_at);
            let step = WorkStep { step: work.next_step(), work, contents: None, scan: None, at };
            Some(DueChange::Work(Box::new(step)))
        }
        (OpenRecord::Instance(transition), Model::Instance) => {
            let StatusTransition { instance_id, status: from, plan } = transition;
            let to = transition.end()?;
            Some(DueChange::Instance(InstanceChange {
                instance_id,
                from,
                to,
                failure: plan.failure,
                at: now,
            }))
        }
        _ => None,
    }
}
