//! What a snapshot of the whole state is called.

use std::fmt;
use std::str::FromStr;

/// The name of a snapshot: 1 to 64 letters, digits, dots, underscores and dashes; the first is no dot.
///
/// So it can be the name of a file, and of one that everybody sees, in every folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName(String);

/// The text is no name of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a snapshot has 1 to {} letters (A to Z), digits, dots, underscores and dashes, and does not begin with a dot",
    SnapshotName::MAX_CHARACTERS
)]
pub struct InvalidSnapshotName;

impl SnapshotName {
    /// The most characters a name may have.
    pub const MAX_CHARACTERS: usize = 64;

    /// Returns the name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SnapshotName {
    type Err = InvalidSnapshotName;

    fn from_str(text: &str) -> Result<Self, InvalidSnapshotName> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=Self::MAX_CHARACTERS).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(is_allowed);
        if is_name { Ok(Self(text.to_owned())) } else { Err(InvalidSnapshotName) }
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_that_of_a_plain_file() {
        for name in ["a", "before-the-upgrade", "v1.0_b", "-", "a..b", &"n".repeat(64)] {
            assert_eq!(name.parse::<SnapshotName>().map(|name| name.to_string()).as_deref(), Ok(name));
        }
        for text in ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\0", "a\n", "..\\a", &"n".repeat(65)] {
            assert_eq!(text.parse::<SnapshotName>(), Err(InvalidSnapshotName), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_never_leads_to_another_folder(text in ".{0,70}") {
            if let Ok(name) = text.parse::<SnapshotName>() {
                let parts: Vec<_> = std::path::Path::new(name.as_str()).components().collect();
                prop_assert!(matches!(parts.as_slice(), [std::path::Component::Normal(_)]));
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
