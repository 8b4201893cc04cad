//! What lists of instances find follows what happens to instances, at once and in both versions (wire contract v1.0, section 2.8; v2,
//! section 2.3).

use serde_json::json;

use crate::support::seed::{CLUSTER, HA, PROJECT};
use crate::support::{Answer, Api, TestServer, each, text};

/// Asks both versions for the instances that a filter finds, those whose creation failed among them.
async fn found(server: &TestServer, query: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for api in Api::BOTH {
        let path = format!("{}?include_failure=true&{query}", api.instances(PROJECT));
        let list = server.get(&path).await.ok();
        let ids: Vec<String> = each(&list["instances"], "instance_id").iter().map(text).collect();
        assert_eq!(list["instance_num"], ids.len(), "{query}");
        found.push(ids);
    }
    found
}

#[track_caller]
fn assert_done(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (204, ""));
}

#[tokio::test]
async fn an_instance_is_found_by_what_it_is_and_no_longer_by_what_it_was() {
    let server = TestServer::start().await;
    let both = |instance: &str| vec![vec![instance.to_owned()]; 2];
    let none = || vec![Vec::<String>::new(); 2];
    assert_done(&server.put(&Api::V2.instance(HA), &json!({"name": "quite-another-name"})).await);
    let tags = json!({"action": "create", "tags": [{"key": "team", "value": "blue"}]});
    assert_done(&server.post(&format!("/v2/{PROJECT}/dcs/{HA}/tags/action"), &tags).await);
    let wider = json!({"new_capacity": 48, "spec_code": "redis.cluster.xu1.large.r2.48", "change_type": "addSharding"});
    assert_done(&server.post(&format!("{}/resize", Api::V2.instance(CLUSTER)), &wider).await);
    let addresses = text(&server.get(&Api::V2.instance(CLUSTER)).await.ok()["ip"]);
    let last = addresses.rsplit(',').next().unwrap().to_owned();
    for (query, expected) in [
        ("name=other-na".to_owned(), both(HA)),
        ("name=quite-another-name".to_owned(), both(HA)),
        ("name=dcs-ha&id=".to_owned() + HA, none()),
        ("tags=team=blue".to_owned(), both(HA)),
        ("tags=team".to_owned(), both(HA)),
        ("tags=team=red".to_owned(), none()),
        (format!("ip={last}"), both(CLUSTER)),
    ] {
        assert_eq!(found(&server, &query).await, expected, "{query}");
    }

    let tags = json!({"action": "delete", "tags": [{"key": "team"}]});
    assert_done(&server.post(&format!("/v2/{PROJECT}/dcs/{CLUSTER}/tags/action"), &tags).await);
    for instance in [HA, CLUSTER] {
        assert_done(&server.delete(&Api::V2.instance(instance)).await);
    }
    for query in [
        format!("id={HA}"),
        "name=other-na".to_owned(),
        "name=quite-another-name&isExactMatchName=true&name_equal=true".to_owned(),
        "tags=team".to_owned(),
        "ip=192.168.0.2&name=name".to_owned(),
        format!("ip={last}"),
        format!("status=RUNNING&name={}", "other"),
    ] {
        assert_eq!(found(&server, &query).await, none(), "{query}");
    }
    assert_eq!(
        server.get(&format!("{}?capacity=48", Api::V2.instances(PROJECT))).await.ok()["instance_num"],
        0
    );
    server.stop_soundly().await;
}
