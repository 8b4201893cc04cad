//! `GET …/quota` (wire contract v1.0, section 2.25; v2, section 2.12): what is used is counted, what is allowed is seeded.

use serde_json::{Value, json};

use crate::support::identity::{DOMAIN, DOMAIN_ID};
use crate::support::seed::{HA, PROJECT, SINGLE, TINY, UNKNOWN_PROJECT, numbered_instances, of_instances};
use crate::support::{Api, Covered, TestServer, covered};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v1.0/{project_id}/quota", a_project_without_limits_shows_the_usual_ones),
    covered("GET", "/v2/{project_id}/quota", a_project_without_limits_shows_the_usual_ones),
];

fn resources(instances: (u32, u32), memory_gb: (u32, u32)) -> Value {
    json!([
        {"type": "instance", "unit": null, "min": 1, "max": instances.0, "quota": instances.0, "used": instances.1},
        {"type": "ram", "unit": "GB", "min": 1, "max": memory_gb.0, "quota": memory_gb.0, "used": memory_gb.1},
    ])
}

async fn shown(server: &TestServer, project: &str) -> Value {
    server.get(&format!("/v2/{project}/quota")).await.ok()["quotas"]["resources"].take()
}

fn seed(quotas: &str) -> String {
    format!(
        "projects:\n  - id: {PROJECT}\n    quotas: {quotas}\n    instances:\n      \
         - {{id: {HA}, cache_mode: ha, capacity: 4}}\n      - {{id: {SINGLE}, cache_mode: single, capacity: 8}}\n      \
         - {{id: {TINY}, cache_mode: ha, capacity: 0.125}}\n"
    )
}

#[tokio::test]
async fn a_project_without_limits_shows_the_usual_ones() {
    let server = TestServer::seeded(&seed("{}"), &[]).await;
    let resources = resources((20, 3), (512, 13));
    assert_eq!(
        server.get(&format!("/v2/{PROJECT}/quota")).await.ok(),
        json!({"quotas": {"resources": resources}})
    );
    let user = json!({"tenant_id": DOMAIN_ID, "tenant_name": DOMAIN});
    assert_eq!(
        server.get(&format!("/v1.0/{PROJECT}/quota")).await.ok(),
        json!({"quotas": {"resources": resources, "resource_user": user}})
    );
}

#[tokio::test]
async fn a_seed_sets_limits_that_stay() {
    let mut server = TestServer::seeded(&seed("{instances: 10, memory_gb: 800}"), &[]).await;
    assert_eq!(shown(&server, PROJECT).await, resources((10, 3), (800, 13)));
    // A seed touches nothing that is there.
    for later in ["{instances: 99}", "{}"] {
        server.write_seed(&seed(later));
        server.restart().await;
        assert_eq!(shown(&server, PROJECT).await, resources((10, 3), (800, 13)), "{later}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_not_counted() {
    let server = TestServer::seeded(&seed("{}"), &[]).await;
    assert_eq!(server.delete(&Api::V2.instance(SINGLE)).await.status, 204);
    assert_eq!(shown(&server, PROJECT).await, resources((20, 2), (512, 5)));
}

#[tokio::test]
async fn a_limit_that_was_not_set_is_set_by_a_later_seed() {
    let mut server = TestServer::seeded(&seed("{memory_gb: 0}"), &[]).await;
    // Of more than it may have a project shows what it has.
    let none = json!({"type": "ram", "unit": "GB", "min": 1, "max": 13, "quota": 13, "used": 13});
    assert_eq!(shown(&server, PROJECT).await[1], none);
    server.write_seed(&seed("{instances: 3}"));
    server.restart().await;
    assert_eq!(shown(&server, PROJECT).await[0], resources((3, 3), (0, 0))[0]);
    assert_eq!(shown(&server, PROJECT).await[1], none);
}

#[tokio::test]
async fn a_seed_can_have_more_than_the_usual_limits() {
    let server = TestServer::seeded(&of_instances(PROJECT, &numbered_instances(23)), &[]).await;
    assert_eq!(shown(&server, PROJECT).await[0], resources((23, 23), (0, 0))[0]);
    let limited = TestServer::seeded(&seed("{instances: 2, memory_gb: 4}"), &[]).await;
    assert_eq!(shown(&limited, PROJECT).await, resources((3, 3), (13, 13)));
}

#[tokio::test]
async fn a_project_that_nothing_has_heard_of_has_nothing() {
    let server = TestServer::start().await;
    assert_eq!(shown(&server, UNKNOWN_PROJECT).await, resources((20, 0), (512, 0)));
}
