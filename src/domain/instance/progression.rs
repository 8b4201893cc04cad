//! What moves an instance on through the states that pass.

use std::time::Duration;

use crate::domain::instance::InstanceStatus;

impl InstanceStatus {
    /// The states that pass by themselves, after a time. RESTORING is not one of them: it ends when the restore does.
    ///
    /// Source: docs/contract/dcs-v1.0.md, section 3.1.
    pub const PASSING: [Self; 6] =
        [Self::Creating, Self::Restarting, Self::Extending, Self::Flushing, Self::Starting, Self::Closing];
}

/// What ends a state that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateProgression {
    /// It has passed as soon as it begins.
    Immediate,
    /// It lasts.
    Lasting(Duration),
    /// It ends when it is told to.
    Manual,
}

/// What moves an instance on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceProgression {
    /// No state lasts.
    Immediate,
    /// The states that are named last as long as is said; of others nothing is said.
    Timed(StateDurations),
    /// It moves when it is told to.
    Manual,
}

impl InstanceProgression {
    /// Returns what ends a state, if anything is said of it.
    pub fn of_state(&self, state: InstanceStatus) -> Option<StateProgression> {
        match self {
            Self::Immediate => Some(StateProgression::Immediate),
            Self::Timed(durations) => durations.get(state).map(StateProgression::Lasting),
            Self::Manual => Some(StateProgression::Manual),
        }
    }
}

/// How long states last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDurations([Option<Duration>; InstanceStatus::PASSING.len()]);

impl StateDurations {
    /// Says how long a state lasts.
    ///
    /// # Errors
    /// [`NotPassing`] if the state does not pass by itself.
    pub fn set(&mut self, state: InstanceStatus, duration: Duration) -> Result<(), NotPassing> {
        let place = place(state).ok_or(NotPassing)?;
        self.0[place] = Some(duration);
        Ok(())
    }

    /// Returns how long a state lasts, if that is said.
    pub fn get(&self, state: InstanceStatus) -> Option<Duration> {
        self.0[place(state)?]
    }

    /// Returns the states of which something is said, with how long they last.
    pub fn iter(&self) -> impl Iterator<Item = (InstanceStatus, Duration)> + '_ {
        InstanceStatus::PASSING
            .into_iter()
            .zip(self.0)
            .filter_map(|(state, duration)| Some((state, duration?)))
    }
}

fn place(state: InstanceStatus) -> Option<usize> {
    InstanceStatus::PASSING.iter().position(|passing| *passing == state)
}

/// The state does not pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of CREATING, RESTARTING, EXTENDING, FLUSHING, STARTING, CLOSING")]
pub struct NotPassing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_that_pass_have_a_duration() {
        let mut durations = StateDurations::default();
        for state in InstanceStatus::ALL {
            let passes = InstanceStatus::PASSING.contains(&state);
            assert_eq!(durations.set(state, Duration::from_secs(1)).is_ok(), passes, "{state:?}");
            assert_eq!(durations.get(state).is_some(), passes, "{state:?}");
            assert_eq!(NotPassing.to_string().contains(state.as_str()), passes, "{state:?}");
        }
        assert_eq!(durations.iter().map(|(state, _)| state).collect::<Vec<_>>(), InstanceStatus::PASSING);
    }

    #[test]
    fn nothing_is_said_of_a_state_that_is_not_named() {
        let mut durations = StateDurations::default();
        durations.set(InstanceStatus::Creating, Duration::from_secs(15)).unwrap();
        let timed = InstanceProgression::Timed(durations);
        let creating = timed.of_state(InstanceStatus::Creating);
        assert_eq!(creating, Some(StateProgression::Lasting(Duration::from_secs(15))));
        assert_eq!(timed.of_state(InstanceStatus::Extending), None);
        let manual = InstanceProgression::Manual.of_state(InstanceStatus::Extending);
        assert_eq!(manual, Some(StateProgression::Manual));
    }
}
