//! What policies have planned: known when it is due, made once, and by the policy that holds then.

use dcs_emulator::domain::backup::{BackupKind, BackupStatusKind};
use dcs_emulator::domain::id::BackupId;
use dcs_emulator::domain::instance::UpdateInstanceRequest;
use dcs_emulator::domain::instance::policy::{PlanRequest, PolicyRequest};
use dcs_emulator::domain::time::{Timestamp, UtcOffset};
use dcs_emulator::domain::work::{Progression, WorkOptions};
use dcs_emulator::store::{
    ChangeInstance, ChangedRecord, InstanceCommand, InstanceRef, ScheduleOutcome, ScheduleStep, ScheduledRun,
};

use crate::house::{AT_ONCE, House, RULES, after, anonymous, instance};

crate::on_every_store! {
    a_run_is_made_once_and_by_the_policy_that_holds,
    the_end_of_days_is_known_and_moves_with_what_is_deleted,
    a_backup_that_somebody_asked_for_plans_nothing,
}

/// What is kept together with a run.
const RUN: &str = "run";
const DAY_MS: i64 = 86_400_000;

impl House {
    /// Gives an instance a policy: every day at an hour, kept for a day.
    async fn set_policy(&self, instance: InstanceRef, hour: u8, now: Timestamp) {
        let plan = PlanRequest {
            begin_at: Some(format!("{hour:02}:00-{:02}:00", hour + 1)),
            period_type: Some("weekly".to_owned()),
            backup_at: (1..=7).collect(),
            timezone_offset: None,
        };
        let policy =
            PolicyRequest { backup_type: Some("auto".to_owned()), save_days: Some(1), plan: Some(plan) };
        let update = UpdateInstanceRequest { policy, ..UpdateInstanceRequest::default() }
            .check(UtcOffset::UTC)
            .unwrap();
        let command = InstanceCommand::Update {
            update: Box::new(update),
            policy_id: [1; 16],
            unique_names: true,
            port_change: None,
        };
        self.store
            .change_instance(ChangeInstance { instance, command, now, origin: anonymous() })
            .await
            .unwrap();
    }

    /// Does what is due at a time, `runs` being the ids of the backups that instances would get.
    async fn step(&self, at: Timestamp, runs: &[(InstanceRef, u8)]) -> ScheduleOutcome {
        let work = WorkOptions { progression: Progression::lasting(AT_ONCE), failure: None };
        let change = |(instance, id): &(InstanceRef, u8)| ScheduledRun {
            instance: *instance,
            id: BackupId::from_bytes([*id; 16]),
            work,
        };
        let runs = runs.iter().map(change).collect();
        let step = ScheduleStep {
            at,
            now: at,
            waiting: Vec::new(),
            region: "eu-de".to_owned(),
            clusters_extend: true,
            runs,
            setting_if_begun: Some((RUN, format!("{}", at.as_millis()))),
            rules: RULES,
            keep: None,
            name_offset: UtcOffset::UTC,
        };
        self.store.apply_schedule(step).await.unwrap()
    }
}

fn later(time: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(time.as_millis() + millis).unwrap()
}

async fn a_run_is_made_once_and_by_the_policy_that_holds(house: House) {
    assert_eq!(house.store.next_scheduled_at(), None);
    house.set_policy(instance(1), 2, after(0)).await;
    let at = house.store.next_scheduled_at().unwrap();
    assert_eq!(house.store.next_due_at(), Some(at));
    assert_eq!(house.store.due_runs(later(at, -1), 10).await.unwrap(), []);
    assert_eq!(house.store.due_runs(at, 10).await.unwrap(), [instance(1)]);
    // Somebody is faster, and wants it later.
    house.set_policy(instance(1), 3, later(at, -1)).await;
    assert_eq!(house.step(at, &[(instance(1), 1)]).await, ScheduleOutcome::default());
    assert_eq!(house.list(instance(1)).await, []);
    assert_eq!(house.store.kept_settings().await.unwrap().get(RUN), None);

    let at = house.store.next_scheduled_at().unwrap();
    let changes = [(instance(1), 1), (instance(2), 2)];
    let outcome = house.step(at, &changes).await;
    assert_eq!((outcome.changes.len(), outcome.begun, outcome.done), (1, 1, 1));
    assert_eq!(house.store.kept_settings().await.unwrap()[RUN], at.as_millis().to_string());
    let made = house.list(instance(1)).await.remove(0);
    assert_eq!((made.kind, made.created_at, made.number), (BackupKind::Automatic, at, 1));
    assert_eq!(
        made.terms.as_ref().map(|terms| (terms.window.as_str(), terms.save_days)),
        Some(("03:00-04:00", 1))
    );
    assert_eq!(house.step(at, &changes).await, ScheduleOutcome::default());
    assert_eq!(house.store.next_scheduled_at(), Some(later(at, DAY_MS)));
}

async fn the_end_of_days_is_known_and_moves_with_what_is_deleted(house: House) {
    house.set_policy(instance(1), 2, after(0)).await;
    let first = house.store.next_scheduled_at().unwrap();
    house.step(first, &[(instance(1), 1)]).await;
    house.set_policy(instance(1), 4, first).await;
    let second = house.store.next_scheduled_at().unwrap();
    assert_eq!(second, later(first, 2 * 60 * 60 * 1000));
    house.step(second, &[(instance(1), 2)]).await;
    // The first has a day, and then it goes, since there is the second.
    let end = house.store.next_scheduled_at().unwrap();
    assert_eq!(end, later(first, DAY_MS));
    assert_eq!(house.step(later(end, -1), &[]).await, ScheduleOutcome::default());
    let outcome = house.step(end, &[]).await;
    let (id, from) = (BackupId::from_bytes([1; 16]), Some(BackupStatusKind::Succeed));
    let expected = ChangedRecord::Backup { id, from, to: BackupStatusKind::Expired };
    assert_eq!(outcome.changes.iter().map(|change| change.record.clone()).collect::<Vec<_>>(), [expected]);
    assert_eq!(house.step(end, &[]).await, ScheduleOutcome::default());
    // What is due next is the third; without it the second would be held, and once it is deleted nothing is.
    assert_eq!(house.store.next_scheduled_at(), Some(later(second, DAY_MS)));
    house.delete(instance(1), BackupId::from_bytes([2; 16]), end).await.unwrap();
    let outcome = house.step(later(second, DAY_MS), &[]).await;
    assert_eq!(outcome, ScheduleOutcome::default());
}

async fn a_backup_that_somebody_asked_for_plans_nothing(house: House) {
    house.create(instance(1), after(0), AT_ONCE).await.unwrap();
    assert_eq!((house.store.next_due_at(), house.store.next_scheduled_at()), (None, None));
}
