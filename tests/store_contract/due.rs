//! Planned changes: found when they are due, made if they still fit.

use std::time::Duration;

use dcs_emulator::domain::backup::BackupStatusKind;
use dcs_emulator::domain::id::InstanceId;
use dcs_emulator::domain::instance::InstanceTask;
use dcs_emulator::store::BackupChange;

use crate::house::{AT_ONCE, House, Kind, after, instance, next_change, run};

crate::on_every_store! {
    nothing_is_due_until_something_is_planned,
    a_change_is_made_once_and_only_from_the_status_it_names,
    what_is_due_comes_in_the_order_of_its_time,
    an_instance_shows_its_open_backup,
    a_change_of_nothing_is_skipped,
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

async fn nothing_is_due_until_something_is_planned(house: House) {
    assert_eq!(house.store.next_due_at(), None);
    house.create(instance(1), after(0), AT_ONCE).await.unwrap();
    assert_eq!(house.store.next_due_at(), None);
    house.create(instance(2), after(0), TEN_SECONDS).await.unwrap();
    assert_eq!(house.store.next_due_at(), Some(after(1_000)));
    assert_eq!(house.due(after(999), 10).await, []);
    house.create(instance(3), after(0), TEN_SECONDS / 2).await.unwrap();
    assert_eq!(house.store.next_due_at(), Some(after(500)));
    assert_eq!(house.due(after(500), 10).await.len(), 1);
}

async fn a_change_is_made_once_and_only_from_the_status_it_names(house: House) {
    let waiting = house.create(instance(1), after(0), TEN_SECONDS).await.unwrap();
    let start = next_change(&waiting, after(1_000));

    // It is not running yet.
    let early = BackupChange { from: BackupStatusKind::Backuping, ..start.clone() };
    house.change([early]).await;
    assert_eq!(house.list(instance(1)).await, [waiting]);
    assert_eq!(house.store.next_due_at(), Some(after(1_000)));

    house.change([start.clone()]).await;
    let running = house.list(instance(1)).await.remove(0);
    assert_eq!(running.status, start.to);
    assert_eq!(house.store.next_due_at(), Some(after(10_000)));

    // Twice is as once, also within one call.
    house.change([start.clone(), start.clone()]).await;
    assert_eq!(house.list(instance(1)).await, std::slice::from_ref(&running));

    let finish = next_change(&running, after(99_000));
    assert_eq!(finish.at, after(10_000), "it counts from when it was due, not from when it was noticed");
    house.change([finish.clone(), start]).await;
    let finished = house.list(instance(1)).await.remove(0);
    assert_eq!(finished.status, finish.to);
    assert!(finished.is_restorable());
    assert_eq!(house.store.next_due_at(), None);
    house.create(instance(1), after(100_000), AT_ONCE).await.expect("the instance is free again");
}

async fn what_is_due_comes_in_the_order_of_its_time(house: House) {
    for (number, seconds) in [(1, 30), (2, 10), (3, 20)] {
        house.create(instance(number), after(0), Duration::from_secs(seconds)).await.unwrap();
    }
    let due = async |now, limit| -> Vec<InstanceId> {
        let due = house.due(after(now), limit).await;
        due.into_iter().map(|backup| backup.instance_id).collect()
    };
    let ids = [2, 3, 1].map(|number| instance(number).instance_id);
    assert_eq!(due(3_000, 10).await, ids);
    assert_eq!(due(2_999, 10).await, ids[..2]);
    assert_eq!(due(3_000, 1).await, ids[..1]);
    house.reconcile(after(15_000)).await;
    let kinds = [2, 3, 1].map(async |number| house.list(instance(number)).await[0].status.kind());
    let kinds = futures_util::future::join_all(kinds).await;
    assert_eq!(kinds, [BackupStatusKind::Succeed, BackupStatusKind::Backuping, BackupStatusKind::Backuping]);
    assert_eq!(house.store.next_due_at(), Some(after(20_000)));
}

async fn an_instance_shows_its_open_backup(house: House) {
    let task = async || house.store.get_instance(instance(1)).await.unwrap().unwrap().task;
    assert_eq!(task().await, None);
    house.create(instance(1), after(0), TEN_SECONDS).await.unwrap();
    assert_eq!(task().await, Some(InstanceTask::Backup));
    house.reconcile(after(5_000)).await;
    assert_eq!(task().await, Some(InstanceTask::Backup));
    house.reconcile(after(10_000)).await;
    assert_eq!(task().await, None);
}

async fn a_change_of_nothing_is_skipped(house: House) {
    let waiting = house.create(instance(1), after(0), TEN_SECONDS).await.unwrap();
    let start = next_change(&waiting, after(1_000));
    let of_no_instance = BackupChange { instance_id: InstanceId::from_bytes([99; 16]), ..start.clone() };
    let of_no_record = BackupChange { number: 7, ..start.clone() };
    house.change([of_no_instance, of_no_record, start.clone()]).await;
    assert_eq!(house.list(instance(1)).await[0].status, start.to, "the others do not hold it up");
    house.change([]).await;
}

#[test]
fn what_is_planned_is_known_after_a_restart() {
    run(Kind::File, async |house| {
        let waiting = house.create(instance(1), after(0), TEN_SECONDS).await.unwrap();
        let house = house.reopen().await;
        assert_eq!(house.store.next_due_at(), Some(after(1_000)));
        assert_eq!(house.list(instance(1)).await, [waiting]);
        house.reconcile(after(1_000)).await;
        let house = house.reopen().await;
        assert_eq!(house.store.next_due_at(), Some(after(10_000)));
        house.reconcile(after(10_000)).await;
        let house = house.reopen().await;
        assert_eq!(house.store.next_due_at(), None);
        assert!(house.list(instance(1)).await[0].is_restorable());
    });
}
