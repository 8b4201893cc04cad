//! What the catalogue has, in lists: services, endpoints and the region (contract of the networks, section 7.5).

use serde_json::{Value, json};

use crate::identity::logins::assert_keystone;
use crate::support::identity::KEY;
use crate::support::seed::PROJECT;
use crate::support::signer::Form;
use crate::support::{Covered, TestServer, covered, each};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v3/services", services_and_endpoints_are_those_of_the_catalogue),
    covered("GET", "/v3/services/{service_id}", services_and_endpoints_are_those_of_the_catalogue),
    covered("GET", "/v3/endpoints", services_and_endpoints_are_those_of_the_catalogue),
    covered("GET", "/v3/endpoints/{endpoint_id}", services_and_endpoints_are_those_of_the_catalogue),
    covered("GET", "/v3/regions", the_region_is_listed_and_shown),
    covered("GET", "/v3/regions/{region_id}", the_region_is_listed_and_shown),
];

async fn ask(server: &TestServer, path: &str) -> Value {
    server.signed(Form::Access, KEY, "GET", path, b"").send().await.ok()
}

#[tokio::test]
async fn services_and_endpoints_are_those_of_the_catalogue() {
    let server = TestServer::start().await;
    let url = format!("http://{}", server.address());
    let links = |path: &str| json!({"self": format!("{url}{path}"), "next": null, "previous": null});
    let catalog = ask(&server, "/v3/auth/catalog").await["catalog"].take();
    let (mut services, mut endpoints) = (Vec::new(), Vec::new());
    for entry in catalog.as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        services.push(json!({
            "id": id, "type": entry["type"], "name": entry["name"], "enabled": true, "description": "",
            "links": {"self": format!("{url}/v3/services/{id}")},
        }));
        for endpoint in entry["endpoints"].as_array().unwrap() {
            let mut row = endpoint.clone();
            row["service_id"] = json!(id);
            row["enabled"] = json!(true);
            row["links"] =
                json!({"self": format!("{url}/v3/endpoints/{}", endpoint["id"].as_str().unwrap())});
            endpoints.push(row);
        }
    }
    assert!(endpoints.iter().any(|row| row["url"] == format!("{url}/v1.0/{PROJECT}")));
    let listed = ask(&server, "/v3/services").await;
    assert_eq!(listed, json!({"services": services, "links": links("/v3/services")}));
    let listed = ask(&server, "/v3/endpoints").await;
    assert_eq!(listed, json!({"endpoints": endpoints, "links": links("/v3/endpoints")}));
    for (name, list, rows) in [("service", "services", &services), ("endpoint", "endpoints", &endpoints)] {
        for row in rows {
            let path = format!("/v3/{list}/{}", row["id"].as_str().unwrap());
            assert_eq!(ask(&server, &path).await, json!({name: row}));
        }
    }
}

#[tokio::test]
async fn services_and_endpoints_are_found_by_what_the_query_says() {
    let server = TestServer::start().await;
    for (path, list, ids) in [
        ("/v3/services?type=dcsv1", "services", &["c3"][..]),
        ("/v3/services?type=nothing", "services", &[]),
        ("/v3/services?type=", "services", &["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10"]),
        ("/v3/endpoints?service_id=c1", "endpoints", &["e1", "g1"]),
        ("/v3/endpoints?service_id=c2&interface=public", "endpoints", &["e2"]),
        ("/v3/endpoints?service_id=c2&interface=admin", "endpoints", &[]),
        ("/v3/endpoints?service_id=nothing", "endpoints", &[]),
    ] {
        let ids: Vec<Value> = ids.iter().map(|id| json!(id)).collect();
        assert_eq!(each(&ask(&server, path).await[list], "id"), ids, "{path}");
    }
}

#[tokio::test]
async fn the_region_is_listed_and_shown() {
    let server = TestServer::with(&[("region", "eu-nl")]).await;
    let url = format!("http://{}", server.address());
    let region = json!({
        "id": "eu-nl", "type": "public", "description": "", "parent_region_id": null,
        "locales": {"en-us": "eu-nl", "zh-cn": "eu-nl"}, "links": {"self": format!("{url}/v3/regions/eu-nl")},
    });
    let links = json!({"self": format!("{url}/v3/regions"), "next": null, "previous": null});
    assert_eq!(ask(&server, "/v3/regions").await, json!({"regions": [region], "links": links}));
    assert_eq!(ask(&server, "/v3/regions/eu-nl").await, json!({"region": region}));
}

#[tokio::test]
async fn what_is_not_there_is_404_and_strangers_are_refused() {
    let server = TestServer::with(&[("auth", "off")]).await;
    for path in ["/v3/services/c11", "/v3/endpoints/c1", "/v3/regions/eu-nl"] {
        let answer = server.signed(Form::Credential, KEY, "GET", path, b"").send().await;
        assert_keystone(&answer, 404, "Not Found");
    }
    for list in ["services", "endpoints", "regions"] {
        for path in [format!("/v3/{list}"), format!("/v3/{list}/c1")] {
            assert_keystone(&server.get(&path).await, 401, "Unauthorized");
        }
    }
}
