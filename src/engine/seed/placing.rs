//! Gives the instances of a seed what their entries leave out, and puts their records in their places: numbers, times where
//! none are written, and what holds among them.

use crate::domain::backup::{Backup, RecordNumber};
use crate::domain::builtin;
use crate::domain::catalogue;
use crate::domain::instance::{Creator, InstanceName, InstanceStatus, Network};
use crate::domain::restore::Restore;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::seed::document::InstanceEntry;
use crate::engine::seed::records::{BackupEntry, Place, RestoreEntry};
use crate::engine::seed::text::{Nullable, Text};
use crate::store::{DependentRows, InstanceSeed};

/// An instance of a seed, whose records are not complete yet: what they leave out may follow from when they are seeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InstanceDraft {
    pub(super) instance: InstanceSeed,
    pub(super) backups: Vec<BackupEntry>,
    pub(super) restores: Vec<RestoreEntry>,
}

/// A record that cannot be.
#[derive(Debug)]
pub(super) struct RecordProblem {
    /// `backups` or `restores`.
    pub(super) list: &'static str,
    /// Its place in the list.
    pub(super) index: usize,
    /// What is wrong.
    pub(super) problem: String,
}

impl InstanceDraft {
    /// Gives an instance everything that its entry leaves out. Source: docs/decisions/README.md no. 15.
    pub(super) fn new(entry: InstanceEntry, region: &str, has_history: bool) -> Self {
        let InstanceEntry { raw, engine_version, capacity } = entry;
        let (id, engine, cache_mode) = (raw.id.0, raw.engine.0, raw.cache_mode.0);
        let usual_group =
            || engine_version.is_first_generation().then(|| builtin::SECURITY_GROUP_ID.to_owned());
        let usual_spec = || {
            let product = catalogue::nearest(engine, &engine_version, cache_mode, capacity);
            product.spec_code.clone()
        };
        let usual_status = if Self::is_restored(&raw.restores) {
            InstanceStatus::Restoring
        } else {
            InstanceStatus::Running
        };
        let instance = InstanceSeed {
            id,
            name: raw.name.map_or_else(|| default_name(&id.to_string()), |name| name.0),
            description: raw.description.map(|text| text.0),
            engine,
            cache_mode,
            capacity,
            spec_code: raw.spec_code.map_or_else(usual_spec, |code| code.0),
            status: raw.status.map_or(usual_status, |status| status.0),
            ip: raw.ip.map(|ip| ip.0),
            port: raw.port.map_or_else(|| engine.default_port(), std::num::NonZeroU16::get),
            no_password_access: raw.no_password_access,
            zone_codes: raw.zones.map_or_else(
                || vec![builtin::zone_code(region, 1)],
                |zones| zones.into_iter().map(|code| code.0).collect(),
            ),
            network: Network {
                vpc_id: raw.vpc_id.map_or_else(|| builtin::VPC_ID.to_owned(), |id| id.0),
                subnet_id: raw.subnet_id.map_or_else(|| builtin::SUBNET_ID.to_owned(), |id| id.0),
                security_group_id: match raw.security_group_id {
                    Nullable::Absent => usual_group(),
                    Nullable::Null => None,
                    Nullable::Given(group) => Some(group.0),
                },
            },
            creator: Creator {
                user_id: raw.user_id.map_or_else(|| builtin::USER_ID.to_owned(), |id| id.0),
                user_name: raw.user_name.map_or_else(|| builtin::USER_NAME.to_owned(), |name| name.0),
            },
            created_at: raw.created_at.map(|time| time.0),
            deleted_at: raw.deleted_at.map(|time| time.0),
            dependent_rows: DependentRows { columns: raw.columns, rows: raw.rows },
            backups: Vec::new(),
            restores: Vec::new(),
            has_history,
            engine_version,
        };
        Self { instance, backups: raw.backups, restores: raw.restores }
    }

    /// Completes the instance and its records as they are when they are seeded at `now`.
    ///
    /// Whether it can be done does not depend on `now`.
    pub(super) fn complete(
        &self,
        now: Timestamp,
        name_offset: UtcOffset,
    ) -> Result<InstanceSeed, RecordProblem> {
        let mut instance = self.instance.clone();
        let usual_format = instance.engine_version.backup_format(instance.engine);
        let places = |times: Vec<Timestamp>| {
            (1_u64..).zip(times).map(|(number, created_at)| Place {
                instance_id: self.instance.id,
                number,
                created_at,
                name_offset,
            })
        };
        let usual_time = instance.created_at.unwrap_or(now);
        let times = times(self.backups.iter().map(|entry| entry.created_at), usual_time, "backups")?;
        for (index, (entry, place)) in self.backups.iter().zip(places(times)).enumerate() {
            let backup = entry.complete(place, usual_format);
            let problem = |problem| RecordProblem { list: "backups", index, problem };
            instance.backups.push(backup.map_err(problem)?);
        }
        let times = times_of_restores(&self.restores, usual_time)?;
        for (index, (entry, place)) in self.restores.iter().zip(places(times)).enumerate() {
            let restore = entry.complete(place, &instance.backups);
            let problem = |problem| RecordProblem { list: "restores", index, problem };
            instance.restores.push(restore.map_err(problem)?);
        }
        require_one_open(&instance.backups, &instance.restores)?;
        let is_restored = instance.restores.last().is_some_and(is_open_restore);
        if is_restored && instance.deleted_at.is_none() && instance.status != InstanceStatus::Restoring {
            let index = instance.restores.len() - 1;
            let problem = "is open: its instance must be RESTORING".to_owned();
            return Err(RecordProblem { list: "restores", index, problem });
        }
        Ok(instance)
    }

    /// Returns whether one of its restores is open.
    pub(super) fn is_restored(restores: &[RestoreEntry]) -> bool {
        use crate::domain::restore::RestoreStatusKind::{Failed, Restoring, Succeed, Waiting};
        restores.iter().any(|entry| match entry.status {
            Some(Text(Waiting | Restoring)) => true,
            Some(Text(Succeed | Failed)) | None => false,
        })
    }
}

fn default_name(id: &str) -> InstanceName {
    InstanceName::try_from(format!("dcs-{}", &id[..8])).expect("twelve letters, digits and a dash are a name")
}

fn times_of_restores(entries: &[RestoreEntry], usual: Timestamp) -> Result<Vec<Timestamp>, RecordProblem> {
    times(entries.iter().map(|entry| entry.created_at), usual, "restores")
}

/// Returns when records were created: when they say, else with the one before them, else with the first that says it.
fn times(
    given: impl Iterator<Item = Option<Text<Timestamp>>>,
    usual: Timestamp,
    list: &'static str,
) -> Result<Vec<Timestamp>, RecordProblem> {
    let given: Vec<Option<Timestamp>> = given.map(|time| time.map(|time| time.0)).collect();
    let mut previous = given.iter().flatten().next().copied().unwrap_or(usual);
    let mut times = Vec::with_capacity(given.len());
    for (index, time) in given.into_iter().enumerate() {
        let time = time.unwrap_or(previous);
        if time < previous {
            let problem = "was created before the one in front of it".to_owned();
            return Err(RecordProblem { list, index, problem });
        }
        previous = time;
        times.push(time);
    }
    Ok(times)
}

fn is_open_restore(restore: &Restore) -> bool {
    restore.status.open_plan().is_some()
}

/// Makes sure that at most one record is open, and that it is the newest of its kind.
fn require_one_open(backups: &[Backup], restores: &[Restore]) -> Result<(), RecordProblem> {
    let last = |count: usize| RecordNumber::try_from(count).unwrap_or(RecordNumber::MAX);
    let open_backups = backups.iter().filter(|backup| backup.status.open_plan().is_some());
    let open_backups = open_backups.map(|backup| ("backups", backup.number, last(backups.len())));
    let open_restores = restores.iter().filter(|restore| is_open_restore(restore));
    let open_restores = open_restores.map(|restore| ("restores", restore.number, last(restores.len())));
    for (count, (list, number, last)) in open_backups.chain(open_restores).enumerate() {
        if count > 0 || number != last {
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            let problem = "is open: one record of an instance can be, and it must be the newest".to_owned();
            return Err(RecordProblem { list, index, problem });
        }
    }
    Ok(())
}
