//! The catalogue: products, flavors, zones, windows of maintenance, trials (wire contract v1.0, sections 2.26 to 2.29; v2,
//! sections 2.13 to 2.15, 4.2 and 4.3). Quotas are in `quotas`.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::identity::{DOMAIN, DOMAIN_ID};
use crate::support::seed::{HA, OLD_REDIS, PROJECT, UNKNOWN_INSTANCE};
use crate::support::{Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v1.0/products", a_product_of_many_sizes_shows_the_smallest),
    covered("GET", "/v1.0/availableZones", zones_are_the_same_on_both_versions),
    covered(
        "GET",
        "/v1.0/instances/maintain-windows",
        version_one_shows_six_windows_and_version_two_hours_as_well,
    ),
    covered("GET", "/v1.0/{domain_id}/trials", nothing_can_be_had_for_nothing),
    covered("GET", "/v2/{project_id}/flavors", a_flavor_has_exactly_these_members_of_exactly_these_types),
    covered("GET", "/v2/available-zones", zones_are_the_same_on_both_versions),
    covered(
        "GET",
        "/v2/instances/maintain-windows",
        version_one_shows_six_windows_and_version_two_hours_as_well,
    ),
];

const ZONE_IDS: [&str; 3] = [
    "ae04cf9d61544df3806a3feeb401b204",
    "d573142f24894ef3bd3664de068b44b0",
    "effdcbc7d4d64a02aa1fa26b42f56533",
];

async fn products(server: &TestServer) -> Vec<Value> {
    server.get("/v1.0/products").await.ok()["products"].as_array().expect("an array").clone()
}

async fn flavors(server: &TestServer, query: &str) -> Vec<Value> {
    let answer = server.get(&format!("/v2/{PROJECT}/flavors?{query}")).await.ok();
    answer["flavors"].as_array().expect("an array").clone()
}

async fn codes(server: &TestServer, query: &str) -> Vec<String> {
    flavors(server, query).await.iter().map(|flavor| text(&flavor["spec_code"])).collect()
}

#[tokio::test]
async fn a_product_of_many_sizes_shows_the_smallest() {
    let server = TestServer::start().await;
    let products = products(&server).await;
    let found = products.iter().find(|product| product["spec_code"] == "dcs.master_standby").unwrap();
    let flavors: Vec<Value> = ["2", "4", "8", "16", "32", "64"]
        .map(|gb| json!({"capacity": gb, "unit": "GB", "available_zones": ZONE_IDS}))
        .into();
    assert_eq!(
        found,
        &json!({
            "product_id": "dcs.master_standby-h", "spec_code": "dcs.master_standby", "cache_mode": "ha",
            "product_type": "generic", "cpu_type": "x86_64", "storage_type": "DRAM",
            "details": {
                "capacity": 2, "max_memory": 1.5, "max_connections": 50000, "max_clients": 5000, "max_bandwidth": 512,
                "max_in_bandwidth": 42, "tenant_ip_count": 2, "sharding_num": 1, "proxy_num": 0, "db_number": 256,
            },
            "engine": "redis", "engine_versions": "3.0",
            "spec_details": "[{\"mem\":\"2,4,8,16,32,64\"}]",
            "spec_details2": "[{\"capacity\":2,\"max_memory\":1.5},{\"capacity\":4,\"max_memory\":3.2},\
                              {\"capacity\":8,\"max_memory\":6.4},{\"capacity\":16,\"max_memory\":12.8},\
                              {\"capacity\":32,\"max_memory\":25.6},{\"capacity\":64,\"max_memory\":51.2}]",
            "charging_type": "Hourly", "price": 0.0, "currency": "", "prod_type": "instance",
            "cloud_service_type_code": "hws.service.type.dcs", "cloud_resource_type_code": "hws.resource.type.dcs",
            "flavors": flavors, "billing_factor": "Duration",
        })
    );
}

#[tokio::test]
async fn every_code_is_of_exactly_one_product() {
    let server = TestServer::start().await;
    let products = products(&server).await;
    let all: Vec<String> = products.iter().map(|product| text(&product["spec_code"])).collect();
    let different: HashSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    for wanted in ["dcs.single_node", "dcs.cluster", "redis.single.xu1.tiny.128", "redis.ha.xu1.tiny.r2.128"]
    {
        assert!(all.iter().any(|code| code == wanted), "{wanted}");
    }
    // Both versions sell the same.
    assert_eq!(codes(&server, "").await, all);
    let tiny = products.iter().find(|product| product["spec_code"] == "redis.ha.xu1.tiny.r2.128").unwrap();
    assert_eq!(
        (&tiny["details"]["capacity"], &tiny["flavors"][0]["capacity"]),
        (&json!(0.125), &json!("0.125"))
    );
}

#[tokio::test]
async fn numbers_of_products_are_whole_where_clients_read_integers() {
    let server = TestServer::start().await;
    for product in products(&server).await {
        for (name, value) in product["details"].as_object().unwrap() {
            let may_have_a_fraction = matches!(name.as_str(), "capacity" | "max_memory");
            assert!(value.is_u64() || may_have_a_fraction && value.is_f64(), "{name} of {product}");
        }
    }
}

#[tokio::test]
async fn a_flavor_has_exactly_these_members_of_exactly_these_types() {
    let server = TestServer::start().await;
    let attributes: Vec<Value> = [
        ("sharding_num", "1"),
        ("proxy_num", "0"),
        ("db_number", "256"),
        ("max_memory", "1"),
        ("max_connections", "50000"),
        ("max_clients", "10000"),
        ("max_bandwidth", "80"),
        ("max_in_bandwidth", "80"),
    ]
    .map(|(name, value)| json!({"capacity": "1", "name": name, "value": value}))
    .into();
    assert_eq!(
        flavors(&server, "spec_code=redis.ha.xu1.large.r2.1").await,
        [json!({
            "spec_code": "redis.ha.xu1.large.r2.1", "cache_mode": "ha", "engine": "redis",
            "engine_version": "4.0;5.0;6.0;7.0", "product_type": "generic", "cpu_type": "x86_64", "storage_type": "DRAM",
            "capacity": ["1"], "billing_mode": ["Hourly", "Monthly", "Yearly"], "tenant_ip_count": 2,
            "pricing_type": "normal", "is_dec": false, "replica_count": 2,
            "cloud_service_type_code": "hws.service.type.dcs", "cloud_resource_type_code": "hws.resource.type.dcs3",
            "inquery_spec_code": "redis.ha.xu1.large.r2.1", "billing_factor": null, "attrs": attributes,
            "flavors_available_zones": [{
                "capacity": "1", "unit": "GB", "available_zones": ZONE_IDS,
                "az_codes": ["eu-de-01", "eu-de-02", "eu-de-03"],
            }],
        })]
    );
    let first_generation = &flavors(&server, "spec_code=dcs.cluster").await[0];
    assert_eq!(first_generation["pricing_type"], "tier");
    assert_eq!(first_generation["capacity"], json!(["64", "128", "256", "512", "1024"]));
    assert_eq!(each(&first_generation["flavors_available_zones"], "capacity").len(), 5);
}

#[tokio::test]
async fn the_first_generation_comes_last() {
    let server = TestServer::start().await;
    for query in ["cache_mode=ha&capacity=2", "cache_mode=ha&capacity=4", "cache_mode=single&capacity=8", ""]
    {
        let versions: Vec<String> =
            flavors(&server, query).await.iter().map(|one| text(&one["engine_version"])).collect();
        let is_old = |version: &String| matches!(version.as_str(), "3.0" | "");
        let first_old = versions.iter().position(is_old).expect("there are some of the first generation");
        assert!(first_old > 0 && versions[first_old..].iter().all(is_old), "{query} {versions:?}");
    }
    let first = &flavors(&server, "cache_mode=ha&capacity=2").await[0];
    assert_eq!(first["spec_code"], "redis.ha.xu1.large.r2.2");
}

#[tokio::test]
async fn several_versions_are_asked_for_at_once() {
    let server = TestServer::start().await;
    let of = async |versions: &str| {
        codes(&server, &format!("cache_mode=proxy&capacity=64&engine_version={versions}")).await
    };
    let both = of("4.0;5.0").await;
    assert!(!both.is_empty() && both.iter().all(|code| code.starts_with("redis.proxy.")), "{both:?}");
    assert_eq!(of("4.0%3B5.0").await, both);
    assert_eq!(of("6.0;7.0").await, [] as [&str; 0]);
    assert_eq!(of("3.0;4.0").await, [] as [&str; 0]);
    assert_eq!(of("3.0").await, ["dcs.cluster"]);
    // What is spelled the older way is the same product.
    assert_eq!(codes(&server, "spec_code=redis.ha.xu1.large.2").await, ["redis.ha.xu1.large.r2.2"]);
}

/// Has an instance made of a row of the catalogue.
async fn order(server: &TestServer, flavor: &Value, version: &str, capacity: &str) -> u16 {
    let order = json!({
        "name": "of-a-row", "engine": flavor["engine"], "engine_version": version, "capacity": capacity,
        "spec_code": flavor["spec_code"], "no_password_access": true, "vpc_id": "v", "subnet_id": "s",
        "az_codes": [flavor["flavors_available_zones"][0]["az_codes"][0]], "security_group_id": "g",
    });
    server.post(&format!("/v2/{PROJECT}/instances"), &order).await.status
}

#[tokio::test]
async fn what_a_row_offers_can_be_ordered_and_nothing_else() {
    let server = TestServer::with(&[("instances.unique_names", "false")]).await;
    let all = flavors(&server, "cpu_type=x86_64").await;
    // One row of each kind, mode and number of copies: a test of the domain goes through all.
    let mut seen = HashSet::new();
    for flavor in &all {
        let kind = ["cache_mode", "engine_version", "product_type", "storage_type", "replica_count"];
        if !seen.insert(kind.map(|name| flavor[name].to_string())) {
            continue;
        }
        let versions = text(&flavor["engine_version"]);
        for version in ["", "3.0", "4.0", "5.0", "6.0", "7.0"] {
            for capacity in ["0.125", "2", "8", "64"] {
                let offered = versions.split(';').any(|one| one == version)
                    && flavor["capacity"].as_array().unwrap().contains(&json!(capacity));
                let status = order(&server, flavor, version, capacity).await;
                assert_eq!(status == 200, offered, "{} {version} {capacity}", flavor["spec_code"]);
            }
        }
    }
}

#[tokio::test]
async fn every_filter_leaves_out_what_does_not_fit() {
    let server = TestServer::start().await;
    for (query, expected) in [
        ("cache_mode=ha&capacity=2&engine_version=6.0&cpu_type=x86_64", vec![2, 3, 4, 5]),
        ("cache_mode=ha&capacity=0.125&engine_version=5.0&cpu_type=aarch64", vec![2, 3, 4, 5]),
        ("cache_mode=single&capacity=.5&cpu_type=x86_64&engine=REDIS&engine_version=7.0", vec![1]),
        ("cache_mode=ha_rw_split&capacity=8", vec![2, 3, 4, 5, 6]),
        ("engine=Memcached&cache_mode=single", vec![1]),
        ("cache_mode=proxy&capacity=8&cpu_type=x86_64&engine_version=4.0", vec![2, 2]),
        ("cache_mode=proxy&engine_version=7.0", vec![]),
        ("capacity=3", vec![]),
        ("capacity=much", vec![]),
        ("engine=MongoDB", vec![]),
        ("cache_mode=HA", vec![]),
        ("spec_code=redis.ha.xu1.large.r2.3", vec![]),
    ] {
        let copies: Vec<Value> = each(&json!(flavors(&server, query).await), "replica_count");
        assert_eq!(json!(copies), json!(expected), "{query}");
    }
}

#[tokio::test]
async fn an_instance_can_be_changed_to_what_its_version_is_sold_in() {
    let server = TestServer::start().await;
    let of_old = codes(&server, &format!("instance_id={OLD_REDIS}")).await;
    assert_eq!(of_old, ["dcs.master_standby", "dcs.cluster"]);
    let of_new = codes(&server, &format!("instance_id={HA}&capacity=4&cpu_type=x86_64")).await;
    for code in ["redis.ha.xu1.large.r2.4", "redis.proxy.xu1.large.4", "redis.cluster.xu1.large.r2.s1.4"] {
        assert!(of_new.iter().any(|found| found == code), "{code} is not among {of_new:?}");
    }
    assert!(!of_new.iter().any(|code| code.starts_with("dcs.")), "{of_new:?}");
    for nobody in [UNKNOWN_INSTANCE, "x"] {
        assert_eq!(codes(&server, &format!("instance_id={nobody}")).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn zones_are_the_same_on_both_versions() {
    let server = TestServer::with(&[("region", "cn-north-4")]).await;
    let zone = |at: usize| {
        let code = ["cn-north-4a", "cn-north-4b", "cn-north-4c"][at];
        json!({
            "id": ZONE_IDS[at], "code": code, "name": code, "port": (8002 + at).to_string(),
            "resource_availability": "true", "resource_availability_dcs2": "true",
        })
    };
    let expected = json!({
        "region_id": "cn-north-4", "regionId": "cn-north-4", "available_zones": [zone(0), zone(1), zone(2)],
    });
    for path in ["/v1.0/availableZones", "/v2/available-zones"] {
        assert_eq!(server.get(path).await.ok(), expected, "{path}");
    }
}

#[tokio::test]
async fn version_one_shows_six_windows_and_version_two_hours_as_well() {
    let server = TestServer::start().await;
    let window = |seq: u64, begin: &str, end: &str| json!({"seq": seq, "begin": begin, "end": end, "default": seq == 2});
    let first = [
        window(1, "22", "02"),
        window(2, "02", "06"),
        window(3, "06", "10"),
        window(4, "10", "14"),
        window(5, "14", "18"),
        window(6, "18", "22"),
    ];
    let on_v1 = server.get("/v1.0/instances/maintain-windows").await.ok();
    assert_eq!(on_v1, json!({"maintain_windows": first}));
    let on_v2 = server.get("/v2/instances/maintain-windows").await.ok();
    let on_v2 = on_v2["maintain_windows"].as_array().unwrap();
    assert_eq!((on_v2.len(), &on_v2[..6]), (30, &first[..]));
    assert_eq!((&on_v2[6], &on_v2[11]), (&window(7, "18", "19"), &window(12, "23", "00")));
}

#[tokio::test]
async fn nothing_can_be_had_for_nothing() {
    let server = TestServer::start().await;
    assert_eq!(
        server.get(&format!("/v1.0/{DOMAIN_ID}/trials")).await.ok(),
        json!({
            "domain_id": DOMAIN_ID, "domain_name": DOMAIN,
            "free_trials": [
                {"engine": "redis", "version": "3.0", "support": false, "cause_id": "111400129", "message": ""},
            ],
            "one_yuan_trials": [],
        })
    );
    for unknown in [PROJECT, "x"] {
        server.get(&format!("/v1.0/{unknown}/trials")).await.assert_refused(&refusal::UNKNOWN_ROUTE);
    }
}

#[tokio::test]
async fn what_is_about_no_project_asks_who_calls_all_the_same() {
    let server = TestServer::with(&[("auth", "strict")]).await;
    for path in ["/v1.0/products", "/v1.0/availableZones", "/v1.0/instances/maintain-windows"] {
        server.get(path).await.assert_refused(&refusal::NO_TOKEN);
    }
}
