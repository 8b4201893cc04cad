//! The tags of an instance.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.22.

use crate::domain::refusal::Refusal;

/// The key of a tag: 1 to 36 characters, without blanks at its ends and without `=*<>\,|/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagKey(String);

/// The value of a tag: up to 43 characters, with the limits of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagValue(String);

/// The text cannot be part of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have at most {} characters (a key) or {} (a value), no blanks at its ends and none of = * < > \\ , | /",
    TagKey::MAX_CHARACTERS,
    TagValue::MAX_CHARACTERS
)]
pub struct InvalidTag;

impl TagKey {
    /// The most characters of a key.
    pub const MAX_CHARACTERS: usize = 36;

    /// Returns the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TagKey {
    type Error = InvalidTag;

    fn try_from(text: String) -> Result<Self, InvalidTag> {
        let fits = !text.is_empty() && is_plain(&text, Self::MAX_CHARACTERS);
        if fits { Ok(Self(text)) } else { Err(InvalidTag) }
    }
}

impl TagValue {
    /// The most characters of a value.
    pub const MAX_CHARACTERS: usize = 43;

    /// Returns the value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TagValue {
    type Error = InvalidTag;

    fn try_from(text: String) -> Result<Self, InvalidTag> {
        if is_plain(&text, Self::MAX_CHARACTERS) { Ok(Self(text)) } else { Err(InvalidTag) }
    }
}

fn is_plain(text: &str, most: usize) -> bool {
    const FORBIDDEN: [char; 8] = ['=', '*', '<', '>', '\\', ',', '|', '/'];
    text.chars().count() <= most
        && text.trim() == text
        && !text.contains(FORBIDDEN)
        && !text.contains(char::is_control)
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its key, which no other tag of the instance has.
    pub key: TagKey,
    /// Its value.
    pub value: TagValue,
}

/// A change of the tags of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagAction {
    /// Sets tags; those that are there get the new value.
    Create(Vec<Tag>),
    /// Removes tags; those that are not there are none to remove.
    Delete(Vec<TagKey>),
}

/// The tags of an instance, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// The most tags of an instance.
    pub const MOST: usize = 20;

    /// Takes tags; of two with one key the later value holds.
    ///
    /// # Errors
    /// `TooManyTags`.
    pub fn new(tags: Vec<Tag>) -> Result<Self, Refusal> {
        let mut all = Self::default();
        all.apply(TagAction::Create(tags))?;
        Ok(all)
    }

    /// Makes a change.
    ///
    /// # Errors
    /// `TooManyTags`; then nothing has changed.
    pub fn apply(&mut self, action: TagAction) -> Result<(), Refusal> {
        match action {
            TagAction::Create(tags) => {
                let mut changed = self.0.clone();
                for tag in tags {
                    match changed.iter_mut().find(|other| other.key == tag.key) {
                        Some(other) => other.value = tag.value,
                        None => changed.push(tag),
                    }
                }
                if changed.len() > Self::MOST {
                    return Err(Refusal::TooManyTags);
                }
                self.0 = changed;
            }
            TagAction::Delete(keys) => self.0.retain(|tag| !keys.contains(&tag.key)),
        }
        Ok(())
    }

    /// Returns them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned().try_into().unwrap(), value: value.to_owned().try_into().unwrap() }
    }

    #[test]
    fn keys_and_values_follow_the_rule() {
        for good in ["k", "a b", "schlüssel", &"x".repeat(36)] {
            assert!(TagKey::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in
            ["", " k", "k ", "a=b", "a/b", "a\\b", "a,b", "a|b", "<", ">", "*", "a\nb", &"x".repeat(37)]
        {
            assert_eq!(TagKey::try_from(bad.to_owned()), Err(InvalidTag), "{bad}");
        }
        assert!(TagValue::try_from(String::new()).is_ok());
        assert!(TagValue::try_from("x".repeat(43)).is_ok());
        assert_eq!(TagValue::try_from("x".repeat(44)), Err(InvalidTag));
    }

    #[test]
    fn creating_replaces_values_and_keeps_the_order() {
        let mut tags = Tags::new(vec![tag("a", "1"), tag("b", "2")]).unwrap();
        tags.apply(TagAction::Create(vec![tag("c", "3"), tag("a", "4")])).unwrap();
        assert!(tags.iter().eq(&[tag("a", "4"), tag("b", "2"), tag("c", "3")]));
        tags.apply(TagAction::Delete(vec![tag("b", "").key, tag("z", "").key])).unwrap();
        assert!(tags.iter().eq(&[tag("a", "4"), tag("c", "3")]));
    }

    #[test]
    fn a_tag_too_many_changes_nothing() {
        let numbered =
            |range: std::ops::Range<usize>| range.map(|n| tag(&format!("k{n}"), "")).collect::<Vec<_>>();
        let mut tags = Tags::new(numbered(0..20)).unwrap();
        let before = tags.clone();
        assert_eq!(
            tags.apply(TagAction::Create(vec![tag("k0", "new"), tag("one more", "")])),
            Err(Refusal::TooManyTags)
        );
        assert_eq!(tags, before);
        assert_eq!(Tags::new(numbered(0..21)), Err(Refusal::TooManyTags));
    }
}
