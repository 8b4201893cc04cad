//! Backups on v2, where it differs from v1.0: formats, status codes, pages, errors (wire contract v2, sections 1.2, 1.3,
//! 1.8 and 2.1).

use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SECOND_HA, SINGLE,
    UNKNOWN_BACKUP, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, is_uuid, refusal, text};

const INSTANCE: &str = "/v2/{project_id}/instances/{instance_id}/backups";
const BACKUP: &str = "/v2/{project_id}/instances/{instance_id}/backups/{backup_id}";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", INSTANCE, a_create_answers_with_the_id_and_the_record_is_listed_at_once),
    covered("GET", INSTANCE, a_record_has_exactly_these_members_of_exactly_these_types),
    covered("DELETE", BACKUP, a_deleted_backup_is_204_without_a_body_and_stays_listed_and_counted),
    covered("GET", "/v2", the_version_document_says_where_it_stands),
];

async fn create(server: &TestServer, instance: &str, body: &Value) -> Answer {
    server.post(&Api::V2.backups(instance), body).await
}

async fn list(server: &TestServer, instance: &str, query: &str) -> Value {
    server.get(&format!("{}?{query}", Api::V2.backups(instance))).await.ok()
}

async fn listed(server: &TestServer, query: &str) -> Vec<String> {
    each(&list(server, HA, query).await["backup_record_response"], "backup_id").iter().map(text).collect()
}

#[tokio::test]
async fn a_create_answers_with_the_id_and_the_record_is_listed_at_once() {
    let server = TestServer::start().await;
    let answer = create(&server, HA, &json!({"remark": "before upgrade"})).await.ok();
    let id = text(&answer["backup_id"]);
    assert_eq!(answer, json!({"backup_id": id}));
    assert!(is_uuid(&id), "{id}");
    assert_eq!(listed(&server, "").await, std::slice::from_ref(&id));
    // One service with two faces.
    assert_eq!(server.listed_ids(HA, "").await, [id]);
}

#[tokio::test]
async fn a_record_has_exactly_these_members_of_exactly_these_types() {
    let server = TestServer::start().await;
    let id = text(&create(&server, HA, &json!({"remark": "before upgrade"})).await.ok()["backup_id"]);
    let list = list(&server, HA, "").await;
    let size = &list["backup_record_response"][0]["size"];
    assert!(size.as_u64().unwrap() > 0, "{size}");
    let expected = json!({
        "total_num": 1,
        "backup_record_response": [{
            "backup_id": id,
            "backup_name": "backup_20200302141504",
            "instance_id": HA,
            "backup_type": "manual",
            "backup_format": "rdb",
            "period": null,
            "size": size,
            "progress": "100.00",
            "status": "succeed",
            "error_code": null,
            "remark": "before upgrade",
            "is_support_restore": "TRUE",
            "created_at": "2020-03-02T06:15:04.512Z",
            "updated_at": "2020-03-02T06:15:04.512Z",
            "execution_at": "2020-03-02T06:15:04.512Z",
        }],
    });
    assert_eq!(list, expected);
}

#[tokio::test]
async fn an_open_backup_has_no_end_no_size_and_no_use() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    create(&server, HA, &json!({})).await.ok();
    for (millis, status, progress, started) in [
        (0, "waiting", "0.00", Value::Null),
        (2_750, "backuping", "50.00", json!("2020-03-02T06:15:05.012Z")),
    ] {
        server.set_clock_ms(millis);
        let row = list(&server, HA, "").await["backup_record_response"][0].take();
        let names =
            ["status", "progress", "execution_at", "updated_at", "size", "is_support_restore", "remark"];
        assert_eq!(
            json!(names.map(|name| &row[name])),
            json!([status, progress, started, null, 0, "FALSE", null])
        );
    }
}

#[tokio::test]
async fn the_format_is_what_was_asked_for_or_what_the_engine_writes() {
    let server = TestServer::start().await;
    for (instance, asked, given) in [
        (HA, json!({}), "rdb"),
        (HA, json!({"backup_format": null}), "rdb"),
        (HA, json!({"backup_format": ""}), "rdb"),
        (HA, json!({"backup_format": "rdb"}), "rdb"),
        (HA, json!({"backup_format": "aof"}), "aof"),
        (OLD_REDIS, json!({}), "aof"),
        (MEMCACHED, json!({}), "rdb"),
        (CLUSTER, json!({"backup_format": "aof"}), "aof"),
    ] {
        create(&server, instance, &asked).await.ok();
        let row = list(&server, instance, "limit=1").await["backup_record_response"][0].take();
        assert_eq!(row["backup_format"], given, "{instance} {asked}");
    }
    for format in ["zip", "RDB", "Aof", " rdb", "rdb,aof"] {
        let answer = create(&server, HA, &json!({"backup_format": format})).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("backup_format"));
    }
    for format in [json!(1), json!(true), json!(["rdb"]), json!({})] {
        let answer = create(&server, HA, &json!({"backup_format": format})).await;
        answer.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    }
    assert_eq!(list(&server, HA, "").await["total_num"], 5);
}

#[tokio::test]
async fn v1_knows_no_format() {
    let server = TestServer::start().await;
    // Not even to be refused: it is one more unknown member.
    for body in
        [json!({"backup_format": "zip"}), json!({"backup_format": 1}), json!({"backup_format": "aof"})]
    {
        server.post(&Api::V1.backups(HA), &body).await.ok();
    }
    assert_eq!(server.newest(HA).await.get("backup_format"), None);
    assert_eq!(list(&server, HA, "limit=1").await["backup_record_response"][0]["backup_format"], "rdb");
}

#[tokio::test]
async fn a_body_need_not_be_there_and_is_an_object_if_it_is() {
    let server = TestServer::start().await;
    server.call("POST", &Api::V2.backups(HA)).send().await.ok();
    create(&server, HA, &json!({"remark": null, "unknown": {}})).await.ok();
    for body in ["[]", "null", "{", " ", r#"{"remark": 1}"#] {
        let answer = server.call("POST", &Api::V2.backups(HA)).body(body).send().await;
        answer.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    }
    let long = create(&server, HA, &json!({"remark": "x".repeat(129)})).await;
    long.assert_refused_by(Api::V2, &refusal::REMARK_TOO_LONG);
    create(&server, HA, &json!({"remark": "备".repeat(128)})).await.ok();
}

#[tokio::test]
async fn clusters_are_backed_up_on_v2_unless_never_and_on_v1_if_always() {
    for (setting, on_v1, on_v2) in [("never", false, false), ("v2", false, true), ("always", true, true)] {
        let server = TestServer::with(&[("backup.cluster", setting)]).await;
        for (api, allowed) in [(Api::V1, on_v1), (Api::V2, on_v2)] {
            for instance in [CLUSTER, PROXY] {
                let answer = server.post(&api.backups(instance), &json!({})).await;
                if allowed {
                    answer.ok();
                } else {
                    answer.assert_refused_by(api, &refusal::ONLY_MASTER_STANDBY);
                }
            }
            // It is about clusters only.
            let single = server.post(&api.backups(SINGLE), &json!({})).await;
            single.assert_refused_by(api, &refusal::ONLY_MASTER_STANDBY);
            server.post(&api.backups(RW_SPLIT), &json!({})).await.ok();
        }
    }
    let unset = TestServer::start().await;
    create(&unset, CLUSTER, &json!({})).await.ok();
    unset.post(&Api::V1.backups(CLUSTER), &json!({})).await.assert_refused(&refusal::ONLY_MASTER_STANDBY);
}

#[tokio::test]
async fn a_deleted_backup_is_204_without_a_body_and_stays_listed_and_counted() {
    let server = TestServer::start().await;
    let id = server.create_remarked(HA, "to be deleted").await;
    let kept = server.create_backup(HA).await;
    let path = Api::V2.backup(HA, &id);
    let before = list(&server, HA, "").await["backup_record_response"][1].take();
    for _ in 0..2 {
        let answer = server.delete(&path).await;
        assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (204, 0, None));
    }
    let after = list(&server, HA, "").await;
    assert_eq!(after["total_num"], 2);
    let mut expected = before;
    expected["status"] = json!("deleted");
    expected["is_support_restore"] = json!("FALSE");
    assert_eq!(after["backup_record_response"][1], expected);
    assert_eq!(listed(&server, "").await, [kept, id]);
}

#[tokio::test]
async fn an_unknown_backup_has_a_code_of_its_own_when_it_is_deleted() {
    let server = TestServer::start().await;
    let others = server.create_backup(SECOND_HA).await;
    for backup in [UNKNOWN_BACKUP, &others] {
        let answer = server.delete(&Api::V2.backup(HA, backup)).await;
        answer.assert_refused_by(Api::V2, &refusal::NO_SUCH_BACKUP_TO_DELETE);
        let links = server.post(&Api::V2.links(HA, backup), &json!({"expiration": 300})).await;
        links.assert_refused_by(Api::V2, &refusal::invalid_parameter("backup_id"));
    }
    server
        .delete(&Api::V2.backup(HA, "x"))
        .await
        .assert_refused_by(Api::V2, &refusal::invalid_parameter("backup_id"));
    for instance in [UNKNOWN_INSTANCE, OTHERS_HA] {
        let answer = server.delete(&Api::V2.backup(instance, UNKNOWN_BACKUP)).await;
        answer.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    server
        .delete(&Api::V2.backup("x", UNKNOWN_BACKUP))
        .await
        .assert_refused_by(Api::V2, &refusal::INVALID_INSTANCE_ID);
    assert_eq!(server.newest(SECOND_HA).await["status"], "succeed");
}

#[tokio::test]
async fn pages_count_from_zero_and_hold_ten_unless_asked() {
    let server = TestServer::start().await;
    let times: Vec<i64> = (0..12).map(|number| number * 1_000).collect();
    let mut newest_first = server.create_backups_at(HA, &times).await;
    newest_first.reverse();
    for (query, expected) in [
        ("", 0..10),
        ("offset=0", 0..10),
        ("offset=&limit=", 0..10),
        ("offset=1&limit=1", 1..2),
        ("offset=10", 10..12),
        ("offset=5&limit=1000", 5..12),
        ("limit=1", 0..1),
        ("offset=007&limit=02", 7..9),
        ("offset=12", 12..12),
        ("offset=99999999999999999999999", 12..12),
        // The paging of v1.0 is nothing to v2.
        ("start=5", 0..10),
        ("start=x", 0..10),
    ] {
        assert_eq!(listed(&server, query).await, newest_first[expected], "{query}");
        assert_eq!(list(&server, HA, query).await["total_num"], 12, "{query}");
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_by_name() {
    let server = TestServer::start().await;
    let refused = async |query: &str, name: &'static str| {
        let answer = server.get(&format!("{}?{query}", Api::V2.backups(HA))).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid(name));
    };
    let neither = ["-1", "1.0", "1e1", "a", "0x1", "%2B1", "%201", "1%20", "%D9%A1", "null", "-0"];
    for value in neither {
        refused(&format!("offset={value}"), "offset").await;
    }
    for value in neither.into_iter().chain(["0", "00", "1001", "99999999999999999999999"]) {
        refused(&format!("limit={value}"), "limit").await;
    }
    list(&server, HA, "limit=1000").await;
    for value in ["2020", "20200230000000", "20200302061560", "2020030206150x", "2020-03-02T06"] {
        for name in ["begin_time", "end_time", "beginTime", "endTime"] {
            refused(&format!("{name}={value}"), name).await;
        }
    }
}

#[tokio::test]
async fn a_window_that_begins_after_its_end_is_refused_and_one_of_a_second_is_not() {
    let server = TestServer::start().await;
    let ids = server.create_backups_at(HA, &[0, 488, 1_487, 1_488]).await;
    let second = "begin_time=20200302061505&end_time=20200302061505";
    assert_eq!(listed(&server, second).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(listed(&server, "beginTime=20200302061506").await, [ids[3].clone()]);
    let reversed = "begin_time=20200302061506&end_time=20200302061505";
    let answer = server.get(&format!("{}?{reversed}", Api::V2.backups(HA))).await;
    answer.assert_refused_by(Api::V2, &refusal::WINDOW_REVERSED);
    assert_eq!(server.list(HA, reversed).await, json!({"backup_record_response": [], "total_num": 0}));
}

#[tokio::test]
async fn every_error_has_the_three_members_of_v2() {
    let server = TestServer::with(&[("errors.add_v2_fields", "false"), ("backup.duration", "5s")]).await;
    // The settings are about v1.0.
    create(&server, HA, &json!({})).await.ok();
    create(&server, HA, &json!({})).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    for (method, path, refusal) in [
        ("GET", "/v2/nothing".to_owned(), refusal::UNKNOWN_ROUTE),
        ("GET", format!("/v2/{PROJECT}/instances-status"), refusal::UNKNOWN_ROUTE),
        ("PUT", Api::V2.backups(HA), refusal::METHOD_NOT_ALLOWED),
        ("POST", "/v2".to_owned(), refusal::METHOD_NOT_ALLOWED),
        ("GET", Api::V2.backups("x"), refusal::INVALID_INSTANCE_ID),
        ("GET", Api::V2.instances("x"), refusal::INVALID_PROJECT_ID),
        ("GET", Api::V2.backups(UNKNOWN_INSTANCE), refusal::INSTANCE_NOT_FOUND),
    ] {
        server.call(method, &path).send().await.assert_refused_by(Api::V2, &refusal);
    }
    let long = server.call("POST", &Api::V2.backups(HA)).body(vec![b' '; 1024 * 1024 + 1]).send().await;
    long.assert_refused_by(Api::V2, &refusal::BODY_TOO_LARGE);
}

#[tokio::test]
async fn the_version_document_says_where_it_stands() {
    let server = TestServer::start().await;
    let url = format!("http://{}/v2", server.address());
    for path in ["/v2", "/v2/"] {
        let document = server.get(path).await.ok();
        let updated = text(&document["version"]["updated"]);
        assert!(updated.ends_with('Z'), "{updated}");
        let expected = json!({"version": {
            "id": "v2", "version": "", "min_version": "", "status": "CURRENT", "updated": updated,
            "links": [{"rel": "self", "href": url}],
        }});
        assert_eq!(document, expected);
    }
}
