//! The records of a seeded instance, in their places: numbers, times where none are written, and what holds among them.

use crate::domain::backup::{Backup, RecordNumber};
use crate::domain::instance::Instance;
use crate::domain::restore::Restore;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::seed::instance::{InstanceEntry, Problem, in_field};
use crate::engine::seed::records::{BackupEntry, Place, RestoreEntry};
use crate::engine::seed::text::Text;

impl InstanceEntry {
    pub(super) fn backups(
        &self,
        instance: &Instance,
        name_offset: UtcOffset,
    ) -> Result<Vec<Backup>, Problem> {
        let default_format = instance.engine_version.backup_format(instance.engine);
        let given = self.backups.iter().map(|entry| entry.created_at);
        let places = places(instance, name_offset, given, "backups")?;
        let entries = self.backups.iter().zip(places);
        let complete = |(entry, place): (&BackupEntry, Place)| {
            let field = format!("backups[{}]", place.number - 1);
            entry.complete(place, default_format).map_err(in_field(field))
        };
        entries.map(complete).collect()
    }

    pub(super) fn restores(
        &self,
        instance: &Instance,
        name_offset: UtcOffset,
        backups: &[Backup],
    ) -> Result<Vec<Restore>, Problem> {
        let given = self.restores.iter().map(|entry| entry.created_at);
        let places = places(instance, name_offset, given, "restores")?;
        let entries = self.restores.iter().zip(places);
        let complete = |(entry, place): (&RestoreEntry, Place)| {
            let field = format!("restores[{}]", place.number - 1);
            entry.complete(place, backups).map_err(in_field(field))
        };
        entries.map(complete).collect()
    }
}

/// Returns the places of records: their numbers, and when they were created: when they say, else with the one before them, else
/// with the first that says it, else with their instance.
fn places(
    instance: &Instance,
    name_offset: UtcOffset,
    given: impl Iterator<Item = Option<Text<Timestamp>>>,
    list: &str,
) -> Result<Vec<Place>, Problem> {
    let given: Vec<Option<Timestamp>> = given.map(|time| time.map(|time| time.0)).collect();
    let mut previous = given.iter().flatten().next().copied().unwrap_or(instance.created_at);
    let mut places = Vec::with_capacity(given.len());
    for (number, time) in (1..).zip(given) {
        let created_at = time.unwrap_or(previous);
        if created_at < previous {
            let field = format!("{list}[{}]", number - 1);
            return Err(in_field(field)("was created before the one in front of it"));
        }
        previous = created_at;
        places.push(Place { instance_id: instance.id, number, created_at, name_offset });
    }
    Ok(places)
}

/// Makes sure that at most one record is open, and that it is the newest of its kind.
pub(super) fn require_one_open(backups: &[Backup], restores: &[Restore]) -> Result<(), Problem> {
    let last = |count: usize| RecordNumber::try_from(count).unwrap_or(RecordNumber::MAX);
    let open_backups = backups.iter().filter(|backup| backup.status.open_plan().is_some());
    let open_backups = open_backups.map(|backup| ("backups", backup.number, last(backups.len())));
    let open_restores = restores.iter().filter(|restore| restore.status.open_plan().is_some());
    let open_restores = open_restores.map(|restore| ("restores", restore.number, last(restores.len())));
    for (count, (list, number, last)) in open_backups.chain(open_restores).enumerate() {
        if count > 0 || number != last {
            let problem = "is open: one record of an instance can be, and it must be the newest";
            return Err(in_field(format!("{list}[{}]", number - 1))(problem));
        }
    }
    Ok(())
}
