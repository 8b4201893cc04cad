//! What moves work on: the settings, unless somebody has ruled otherwise for everything, a project or an instance.

use std::sync::{PoisonError, RwLock};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::work::Progression;
use crate::store::InstanceRef;

/// The kinds of work that go through states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkModel {
    /// Backups.
    Backup,
    /// Restores.
    Restore,
}

impl WorkModel {
    /// Every model.
    pub const ALL: [Self; 2] = [Self::Backup, Self::Restore];

    /// Returns the word that the control API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }

    /// Returns the model that [`WorkModel::as_str`] calls `text`, if any.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.as_str() == text)
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

/// A rule: what moves work of a model on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionRule {
    /// The kind of work.
    pub model: WorkModel,
    /// What the rule is about.
    pub scope: RuleScope,
    /// What moves the work on.
    pub progression: Progression,
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
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let scopes = [
            RuleScope::Instance(instance.instance_id),
            RuleScope::Project(instance.project_id),
            RuleScope::Everything,
        ];
        scopes.into_iter().find_map(|scope| {
            let rule = rules.iter().find(|rule| rule.model == model && rule.scope == scope);
            rule.map(|rule| rule.progression)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrower_rule_goes_first() {
        let instance = InstanceRef {
            project_id: ProjectId::from_bytes([1; 16]),
            instance_id: InstanceId::from_bytes([2; 16]),
        };
        let rule = |scope, progression| TransitionRule { model: WorkModel::Backup, scope, progression };
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
}
