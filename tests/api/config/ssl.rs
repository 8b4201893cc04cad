//! Encrypted connections, and the certificate for them (wire contract v2, section 2.11).

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, HA, OTHERS_HA, PROJECT, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, is_lower_hex, refusal, text};

const ENCRYPTION: &str = "/v2/{project_id}/instances/{instance_id}/ssl";
const CERTIFICATES: &str = "/v2/{project_id}/instances/{instance_id}/ssl-certs/download";
const ARCHIVE: &str = "/obs/dcs-cert/dcs-certificate.zip";

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", ENCRYPTION, what_is_switched_is_shown_at_once_and_after_a_restart),
    covered("PUT", ENCRYPTION, what_is_switched_is_shown_at_once_and_after_a_restart),
    covered("POST", CERTIFICATES, the_certificate_is_the_first_entry_of_an_archive_that_anybody_may_fetch),
    covered("GET", ARCHIVE, the_certificate_is_the_first_entry_of_an_archive_that_anybody_may_fetch),
    covered("HEAD", ARCHIVE, the_certificate_is_the_first_entry_of_an_archive_that_anybody_may_fetch),
];

/// The only version among those of the tests that can encrypt.
const MODERN: &str = "0e000000-0000-4000-8000-000000000001";
/// The same, restarting.
const MODERN_RESTARTING: &str = "0e000000-0000-4000-8000-000000000002";

/// Of the versions before 5.0.
const OLDER: [&str; 2] = ["0e000000-0000-4000-8000-000000000003", "0e000000-0000-4000-8000-000000000004"];

async fn server() -> TestServer {
    let seed = format!(
        "projects:\n  - id: {PROJECT}\n    instances:\n      \
         - {{id: {MODERN}, name: modern, cache_mode: ha, engine_version: \"6.0\"}}\n      \
         - {{id: {MODERN_RESTARTING}, name: restarting, cache_mode: ha, engine_version: \"6.0\", status: RESTARTING}}\n      \
         - {{id: {HA}, name: older, cache_mode: ha, engine_version: \"5.0\"}}\n      \
         - {{id: {}, name: version-4, cache_mode: ha, engine_version: \"4.0\"}}\n      \
         - {{id: {}, name: version-3, cache_mode: ha, engine_version: \"3.0\"}}\n",
        OLDER[0], OLDER[1]
    );
    TestServer::seeded(&seed, &[]).await
}

fn of(template: &str, instance: &str) -> String {
    template.replace("{project_id}", PROJECT).replace("{instance_id}", instance)
}

async fn switch(server: &TestServer, instance: &str, body: &Value) -> Answer {
    server.put(&of(ENCRYPTION, instance), body).await
}

#[tokio::test]
async fn what_is_switched_is_shown_at_once_and_after_a_restart() {
    let mut server = server().await;
    let instance = server.get(&Api::V2.instance(MODERN)).await.ok();
    let mut off = json!({
        "enabled": false, "ip": instance["ip"], "port": "6379", "ssl_expired_at": null, "ssl_validated": false,
    });
    off["domain_name"] = json!(format!("{}:6379", text(&instance["domain_name"])));
    assert_eq!(server.get(&of(ENCRYPTION, MODERN)).await.ok(), off);
    let mut on = off.clone();
    on["enabled"] = json!(true);
    on["ssl_validated"] = json!(true);
    on["ssl_expired_at"] = json!("2100-01-01T00:00:00.000Z");
    // What is on already stays so: no mistake, and a job again.
    for (enabled, expected) in [(true, &on), (true, &on), (false, &off), (true, &on)] {
        let answer = switch(&server, MODERN, &json!({ "enabled": enabled })).await.ok();
        let job = text(&answer["job_id"]);
        assert!(job.len() == 32 && is_lower_hex(&job), "{job}");
        let twins = json!({"job_id": job, "jobId": job, "instance_id": MODERN, "instanceId": MODERN, "result": "success"});
        assert_eq!(answer, twins);
        assert_eq!(server.get(&of(ENCRYPTION, MODERN)).await.ok(), *expected);
    }
    server.restart().await;
    assert_eq!(server.get(&of(ENCRYPTION, MODERN)).await.ok(), on);
    for api in Api::BOTH {
        let shown = server.get(&api.instance(MODERN)).await.ok();
        assert_eq!((&shown["enable_ssl"], &shown["status"]), (&json!(true), &json!("RUNNING")));
    }
    let noted = "SELECT json_quote(remark) FROM backup_audit WHERE remark LIKE 'encryption %'";
    let on_off_on = ["encryption enabled", "encryption disabled", "encryption enabled"];
    assert_eq!(server.rows(noted).await, on_off_on);
}

#[tokio::test]
async fn what_cannot_be_switched_is_refused() {
    let server = server().await;
    for body in [json!({}), json!({"enabled": null}), json!({"enabled": "true"}), json!({"enabled": 1})] {
        switch(&server, MODERN, &body).await.assert_refused_by(Api::V2, &refusal::INVALID_ENCRYPTION);
    }
    let bodiless = server.call("PUT", &of(ENCRYPTION, MODERN)).send().await;
    bodiless.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    let on = json!({"enabled": true});
    switch(&server, HA, &on).await.assert_refused_by(Api::V2, &refusal::ENCRYPTION_UNSUPPORTED);
    switch(&server, MODERN_RESTARTING, &on).await.assert_refused_by(Api::V2, &refusal::RESTARTING);
    for stranger in [UNKNOWN_INSTANCE, OTHERS_HA] {
        switch(&server, stranger, &on).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
        let shown = server.get(&of(ENCRYPTION, stranger)).await;
        shown.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    // Asking is never a mistake.
    assert_eq!(server.get(&of(ENCRYPTION, HA)).await.ok()["enabled"], false);
    assert_eq!(server.get(&of(ENCRYPTION, MODERN)).await.ok()["enabled"], false);
}

#[tokio::test]
async fn what_waiting_would_not_mend_is_said_first() {
    let server = TestServer::start().await;
    for (_, instance) in BY_STATUS {
        let answer = switch(&server, instance, &json!({"enabled": true})).await;
        answer.assert_refused_by(Api::V2, &refusal::ENCRYPTION_UNSUPPORTED);
    }
}

#[tokio::test]
async fn the_certificate_is_the_first_entry_of_an_archive_that_anybody_may_fetch() {
    let server = server().await;
    let answer = server.call("POST", &of(CERTIFICATES, MODERN)).send().await.ok();
    let link = format!("http://{}{ARCHIVE}", server.address());
    assert_eq!(answer, json!({"file_name": "dcs-certificate.zip", "link": link, "bucket_name": "dcs-cert"}));
    let archive = server.get(ARCHIVE).await;
    assert_eq!((archive.status, &archive.body[..4]), (200, b"PK\x03\x04".as_slice()));
    // The name of the first entry has 6 characters, and behind it lies what it is of.
    assert_eq!(&archive.body[30..36], b"ca.crt");
    assert!(archive.body[36..].starts_with(b"-----BEGIN CERTIFICATE-----\n"));
    let head = server.call("HEAD", ARCHIVE).send().await;
    assert_eq!((head.status, head.header("content-length")), (200, archive.header("content-length")));
    // 5.0 has the same certificate although its connections cannot be encrypted; older ones have none.
    assert_eq!(server.call("POST", &of(CERTIFICATES, HA)).send().await.ok(), answer);
    switch(&server, HA, &json!({"enabled": true}))
        .await
        .assert_refused_by(Api::V2, &refusal::ENCRYPTION_UNSUPPORTED);
    for older in OLDER {
        let older = server.call("POST", &of(CERTIFICATES, older)).send().await;
        older.assert_refused_by(Api::V2, &refusal::ENCRYPTION_UNSUPPORTED);
    }
}
