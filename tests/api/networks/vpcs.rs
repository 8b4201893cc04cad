//! VPCs.

use serde_json::json;

use super::{Shape, assert_refused, elsewhere, put, subnet, v1, v3, vpc};
use crate::support::seed::PROJECT;
use crate::support::{Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v1/{project_id}/vpcs", a_vpc_is_made_shown_changed_and_deleted),
    covered("GET", "/v1/{project_id}/vpcs", a_vpc_is_made_shown_changed_and_deleted),
    covered("GET", "/v1/{project_id}/vpcs/{vpc_id}", a_vpc_is_made_shown_changed_and_deleted),
    covered("PUT", "/v1/{project_id}/vpcs/{vpc_id}", a_vpc_is_made_shown_changed_and_deleted),
    covered("DELETE", "/v1/{project_id}/vpcs/{vpc_id}", a_vpc_is_made_shown_changed_and_deleted),
    covered("GET", "/v3/{project_id}/vpc/vpcs", a_vpc_is_made_shown_changed_and_deleted),
    covered("GET", "/v3/{project_id}/vpc/vpcs/{vpc_id}", a_vpc_is_made_shown_changed_and_deleted),
    covered("PUT", "/v3/{project_id}/vpc/vpcs/{vpc_id}/add-extend-cidr", secondary_ranges_come_and_go),
    covered("PUT", "/v3/{project_id}/vpc/vpcs/{vpc_id}/remove-extend-cidr", secondary_ranges_come_and_go),
    covered("GET", "/v2.0/{project_id}/vpcs/{id}/tags", tags_are_set_and_removed),
    covered("POST", "/v2.0/{project_id}/vpcs/{id}/tags/action", tags_are_set_and_removed),
];

#[tokio::test]
async fn every_project_begins_with_a_network() {
    let server = TestServer::start().await;
    for path in [v1(""), elsewhere("")] {
        let vpcs = server.get(&format!("{path}vpcs")).await.ok()["vpcs"].take();
        assert_eq!(each(&vpcs, "name"), ["vpc-default"]);
        let subnets =
            server.get(&format!("{path}subnets?vpc_id={}", text(&vpcs[0]["id"]))).await.ok()["subnets"]
                .take();
        assert_eq!(each(&subnets, "name"), ["subnet-default"]);
        let groups = server.get(&format!("{path}security-groups")).await.ok()["security_groups"].take();
        assert_eq!(each(&groups, "name"), ["default"]);
        assert_eq!(groups[0]["security_group_rules"].as_array().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_vpc_is_made_shown_changed_and_deleted() {
    let server = TestServer::start().await;
    let order = json!({"vpc": {"name": "net", "cidr": "10.1.0.0/16", "description": "a", "enterprise_project_id": "0"}});
    let made = server.post(&v1("vpcs"), &order).await.ok()["vpc"].take();
    let id = text(&made["id"]);
    let expected = json!({
        "id": id, "name": "net", "description": "a", "cidr": "10.1.0.0/16", "status": "OK", "enterprise_project_id": "0",
        "routes": [], "enable_shared_snat": false, "enhanced_local_route": true, "tenant_id": PROJECT,
        "created_at": "2020-03-02T06:15:04", "updated_at": "2020-03-02T06:15:04",
    });
    assert_eq!(made, expected);
    let one = v1(&format!("vpcs/{id}"));
    assert_eq!(server.get(&one).await.ok()["vpc"], expected);
    let listed = server.get(&v1("vpcs?enterprise_project_id=all_granted_eps")).await.ok()["vpcs"].take();
    assert_eq!(each(&listed, "name"), ["vpc-default", "net"]);
    assert_eq!(server.get(&v1("vpcs?limit=1")).await.ok()["vpcs"][0]["name"], "vpc-default");
    let next = v1(&format!("vpcs?marker={}", text(&listed[0]["id"])));
    assert_eq!(each(&server.get(&next).await.ok()["vpcs"], "name"), ["net"]);
    server.advance_ms(5_000);
    let changed =
        put(&server, &one, &json!({"vpc": {"name": "other", "description": ""}})).await.ok()["vpc"].take();
    assert_eq!((&changed["name"], &changed["cidr"]), (&json!("other"), &json!("10.1.0.0/16")));
    assert_eq!(changed["updated_at"], "2020-03-02T06:15:09");
    assert_eq!(put(&server, &one, &json!({"vpc": {}})).await.ok()["vpc"], changed);
    let shown = server.get(&v3(&format!("vpcs/{id}"))).await.ok()["vpc"].take();
    assert_eq!((&shown["status"], &shown["project_id"]), (&json!("ACTIVE"), &json!(PROJECT)));
    assert_eq!(shown["cloud_resources"][1]["resource_count"], 0);
    let page = server.get(&v3("vpcs?name=other")).await.ok();
    assert_eq!(
        (&page["vpcs"][0], &page["page_info"]),
        (&shown, &json!({"previous_marker": id, "current_count": 1}))
    );
    server.delete(&one).await.assert_no_content();
    assert_refused(&server.get(&one).await, Shape::V1, 404, "VPC.0003");
    assert_refused(&server.delete(&one).await, Shape::V1, 404, "VPC.0003");
}

#[tokio::test]
async fn what_no_vpc_can_be_is_refused() {
    let server = TestServer::start().await;
    let id = vpc(&server, "taken", "10.1.0.0/16").await;
    for (body, code) in [
        (json!({"name": "taken", "cidr": "10.2.0.0/16"}), "VPC.0115"),
        (json!({"name": "a/b", "cidr": "10.2.0.0/16"}), "VPC.0101"),
        (json!({"name": "a".repeat(65), "cidr": "10.2.0.0/16"}), "VPC.0101"),
        (json!({"name": "a", "cidr": "10.2.0.1/16"}), "VPC.0101"),
        (json!({"name": "a", "cidr": "11.0.0.0/16"}), "VPC.0101"),
        (json!({"name": "a", "cidr": "10.2.0.0/25"}), "VPC.0101"),
        (json!({"name": "a", "description": "<b>"}), "VPC.0101"),
    ] {
        assert_refused(&server.post(&v1("vpcs"), &json!({"vpc": body})).await, Shape::V1, 400, code);
    }
    assert_refused(&server.post(&v1("vpcs"), &json!({})).await, Shape::V1, 400, "VPC.0101");
    let calls = server.get("/_emulator/requests?error_code=VPC.0115").await.ok()["requests"].take();
    assert_eq!((&calls[0]["operation"], &calls[0]["status"]), (&json!("create_vpc"), &json!(400)));
    let one = v1(&format!("vpcs/{id}"));
    subnet(&server, &id, "10.1.5.0/24").await;
    let narrowed = put(&server, &one, &json!({"vpc": {"cidr": "10.1.0.0/24"}})).await;
    assert_refused(&narrowed, Shape::V1, 400, "VPC.0117");
    assert_refused(&server.delete(&one).await, Shape::V1, 409, "VPC.0104");
    // What is of another project is not there.
    assert_refused(&server.get(&elsewhere(&format!("vpcs/{id}"))).await, Shape::V1, 404, "VPC.0003");
    assert_refused(&server.get(&v3("vpcs/none")).await, Shape::V3, 404, "VPC.9904");
}

#[tokio::test]
async fn secondary_ranges_come_and_go() {
    let server = TestServer::start().await;
    let id = vpc(&server, "net", "10.1.0.0/16").await;
    let ranges = |ranges: &[&str]| json!({"vpc": {"extend_cidrs": ranges}});
    let add = v3(&format!("vpcs/{id}/add-extend-cidr"));
    let added = put(&server, &add, &ranges(&["23.8.0.0/16"])).await.ok();
    assert_eq!(added["vpc"]["extend_cidrs"], json!(["23.8.0.0/16"]));
    assert_refused(&put(&server, &add, &ranges(&["23.8.0.0/16"])).await, Shape::V3, 409, "VPC.9914");
    assert_refused(&put(&server, &add, &ranges(&["10.0.0.0/8"])).await, Shape::V3, 409, "VPC.9914");
    assert_refused(&put(&server, &add, &ranges(&["none"])).await, Shape::V3, 400, "VPC.9911");
    let inner = subnet(&server, &id, "23.8.1.0/24").await;
    let remove = v3(&format!("vpcs/{id}/remove-extend-cidr"));
    assert_refused(&put(&server, &remove, &ranges(&["23.8.0.0/16"])).await, Shape::V3, 400, "VPC.0602");
    server.delete(&v1(&format!("vpcs/{id}/subnets/{inner}"))).await.assert_no_content();
    assert_eq!(put(&server, &remove, &ranges(&["23.8.0.0/16"])).await.ok()["vpc"]["extend_cidrs"], json!([]));
}

#[tokio::test]
async fn tags_are_set_and_removed() {
    let server = TestServer::start().await;
    let id = vpc(&server, "net", "10.1.0.0/16").await;
    let tags = format!("/v2.0/{PROJECT}/vpcs/{id}/tags");
    assert_eq!(server.get(&tags).await.ok(), json!({"tags": []}));
    let action = |action: &str, tags: serde_json::Value| json!({"action": action, "tags": tags});
    let path = format!("{tags}/action");
    let both = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    server.post(&path, &action("create", both)).await.assert_no_content();
    server.post(&path, &action("create", json!([{"key": "a", "value": "3"}]))).await.assert_no_content();
    server.post(&path, &action("delete", json!([{"key": "b"}, {"key": "c"}]))).await.assert_no_content();
    let left = json!([{"key": "a", "value": "3"}]);
    assert_eq!(server.get(&tags).await.ok(), json!({"tags": left}));
    assert_eq!(server.get(&v3(&format!("vpcs/{id}"))).await.ok()["vpc"]["tags"], left);
    for wrong in [action("create", json!([{"key": "", "value": "1"}])), action("replace", json!([]))] {
        assert_refused(&server.post(&path, &wrong).await, Shape::V1, 400, "VPC.0101");
    }
    let missing = format!("/v2.0/{PROJECT}/subnets/{id}/tags");
    assert_refused(&server.get(&missing).await, Shape::V1, 404, "VPC.0202");
}
