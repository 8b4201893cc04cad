//! The state of an instance that decides whether work may begin on it, and the decisions.
//!
//! It is a copy of what the tables hold; whoever caches it changes it together with the tables.

use crate::domain::background_work::Occupation;
use crate::domain::backup::{Backup, BackupEvent, BackupStatus, NewBackup, RecordNumber};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{CacheMode, InstanceAction, InstanceStatus};
use crate::domain::refusal::Refusal;
use crate::domain::restore::{NewRestore, Restore, RestoreSource, RestoreStatus};
use crate::domain::schedule::RunOutcome;
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, WorkPlan};

/// The state of an instance, as rules about new work need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceState {
    /// The instance.
    pub instance_id: InstanceId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// How it keeps its data.
    pub cache_mode: CacheMode,
    /// The state it is in.
    pub status: InstanceStatus,
    /// The format of its backups when none is asked for: `aof` for Redis 3.0, else `rdb`.
    pub backup_format: BackupFormat,
    /// Whether it is Redis 3.x or Memcached.
    pub is_first_generation: bool,
    /// Whether it is paid for in advance.
    pub is_prepaid: bool,
    /// The number of its newest backup record; zero when there is none.
    pub last_backup_number: RecordNumber,
    /// When its newest backup record was created; [`Timestamp::MIN`] when there is none.
    pub last_backup_at: Timestamp,
    /// The number of its newest restore record; zero when there is none.
    pub last_restore_number: RecordNumber,
    /// When its newest restore record was created; [`Timestamp::MIN`] when there is none.
    pub last_restore_at: Timestamp,
    /// The job that is open on it, if any: there is at most one.
    pub open_work: Option<OpenWork>,
}

/// A job that is waiting or running on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenWork {
    /// A backup.
    Backup(RecordNumber),
    /// A restore.
    Restore {
        /// Its number.
        number: RecordNumber,
        /// The number of the backup it comes from.
        backup_number: RecordNumber,
    },
    /// The instance's own way to another state.
    StatusTransition,
    /// Background work that keeps others from changing it.
    Occupied(Occupation),
}

/// Which instances may be backed up and restored, from the settings and the version of the API that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupRules {
    /// Whether the service backs up at all.
    pub enabled: bool,
    /// Whether clusters, with and without proxies, may be backed up.
    pub clusters: bool,
}

impl BackupRules {
    /// Decides whether instances of `cache_mode` may be backed up and restored.
    ///
    /// # Errors
    /// `BackupUnsupported` when backups are switched off, `CacheModeUnsupported` for single nodes always and for
    /// clusters unless the rules allow them. Source: docs/contract/create-backup.md; docs/contract/dcs-v1.0.md, section 4 steps 12 and 13.
    fn permit(self, cache_mode: CacheMode) -> Result<(), Refusal> {
        if !self.enabled {
            return Err(Refusal::BackupUnsupported);
        }
        match cache_mode {
            CacheMode::Ha | CacheMode::HaRwSplit => Ok(()),
            CacheMode::Cluster | CacheMode::Proxy if self.clusters => Ok(()),
            CacheMode::Single | CacheMode::Cluster | CacheMode::Proxy => Err(Refusal::CacheModeUnsupported),
        }
    }
}

impl InstanceState {
    /// Decides whether a backup or a restore may begin now; the same is permitted to both.
    ///
    /// The order matters: what waiting would not mend is said first.
    ///
    /// # Errors
    /// The first refusal of steps 12 to 15 of section 4 of the wire contract v1.0.
    pub fn permit_backup_work(&self, rules: BackupRules) -> Result<(), Refusal> {
        rules.permit(self.cache_mode)?;
        self.permit(InstanceAction::CreateBackup)
    }

    /// Makes the record of a new backup and takes it into account.
    ///
    /// The record has the next number, is not created before the previous one, and is already as far in its life as
    /// its plan has it at the moment of creation: at its end when the work takes no time.
    ///
    /// # Errors
    /// As [`InstanceState::permit_backup_work`]; then nothing has changed.
    pub fn begin_backup(&mut self, new: NewBackup, rules: BackupRules) -> Result<Backup, Refusal> {
        self.permit_backup_work(rules)?;
        let mut backup = self.next_backup(new);
        while let Some((event, due_at)) = backup.due_event(backup.created_at) {
            match backup.status.transition(event, due_at) {
                Ok(status) => backup.status = status,
                // A due event is always one its status allows; a test below walks through all of them.
                Err(_) => break,
            }
        }
        self.open_work = backup.status.open_plan().map(|_| OpenWork::Backup(backup.number));
        Ok(backup)
    }

    /// Makes the record of a run of the instance's policy and takes it into account: of a backup, as
    /// [`InstanceState::begin_backup`] does, or of one that was skipped because the instance is busy or not running. `None` if
    /// such an instance is not backed up at all.
    ///
    /// Source: docs/contract/dcs-v1.0.md, section 3.2 and section 5 no. 27.
    pub fn run_backup(&mut self, new: NewBackup, rules: BackupRules) -> Option<(Backup, RunOutcome)> {
        rules.permit(self.cache_mode).ok()?;
        if self.permit(InstanceAction::CreateBackup).is_ok() {
            return self.begin_backup(new, rules).ok().map(|backup| (backup, RunOutcome::Done));
        }
        let mut backup = self.next_backup(new);
        let skipped = BackupEvent::Fail { code: FailureCode::Skipped };
        // What waits can always fail.
        backup.status = backup.status.transition(skipped, backup.created_at).ok()?;
        Some((backup, RunOutcome::Skipped))
    }

    /// Returns the record of a backup that waits, with the next number and not created before the previous one, and takes
    /// number and time into account.
    fn next_backup(&mut self, new: NewBackup) -> Backup {
        let created_at = new.requested_at.max(self.last_backup_at);
        let plan = WorkPlan::new(created_at, new.work);
        self.last_backup_number += 1;
        self.last_backup_at = created_at;
        Backup {
            id: new.id,
            instance_id: self.instance_id,
            number: self.last_backup_number,
            kind: new.kind(),
            terms: new.terms,
            format: new.format.unwrap_or(self.backup_format),
            remark: new.remark,
            created_at,
            name_offset: new.name_offset,
            status: BackupStatus::Waiting { plan },
            is_outdated: false,
        }
    }

    /// Makes the record of a new restore from `backup` and takes it into account, as [`InstanceState::begin_backup`] does.
    ///
    /// The caller has asked [`InstanceState::permit_backup_work`] before it looked for the backup. While the restore is
    /// open the instance is RESTORING, from this moment on.
    ///
    /// # Errors
    /// `BackupNotUsable` if the backup has no file.
    pub fn begin_restore(&mut self, new: NewRestore, backup: &Backup) -> Result<Restore, Refusal> {
        if !backup.is_restorable() {
            return Err(Refusal::BackupNotUsable);
        }
        let created_at = new.requested_at.max(self.last_restore_at);
        let plan = WorkPlan::new(created_at, new.work);
        let mut restore = Restore {
            id: new.id,
            instance_id: self.instance_id,
            number: self.last_restore_number + 1,
            source: RestoreSource {
                backup_id: backup.id,
                backup_number: backup.number,
                backup_name: backup.name(),
                backup_remark: backup.remark.clone(),
            },
            remark: new.remark,
            created_at,
            name_offset: new.name_offset,
            status: RestoreStatus::Waiting { plan },
        };
        while let Some((event, due_at)) = restore.due_event(created_at) {
            match restore.status.transition(event, due_at) {
                Ok(status) => restore.status = status,
                // As in `begin_backup`: a due event is always one its status allows.
                Err(_) => break,
            }
        }
        self.last_restore_number = restore.number;
        self.last_restore_at = created_at;
        if restore.status.open_plan().is_some() {
            self.open_work = Some(OpenWork::Restore { number: restore.number, backup_number: backup.number });
            self.status = InstanceStatus::Restoring;
        }
        Ok(restore)
    }

    /// Returns whether a restore from the backup with that number is open.
    pub fn restores_from(&self, backup: RecordNumber) -> bool {
        matches!(self.open_work, Some(OpenWork::Restore { backup_number, .. }) if backup_number == backup)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::backup::BackupStatusKind;
    use crate::domain::id::{BackupId, RestoreId};
    use crate::domain::time::UtcOffset;
    use crate::domain::work::{Progression, WorkOptions};

    const RULES: BackupRules = BackupRules { enabled: true, clusters: false };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn running() -> InstanceState {
        InstanceState {
            instance_id: "5560df16-cebf-4473-95c4-d1b573c16e79".parse().unwrap(),
            project_id: "885cacf2d49d4bb6931ae668e9c07553".parse().unwrap(),
            cache_mode: CacheMode::Ha,
            status: InstanceStatus::Running,
            backup_format: BackupFormat::Rdb,
            is_first_generation: false,
            is_prepaid: false,
            last_backup_number: 0,
            last_backup_at: Timestamp::MIN,
            last_restore_number: 0,
            last_restore_at: Timestamp::MIN,
            open_work: None,
        }
    }

    fn new_backup(requested_at: i64, duration_ms: u64) -> NewBackup {
        NewBackup {
            id: BackupId::from_bytes([7; 16]),
            terms: None,
            remark: None,
            format: None,
            requested_at: at(requested_at),
            work: WorkOptions {
                progression: Progression::lasting(Duration::from_millis(duration_ms)),
                failure: None,
            },
            name_offset: UtcOffset::from_minutes(480).unwrap(),
        }
    }

    #[test]
    fn only_master_standby_may_be_backed_up_unless_clusters_are_allowed() {
        for (cache_mode, by_default, with_clusters) in [
            (CacheMode::Single, false, false),
            (CacheMode::Ha, true, true),
            (CacheMode::HaRwSplit, true, true),
            (CacheMode::Cluster, false, true),
            (CacheMode::Proxy, false, true),
        ] {
            for (clusters, permitted) in [(false, by_default), (true, with_clusters)] {
                let state = InstanceState { cache_mode, ..running() };
                let expected = if permitted { Ok(()) } else { Err(Refusal::CacheModeUnsupported) };
                assert_eq!(state.permit_backup_work(BackupRules { enabled: true, clusters }), expected);
            }
        }
    }

    #[test]
    fn what_waiting_would_not_mend_is_said_first() {
        let mut busy = InstanceState {
            cache_mode: CacheMode::Single,
            status: InstanceStatus::Restarting,
            open_work: Some(OpenWork::Backup(1)),
            ..running()
        };
        let off = BackupRules { enabled: false, clusters: false };
        assert_eq!(busy.permit_backup_work(off), Err(Refusal::BackupUnsupported));
        assert_eq!(busy.permit_backup_work(RULES), Err(Refusal::CacheModeUnsupported));
        busy.cache_mode = CacheMode::Ha;
        assert_eq!(busy.permit_backup_work(RULES), Err(Refusal::InstanceRestarting));
        busy.status = InstanceStatus::Running;
        assert_eq!(busy.permit_backup_work(RULES), Err(Refusal::InstanceBackingUp));
        busy.open_work = Some(OpenWork::Restore { number: 1, backup_number: 1 });
        assert_eq!(busy.permit_backup_work(RULES), Err(Refusal::InstanceRestoring));
    }

    #[test]
    fn records_are_numbered_without_gaps_and_never_go_back_in_time() {
        let mut state = running();
        let first = state.begin_backup(new_backup(1_000, 0), RULES).unwrap();
        let second = state.begin_backup(new_backup(400, 0), RULES).unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!((first.created_at, second.created_at), (at(1_000), at(1_000)));
    }

    #[test]
    fn a_backup_that_takes_no_time_has_succeeded_at_the_instant_of_its_creation() {
        let mut state = running();
        let backup = state.begin_backup(new_backup(1_000, 0), RULES).unwrap();
        assert_eq!(backup.status.kind(), BackupStatusKind::Succeed);
        assert_eq!(backup.status.started_at(), Some(at(1_000)));
        assert_eq!(backup.status.finished_at(), Some(at(1_000)));
        assert_eq!(backup.status.size_bytes(), backup.file().size_bytes());
        assert_eq!(state.open_work, None);
    }

    #[test]
    fn the_instance_is_restoring_from_the_moment_the_restore_is_made() {
        let mut state = running();
        let backup = state.begin_backup(new_backup(1_000, 0), RULES).unwrap();
        let new_restore = |duration_ms| NewRestore {
            id: RestoreId::from_bytes([8; 16]),
            remark: None,
            requested_at: at(2_000),
            work: WorkOptions {
                progression: Progression::lasting(Duration::from_millis(duration_ms)),
                failure: None,
            },
            name_offset: UtcOffset::from_minutes(480).unwrap(),
        };
        let at_once = state.begin_restore(new_restore(0), &backup).unwrap();
        assert_eq!((at_once.number, at_once.status.as_str()), (1, "succeed"));
        assert_eq!((state.status, state.open_work), (InstanceStatus::Running, None));
        let slow = state.begin_restore(new_restore(5_000), &backup).unwrap();
        assert_eq!((slow.number, slow.status.as_str()), (2, "waiting"));
        assert_eq!(state.status, InstanceStatus::Restoring);
        assert!(state.restores_from(backup.number));
        assert_eq!(state.permit_backup_work(RULES), Err(Refusal::InstanceRestoring));
    }

    #[test]
    fn a_second_backup_is_refused_while_one_is_open_and_changes_nothing() {
        let mut state = running();
        state.begin_backup(new_backup(1_000, 5_000), RULES).unwrap();
        let before = state.clone();
        assert_eq!(state.begin_backup(new_backup(2_000, 0), RULES), Err(Refusal::InstanceBackingUp));
        assert_eq!(state, before);
    }
}
