//! The password of an instance: what it must be like, and what happens to those who guess.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.7 and 2.14; docs/contract/dcs-v2.md, sections 2.3 and 2.6.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::identity::Secret;
use crate::domain::instance::{InstanceAction, OperationalState};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// The fewest and the most characters of a password.
const LENGTHS: RangeInclusive<usize> = 8..=32;
/// How many of the four kinds of characters a password has at least.
const KINDS: usize = 3;
/// The characters that are neither letters nor digits.
const SPECIAL: &str = "`~!@#$%^&*()-_=+[{}]:'\",<.>/?\\|";

/// Takes a password.
///
/// # Errors
/// `WeakPassword` unless it has 8 to 32 characters of at least three of the four kinds: small letters, capitals, digits,
/// and what else is permitted.
pub fn require_strong(password: Secret) -> Result<Secret, Refusal> {
    if is_strong(password.expose(), &LENGTHS) { Ok(password) } else { Err(Refusal::WeakPassword) }
}

/// Returns whether a password has as many characters as it may, of at least three of the four kinds.
pub fn is_strong(text: &str, lengths: &RangeInclusive<usize>) -> bool {
    let kinds: [fn(char) -> bool; 4] = [
        |character| character.is_ascii_lowercase(),
        |character| character.is_ascii_uppercase(),
        |character| character.is_ascii_digit(),
        |character| SPECIAL.contains(character),
    ];
    let is_permitted = text.chars().all(|character| kinds.iter().any(|is_of| is_of(character)));
    let used = kinds.iter().filter(|is_of| text.chars().any(is_of)).count();
    lengths.contains(&text.len()) && is_permitted && used >= KINDS
}

/// Takes a password that is to follow another one.
///
/// # Errors
/// `WeakPassword` as for [`require_strong`], or if it is the old one.
pub fn require_new(old: &Secret, new: Secret) -> Result<Secret, Refusal> {
    if old.expose() == new.expose() { Err(Refusal::WeakPassword) } else { require_strong(new) }
}

/// What a caller says of how clients are to get in from now on.
#[derive(Clone, Debug, Default)]
pub struct PasswordReset {
    /// The password that they need.
    pub password: Option<Secret>,
    /// Whether they need none.
    pub no_password: Option<bool>,
}

impl PasswordReset {
    /// Returns the password that they need from now on; none if they need none.
    ///
    /// # Errors
    /// `PasswordUnwanted` for a password where none is needed, `MissingPassword` where one is, `WeakPassword`.
    pub fn check(self) -> Result<Option<Secret>, Refusal> {
        match (self.no_password.unwrap_or(false), self.password) {
            (true, Some(_)) => Err(Refusal::PasswordUnwanted),
            (true, None) => Ok(None),
            (false, Some(password)) => require_strong(password).map(Some),
            (false, None) => Err(Refusal::MissingPassword),
        }
    }
}

/// Decides whether the password of an instance can be changed now by somebody who names the old one.
///
/// # Errors
/// `PasswordFree`; as [`permit_reset`].
pub fn permit_change(no_password: bool, state: OperationalState) -> Result<(), Refusal> {
    if no_password { Err(Refusal::PasswordFree) } else { permit_reset(state) }
}

/// Decides whether the password of an instance can be replaced or removed now, whatever the old one is.
///
/// # Errors
/// As [`OperationalState::refusal`].
pub fn permit_reset(state: OperationalState) -> Result<(), Refusal> {
    state.permit(InstanceAction::ChangePassword)
}

/// How often the wrong password was given in a row, and until when nobody may try again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordTries {
    /// How often it was wrong.
    pub wrong: u8,
    /// Until when nobody may try.
    pub locked_until: Option<Timestamp>,
}

/// How a try ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// It was the right one.
    Right,
    /// It was wrong; so many tries are left.
    Wrong {
        /// How many.
        left: u8,
    },
    /// Nobody may try, whatever the password.
    Locked {
        /// For how much longer.
        remaining: Duration,
    },
}

impl PasswordTries {
    /// How many wrong tries in a row there may be.
    pub const MOST: u8 = 5;
    /// How long nobody may try after them.
    pub const LOCK: Duration = Duration::from_mins(5);

    /// Returns what is left of them at `now`: nothing once a lock is over. No lock is longer than [`PasswordTries::LOCK`], also if
    /// the clock was put back since.
    fn at(self, now: Timestamp) -> Self {
        match self.locked_until {
            Some(until) if until <= now => Self::default(),
            Some(until) => Self { locked_until: Some(until.min(now.saturating_add(Self::LOCK))), ..self },
            None => self,
        }
    }

    /// Returns whether nobody may try at `now`, whatever the password.
    pub fn are_locked(self, now: Timestamp) -> bool {
        self.at(now).locked_until.is_some()
    }

    /// Takes a try into account.
    pub fn judge(&mut self, is_right: bool, now: Timestamp) -> PasswordVerdict {
        *self = self.at(now);
        if let Some(until) = self.locked_until {
            return PasswordVerdict::Locked { remaining: until.saturating_since(now) };
        }
        if is_right {
            *self = Self::default();
            return PasswordVerdict::Right;
        }
        self.wrong += 1;
        if self.wrong < Self::MOST {
            return PasswordVerdict::Wrong { left: Self::MOST - self.wrong };
        }
        self.locked_until = Some(now.saturating_add(Self::LOCK));
        PasswordVerdict::Locked { remaining: Self::LOCK }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_three_kinds_of_characters_and_no_others() {
        for (text, is_strong) in [
            ("Abcdefg1", true),
            ("abcdefg1", false),
            ("abc_efg1", true),
            ("ABC_EFG|", false),
            ("aB1\\`~\"'", true),
            ("Abcdef1", false),
            ("Abcdefg1Abcdefg1Abcdefg1Abcdefg1", true),
            ("Abcdefg1Abcdefg1Abcdefg1Abcdefg1x", false),
            ("Abcdefg 1", false),
            ("Äbcdefg1x", false),
        ] {
            assert_eq!(require_strong(Secret::new(text.to_owned())).is_ok(), is_strong, "{text}");
        }
    }

    #[test]
    fn five_wrong_tries_lock_for_five_minutes() {
        let at = |seconds: i64| Timestamp::from_millis((1_000_000 + seconds) * 1_000).unwrap();
        let mut tries = PasswordTries::default();
        for left in [4, 3, 2, 1] {
            assert_eq!(tries.judge(false, at(0)), PasswordVerdict::Wrong { left });
        }
        assert_eq!(tries.judge(false, at(0)), PasswordVerdict::Locked { remaining: PasswordTries::LOCK });
        let rest = PasswordVerdict::Locked { remaining: Duration::from_secs(1) };
        assert_eq!(tries.judge(true, at(299)), rest);
        // A clock that is put back makes no lock longer.
        let mut put_back = tries;
        let whole = PasswordVerdict::Locked { remaining: PasswordTries::LOCK };
        assert_eq!(put_back.judge(true, at(-86_400)), whole);
        assert_eq!(tries.judge(false, at(300)), PasswordVerdict::Wrong { left: 4 });
        assert_eq!(tries.judge(true, at(301)), PasswordVerdict::Right);
        assert_eq!(tries, PasswordTries::default());
    }
}
