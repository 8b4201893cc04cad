//! Download links on both versions: what they are, how long they are good, and that nobody can bend them (wire contract
//! v1.0, section 2.4; v2, section 2.1; `decisions` nos. 8 and 21).

use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, HA, OTHERS_HA, PROJECT, PROXY, SECOND_HA, UNKNOWN_BACKUP, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "POST",
        "/v1.0/{project_id}/instances/{instance_id}/backups/{backup_id}/links",
        a_link_delivers_exactly_what_the_record_says,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/backups/{backup_id}/links",
        a_link_delivers_exactly_what_the_record_says,
    ),
    covered(
        "GET",
        "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}",
        a_link_delivers_exactly_what_the_record_says,
    ),
    covered(
        "HEAD",
        "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}",
        a_link_delivers_exactly_what_the_record_says,
    ),
];

async fn links(server: &TestServer, api: Api, instance: &str, backup: &str) -> Value {
    server.post(&api.links(instance, backup), &json!({"expiration": 300})).await.ok()
}

/// Returns path and query of the one link in an answer.
fn path_in(answer: &Value) -> String {
    let link = text(&answer["links"][0]["link"]);
    let rest = link.strip_prefix("http://").expect("a URL");
    rest[rest.find('/').expect("a path")..].to_owned()
}

/// What the object store says of a link that is not good: codes of its own, in the shape that every client reads.
#[track_caller]
fn assert_store_refuses(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["error_code"]), (status, &json!(code)), "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], code);
}

#[tokio::test]
async fn a_link_delivers_exactly_what_the_record_says() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        for (format, magic) in [("rdb", b"REDIS".as_slice()), ("aof", b"*2\r\n$6\r\nSELECT")] {
            server.advance_ms(1_000);
            let body = json!({"backup_format": format, "remark": "备份 nightly"});
            let backup = text(&server.post(&Api::V2.backups(HA), &body).await.ok()["backup_id"]);
            let record = server.newest(HA).await;
            let time = text(&record["backup_name"]).replace("backup_", "");
            let answer = links(&server, api, HA, &backup).await;
            let name = format!("{time}_redis.{format}");
            let bucket = text(&answer["bucket_name"]);
            let file_path = text(&answer["file_path"]);
            assert!(file_path.starts_with(HA) && file_path.ends_with(&name), "{file_path}");
            let expires = if format == "rdb" { 1_583_130_005 } else { 1_583_130_006 };
            let start = format!(
                "http://{}/obs/{bucket}/{file_path}?AWSAccessKeyId=DCSEMULATORLINKS&Expires={expires}&Signature=",
                server.address()
            );
            let link = text(&answer["links"][0]["link"]);
            assert!(link.starts_with(&start), "{link} {start}");
            let expected = json!({
                "bucket_name": bucket, "file_path": file_path, "links": [{"file_name": name, "link": link}],
            });
            assert_eq!(answer, expected);
            let file = server.get(&path_in(&answer)).await;
            assert_eq!((file.status, file.header("content-type")), (200, Some("application/octet-stream")));
            assert_eq!(
                file.header("content-disposition"),
                Some(format!("attachment; filename=\"{name}\"").as_str())
            );
            assert_eq!(json!(file.body.len()), record["size"]);
            let head = server.call("HEAD", &path_in(&answer)).send().await;
            assert_eq!((head.status, head.body.len()), (200, 0));
            assert_eq!(head.header("content-length"), Some(record["size"].to_string().as_str()));
            assert!(file.body.starts_with(magic), "{:?}", &file.body[..16]);
            let holds = |text: &str| file.body.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(holds(&backup) && holds(HA) && holds("备份 nightly"));
        }
    }
}

#[tokio::test]
async fn a_file_is_the_same_each_time_also_after_a_restart() {
    let mut server = TestServer::start().await;
    let backup = server.create_remarked(HA, "nightly").await;
    let path = path_in(&links(&server, Api::V2, HA, &backup).await);
    let first = server.get(&path).await.body;
    assert_eq!(server.get(&path).await.body, first);
    server.restart().await;
    assert_eq!(server.get(&path).await.body, first);
    let other = server.create_remarked(HA, "nightly").await;
    let other = path_in(&links(&server, Api::V2, HA, &other).await);
    assert_ne!(server.get(&other).await.body, first);
}

#[tokio::test]
async fn shards_are_named_by_address_and_slots() {
    let server = TestServer::start().await;
    for (instance, format) in [(CLUSTER, "rdb"), (PROXY, "aof")] {
        let shown = server.get(&Api::V2.instance(instance)).await.ok();
        let body = json!({"backup_format": format});
        let backup = text(&server.post(&Api::V2.backups(instance), &body).await.ok()["backup_id"]);
        for api in Api::BOTH {
            let answer = links(&server, api, instance, &backup).await;
            let expected =
                format!("redis_{}_6379_0-16383_20200302141504.{format}", shown["ip"].as_str().unwrap());
            assert_eq!(answer["links"][0]["file_name"], expected);
            assert_eq!(server.get(&path_in(&answer)).await.status, 200);
        }
    }
}

#[tokio::test]
async fn an_expiration_is_a_number_or_a_text_of_five_minutes_to_a_day() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let backup = server.create_backup(HA).await;
        let path = api.links(HA, &backup);
        for good in [json!(300), json!(86_400), json!("300"), json!("86400"), json!(3600.0)] {
            server.post(&path, &json!({"expiration": good})).await.ok();
        }
        let not_that = refusal::invalid_parameter("expiration");
        for bad in [
            json!(299),
            json!(86_401),
            json!(0),
            json!(-300),
            json!(300.5),
            json!("299"),
            json!("x"),
            json!(""),
            json!("+300"),
            json!("300.0"),
            json!(null),
            json!(1e300),
            json!(18_446_744_073_709_551_615_u64),
        ] {
            let answer = server.post(&path, &json!({"expiration": bad})).await;
            assert_eq!(answer.status, 400, "{bad}");
            answer.assert_refused_by(api, &not_that);
        }
        server.post(&path, &json!({})).await.assert_refused_by(api, &not_that);
        for bad in [json!([300]), json!({"a": 1}), json!(true)] {
            let answer = server.post(&path, &json!({"expiration": bad})).await;
            answer.assert_refused_by(api, &refusal::INVALID_BODY);
        }
        for (body, expected) in
            [("", refusal::EMPTY_BODY), ("[]", refusal::INVALID_BODY), ("{", refusal::INVALID_BODY)]
        {
            server.call("POST", &path).body(body).send().await.assert_refused_by(api, &expected);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_links_is_said_in_order() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let others = server.create_backup(SECOND_HA).await;
        let no_such_backup = match api {
            Api::V1 => refusal::BACKUP_NOT_FOUND,
            Api::V2 => refusal::invalid_parameter("backup_id"),
        };
        let good = json!({"expiration": 300});
        let cases: [(String, Value, Refusal); 8] = [
            (format!("{}/{HA}/backups/x/links", api.instances("x")), json!({}), refusal::INVALID_PROJECT_ID),
            (api.links("y", "x"), json!({}), refusal::INVALID_INSTANCE_ID),
            (api.links(HA, "x"), json!([]), refusal::invalid_parameter("backup_id")),
            (
                api.links(UNKNOWN_INSTANCE, UNKNOWN_BACKUP),
                json!({}),
                refusal::invalid_parameter("expiration"),
            ),
            (api.links(UNKNOWN_INSTANCE, UNKNOWN_BACKUP), good.clone(), refusal::INSTANCE_NOT_FOUND),
            (api.links(OTHERS_HA, UNKNOWN_BACKUP), good.clone(), refusal::INSTANCE_NOT_FOUND),
            (api.links(HA, UNKNOWN_BACKUP), good.clone(), no_such_backup.clone()),
            (api.links(HA, &others), good, no_such_backup),
        ];
        for (path, body, first) in cases {
            server.post(&path, &body).await.assert_refused_by(api, &first);
        }
    }
}

#[tokio::test]
async fn a_link_expires_by_the_emulators_clock() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let backup = server.create_backup(HA).await;
        let answer = server.post(&api.links(HA, &backup), &json!({"expiration": "600"})).await.ok();
        let path = path_in(&answer);
        // Not by the other one.
        server.advance_real_ms(86_400_000);
        // Made at 06:15:04.512 it is good until the whole second 06:25:04.
        server.set_clock_ms(599_487);
        assert_eq!(server.get(&path).await.status, 200);
        server.set_clock_ms(599_488);
        assert_store_refuses(&server.get(&path).await, 403, "AccessDenied");
        server.set_clock_ms(86_400_000);
        assert_store_refuses(&server.get(&path).await, 403, "AccessDenied");
        server.set_clock_ms(0);
        assert_eq!(server.get(&path).await.status, 200);
    }
}

#[tokio::test]
async fn a_link_that_was_changed_is_refused() {
    let server = TestServer::start().await;
    let (backup, other) = (server.create_backup(HA).await, server.create_backup(HA).await);
    let seconds = server.create_backup(SECOND_HA).await;
    let path = path_in(&links(&server, Api::V2, HA, &backup).await);
    assert_eq!(server.get(&path).await.status, 200);
    let signature = path.rsplit('=').next().unwrap().to_owned();
    let (bare, query) = path.split_once('?').unwrap();
    let first_digit = if signature.starts_with('0') { "1" } else { "0" };
    let other_project = "a4a5d4098fb4474fa22cd05f897d6b99";
    let changed = [
        bare.to_owned(),
        format!("{bare}?"),
        path.replace(&format!("&Signature={signature}"), ""),
        path.replace(&signature, ""),
        path.replace(&signature, &format!("{first_digit}{}", &signature[1..])),
        path.replace(&signature, &signature[..62]),
        path.replace(&signature, &format!("{signature}00")),
        path.replace(&signature, "not-hexadecimal"),
        path.replace("Expires=158313", "Expires=258313"),
        path.replace("Expires=1583130004", "Expires=1583130003"),
        path.replace("Expires=1583130004&", ""),
        path.replace("Expires=1583130004", "Expires=x"),
        path.replace("Expires=1583130004", "Expires=99999999999999999999"),
        path.replace("AWSAccessKeyId=DCSEMULATORLINKS", "AWSAccessKeyId=SOMEBODYELSE"),
        path.replace("AWSAccessKeyId=DCSEMULATORLINKS&", ""),
        path.replace(&backup, &other),
        path.replace(HA, SECOND_HA),
        path.replace(HA, SECOND_HA).replace(&backup, &seconds),
        path.replace(PROJECT, other_project),
        path.replace("_redis.rdb", "_redis.aof"),
        path.replace("_redis.rdb", ""),
        path.replace("/obs/bucket", "/obs/pocket"),
        format!("{bare}x?{query}"),
    ];
    for changed in changed {
        assert_ne!(changed, path);
        let answer = server.get(&changed).await;
        assert_eq!(answer.status, 403, "{changed}: {}", answer.text());
        assert_store_refuses(&answer, 403, "SignatureDoesNotMatch");
    }
    // A part more or less is no link at all.
    let bucket = bare.split('/').nth(2).unwrap();
    for path in [format!("{bare}/more?{query}"), path.replace(&format!("/{bucket}"), "")] {
        server.get(&path).await.assert_refused(&refusal::UNKNOWN_ROUTE);
    }
    server.call("DELETE", &path).send().await.assert_refused(&refusal::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_link_of_another_emulator_is_refused() {
    // Ids repeat, and so does the key of the links, unless the ids before them differ.
    let server = TestServer::start().await;
    let backup = server.create_backup(HA).await;
    let path = path_in(&links(&server, Api::V2, HA, &backup).await);
    let seed = crate::support::identity::users();
    let other = TestServer::seeded(&seed, &[]).await;
    assert_store_refuses(&other.get(&path).await, 403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn the_link_of_a_deleted_or_expired_backup_is_gone() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("backup.keep", "1")]).await;
        let expired = server.create_backup(HA).await;
        let path_of_expired = path_in(&links(&server, api, HA, &expired).await);
        let deleted = server.create_backup(HA).await;
        let path_of_deleted = path_in(&links(&server, api, HA, &deleted).await);
        api.assert_deleted(&server.delete(&api.backup(HA, &deleted)).await);
        for path in [path_of_expired, path_of_deleted] {
            assert_store_refuses(&server.get(&path).await, 404, "NoSuchKey");
        }
    }
}

#[tokio::test]
async fn a_link_goes_on_while_its_backup_is_restored_from() {
    let server = TestServer::with(&[("restore.duration", "5s")]).await;
    let backup = server.create_backup(HA).await;
    let path = path_in(&links(&server, Api::V2, HA, &backup).await);
    server.restore(Api::V2, HA, &json!({"backup_id": backup})).await;
    assert_eq!(server.get(&path).await.status, 200);
}
