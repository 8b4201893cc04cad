//! Pages of a list: where they start, how long they are, and the window of time they look at.

use crate::domain::time::Timestamp;

/// The number is outside what a page allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a page holds between 1 and {} records", PageLimit::MAX)]
pub struct InvalidPageLimit;

/// How many records a page holds at most: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The most records a page may hold.
    pub const MAX: u16 = 1000;
    /// The most instances v1.0 shows when nothing is asked for.
    pub const ALL: Self = Self(Self::MAX);
    /// What lists of v2, and of backups and restores on v1.0, show when nothing is asked for.
    pub const TEN: Self = Self(10);

    /// Takes the number of records; a larger one than [`PageLimit::MAX`] becomes that.
    ///
    /// # Errors
    /// [`InvalidPageLimit`] for zero.
    pub fn clamped(records: u64) -> Result<Self, InvalidPageLimit> {
        match u16::try_from(records) {
            Ok(0) => Err(InvalidPageLimit),
            Ok(records) => Ok(Self(records.min(Self::MAX))),
            Err(_) => Ok(Self(Self::MAX)),
        }
    }

    /// Returns it, unless it is more than `most`.
    pub fn at_most(self, most: u16) -> Option<Self> {
        (self.0 <= most).then_some(self)
    }

    /// Returns the number of records.
    pub fn as_u64(self) -> u64 {
        u64::from(self.0)
    }
}

/// Which part of a list is asked for: `limit` records after the first `skip` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many records, newest first, lie before the page. v1.0 counts from one (`start`), v2 from zero (`offset`).
    pub skip: u64,
    /// How many records the page holds at most.
    pub limit: PageLimit,
}

/// A window of time, both ends included. An absent end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeWindow {
    /// The first instant inside.
    pub from: Option<Timestamp>,
    /// The last instant inside.
    pub until: Option<Timestamp>,
}

impl TimeWindow {
    /// Returns whether the window holds every time there is.
    pub fn is_everything(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    /// Returns whether the window starts after its end.
    pub fn is_reversed(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if from > until)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The records of the page, in list order.
    pub items: Vec<T>,
    /// How many records match the filters, on all pages together.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_at_least_one_and_clamped_to_a_thousand() {
        assert_eq!(PageLimit::clamped(0), Err(InvalidPageLimit));
        for (asked, given) in [(1, 1), (1000, 1000), (1001, 1000), (u64::MAX, 1000)] {
            assert_eq!(PageLimit::clamped(asked).unwrap().as_u64(), given);
        }
    }

    #[test]
    fn only_a_window_with_both_ends_can_be_reversed() {
        let at = |millis| Some(Timestamp::from_millis(millis).unwrap());
        assert!(TimeWindow { from: at(2), until: at(1) }.is_reversed());
        assert!(!TimeWindow { from: at(1), until: at(1) }.is_reversed());
        assert!(!TimeWindow { from: at(2), until: None }.is_reversed());
        assert!(TimeWindow::default().is_everything());
    }
}
