//! The note that a caller attaches to a record.

use std::fmt;

/// The note a caller attaches to a backup or a restore.
///
/// 0 to 128 characters, counted as Unicode scalar values, not trimmed.
///
/// Source: docs/contract/dcs-v1.0.md, section 2.1 `remark`, and section 5 no. 4 (characters, not bytes).
#[derive(Clone, PartialEq, Eq)]
pub struct Remark(String);

/// The text is longer than a remark may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a remark has at most {} characters", Remark::MAX_CHARACTERS)]
pub struct RemarkTooLong;

impl Remark {
    /// The most characters (Unicode scalar values) a remark may have.
    pub const MAX_CHARACTERS: usize = 128;

    /// Takes a note of the program's own: of a longer one what fits, and a mark that there was more.
    pub fn abridged(text: &str) -> Self {
        const MORE: char = '…';
        if text.chars().nth(Self::MAX_CHARACTERS).is_none() {
            return Self(text.to_owned());
        }
        Self(text.chars().take(Self::MAX_CHARACTERS - 1).chain([MORE]).collect())
    }

    /// Returns the note as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Remark {
    type Error = RemarkTooLong;

    fn try_from(text: String) -> Result<Self, RemarkTooLong> {
        // A text of that many bytes has no more characters than bytes: the usual remark is not counted.
        if text.len() <= Self::MAX_CHARACTERS || text.chars().count() <= Self::MAX_CHARACTERS {
            Ok(Self(text))
        } else {
            Err(RemarkTooLong)
        }
    }
}

/// Shows the length only: a remark is the caller's data and does not belong in logs.
impl fmt::Debug for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remark({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_remark_of_128_characters_passes_and_one_of_129_is_refused_whatever_their_bytes() {
        for character in ["a", "备", "🦀"] {
            assert!(Remark::try_from(character.repeat(128)).is_ok(), "{character}");
            assert_eq!(Remark::try_from(character.repeat(129)), Err(RemarkTooLong), "{character}");
        }
    }

    #[test]
    fn a_note_that_is_too_long_ends_in_a_mark() {
        for character in ["a", "备", "🦀"] {
            let fits = character.repeat(128);
            assert_eq!(Remark::abridged(&fits).as_str(), fits);
            assert_eq!(Remark::abridged(&character.repeat(129)).as_str(), character.repeat(127) + "…");
        }
    }

    #[test]
    fn a_remark_is_neither_trimmed_nor_logged() {
        let remark = Remark::try_from("  secret ".to_owned()).unwrap();
        assert_eq!(remark.as_str(), "  secret ");
        assert!(!format!("{remark:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn a_text_is_a_remark_exactly_up_to_128_characters(text in "\\PC{100,160}") {
            let fits = text.chars().count() <= Remark::MAX_CHARACTERS;
            prop_assert_eq!(Remark::try_from(text).is_ok(), fits);
        }
    }
}
