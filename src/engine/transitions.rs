//! What moves work and instances on: the settings, unless somebody has ruled otherwise for everything, a project or an
//! instance.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::InstanceStatus;
use crate::domain::instance::transition::{InstanceProgression, StateProgression};
use crate::domain::work::Progression;
pub use crate::domain::work::WorkModel;
use crate::store::InstanceRef;

/// What goes through states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Work on an instance.
    Work(WorkModel),
    /// Instances themselves.
    Instance,
}

impl Model {
    /// Returns every model.
    pub fn all() -> impl Iterator<Item = Self> {
        WorkModel::ALL.into_iter().map(Self::Work).chain([Self::Instance])
    }

    /// Returns the word that the control API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Work(model) => model.as_str(),
            Self::Instance => "instance",
        }
    }

    /// Returns the model that [`Model::as_str`] calls `text`, if any.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|model| model.as_str() == text)
    }
}

/// What a rule is about. The narrower one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleScope {
    /// Everything.
    Everything,
    /// The instances of a project.
    Project(ProjectId),
    /// An instance.
    Instance(InstanceId),
}

impl RuleScope {
    /// Returns the scopes that an instance lies in, the narrowest first.
    fn around(instance: InstanceRef) -> [Self; 3] {
        [Self::Instance(instance.instance_id), Self::Project(instance.project_id), Self::Everything]
    }

    /// Returns the project it is about, if it is about one.
    pub fn project(self) -> Option<ProjectId> {
        match self {
            Self::Project(project) => Some(project),
            Self::Everything | Self::Instance(_) => None,
        }
    }

    /// Returns the instance it is about, if it is about one.
    pub fn instance(self) -> Option<InstanceId> {
        match self {
            Self::Instance(instance) => Some(instance),
            Self::Everything | Self::Project(_) => None,
        }
    }

    /// Returns whether it is about nothing but a project, which has these instances.
    pub fn is_within(self, project: ProjectId, instances: &HashSet<InstanceId>) -> bool {
        match self {
            Self::Everything => false,
            Self::Project(other) => other == project,
            Self::Instance(instance) => instances.contains(&instance),
        }
    }
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleDecision {
    /// What moves work on.
    Work(WorkModel, Progression),
    /// What moves instances on.
    Instance(InstanceProgression),
}

impl RuleDecision {
    /// Returns the model that it is about.
    pub fn model(&self) -> Model {
        match self {
            Self::Work(model, _) => Model::Work(*model),
            Self::Instance(_) => Model::Instance,
        }
    }
}

/// A rule: what moves a model on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionRule {
    /// What the rule is about.
    pub scope: RuleScope,
    /// What it says.
    pub decision: RuleDecision,
}

/// The rules somebody has made.
#[derive(Debug, Default)]
pub struct TransitionRules {
    rules: RwLock<Vec<TransitionRule>>,
}

impl TransitionRules {
    /// Returns the rules, in the order in which they were made.
    pub fn all(&self) -> Vec<TransitionRule> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces all rules.
    pub fn replace(&self, rules: Vec<TransitionRule>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// Returns what moves work on an instance on, if there is a rule about it.
    pub fn progression(&self, model: WorkModel, instance: InstanceRef) -> Option<Progression> {
        self.narrowest(&RuleScope::around(instance), of_work(model))
    }

    /// Returns what moves work of a project on, if there is a rule about it.
    pub fn progression_of_project(&self, model: WorkModel, project_id: ProjectId) -> Option<Progression> {
        self.narrowest(&[RuleScope::Project(project_id), RuleScope::Everything], of_work(model))
    }

    /// Returns what ends a state of an instance, if a rule says so. A rule that does not name the state leaves it to wider
    /// ones.
    pub fn state_progression(
        &self,
        instance: InstanceRef,
        state: InstanceStatus,
    ) -> Option<StateProgression> {
        self.narrowest(&RuleScope::around(instance), |decision| match decision {
            RuleDecision::Instance(progression) => progression.of_state(state),
            RuleDecision::Work(..) => None,
        })
    }

    /// Returns what `says` finds in the narrowest rule in which it finds anything; the narrowest scope comes first.
    fn narrowest<T>(&self, scopes: &[RuleScope], says: impl Fn(&RuleDecision) -> Option<T>) -> Option<T> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        scopes.iter().find_map(|scope| {
            rules.iter().filter(|rule| rule.scope == *scope).find_map(|rule| says(&rule.decision))
        })
    }
}

/// Returns a function that finds what moves work of a model on.
fn of_work(model: WorkModel) -> impl Fn(&RuleDecision) -> Option<Progression> {
    move |decision| match decision {
        RuleDecision::Work(of, progression) if *of == model => Some(*progression),
        RuleDecision::Work(..) | RuleDecision::Instance(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::instance::transition::StateDurations;

    fn instance() -> InstanceRef {
        InstanceRef {
            project_id: ProjectId::from_bytes([1; 16]),
            instance_id: InstanceId::from_bytes([2; 16]),
        }
    }

    #[test]
    fn the_narrower_rule_goes_first() {
        let instance = instance();
        let rule = |scope, progression| TransitionRule {
            scope,
            decision: RuleDecision::Work(WorkModel::Backup, progression),
        };
        let rules = TransitionRules::default();
        assert_eq!(rules.progression(WorkModel::Backup, instance), None);
        rules.replace(vec![
            rule(RuleScope::Everything, Progression::Manual),
            rule(RuleScope::Instance(instance.instance_id), Progression::Immediate),
        ]);
        assert_eq!(rules.progression(WorkModel::Backup, instance), Some(Progression::Immediate));
        let other = InstanceRef { instance_id: InstanceId::from_bytes([3; 16]), ..instance };
        assert_eq!(rules.progression(WorkModel::Backup, other), Some(Progression::Manual));
        assert_eq!(rules.progression(WorkModel::Restore, other), None);
    }

    #[test]
    fn a_rule_leaves_the_states_it_does_not_name_to_wider_ones() {
        let instance = instance();
        let lasting = |state, seconds| {
            let mut durations = StateDurations::default();
            durations.set(state, Duration::from_secs(seconds)).unwrap();
            RuleDecision::Instance(InstanceProgression::Timed(durations))
        };
        let rules = TransitionRules::default();
        rules.replace(vec![
            TransitionRule {
                scope: RuleScope::Project(instance.project_id),
                decision: RuleDecision::Instance(InstanceProgression::Manual),
            },
            TransitionRule {
                scope: RuleScope::Instance(instance.instance_id),
                decision: lasting(InstanceStatus::Creating, 15),
            },
        ]);
        let creating = rules.state_progression(instance, InstanceStatus::Creating);
        assert_eq!(creating, Some(StateProgression::Lasting(Duration::from_secs(15))));
        let extending = rules.state_progression(instance, InstanceStatus::Extending);
        assert_eq!(extending, Some(StateProgression::Manual));
        let elsewhere = InstanceRef { project_id: ProjectId::from_bytes([9; 16]), ..instance };
        assert_eq!(rules.state_progression(elsewhere, InstanceStatus::Extending), None);
        assert_eq!(rules.progression(WorkModel::Backup, instance), None);
    }
}
