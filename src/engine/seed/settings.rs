//! Settings made at run time, in a seed.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::domain::clock::{ClockRate, ClockSetting};
use crate::domain::fault::Fault;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
use crate::engine::control::kept::{self, ClockDocument, IdsDocument, RuleDocument};
use crate::engine::faults;
use crate::engine::seed::text::Text;
use crate::engine::transitions::TransitionRule;

/// The settings in a seed.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SettingsEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<IdsDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transitions: Vec<RuleDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<Fault>,
}

/// The clock in a seed: it shows `now` at the real time `at`, which is that of the seeding when left out: it matters
/// only to one that runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockEntry {
    now: Text<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Text<Timestamp>>,
    #[serde(default)]
    frozen: bool,
    #[serde(default = "real_rate")]
    rate: f64,
}

fn real_rate() -> f64 {
    ClockRate::REAL.as_f64()
}

/// The settings that a seed wants, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::engine) struct SeededSettings {
    pub(in crate::engine) clock: Option<SeededClock>,
    pub(in crate::engine) ids: Option<IdsDocument>,
    pub(in crate::engine) rules: Vec<TransitionRule>,
    pub(in crate::engine) faults: Vec<Fault>,
}

/// A clock that a seed wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine) struct SeededClock {
    now: Timestamp,
    at: Option<Timestamp>,
    frozen: bool,
    rate: ClockRate,
}

impl SeededClock {
    /// Returns the clock as it is set at a real time.
    pub(in crate::engine) fn face(self, real: Timestamp) -> ClockSetting {
        ClockSetting::from_parts(self.now, self.at.unwrap_or(real), self.rate, self.frozen)
    }
}

impl SettingsEntry {
    /// Checks the settings; a problem comes with the path of its field.
    pub(super) fn complete(self) -> Result<SeededSettings, (String, String)> {
        let clock = match self.clock {
            None => None,
            Some(entry) => {
                let rate = ClockRate::new(entry.rate)
                    .map_err(|error| ("settings.clock.rate".to_owned(), error.to_string()))?;
                let at = entry.at.map(|at| at.0);
                Some(SeededClock { now: entry.now.0, at, frozen: entry.frozen, rate })
            }
        };
        let rule = |(index, rule): (usize, RuleDocument)| {
            let problem = || "is no rule; /_emulator/export writes some".to_owned();
            rule.rule().map_err(|_| (format!("settings.transitions[{index}]"), problem()))
        };
        let fault = |(index, fault): (usize, Fault)| {
            faults::seeded(fault).map_err(|problem| (format!("settings.faults[{index}]"), problem))
        };
        Ok(SeededSettings {
            clock,
            ids: self.ids,
            rules: self.transitions.into_iter().enumerate().map(rule).collect::<Result<_, _>>()?,
            faults: self.faults.into_iter().enumerate().map(fault).collect::<Result<_, _>>()?,
        })
    }

    /// Writes settings down as they are kept, but for faults that are over.
    ///
    /// # Errors
    /// `Internal` for a setting that is unknown or cannot be read.
    pub(super) fn of_kept(settings: BTreeMap<String, String>, now: Timestamp) -> Result<Self, EngineError> {
        let mut entry = Self::default();
        for (name, text) in settings {
            match name.as_str() {
                kept::CLOCK => {
                    entry.clock = Some(ClockEntry::of(kept::read::<ClockDocument>(&text)?.face()?));
                }
                kept::IDS => {
                    entry.ids = Some(kept::read(&text)?).filter(|ids: &IdsDocument| ids.seed.is_some());
                }
                kept::TRANSITIONS => entry.transitions = kept::read(&text)?,
                kept::FAULTS => {
                    entry.faults = kept::read(&text)?;
                    entry.faults.retain(|fault| !fault.is_over(now));
                }
                // A state that is not written down whole is not written down.
                _ => return Err(kept::inconsistent("a kept setting is unknown")),
            }
        }
        Ok(entry)
    }

    /// Returns the part that is limited to a project, which has these instances.
    pub(super) fn within(self, project: ProjectId, instances: &HashSet<InstanceId>) -> Self {
        let is_rule_within = |rule: &RuleDocument| {
            rule.clone().rule().is_ok_and(|rule| rule.scope.is_within(project, instances))
        };
        let mut entry = Self { clock: None, ids: None, ..self };
        entry.transitions.retain(is_rule_within);
        entry.faults.retain(|fault| fault.matcher.is_within(project, instances));
        entry
    }

    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.clock.is_none() && self.ids.is_none() && self.transitions.is_empty() && self.faults.is_empty()
    }
}

impl SeededSettings {
    /// Keeps the part that is limited to a project, which has these instances.
    pub(in crate::engine) fn retain_within(&mut self, project: ProjectId, instances: &HashSet<InstanceId>) {
        (self.clock, self.ids) = (None, None);
        self.rules.retain(|rule| rule.scope.is_within(project, instances));
        self.faults.retain(|fault| fault.matcher.is_within(project, instances));
    }
}

impl ClockEntry {
    fn of(face: ClockSetting) -> Self {
        let (now, at, rate, frozen) = face.parts();
        // One that stands still shows the same whenever it was set.
        let at = (!frozen).then_some(Text(at));
        Self { now: Text(now), at, frozen, rate: rate.as_f64() }
    }
}
