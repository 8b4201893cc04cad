//! Backups: recorded, refused, listed, deleted.

use std::collections::BTreeSet;

use dcs_emulator::domain::backup::{Backup, BackupStatus, BackupStatusKind, Ending};
use dcs_emulator::domain::id::{BackupId, InstanceId};
use dcs_emulator::domain::instance::BackupRules;
use dcs_emulator::domain::page::{PageLimit, PageRequest, TimeWindow};
use dcs_emulator::domain::refusal::Refusal;
use dcs_emulator::store::{CreateBackup, InstanceRef, StoreError};
use futures_util::future::join_all;

use crate::house::{AT_ONCE, House, RULES, after, instance, project, refusal};

crate::on_every_store! {
    what_was_recorded_is_listed_newest_first,
    what_may_not_be_backed_up_is_refused_and_leaves_nothing,
    an_id_that_is_given_is_refused_when_it_is_taken,
    records_never_go_back_in_time,
    a_deleted_backup_stays_listed_as_deleted,
    a_backup_that_is_not_there_cannot_be_deleted,
    an_open_backup_can_neither_be_doubled_nor_deleted,
    racing_callers_get_numbers_without_gaps,
    of_racing_callers_one_opens_a_backup,
    a_list_of_no_instance_is_none,
    a_closed_store_says_so,
    a_probe_passes,
}

async fn what_was_recorded_is_listed_newest_first(house: House) {
    let mut expected = Vec::new();
    for millis in [0, 5, 5, 70] {
        expected.insert(0, house.create(instance(1), after(millis), AT_ONCE).await.unwrap());
    }
    assert_eq!(house.list(instance(1)).await, expected);
    assert_eq!(expected.iter().map(|backup| backup.number).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert!(expected.iter().all(Backup::is_restorable));
    let other = house.create(instance(2), after(80), AT_ONCE).await.unwrap();
    assert_eq!(other.number, 1, "each instance counts for itself");
    assert_eq!(house.list(instance(1)).await, expected);
}

async fn what_may_not_be_backed_up_is_refused_and_leaves_nothing(house: House) {
    let nowhere = InstanceRef { instance_id: InstanceId::from_bytes([99; 16]), ..instance(1) };
    let elsewhere = InstanceRef { project_id: project(2), ..instance(1) };
    let off = BackupRules { enabled: false, clusters: true };
    for (command, expected) in [
        (house.command(nowhere, after(0), AT_ONCE), Refusal::InstanceNotFound),
        (house.command(elsewhere, after(0), AT_ONCE), Refusal::InstanceNotFound),
        (house.command(instance(4), after(0), AT_ONCE), Refusal::CacheModeUnsupported),
        (house.command(instance(5), after(0), AT_ONCE), Refusal::CacheModeUnsupported),
        (
            CreateBackup { rules: off, ..house.command(instance(1), after(0), AT_ONCE) },
            Refusal::BackupUnsupported,
        ),
    ] {
        assert_eq!(refusal(house.store.create_backup(command).await), expected);
    }
    for number in 1..=5 {
        assert_eq!(house.list(instance(number)).await, []);
    }
    let clusters = BackupRules { clusters: true, ..RULES };
    let command = CreateBackup { rules: clusters, ..house.command(instance(5), after(1), AT_ONCE) };
    assert_eq!(house.store.create_backup(command).await.unwrap().number, 1);
}

async fn an_id_that_is_given_is_refused_when_it_is_taken(house: House) {
    let given = |number: u8| CreateBackup {
        is_id_client_chosen: true,
        ..house.command(instance(number), after(0), AT_ONCE)
    };
    let (first, other) = (given(1), given(2));
    let again = CreateBackup { new: first.new.clone(), ..given(2) };
    // In one batch: the second finds an id that is not in the table yet.
    let (made, refused, unharmed) = tokio::join!(
        house.store.create_backup(first.clone()),
        house.store.create_backup(again.clone()),
        house.store.create_backup(other),
    );
    assert_eq!(made.unwrap().id, first.new.id);
    assert_eq!(refusal(refused), Refusal::IdTaken);
    assert_eq!(unharmed.unwrap().number, 1);
    assert_eq!(refusal(house.store.create_backup(again).await), Refusal::IdTaken);
    let of_an_instance = BackupId::from_bytes(*instance(2).instance_id.as_bytes());
    let mut taken = given(1);
    taken.new.id = of_an_instance;
    assert_eq!(refusal(house.store.create_backup(taken).await), Refusal::IdTaken);
    assert_eq!(house.list(instance(1)).await.len(), 1);
    assert_eq!(house.list(instance(2)).await.len(), 1);
}

async fn records_never_go_back_in_time(house: House) {
    for (requested, expected) in [(100, 100), (40, 100), (150, 150), (149, 150)] {
        let backup = house.create(instance(1), after(requested), AT_ONCE).await.unwrap();
        assert_eq!(backup.created_at, after(expected));
    }
    let other = house.create(instance(2), after(1), AT_ONCE).await.unwrap();
    assert_eq!(other.created_at, after(1), "only records of the same instance hold each other");
}

async fn a_deleted_backup_stays_listed_as_deleted(house: House) {
    let first = house.create(instance(1), after(0), AT_ONCE).await.unwrap();
    let second = house.create(instance(1), after(1), AT_ONCE).await.unwrap();
    house.delete(instance(1), first.id, after(10)).await.unwrap();
    let listed = house.list(instance(1)).await;
    let BackupStatus::Succeed(completion) = first.status else { panic!("{first:?}") };
    assert_eq!(listed[0], second);
    assert_eq!(listed[1].status, BackupStatus::Deleted(Ending::Completed(completion)));
    // Once more changes nothing.
    house.delete(instance(1), first.id, after(20)).await.unwrap();
    assert_eq!(house.list(instance(1)).await, listed);
    let third = house.create(instance(1), after(2), AT_ONCE).await.unwrap();
    assert_eq!(third.number, 3, "numbers of deleted records are not given again");
}

async fn a_backup_that_is_not_there_cannot_be_deleted(house: House) {
    let backup = house.create(instance(1), after(0), AT_ONCE).await.unwrap();
    let elsewhere = InstanceRef { project_id: project(2), ..instance(1) };
    let nothing = BackupId::from_bytes([7; 16]);
    for (instance, id, expected) in [
        (instance(1), nothing, Refusal::BackupNotFound),
        (instance(2), backup.id, Refusal::BackupNotFound),
        (elsewhere, backup.id, Refusal::InstanceNotFound),
    ] {
        assert_eq!(refusal(house.delete(instance, id, after(1)).await), expected);
    }
    assert_eq!(house.list(instance(1)).await, [backup]);
}

async fn an_open_backup_can_neither_be_doubled_nor_deleted(house: House) {
    let minute = std::time::Duration::from_mins(1);
    let open = house.create(instance(1), after(0), minute).await.unwrap();
    assert_eq!(open.status.kind(), BackupStatusKind::Waiting);
    assert_eq!(refusal(house.create(instance(1), after(1), minute).await), Refusal::InstanceBackingUp);
    assert_eq!(refusal(house.delete(instance(1), open.id, after(1)).await), Refusal::InstanceBackingUp);
    house.create(instance(2), after(1), minute).await.expect("another instance is free");
    assert_eq!(house.list(instance(1)).await, [open]);
}

async fn racing_callers_get_numbers_without_gaps(house: House) {
    const EACH: u8 = 100;
    let changes =
        (0..EACH).flat_map(|_| [1, 2, 3, 4].map(|number| house.create(instance(number), after(0), AT_ONCE)));
    let mut ids = BTreeSet::new();
    for result in join_all(changes).await {
        match result {
            Ok(backup) => assert!(ids.insert(backup.id)),
            Err(error) => assert_eq!(refusal::<()>(Err(error)), Refusal::CacheModeUnsupported),
        }
    }
    assert_eq!(ids.len(), 3 * usize::from(EACH));
    for number in 1..=3 {
        let listed = house.list(instance(number)).await;
        let numbers: Vec<u64> = listed.iter().map(|backup| backup.number).collect();
        assert_eq!(numbers, (1..=u64::from(EACH)).rev().collect::<Vec<_>>());
        assert!(listed.iter().all(|backup| ids.contains(&backup.id)));
    }
}

async fn of_racing_callers_one_opens_a_backup(house: House) {
    let minute = std::time::Duration::from_mins(1);
    let results = join_all((0..50).map(|_| house.create(instance(1), after(0), minute))).await;
    let (opened, others): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(opened.len(), 1);
    for other in others {
        assert_eq!(refusal(other), Refusal::InstanceBackingUp);
    }
    assert_eq!(house.list(instance(1)).await.len(), 1);
}

async fn a_list_of_no_instance_is_none(house: House) {
    let page = PageRequest { skip: 0, limit: PageLimit::TEN };
    let nowhere = InstanceRef { instance_id: InstanceId::from_bytes([99; 16]), ..instance(1) };
    let elsewhere = InstanceRef { project_id: project(2), ..instance(1) };
    let window = TimeWindow { from: Some(after(0)), until: None };
    for instance in [nowhere, elsewhere] {
        for window in [window, TimeWindow::default()] {
            assert_eq!(house.store.list_backups(instance, window, page).await.unwrap(), None);
        }
    }
}

async fn a_closed_store_says_so(house: House) {
    house.store.close().await;
    let refused = house.create(instance(1), after(0), AT_ONCE).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    assert!(house.store.probe().await.is_err());
    // Closing twice is harmless.
    house.store.close().await;
}

async fn a_probe_passes(house: House) {
    house.store.probe().await.unwrap();
}
