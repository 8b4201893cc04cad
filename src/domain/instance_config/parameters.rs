//! The configuration parameters that an instance has, and the values they may have.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::instance::{CacheMode, Engine, EngineVersion};
use crate::domain::instance_config::parameter_table::{self as table, ROWS, Row};
use crate::domain::refusal::Refusal;

/// The values that a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterRange {
    /// A whole number from the first to the second.
    Whole(u32, u32),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Up to eleven groups of classes of events, each with `K`, `E` or both in front; nothing stands for the default.
    KeyspaceEvents,
}

impl ParameterRange {
    /// Returns whether a text is such a value.
    pub fn holds(self, text: &str) -> bool {
        match self {
            Self::Whole(least, most) => {
                let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                is_number && text.parse().is_ok_and(|number: u32| (least..=most).contains(&number))
            }
            Self::Choice(words) => words.contains(&text),
            Self::KeyspaceEvents => are_keyspace_events(text),
        }
    }

    /// Returns the word that the API has for values of this kind.
    pub fn type_word(self) -> &'static str {
        match self {
            // Known quirk: the wire's spelling.
            Self::Whole(..) => "Interger",
            Self::Choice(_) => "Enum",
            Self::KeyspaceEvents => "regular",
        }
    }

    /// Returns the range as the API writes it.
    pub fn as_text(self) -> Cow<'static, str> {
        match self {
            Self::Whole(least, most) => format!("{least}-{most}").into(),
            Self::Choice(words) => words.join(",").into(),
            Self::KeyspaceEvents => "([KE]+([A]|[g$lshzxe]+)){0,11}".into(),
        }
    }
}

/// Most groups of classes of events in one value.
const MAX_EVENT_GROUPS: usize = 11;

/// Groups follow one another without a mark: each begins with an upper-case `K` or `E` and ends where the next begins.
fn are_keyspace_events(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..MAX_EVENT_GROUPS {
        if rest.is_empty() {
            return true;
        }
        let classes = rest.trim_start_matches(['K', 'E']);
        let after = match classes.strip_prefix('A') {
            Some(after) => after,
            None => classes.trim_start_matches(['g', '$', 'l', 's', 'h', 'z', 'x', 'e']),
        };
        if classes.len() == rest.len() || after.len() == classes.len() {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// A parameter as one instance has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The id that the API knows it by.
    pub id: u8,
    /// The name that the engine knows it by.
    pub name: &'static str,
    /// The values it may have.
    pub range: ParameterRange,
    /// The value it has until another is set.
    pub default: &'static str,
    /// Whether a change takes effect only after a restart.
    pub needs_restart: bool,
    /// What it does, for people.
    pub description: &'static str,
}

impl Parameter {
    /// Returns the value that a text sets: nothing at all stands for the default where events are named.
    ///
    /// # Errors
    /// `InvalidConfiguration`, `ReservedMemoryTooLarge`.
    fn value(self, text: &str) -> Result<String, Refusal> {
        if self.range == ParameterRange::KeyspaceEvents && text.is_empty() {
            return Ok(self.default.to_owned());
        }
        if self.range.holds(text) {
            return Ok(text.to_owned());
        }
        let too_large = self.id == table::RESERVED_MEMORY && ParameterRange::Whole(0, u32::MAX).holds(text);
        Err(if too_large {
            Refusal::ReservedMemoryTooLarge
        } else {
            Refusal::InvalidConfiguration { name: self.name.to_owned() }
        })
    }
}

/// A requested change of a parameter, as a caller writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterChange {
    /// The id; empty when only the name is known.
    pub id: String,
    /// The name.
    pub name: String,
    /// The new value.
    pub value: String,
}

/// The parameters of one instance or of one kind of instance, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// Returns the parameters that an instance of these attributes has; `usable_mb` is the memory that its clients can use.
    pub fn of(engine: Engine, version: &EngineVersion, mode: CacheMode, usable_mb: u32) -> Self {
        let sharded = matches!(mode, CacheMode::Cluster | CacheMode::Proxy);
        let first_generation = engine == Engine::Memcached || version.is_first_generation();
        let ids = match (engine, first_generation, mode) {
            (Engine::Memcached, ..) => table::MEMCACHED,
            (Engine::Redis, true, _) if sharded => table::FIRST_GENERATION,
            (Engine::Redis, true, _) => table::FIRST_GENERATION_WITHOUT_SHARDS,
            (Engine::Redis, false, CacheMode::Single) => table::SINGLE_NODE,
            (Engine::Redis, false, _) => table::WITH_REPLICAS,
        };
        let rows = ROWS.iter().filter(|row| ids.contains(&row.id));
        Self(rows.map(|row| parameter(row, first_generation, usable_mb)).collect())
    }

    /// Returns them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter()
    }

    /// Returns the parameter with that id.
    pub fn by_id(&self, id: u8) -> Option<&Parameter> {
        self.0.iter().find(|parameter| parameter.id == id)
    }

    /// Returns the parameter with that name.
    pub fn by_name(&self, name: &str) -> Option<&Parameter> {
        self.0.iter().find(|parameter| parameter.name == name)
    }

    /// Reads requested changes of parameters: all of them, or none. A parameter is found by its id, or by its name when the id
    /// is none; where both are known they must be of one parameter. Of two changes of one parameter the later holds.
    ///
    /// # Errors
    /// `InvalidConfiguration` with the name that was sent, `ReservedMemoryTooLarge`.
    pub fn read(&self, changes: &[ParameterChange]) -> Result<BTreeMap<u8, String>, Refusal> {
        let read = changes.iter().map(|change| {
            let unknown = || Refusal::InvalidConfiguration { name: change.name.clone() };
            let by_id = change.id.trim().parse().ok().and_then(|id| self.by_id(id));
            let parameter = match by_id {
                Some(parameter) if change.name.is_empty() || change.name == parameter.name => parameter,
                Some(_) => return Err(unknown()),
                None => self.by_name(&change.name).ok_or_else(unknown)?,
            };
            Ok((parameter.id, parameter.value(&change.value)?))
        });
        read.collect()
    }
}

/// Returns a parameter as an instance has it.
fn parameter(row: &Row, first_generation: bool, usable_mb: u32) -> Parameter {
    let Row { id, name, range, default, needs_restart, description } = *row;
    let parameter = Parameter { id, name, range, default, needs_restart, description };
    match id {
        table::MAXMEMORY_POLICY if first_generation => {
            Parameter { range: table::EVICTION, default: "noeviction", ..parameter }
        }
        // Four fifths of the memory: 6553 of 8192 MB.
        table::RESERVED_MEMORY => Parameter {
            range: ParameterRange::Whole(0, usable_mb / 5 * 4 + usable_mb % 5 * 4 / 5),
            ..parameter
        },
        _ => parameter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(version: &str, mode: CacheMode) -> Parameters {
        let version = EngineVersion::new(Engine::Redis, version.to_owned()).unwrap();
        Parameters::of(Engine::Redis, &version, mode, 8192)
    }

    fn change(id: &str, name: &str, value: &str) -> ParameterChange {
        ParameterChange { id: id.to_owned(), name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn versions_and_modes_have_their_own() {
        let ids = |version, mode| parameters(version, mode).iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids("3.0", CacheMode::Ha), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13]);
        assert_eq!(ids("3.0", CacheMode::Proxy), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13]);
        assert_eq!(ids("5.0", CacheMode::Single), [1, 2, 3, 4, 7, 8, 9, 10, 11, 13, 18, 19, 20, 22, 23]);
        assert_eq!(ids("5.0", CacheMode::Cluster).len(), 23);
        let old = parameters("3.0", CacheMode::Ha);
        assert_eq!(old.by_id(2).unwrap().default, "noeviction");
        assert!(!old.by_id(2).unwrap().range.holds("allkeys-lfu"));
        assert_eq!(old.by_id(12).unwrap().range.as_text(), "0-6553");
        assert!(parameters("4.0", CacheMode::Ha).by_id(2).unwrap().range.holds("allkeys-lfu"));
    }

    #[test]
    fn every_default_is_a_value_and_ids_rise() {
        for row in &ROWS {
            assert!(row.range.holds(row.default), "{}", row.name);
        }
        assert!(ROWS.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn a_parameter_is_found_by_id_or_by_name() {
        let parameters = parameters("5.0", CacheMode::Ha);
        let timeout = BTreeMap::from([(1, "100".to_owned())]);
        for found in [
            change("1", "timeout", "100"),
            change("1", "", "100"),
            change("", "timeout", "100"),
            change("99", "timeout", "100"),
        ] {
            assert_eq!(parameters.read(std::slice::from_ref(&found)), Ok(timeout.clone()), "{found:?}");
        }
        for refused in [
            change("1", "maxclients", "1000"),
            change("99", "nothing", "1"),
            change("5", "list-max-ziplist-entries", "1"),
        ] {
            let name = refused.name.clone();
            assert_eq!(parameters.read(&[refused]), Err(Refusal::InvalidConfiguration { name }));
        }
    }

    #[test]
    fn values_are_held_against_the_range_and_all_or_none_are_taken() {
        let parameters = parameters("3.0", CacheMode::Ha);
        for bad in ["7201", "-1", "1.5", "", "x", "99999999999999999999"] {
            let changes = [change("3", "hash-max-ziplist-entries", "1"), change("1", "timeout", bad)];
            assert_eq!(
                parameters.read(&changes),
                Err(Refusal::InvalidConfiguration { name: "timeout".to_owned() }),
                "{bad}"
            );
        }
        assert_eq!(
            parameters.read(&[change("12", "reserved-memory", "6554")]),
            Err(Refusal::ReservedMemoryTooLarge)
        );
        assert_eq!(parameters.read(&[change("13", "notify-keyspace-events", "")]).unwrap()[&13], "Ex");
    }

    #[test]
    fn events_are_groups_of_classes() {
        for good in ["", "Ex", "KA", "KEA", "Kg$lshzxe", "KxEA", &"Ex".repeat(11)] {
            assert!(ParameterRange::KeyspaceEvents.holds(good), "{good}");
        }
        for bad in ["K", "x", "A", "Kq", "KAx", "KxE", &"Ex".repeat(12)] {
            assert!(!ParameterRange::KeyspaceEvents.holds(bad), "{bad}");
        }
    }
}
