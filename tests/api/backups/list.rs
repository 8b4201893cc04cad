//! `GET …/backups`: order, pages, windows of time, and the exact form of a record (wire contract v1.0, section 2.2).

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, PROJECT, SECOND_HA, SINGLE, UNKNOWN_INSTANCE, backups_path, instance_path,
};
use crate::support::{Covered, TestServer, covered, refusal};

pub(crate) const COVERS: &[Covered] = &[covered(
    "GET",
    "/v1.0/{project_id}/instances/{instance_id}/backups",
    a_record_has_exactly_these_members_of_exactly_these_types,
)];

/// Values that a whole number of at least one cannot have; each is encoded.
const BAD_NUMBERS: [&str; 12] =
    ["0", "00", "-1", "1.0", "1e1", "a", "0x1", "%2B1", "%201", "1%20", "%D9%A1", "null"];

#[tokio::test]
async fn a_record_has_exactly_these_members_of_exactly_these_types() {
    let server = TestServer::start().await;
    let backup_id = server.create_remarked(HA, "before migration").await;
    let list = server.list(HA, "").await;
    let size = &list["backup_record_response"][0]["size"];
    assert!(size.as_u64().unwrap() > 0, "{size}");
    assert_eq!(
        list,
        json!({
            "backup_record_response": [{
                "status": "succeed",
                "remark": "before migration",
                "period": null,
                "progress": "100.00",
                "size": size,
                "instance_id": HA,
                "backup_id": backup_id,
                "created_at": "2020-03-02T06:15:04.512Z",
                "updated_at": "2020-03-02T06:15:04.512Z",
                "execution_at": "2020-03-02T06:15:04.512Z",
                "backup_type": "manual",
                "backup_name": "backup_20200302141504",
                "error_code": null,
                "is_support_restore": "TRUE",
            }],
            "total_num": 1,
        })
    );
}

#[tokio::test]
async fn an_absent_remark_is_null_and_an_empty_one_is_empty() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    assert_eq!(server.newest(HA).await["remark"], Value::Null);
    server.create_remarked(HA, "").await;
    assert_eq!(server.newest(HA).await["remark"], "");
}

#[tokio::test]
async fn times_have_three_fractional_digits_also_when_they_are_zero() {
    let server = TestServer::start().await;
    server.create_backups_at(HA, &[488]).await;
    assert_eq!(server.newest(HA).await["created_at"], "2020-03-02T06:15:05.000Z");
    server.create_backups_at(HA, &[488 + 50]).await;
    assert_eq!(server.newest(HA).await["created_at"], "2020-03-02T06:15:05.050Z");
}

#[tokio::test]
async fn an_instance_without_backups_has_an_empty_list_whatever_its_mode_and_state() {
    let server = TestServer::start().await;
    let empty = json!({"backup_record_response": [], "total_num": 0});
    for instance in [HA, SINGLE, CLUSTER] {
        assert_eq!(server.list(instance, "").await, empty);
    }
    for (_, instance) in BY_STATUS {
        assert_eq!(server.list(instance, "").await, empty);
    }
}

#[tokio::test]
async fn the_newest_record_is_first_and_of_two_of_the_same_instant_the_later_one() {
    let server = TestServer::start().await;
    let ids = server.create_backups_at(HA, &[0, 0, 0, 1, 1, 60_000]).await;
    let newest_first: Vec<String> = ids.into_iter().rev().collect();
    assert_eq!(server.listed_ids(HA, "").await, newest_first);
}

#[tokio::test]
async fn a_list_holds_only_the_records_of_its_instance() {
    let server = TestServer::start().await;
    let first = server.create_backup(HA).await;
    let second = server.create_backup(SECOND_HA).await;
    assert_eq!(server.listed_ids(HA, "").await, [first]);
    assert_eq!(server.listed_ids(SECOND_HA, "").await, [second]);
}

#[tokio::test]
async fn start_is_the_ordinal_of_the_first_record_and_limit_the_number_of_records() {
    let server = TestServer::start().await;
    let mut ids =
        server.create_backups_at(HA, &(0..13).map(|second| second * 1000).collect::<Vec<_>>()).await;
    ids.reverse();
    for (query, page) in [
        ("", &ids[..10]),
        ("start=1", &ids[..10]),
        ("limit=3", &ids[..3]),
        ("start=1&limit=1", &ids[..1]),
        ("start=2&limit=3", &ids[1..4]),
        ("start=4", &ids[3..13]),
        ("start=11&limit=10", &ids[10..]),
        ("start=13&limit=10", &ids[12..]),
        ("start=14", &[]),
        ("start=1000000", &[]),
        ("limit=13", &ids),
        ("limit=1000", &ids),
        ("start=2&limit=1000", &ids[1..]),
        ("start=18446744073709551615", &[]),
        ("start=99999999999999999999999999", &[]),
        ("start=9223372036854775807&limit=9223372036854775807", &[]),
        ("limit=99999999999999999999999999", &ids),
        // Empty is absent, and leading zeros are no sin.
        ("start=&limit=", &ids[..10]),
        ("start=&limit=2", &ids[..2]),
        ("start=002&limit=03", &ids[1..4]),
        ("offset=5&marker=x&more", &ids[..10]),
    ] {
        assert_eq!(server.listed_ids(HA, query).await, page, "{query}");
        assert_eq!(server.list(HA, query).await["total_num"], 13, "{query}");
    }
}

#[tokio::test]
async fn a_start_or_limit_that_is_no_whole_number_of_at_least_one_is_refused() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    for value in BAD_NUMBERS {
        for name in ["start", "limit"] {
            let answer = server.get(&format!("{}?{name}={value}", backups_path(HA))).await;
            answer.assert_refused(&refusal::invalid_query(name));
        }
    }
    // The first in the order of the contract is named, not the first that was sent.
    let answer = server.get(&format!("{}?limit=0&start=0", backups_path(HA))).await;
    answer.assert_refused(&refusal::invalid_query("start"));
}

#[tokio::test]
async fn a_limit_above_a_thousand_is_a_thousand() {
    let server = TestServer::start().await;
    join_all((0..1001).map(|_| server.create_backup(HA))).await;
    for (query, length) in [("limit=1000", 1000), ("limit=1001", 1000), ("limit=1000000", 1000), ("", 10)] {
        let list = server.list(HA, query).await;
        assert_eq!(list["backup_record_response"].as_array().unwrap().len(), length, "{query}");
        assert_eq!(list["total_num"], 1001);
    }
    assert_eq!(server.listed_ids(HA, "start=1001&limit=5000").await.len(), 1);
}

/// Creates records at 06:15:04.512, 06:15:05.000, 06:15:05.999, 06:15:06.000 and 06:16:00.000; returns the newest first.
async fn spread_out(server: &TestServer) -> Vec<String> {
    let mut ids = server.create_backups_at(HA, &[0, 488, 1487, 1488, 55_488]).await;
    ids.reverse();
    ids
}

#[tokio::test]
async fn a_window_includes_both_ends_and_the_whole_last_second() {
    let server = TestServer::start().await;
    let ids = spread_out(&server).await;
    for (query, records) in [
        ("beginTime=20200302061505", &ids[..4]),
        ("beginTime=20200302061504", &ids[..]),
        ("beginTime=20200302061601", &[]),
        ("endTime=20200302061505", &ids[2..]),
        ("endTime=20200302061504", &ids[4..]),
        ("endTime=20200302061503", &[]),
        ("beginTime=20200302061505&endTime=20200302061505", &ids[2..4]),
        ("beginTime=20200302061506&endTime=20200302061559", &ids[1..2]),
        ("beginTime=20200302061600&endTime=20200302061600", &ids[..1]),
        ("beginTime=00010101000000&endTime=99991231235959", &ids[..]),
        ("beginTime=19700101000000", &ids[..]),
        ("endTime=19691231235959", &[]),
        ("beginTime=99991231235959", &[]),
    ] {
        let list = server.list(HA, query).await;
        assert_eq!(server.listed_ids(HA, query).await, records, "{query}");
        assert_eq!(list["total_num"], records.len(), "{query}");
    }
}

#[tokio::test]
async fn pages_are_counted_within_the_window() {
    let server = TestServer::start().await;
    let ids = spread_out(&server).await;
    let window = "beginTime=20200302061505&endTime=20200302061559";
    for (page, records) in [("", &ids[1..4]), ("&limit=1", &ids[1..2]), ("&start=3&limit=5", &ids[3..4])] {
        let list = server.list(HA, &format!("{window}{page}")).await;
        assert_eq!(list["total_num"], 3);
        assert_eq!(server.listed_ids(HA, &format!("{window}{page}")).await, records);
    }
}

#[tokio::test]
async fn a_window_has_two_spellings_and_the_camel_case_one_wins() {
    let server = TestServer::start().await;
    let ids = spread_out(&server).await;
    for (query, records) in [
        ("begin_time=20200302061506&end_time=20200302061559", &ids[1..2]),
        ("begin_time=20200302061506&endTime=20200302061559", &ids[1..2]),
        ("begin_time=20200302061600&beginTime=20200302061505", &ids[..4]),
        ("endTime=20200302061504&end_time=20200302061600", &ids[4..]),
        ("begin_time=nonsense&beginTime=20200302061505", &ids[..4]),
        // Empty is absent.
        ("beginTime=&endTime=", &ids[..]),
        ("beginTime=&begin_time=20200302061600", &ids[..1]),
    ] {
        assert_eq!(server.listed_ids(HA, query).await, records, "{query}");
    }
}

#[tokio::test]
async fn a_window_that_begins_after_its_end_is_empty() {
    let server = TestServer::start().await;
    spread_out(&server).await;
    for query in [
        "beginTime=20200302061506&endTime=20200302061505",
        "beginTime=20300101000000&endTime=20100101000000",
        "begin_time=99991231235959&end_time=19700101000000",
    ] {
        assert_eq!(server.list(HA, query).await, json!({"backup_record_response": [], "total_num": 0}));
    }
}

#[tokio::test]
async fn a_time_that_is_not_14_digits_of_a_date_is_refused_by_the_name_used() {
    let server = TestServer::start().await;
    for value in [
        "2020030206150",
        "202003020615040",
        "2020-03-02T06:15:04Z",
        "2020030206150x",
        "%2B2020030206150",
        "1583129704512",
        "20200002061504",
        "20201302061504",
        "20200300061504",
        "20200230061504",
        "20190229061504",
        "20200302241504",
        "20200302066004",
        "20200302061560",
        "20200302061561",
        "%D9%A2%D9%A0%D9%A2%D9%A0%D9%A0%D9%A3%D9%A0",
        "now",
    ] {
        for name in ["beginTime", "endTime", "begin_time", "end_time"] {
            let answer = server.get(&format!("{}?{name}={value}", backups_path(HA))).await;
            answer.assert_refused(&refusal::invalid_query(name));
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_comes_before_a_missing_instance() {
    let server = TestServer::start().await;
    let missing = backups_path(UNKNOWN_INSTANCE);
    server.get(&missing).await.assert_refused(&refusal::INSTANCE_NOT_FOUND);
    for (path, first) in [
        ("/v1.0/x/instances/y/backups?start=0".to_owned(), refusal::INVALID_PROJECT_ID),
        (format!("/v1.0/{PROJECT}/instances/y/backups?start=0"), refusal::INVALID_INSTANCE_ID),
        (format!("{missing}?start=0"), refusal::invalid_query("start")),
        (format!("{missing}?limit=0"), refusal::invalid_query("limit")),
        (format!("{missing}?beginTime=x"), refusal::invalid_query("beginTime")),
        (format!("{missing}?end_time=x"), refusal::invalid_query("end_time")),
    ] {
        server.get(&path).await.assert_refused(&first);
    }
}

#[tokio::test]
async fn a_list_may_be_asked_for_with_a_body_and_any_accept_header() {
    let server = TestServer::start().await;
    for accept in ["application/json", "*/*", "text/html", "nonsense"] {
        let call = server.call("GET", &backups_path(HA)).header("Accept", accept);
        call.header("X-Language", "en-us").body("not looked at").send().await.ok();
    }
    server.get(&format!("{}?", instance_path(HA))).await.ok();
}
