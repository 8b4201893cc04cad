use super::*;

fn gb(gigabytes: f64) -> Capacity {
    Capacity::from_gigabytes(gigabytes).unwrap()
}

fn redis(version: &str) -> EngineVersion {
    EngineVersion::new(Engine::Redis, version.to_owned()).unwrap()
}

#[test]
fn every_row_of_the_table_makes_sense() {
    for family in table::FAMILIES {
        let sizes: Vec<Capacity> = family.sizes.iter().map(|size| size.capacity).collect();
        assert!(sizes.is_sorted() && !sizes.is_empty(), "{}", family.code);
        assert!(family.copies.len() == 1 || family.code.contains("{copies}"), "{}", family.code);
        for size in family.sizes {
            assert!(
                size.usable_mb() <= size.capacity.as_megabytes() && size.connections.0 <= size.connections.1,
                "{}",
                family.code
            );
            assert_eq!(size.shards.proxies > 0, family.mode == CacheMode::Proxy, "{}", family.code);
        }
        for version in family.versions {
            assert!(EngineVersion::new(family.engine, (*version).to_owned()).is_ok(), "{}", family.code);
        }
    }
}

#[test]
fn every_code_is_of_one_product() {
    let codes: std::collections::HashSet<&str> =
        products().iter().map(|product| product.spec_code.as_str()).collect();
    assert_eq!(codes.len(), products().len());
    for one in products() {
        assert_eq!(product(&one.spec_code), Some(one));
    }
}

#[test]
fn what_a_row_offers_can_be_ordered_and_nothing_else() {
    let versions = ["", "3.0", "4.0", "5.0", "6.0", "7.0"];
    let capacities: Vec<Capacity> =
        (0..=4096).filter_map(|megabytes| Capacity::from_megabytes(megabytes * 128).ok()).collect();
    for one in products() {
        let releases = one.family.releases();
        for version in versions {
            let Ok(known) = EngineVersion::new(one.family.engine, version.to_owned()) else { continue };
            for capacity in &capacities {
                let shown = releases.split(';').any(|release| release == version)
                    && one.sizes.iter().any(|size| size.capacity == *capacity);
                let offered = offer(&one.spec_code, one.family.engine, &known, *capacity);
                assert_eq!(offered.is_ok(), shown, "{} {version} {capacity:?}", one.spec_code);
            }
        }
    }
}

#[test]
fn the_first_generation_comes_last() {
    let is_old: Vec<bool> = products().iter().map(|product| product.family.is_first_generation()).collect();
    assert!(is_old.is_sorted() && !is_old[0] && is_old[is_old.len() - 1]);
}

#[test]
fn the_codes_of_public_examples_are_there() {
    for code in [
        "redis.ha.xu1.tiny.r2.128",
        "redis.ha.xu1.tiny.r2.256",
        "redis.single.xu1.tiny.128",
        "redis.ha.xu1.large.r2.1",
        "redis.ha.xu1.large.r2.2",
        "redis.ha.xu1.large.r2.4",
        "redis.ha.xu1.large.r4.1",
        "redis.ha.au1.large.r4.1",
        "redis.ha.xu1.large.p2.8",
        "redis.ha.xu1.large.p2.16",
        "redis.ha.xu1.large.p4.8",
        "redis.proxy.xu1.large.4",
        "redis.proxy.xu1.large.8",
        "redis.proxy.xu1.large.s1.8",
        "redis.proxy.xu1.large.s1.16",
        "redis.cluster.xu1.large.r2.4",
        "redis.cluster.xu1.large.r3.4",
        "redis.cluster.xu1.large.r4.4",
        "redis.cluster.xu1.large.r2.s1.4",
        "redis.cluster.xu1.large.r2.s1.8",
        "dcs.single_node",
        "dcs.master_standby",
        "dcs.cluster",
        "redis.ha.xu1.large.enthp.8",
        "redis.ha.xu1.large.entst.32",
        "dcs.memcached.master_standby",
    ] {
        assert!(product(code).is_some(), "{code}");
    }
    assert_eq!(product("redis.ha.au1.large.2"), product("redis.ha.au1.large.r2.2"));
    for unknown in
        ["", "redis.ha.xu1.large.r2.3", "redis.ha.xu1.large.r6.2", "redis.proxy.xu1.large.2", "OTC_DCS_MS"]
    {
        assert_eq!(product(unknown), None, "{unknown}");
    }
}

#[test]
fn figures_are_those_of_the_pages() {
    for (code, gigabytes, shards, connections, bandwidth, addresses) in [
        ("redis.single.xu1.tiny.128", 0.125, 1, (10_000, 10_000), 40, 1),
        ("redis.ha.xu1.large.r3.64", 64.0, 1, (10_000, 50_000), 384, 3),
        ("redis.ha.xu1.large.p2.8", 8.0, 1, (20_000, 20_000), 1536, 2),
        ("redis.proxy.xu1.large.192", 192.0, 24, (200_000, 240_000), 10_000, 1),
        ("redis.proxy.xu1.large.s1.8", 8.0, 8, (80_000, 80_000), 6144, 1),
        ("redis.cluster.xu1.large.r2.4", 4.0, 3, (30_000, 150_000), 2304, 6),
        ("redis.cluster.au1.large.r1.1024", 1024.0, 128, (1_280_000, 6_400_000), 98_304, 128),
        ("redis.cluster.xu1.large.r2.s1.8", 8.0, 8, (80_000, 400_000), 6144, 16),
        ("dcs.cluster", 64.0, 8, (90_000, 90_000), 600, 1),
    ] {
        let product = product(code).unwrap();
        let size = product.size(gb(gigabytes)).unwrap();
        assert_eq!(size.shards.count, shards, "{code}");
        assert_eq!(product.connections(size), connections, "{code}");
        assert_eq!(product.bandwidth(size).0, bandwidth, "{code}");
        assert_eq!(product.addresses(size), addresses, "{code}");
    }
}

#[test]
fn the_first_generation_keeps_memory_for_itself() {
    for (code, usable) in [
        ("dcs.single_node", [1536, 3277, 6963, 13926, 27853, 59597]),
        ("dcs.master_standby", [1536, 3277, 6554, 13107, 26214, 52429]),
        ("dcs.memcached.master_standby", [1536, 3277, 6554, 13107, 26214, 52429]),
    ] {
        let sizes = product(code).unwrap().sizes;
        assert_eq!(sizes.iter().map(Size::usable_mb).collect::<Vec<_>>(), usable, "{code}");
    }
    assert_eq!(product("redis.ha.xu1.tiny.r2.128").unwrap().sizes[0].usable_mb(), 128);
}

#[test]
fn a_product_is_offered_by_code_by_id_and_by_alias() {
    let offered = |name: &str, version: &str, gigabytes: f64| {
        offer(name, Engine::Redis, &redis(version), gb(gigabytes)).map(|product| product.spec_code.as_str())
    };
    assert_eq!(offered("redis.ha.xu1.large.r2.2", "5.0", 2.0), Ok("redis.ha.xu1.large.r2.2"));
    for charge in ["-h", "-m", "-y"] {
        assert_eq!(offered(&format!("dcs.cluster{charge}"), "3.0", 64.0), Ok("dcs.cluster"));
    }
    assert_eq!(offered("OTC_DCS_SINGLE", "3.0.7", 2.0), Ok("dcs.single_node"));
    assert_eq!(offered("OTC_DCS_MS", "3.0", 4.0), Ok("dcs.master_standby"));
    assert_eq!(offered("OTC_DCS_CL", "3.0", 64.0), Ok("dcs.cluster"));
    assert_eq!(offered("OTC_DCS_MS", "5.0", 0.125), Ok("redis.ha.xu1.tiny.r2.128"));
    assert_eq!(offered("OTC_DCS_CL", "5.0", 8.0), Ok("redis.proxy.xu1.large.8"));
    assert_eq!(offered("OTC_DCS_MS", "3.0.7", 1.0), Err(NotSold::Capacity));
    assert_eq!(offered("nothing", "5.0", 2.0), Err(NotSold::Product));
    assert_eq!(offered("dcs.memcached.single_node", "3.0", 2.0), Err(NotSold::Engine));
    assert_eq!(offered("redis.proxy.xu1.large.4", "7.0", 4.0), Err(NotSold::Version));
    assert_eq!(offered("redis.ha.xu1.large.r2.2", "5.0", 4.0), Err(NotSold::Capacity));
    let memcached = EngineVersion::new(Engine::Memcached, String::new()).unwrap();
    let by_alias = offer("OTC_DCS_MS", Engine::Memcached, &memcached, gb(2.0)).unwrap();
    assert_eq!(by_alias.spec_code, "dcs.memcached.master_standby");
}

#[test]
fn another_size_of_a_product_is_of_its_family() {
    let of_size = |code: &str, gigabytes: f64| {
        product(code).unwrap().of_size(gb(gigabytes)).map(|product| product.spec_code.as_str())
    };
    assert_eq!(of_size("redis.ha.xu1.tiny.r3.128", 4.0), Some("redis.ha.xu1.large.r3.4"));
    assert_eq!(of_size("dcs.master_standby", 8.0), Some("dcs.master_standby"));
    assert_eq!(of_size("redis.cluster.au1.large.r2.4", 48.0), Some("redis.cluster.au1.large.r2.48"));
    assert_eq!(of_size("redis.ha.xu1.large.p2.8", 24.0), None);
    assert_eq!(of_size("dcs.cluster", 2.0), None);
}

#[test]
fn a_product_may_become_what_the_version_permits() {
    let may = |from: &str, to: &str, version: &str| {
        product(from).unwrap().may_become(product(to).unwrap(), &redis(version))
    };
    assert!(may("redis.ha.xu1.large.r2.4", "redis.proxy.xu1.large.4", "5.0"));
    assert!(may("redis.single.xu1.large.4", "redis.cluster.xu1.large.r2.4", "7.0"));
    assert!(!may("redis.ha.xu1.large.r2.4", "redis.proxy.xu1.large.4", "7.0"));
    assert!(!may("redis.ha.xu1.large.r2.4", "dcs.master_standby", "5.0"));
    assert!(may("dcs.single_node", "dcs.master_standby", "3.0"));
    assert!(may("dcs.master_standby", "dcs.cluster", "3.0.7"));
    assert!(!may("dcs.single_node", "dcs.cluster", "3.0"));
    assert!(!may("dcs.master_standby", "dcs.single_node", "3.0"));
}

#[test]
fn what_a_seed_describes_is_near_some_product() {
    let near = |version: &str, mode, gigabytes| {
        nearest(Engine::Redis, &redis(version), mode, gb(gigabytes)).spec_code.as_str()
    };
    assert_eq!(near("5.0", CacheMode::Ha, 2.0), "redis.ha.xu1.large.r2.2");
    assert_eq!(near("5.0", CacheMode::HaRwSplit, 2.0), "redis.ha.xu1.large.p2.2");
    assert_eq!(near("5.0", CacheMode::Ha, 3.0), "redis.ha.xu1.large.r2.4");
    assert_eq!(near("5.0", CacheMode::Cluster, 4096.0), "redis.cluster.xu1.large.r2.2048");
    assert_eq!(near("3.0", CacheMode::Proxy, 4.0), "dcs.cluster");
    assert_eq!(near("3.0", CacheMode::Cluster, 64.0), "dcs.cluster");
    assert_eq!(near("3.0", CacheMode::HaRwSplit, 2.0), "dcs.master_standby");
    assert_eq!(near("7.0", CacheMode::Proxy, 8.0), "redis.proxy.xu1.large.8");
    let memcached = EngineVersion::new(Engine::Memcached, String::new()).unwrap();
    let proxied = nearest(Engine::Memcached, &memcached, CacheMode::Proxy, gb(4.0));
    assert_eq!(proxied.spec_code, "dcs.memcached.master_standby");
}

#[test]
fn who_asks_for_no_capacity_gets_two_gigabytes_or_the_smallest_above() {
    let default = |version: &str, mode| default_capacity(Engine::Redis, &redis(version), mode);
    for (version, mode, gigabytes) in [
        ("5.0", CacheMode::Single, 2.0),
        ("5.0", CacheMode::Ha, 2.0),
        ("5.0", CacheMode::HaRwSplit, 2.0),
        ("5.0", CacheMode::Cluster, 4.0),
        ("5.0", CacheMode::Proxy, 4.0),
        ("3.0", CacheMode::Ha, 2.0),
        ("3.0", CacheMode::Proxy, 64.0),
    ] {
        assert_eq!(default(version, mode), gb(gigabytes), "{version} {mode}");
    }
}
