//! Long lists of instances: every filter, page and marker agrees with a list that is kept by hand.

use std::cmp::Reverse;

use dcs_emulator::domain::id::InstanceId;
use dcs_emulator::domain::instance::{CacheMode, Capacity, Engine, Instance, InstanceStatus};
use dcs_emulator::domain::instance_config::{Tag, Tags};
use dcs_emulator::domain::page::PageLimit;
use dcs_emulator::store::sqlite::{Location, check};
use dcs_emulator::store::{
    ChangeInstance, InstanceCommand, InstanceFilter, InstancePageStart, InstanceRef, InstanceSeed,
    ProjectSeed,
};
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::{Builder, Runtime};

use crate::house::{House, Kind, after, anonymous, instance_seed, plan, project, project_seed};

/// More than a page holds, with values that many, few and none of them have.
const MANY: u16 = 1_240;
/// How many questions are asked of the list, before some of it is deleted and again afterwards.
const QUESTIONS: u32 = 120;

/// Whether a filter lets an instance through, said plainly.
pub(crate) fn passes(filter: &InstanceFilter, instance: &Instance) -> bool {
    let name = instance.name.as_str();
    let is_shown = match filter.status {
        Some(status) => instance.status == status,
        None => filter.include_create_failed || instance.status != InstanceStatus::CreateFailed,
    };
    let is_tagged = |key: &str, value: Option<&str>| {
        let mut tags = instance.tags.iter();
        tags.any(|tag| tag.key.as_str() == key && value.is_none_or(|value| tag.value.as_str() == value))
    };
    is_shown
        && filter.id.is_none_or(|id| instance.id == id)
        && filter.name_contains.as_ref().is_none_or(|part| name.contains(part.as_str()))
        && filter.name_is.as_ref().is_none_or(|whole| name == whole)
        && filter.ip.as_ref().is_none_or(|ip| instance.ip.split(',').any(|own| own == ip))
        && filter.ip_contains.as_ref().is_none_or(|part| instance.ip.contains(part.as_str()))
        && filter.engine.is_none_or(|engine| instance.engine == engine)
        && filter.capacity.is_none_or(|capacity| instance.capacity == capacity)
        && filter.tags.iter().all(|(key, value)| is_tagged(key, value.as_deref()))
}

fn id(number: u16) -> InstanceId {
    // Not in the order of the numbers.
    let mut bytes = [7; 16];
    bytes[..2].copy_from_slice(&number.wrapping_mul(40_503).to_be_bytes());
    InstanceId::from_bytes(bytes)
}

/// Returns one of many: of some of their values there are many, of others few.
fn one_of_many(number: u16) -> InstanceSeed {
    let created_at = match number {
        // Most are of one instant.
        0..1_100 => after(10),
        _ => after(10 + i64::from(number % 7)),
    };
    let status = match number % 200 {
        3 => InstanceStatus::CreateFailed,
        5 => InstanceStatus::Closed,
        _ if number.is_multiple_of(3) => InstanceStatus::Error,
        _ => InstanceStatus::Running,
    };
    let capacity = match number % 150 {
        0 => 8.0,
        rest => f64::from(2 + rest % 2 * 2),
    };
    let ip = match number % 4 {
        0 => format!("192.168.{}.{},10.0.0.{}", number / 250, number % 250, number % 250),
        _ => format!("192.168.{}.{}", number / 250, number % 250),
    };
    let mut seed = instance_seed(0, CacheMode::Ha);
    seed.instance.id = id(number);
    seed.instance.name =
        format!("cache-{}-{number}", ["red", "Green", "aaaaaaaaaaaa"][usize::from(number % 3)])
            .try_into()
            .unwrap();
    (seed.instance.status, seed.instance.ip) = (status, ip);
    (seed.instance.created_at, seed.instance.updated_at) = (created_at, created_at);
    seed.instance.capacity = Capacity::from_gigabytes(capacity).unwrap();
    let tag = |key: &str, value: String| Tag {
        key: key.to_owned().try_into().unwrap(),
        value: value.try_into().unwrap(),
    };
    let tags = vec![tag("number", number.to_string()), tag("half", (number % 2).to_string())];
    seed.instance.tags = Tags::new(tags).unwrap();
    seed
}

/// A filter, by texts of which some are in many instances, some in few and some in none.
fn filter() -> impl Strategy<Value = InstanceFilter> {
    let one_of = |texts: &'static [&'static str]| {
        proptest::option::weighted(0.25, proptest::sample::select(texts).prop_map(str::to_owned))
    };
    let parts = one_of(&[
        "cache",
        "-red-",
        "Green-1",
        "green",
        "-1239",
        "red-12",
        "aaaaaaaaa-71",
        "aaaaaaaaaaaaa",
        "e-Green-700",
        "9",
        "%",
        "_",
        "-x",
    ]);
    let ips = one_of(&["192.168.", "68.2.1", "10.0.0.8", "168.1.77", "8,10.0", "0.0.0.0", ".0.", "3"]);
    let statuses = [
        InstanceStatus::Running,
        InstanceStatus::Error,
        InstanceStatus::Closed,
        InstanceStatus::CreateFailed,
        InstanceStatus::Frozen,
    ];
    let tags =
        [("half", None), ("half", Some("1")), ("number", None), ("number", Some("7")), ("colour", None)];
    let tags = proptest::sample::select(
        tags.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).to_vec(),
    );
    (
        (parts, one_of(&["cache-red-300", "cache-red-301"]), proptest::option::weighted(0.1, 0..MANY)),
        (one_of(&["192.168.2.8", "10.0.0.8", "192.168.1.77", "92.168.1.77", "10.0.0.8,1"]), ips),
        proptest::option::weighted(0.3, proptest::sample::select(statuses.to_vec())),
        proptest::option::weighted(0.2, proptest::sample::select(vec![2.0, 4.0, 8.0, 16.0])),
        proptest::option::weighted(0.1, proptest::sample::select(vec![Engine::Redis, Engine::Memcached])),
        prop_oneof![4 => Just(vec![]), 2 => proptest::collection::vec(tags, 1..3)],
        any::<bool>(),
    )
        .prop_map(
            |(
                (name_contains, name_is, number),
                (ip, ip_contains),
                status,
                gigabytes,
                engine,
                tags,
                failed,
            )| {
                InstanceFilter {
                    id: number.map(id),
                    // What nothing matches is asked for seldom.
                    name_is: name_is.filter(|_| name_contains.is_none()),
                    name_contains,
                    ip: ip.filter(|_| ip_contains.is_none()),
                    ip_contains,
                    status,
                    capacity: gigabytes.map(|gigabytes| Capacity::from_gigabytes(gigabytes).unwrap()),
                    engine,
                    tags,
                    include_create_failed: failed,
                }
            },
        )
}

/// A filter, where in what it lets through a page starts, and how long the page is; and whether it starts behind an instance.
fn question() -> impl Strategy<Value = (InstanceFilter, u16, u64, bool)> {
    let skip = prop_oneof![2 => Just(0), 1 => 0..20_u16, 3 => 0..MANY + 20];
    let failed = any::<bool>();
    let none = failed
        .prop_map(|failed| InstanceFilter { include_create_failed: failed, ..InstanceFilter::default() });
    (
        prop_oneof![5 => filter(), 1 => none],
        skip,
        prop_oneof![3 => 1..12_u64, 1 => Just(1_000)],
        any::<bool>(),
    )
}

/// Asks at random what is in the list, `all` being all that is there in its order.
fn ask(runtime: &Runtime, house: &House, all: &[Instance]) {
    let config = Config { cases: QUESTIONS, failure_persistence: None, ..Config::default() };
    let asked = TestRunner::new(config).run(&question(), |(filter, skip, limit, is_behind)| {
        let expected: Vec<&Instance> = all.iter().filter(|instance| passes(&filter, instance)).collect();
        let length = usize::try_from(limit).unwrap();
        let limit = PageLimit::clamped(limit).unwrap();
        let (start, rest) = if is_behind {
            let place = usize::from(skip) % all.len();
            let rest = all[place + 1..].iter().filter(|instance| passes(&filter, instance));
            (InstancePageStart::After(all[place].id), rest.take(length).collect::<Vec<_>>())
        } else {
            let rest = expected.iter().copied().skip(usize::from(skip));
            (InstancePageStart::Skip(skip.into()), rest.take(length).collect())
        };
        let page =
            runtime.block_on(house.store.list_instances(project(1), filter.clone(), start, limit)).unwrap();
        prop_assert_eq!(page.items.iter().collect::<Vec<_>>(), rest);
        prop_assert_eq!(page.total, u64::try_from(expected.len()).unwrap());
        let whole = runtime.block_on(house.store.all_instances(project(1), filter)).unwrap();
        prop_assert_eq!(whole.iter().collect::<Vec<_>>(), expected);
        Ok(())
    });
    asked.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Looks at pages from one end of the list to the other.
async fn look_at_every_place(house: &House, all: &[Instance]) {
    let listed: Vec<&Instance> =
        all.iter().filter(|instance| passes(&InstanceFilter::default(), instance)).collect();
    for skip in (0..=listed.len()).step_by(7) {
        let start = InstancePageStart::Skip(u64::try_from(skip).unwrap());
        let page = house
            .store
            .list_instances(project(1), InstanceFilter::default(), start, PageLimit::clamped(3).unwrap())
            .await
            .unwrap();
        let expected: Vec<InstanceId> =
            listed.iter().skip(skip).take(3).map(|instance| instance.id).collect();
        assert_eq!(page.items.iter().map(|instance| instance.id).collect::<Vec<_>>(), expected, "{skip}");
        assert_eq!(page.total, u64::try_from(listed.len()).unwrap());
    }
}

async fn everything(house: &House) -> Vec<Instance> {
    let filter = InstanceFilter { include_create_failed: true, ..InstanceFilter::default() };
    house.store.all_instances(project(1), filter).await.unwrap()
}

#[test]
fn long_lists_agree_with_a_list_kept_by_hand_also_when_much_of_them_is_deleted() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let house = runtime.block_on(House::open(Kind::File));
    let instances = (0..MANY).map(one_of_many).collect();
    // Others have the same names, addresses and tags.
    let others = (MANY..MANY + 150).map(|number| {
        let mut other = one_of_many(number - MANY);
        other.instance.id = id(number);
        other
    });
    let seed = plan(vec![
        ProjectSeed { instances, ..project_seed(1, &[]) },
        ProjectSeed { instances: others.collect(), ..project_seed(2, &[]) },
    ]);
    runtime.block_on(house.store.seed(seed, after(100))).unwrap();
    let mut all = runtime.block_on(everything(&house));
    assert_eq!(all.len(), usize::from(MANY) + 5);
    assert!(all.is_sorted_by_key(|instance| (Reverse(instance.created_at), instance.id)));
    runtime.block_on(look_at_every_place(&house, &all));
    ask(&runtime, &house, &all);

    // All of the middle of the list, and some of the rest.
    let mut place = 0;
    let gone = all.extract_if(.., |instance| {
        place += 1;
        (200..1_000).contains(&place) || instance.id.as_bytes()[0] < 40
    });
    let gone: Vec<Instance> = gone.filter(|instance| instance.status != InstanceStatus::Frozen).collect();
    runtime.block_on(async {
        let delete = |instance: &Instance| {
            house.store.change_instance(ChangeInstance {
                instance: InstanceRef { project_id: project(1), instance_id: instance.id },
                command: InstanceCommand::Delete,
                now: after(200),
                origin: anonymous(),
            })
        };
        for deleted in join_all(gone.iter().map(delete)).await {
            deleted.unwrap();
        }
        assert_eq!(everything(&house).await, all);
        look_at_every_place(&house, &all).await;
    });
    ask(&runtime, &house, &all);
    let Location::File(path) = &house.location else { panic!("it is kept in a file") };
    let report = runtime.block_on(async {
        house.store.close().await;
        check(path).await.unwrap()
    });
    assert_eq!(report.findings, Vec::<String>::new());
}
