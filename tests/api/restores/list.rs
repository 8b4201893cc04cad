//! `GET …/restores` on both versions: order, pages, windows of time, and the exact form of a record (wire contract v1.0,
//! section 2.6; v2, section 2.2).

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, CLUSTER, HA, SECOND_HA, SINGLE, UNKNOWN_INSTANCE};
use crate::support::{Api, Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v1.0/{project_id}/instances/{instance_id}/restores",
        a_record_has_exactly_these_members_of_exactly_these_types,
    ),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/restores",
        a_record_has_exactly_these_members_of_exactly_these_types,
    ),
];

#[tokio::test]
async fn a_record_has_exactly_these_members_of_exactly_these_types() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let backup = server.create_remarked(HA, "before migration").await;
        server.advance_ms(60_000);
        let restore = server.restore(api, HA, &json!({"backup_id": backup, "remark": "roll back"})).await;
        let expected = json!({
            "restore_record_response": [{
                "status": "succeed",
                "progress": "100.00",
                "restore_id": restore,
                "backup_id": backup,
                "restore_remark": "roll back",
                "backup_remark": "before migration",
                "created_at": "2020-03-02T06:16:04.512Z",
                "updated_at": "2020-03-02T06:16:04.512Z",
                "restore_name": "restore_20200302141604",
                "backup_name": "backup_20200302141504",
                "error_code": null,
            }],
            "total_num": 1,
        });
        assert_eq!(server.restores(api, HA, "").await, expected);
    }
}

#[tokio::test]
async fn what_is_unknown_is_null() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("restore.duration", "5s")]).await;
        let backup = server.create_backup(HA).await;
        server.restore(api, HA, &json!({"backup_id": backup})).await;
        let record = server.newest_restore(api, HA).await;
        for name in ["restore_remark", "backup_remark", "updated_at", "error_code"] {
            assert_eq!(record.get(name), Some(&Value::Null), "{name}");
        }
        server.set_clock_ms(5_000);
        server.restore(api, HA, &json!({"backup_id": backup, "remark": ""})).await;
        assert_eq!(server.newest_restore(api, HA).await["restore_remark"], "");
    }
}

#[tokio::test]
async fn a_list_is_empty_where_nothing_was_restored_whatever_the_mode_or_state() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        for instance in [HA, SINGLE, CLUSTER].into_iter().chain(BY_STATUS.map(|(_, instance)| instance)) {
            let empty = json!({"restore_record_response": [], "total_num": 0});
            assert_eq!(server.restores(api, instance, "").await, empty);
        }
        let missing = server.get(&api.restores(UNKNOWN_INSTANCE)).await;
        missing.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        server.get(&api.restores("x")).await.assert_refused_by(api, &refusal::INVALID_INSTANCE_ID);
    }
}

/// Has an instance restored at each of these milliseconds after the time at which every test begins; the oldest first.
async fn restores_at(server: &TestServer, times_ms: &[i64]) -> Vec<String> {
    let backup = server.create_backup(HA).await;
    let mut ids = Vec::new();
    for millis in times_ms {
        server.set_clock_ms(*millis);
        ids.push(server.restore(Api::V1, HA, &json!({"backup_id": backup})).await);
    }
    ids
}

async fn listed(server: &TestServer, api: Api, query: &str) -> Vec<String> {
    let list = server.restores(api, HA, query).await;
    each(&list["restore_record_response"], "restore_id").iter().map(text).collect()
}

#[tokio::test]
async fn the_newest_is_first_and_pages_cut_the_list_without_gap_or_overlap() {
    let server = TestServer::start().await;
    // Several at one instant: the later is the newer.
    let mut newest_first = restores_at(&server, &[0, 0, 0, 10, 10, 20, 30, 40, 40, 40, 50, 60]).await;
    newest_first.reverse();
    for api in Api::BOTH {
        assert_eq!(listed(&server, api, "").await, newest_first[..10], "ten unless asked for more");
        assert_eq!(listed(&server, api, "limit=1000").await, newest_first);
        for size in [1, 5, 7, 12] {
            let mut pages = Vec::new();
            for skip in (0..12).step_by(size) {
                let list = server.restores(api, HA, &api.page(skip, size)).await;
                assert_eq!(list["total_num"], 12);
                pages.extend(each(&list["restore_record_response"], "restore_id").iter().map(text));
            }
            assert_eq!(pages, newest_first, "{size}");
        }
        let past_the_end = json!({"restore_record_response": [], "total_num": 12});
        assert_eq!(server.restores(api, HA, &api.page(12, 10)).await, past_the_end);
    }
    assert_eq!(server.restores(Api::V1, SECOND_HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn a_window_of_time_has_both_its_ends_and_the_whole_last_second() {
    let server = TestServer::start().await;
    // 06:15:04.512, 06:15:05.000, 06:15:05.999, 06:15:06.000
    let ids = restores_at(&server, &[0, 488, 1_487, 1_488]).await;
    let of = |positions: &[usize]| -> Vec<String> { positions.iter().map(|at| ids[*at].clone()).collect() };
    for api in Api::BOTH {
        for (query, expected) in [
            ("beginTime=20200302061505&endTime=20200302061505", of(&[2, 1])),
            ("begin_time=20200302061505&end_time=20200302061505", of(&[2, 1])),
            ("beginTime=20200302061505", of(&[3, 2, 1])),
            ("end_time=20200302061504", of(&[0])),
            ("endTime=20200302061503", of(&[])),
            ("begin_time=20200302061507", of(&[])),
            ("beginTime=&endTime=", of(&[3, 2, 1, 0])),
            // The camel-case spelling wins.
            ("begin_time=20200302061506&beginTime=20200302061504", of(&[3, 2, 1, 0])),
        ] {
            assert_eq!(listed(&server, api, query).await, expected, "{api:?} {query}");
        }
        let both = server.restores(api, HA, "beginTime=20200302061505&endTime=20200302061505&limit=1").await;
        assert_eq!(
            (&both["total_num"], both["restore_record_response"].as_array().unwrap().len()),
            (&json!(2), 1)
        );
    }
    let reversed = "begin_time=20200302061506&end_time=20200302061505";
    let empty = json!({"restore_record_response": [], "total_num": 0});
    assert_eq!(server.restores(Api::V1, HA, reversed).await, empty);
    let answer = server.get(&format!("{}?{reversed}", Api::V2.restores(HA))).await;
    answer.assert_refused_by(Api::V2, &refusal::WINDOW_REVERSED);
}

#[tokio::test]
async fn a_parameter_with_a_value_it_cannot_have_is_refused_by_name() {
    let server = TestServer::start().await;
    let is_refused = async |api: Api, query: &str, name: &'static str| {
        let refusal = match api {
            Api::V1 => refusal::invalid_query(name),
            Api::V2 => refusal::invalid(name),
        };
        server.get(&format!("{}?{query}", api.restores(HA))).await.assert_refused_by(api, &refusal);
    };
    for value in ["0", "-1", "1.0", "a", "%2B1", "%201"] {
        is_refused(Api::V1, &format!("start={value}"), "start").await;
        for api in Api::BOTH {
            is_refused(api, &format!("limit={value}"), "limit").await;
        }
        if value != "0" {
            is_refused(Api::V2, &format!("offset={value}"), "offset").await;
        }
    }
    is_refused(Api::V2, "limit=1001", "limit").await;
    server.restores(Api::V1, HA, "limit=1001").await;
    for name in ["beginTime", "begin_time", "endTime", "end_time"] {
        for value in ["2020", "20200230000000", "2020030206150x", "202003020615040", "2020-03-02T06:15"] {
            for api in Api::BOTH {
                is_refused(api, &format!("{name}={value}"), name).await;
            }
        }
    }
}

#[tokio::test]
async fn a_row_of_restore_records_says_what_the_list_says() {
    let server = TestServer::start().await;
    restores_at(&server, &[0, 10, 20]).await;
    let rows = server
        .rows(
            "SELECT json_object('status', status, 'progress', progress, 'restore_id', restore_id, 'backup_id', backup_id,
                                'restore_remark', restore_remark, 'backup_remark', backup_remark,
                                'created_at', created_at, 'updated_at', updated_at, 'restore_name', restore_name,
                                'backup_name', backup_name, 'error_code', error_code)
             FROM restore_records",
        )
        .await;
    assert_eq!(json!(rows), server.restores(Api::V2, HA, "").await["restore_record_response"]);
}
