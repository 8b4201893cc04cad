//! Projects and instances: seeded without touching what is there, found, and listed.

use dcs_emulator::domain::id::InstanceId;
use dcs_emulator::domain::instance::{CacheMode, Instance, InstanceStatus};
use dcs_emulator::domain::page::PageLimit;
use dcs_emulator::store::{InstanceFilter, InstancePageStart, InstanceRef, ProjectSeed, SeedReport};

use crate::house::{House, after, instance, instance_seed, plan, project, project_seed};
use crate::instance_lists::passes;

crate::on_every_store! {
    a_seed_creates_what_is_missing_and_keeps_what_is_there,
    a_seed_says_how_what_is_there_differs,
    an_instance_belongs_to_one_project,
    filters_and_pages_agree_with_a_plain_list,
}

async fn everything(house: &House, number: u8) -> Vec<Instance> {
    let filter = InstanceFilter { include_create_failed: true, ..InstanceFilter::default() };
    let start = InstancePageStart::Skip(0);
    let page = house.store.list_instances(project(number), filter, start, PageLimit::ALL).await.unwrap();
    assert_eq!(page.total, u64::try_from(page.items.len()).unwrap());
    page.items
}

async fn a_seed_creates_what_is_missing_and_keeps_what_is_there(house: House) {
    let before = everything(&house, 1).await;
    assert_eq!(before.len(), 5);
    let modes = [CacheMode::Ha, CacheMode::Ha, CacheMode::HaRwSplit, CacheMode::Single, CacheMode::Cluster];
    let same: Vec<(u8, CacheMode)> = (1..).zip(modes).collect();
    let report = house.store.seed(plan(vec![project_seed(1, &same)]), after(50)).await.unwrap();
    assert_eq!(report, SeedReport { instances_kept: 5, ..SeedReport::default() });
    assert_eq!(everything(&house, 1).await, before);

    let more = [(1, CacheMode::Ha), (6, CacheMode::Proxy)];
    let mut projects = vec![project_seed(1, &more), project_seed(2, &[(7, CacheMode::Ha)])];
    projects[0].instances[1].instance.created_at = after(60);
    projects[0].instances[1].instance.updated_at = after(60);
    let report = house.store.seed(plan(projects), after(60)).await.unwrap();
    let expected =
        SeedReport { projects_created: 1, instances_created: 2, instances_kept: 1, ..SeedReport::default() };
    assert_eq!(report, expected);
    let listed = everything(&house, 1).await;
    assert_eq!(listed[0].id, InstanceId::from_bytes([6; 16]), "newest first");
    assert_eq!(listed[1..], before);
    assert_eq!(everything(&house, 2).await.len(), 1);
}

async fn a_seed_says_how_what_is_there_differs(house: House) {
    let before = everything(&house, 1).await;
    let mut other = instance_seed(1, CacheMode::Single);
    other.instance.status = InstanceStatus::Closed;
    let renamed = ProjectSeed { name: "other".to_owned(), instances: vec![other], ..project_seed(1, &[]) };
    let taken = project_seed(2, &[(2, CacheMode::Ha)]);
    let report = house.store.seed(plan(vec![renamed, taken]), after(9)).await.unwrap();
    assert_eq!(report.instances_kept, 2);
    for named in ["other", "cache_mode", "status", "another project"] {
        let count = report.differences.iter().filter(|sentence| sentence.contains(named)).count();
        assert!(count >= 1, "{named}: {report:?}");
    }
    assert_eq!(report.differences.len(), 4, "{report:?}");
    assert_eq!(everything(&house, 1).await, before);
    assert_eq!(everything(&house, 2).await, []);
}

async fn an_instance_belongs_to_one_project(house: House) {
    let found = house.store.get_instance(instance(3)).await.unwrap().unwrap();
    assert_eq!((found.id, found.project_id), (instance(3).instance_id, project(1)));
    assert_eq!((found.cache_mode, found.created_at), (CacheMode::HaRwSplit, after(0)));
    let elsewhere = InstanceRef { project_id: project(2), ..instance(3) };
    let nowhere = InstanceRef { instance_id: InstanceId::from_bytes([99; 16]), ..instance(3) };
    for instance in [elsewhere, nowhere] {
        assert_eq!(house.store.get_instance(instance).await.unwrap(), None);
    }
    assert_eq!(everything(&house, 9).await, [], "a project nobody has heard of is empty");
}

async fn filters_and_pages_agree_with_a_plain_list(house: House) {
    let mut failed = instance_seed(11, CacheMode::Ha);
    failed.instance.status = InstanceStatus::CreateFailed;
    let mut closed = instance_seed(12, CacheMode::Ha);
    closed.instance.status = InstanceStatus::Closed;
    // Wildcards of SQL are letters like any other.
    let mut odd = instance_seed(13, CacheMode::Ha);
    odd.instance.name = "Instance_1".to_owned().try_into().unwrap();
    let seed = ProjectSeed { instances: vec![failed, closed, odd], ..project_seed(1, &[]) };
    house.store.seed(plan(vec![seed, project_seed(2, &[(20, CacheMode::Ha)])]), after(5)).await.unwrap();
    let all = everything(&house, 1).await;
    assert_eq!(all.len(), 8);
    let mut sorted = all.clone();
    sorted.sort_by_key(|instance| (std::cmp::Reverse(instance.created_at), instance.id));
    assert_eq!(all, sorted);

    let any = InstanceFilter::default();
    let text = |text: &str| Some(text.to_owned());
    for filter in [
        any.clone(),
        InstanceFilter { include_create_failed: true, ..any.clone() },
        InstanceFilter { id: Some(all[3].id), ..any.clone() },
        InstanceFilter { name_contains: text("stance"), ..any.clone() },
        InstanceFilter { name_contains: text("e-1"), ..any.clone() },
        InstanceFilter { name_contains: text("E-1"), ..any.clone() },
        InstanceFilter { name_contains: text("e_1"), ..any.clone() },
        InstanceFilter { name_contains: text("%"), ..any.clone() },
        InstanceFilter { name_is: text("instance-1"), ..any.clone() },
        InstanceFilter { name_is: text("instance"), ..any.clone() },
        InstanceFilter { status: Some(InstanceStatus::CreateFailed), ..any.clone() },
        InstanceFilter { status: Some(InstanceStatus::Closed), name_contains: text("12"), ..any.clone() },
        InstanceFilter { ip: text(&all[2].ip), ..any.clone() },
        InstanceFilter { ip: text("192.168.0"), ..any.clone() },
    ] {
        let expected: Vec<Instance> =
            all.iter().filter(|instance| passes(&filter, instance)).cloned().collect();
        for limit in [1, 2, 3, 1000] {
            let limit = PageLimit::clamped(limit).unwrap();
            for skip in 0..=all.len() {
                let start = InstancePageStart::Skip(u64::try_from(skip).unwrap());
                let page =
                    house.store.list_instances(project(1), filter.clone(), start, limit).await.unwrap();
                let length = usize::try_from(limit.as_u64()).unwrap();
                let items: Vec<Instance> = expected.iter().skip(skip).take(length).cloned().collect();
                assert_eq!(page.items, items, "{filter:?} {start:?} {limit:?}");
                assert_eq!(page.total, u64::try_from(expected.len()).unwrap());
            }
            for marker in &all {
                let start = InstancePageStart::After(marker.id);
                let page =
                    house.store.list_instances(project(1), filter.clone(), start, limit).await.unwrap();
                let place = |id| all.iter().position(|instance| instance.id == id);
                let length = usize::try_from(limit.as_u64()).unwrap();
                let behind = expected.iter().filter(|instance| place(instance.id) > place(marker.id));
                let items: Vec<Instance> = behind.take(length).cloned().collect();
                assert_eq!(page.items, items, "{filter:?} {start:?} {limit:?}");
            }
        }
    }
    for stranger in [99, 20] {
        let start = InstancePageStart::After(InstanceId::from_bytes([stranger; 16]));
        let page = house.store.list_instances(project(1), any.clone(), start, PageLimit::ALL).await.unwrap();
        assert_eq!(page.items, [], "nothing follows what is not in the list");
    }
}
