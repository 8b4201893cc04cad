//! huaweicloudsdkdcs, on v2: what `huawei_sdk.py` saw.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::expect::{id, is_api_time, name_of_record, same, same_json, text};
use crate::session::{MASTER_STANDBY, PROJECT, SINGLE, Session};

/// The whole life of backups and restores, with keys that nobody issued let through.
pub(crate) fn backups_lenient(session: &Session) -> Result<(), Failed> {
    let seen = backups(session)?;
    same_json("a key that nobody issued", &seen["refused_keys"]["unknown_key"], &Value::Null)
}

/// The whole life of backups and restores, with keys that nobody issued refused.
pub(crate) fn backups_strict(session: &Session) -> Result<(), Failed> {
    let seen = backups(session)?;
    same_json("a key that nobody issued", &seen["refused_keys"]["unknown_key"], &invalid_token())
}

fn backups(session: &Session) -> Result<Value, Failed> {
    let seen = session.script("huawei_sdk.py", &[session.url(), PROJECT, MASTER_STANDBY, SINGLE])?;
    check_instances(&seen["instances"])?;
    check_backups(&seen["backups"])?;
    check_files(session, &seen["backups"])?;
    same_json("how many backups the client that knows its region sees", &seen["total_by_region"], &json!(3))?;
    check_restores(&seen["restores"])?;
    check_refusals(&seen["refusals"])?;
    let temporary_key = json!({"sees_what_the_user_sees": true, "other_token": invalid_token()});
    same_json("a temporary key", &seen["temporary_key"], &temporary_key)?;
    same_json("a wrong secret", &seen["refused_keys"]["wrong_secret"], &invalid_token())?;
    Ok(seen)
}

fn check_instances(seen: &Value) -> Result<(), Failed> {
    let shown = json!({"id": MASTER_STANDBY, "name": "dcs-ha", "status": "RUNNING"});
    let expected = json!({"shown": shown, "instance_num": 3, "second_page": ["dcs-ha", "dcs-cluster"]});
    same_json("instances", seen, &expected)
}

fn check_backups(seen: &Value) -> Result<(), Failed> {
    let (created, listed) = (&seen["created"], &seen["listed"]);
    // Newest first.
    let made = [
        (&created[2], Value::Null, "rdb"),
        (&created[1], seen["longest_remark"].clone(), "aof"),
        (&created[0], json!("nightly"), "rdb"),
    ];
    let mut expected = Vec::new();
    for (index, (id, remark, format)) in made.into_iter().enumerate() {
        let created_at = text(&listed[index], "created_at")?;
        let mut record = backup(id, created_at, format)?;
        record["remark"] = remark;
        record["size"] = listed[index]["size"].clone();
        expected.push(record);
    }
    same_json("backups", listed, &json!(expected))?;
    same_json("how many backups there are", &seen["total"], &json!(3))?;

    same_json("the second of three", &seen["second_of_three"], &json!([created[1]]))?;
    same_json("how many backups there are beside a page", &seen["total_of_a_page"], &json!(3))?;
    same_json("the page after the last", &seen["after_the_last"], &json!([]))?;
    let second = &text(&listed[1], "created_at")?[..19];
    let same_second: Vec<&Value> = expected
        .iter()
        .filter(|backup| backup["created_at"].as_str().is_some_and(|time| time.starts_with(second)))
        .map(|backup| &backup["backup_id"])
        .collect();
    same_json("backups of one second", &seen["of_the_second_of_the_second"], &json!(same_second))?;
    same_json("backups until long ago", &seen["until_long_ago"], &json!([]))?;
    same_json("backups from far ahead", &seen["from_far_ahead"], &json!([]))?;

    same_json("two deletions of one backup", &seen["status_of_delete"], &json!([204, 204]))?;
    expected[2]["status"] = json!("deleted");
    expected[2]["is_support_restore"] = json!("FALSE");
    same_json("backups after the deletion", &seen["listed_after_delete"], &json!(expected))?;
    let unusable = bad_request("DCS.4087", "the backup record status is err when restore this instance");
    same_json("links of a deleted backup", &seen["links_after_delete"], &unusable)?;
    same_json("a restore of a deleted backup", &seen["restore_after_delete"], &unusable)
}

/// The record of a finished backup without a remark.
fn backup(id: &Value, created_at: &str, format: &str) -> Result<Value, Failed> {
    is_api_time(created_at)?;
    Ok(json!({
        "backup_id": id,
        "backup_name": name_of_record("backup", created_at)?,
        "backup_format": format,
        "backup_type": "manual",
        "created_at": created_at,
        "error_code": null,
        // A backup that takes no time is finished as it begins.
        "execution_at": created_at,
        "instance_id": MASTER_STANDBY,
        "is_support_restore": "TRUE",
        "period": null,
        "progress": "100.00",
        "remark": null,
        "size": null,
        "status": "succeed",
        "updated_at": created_at,
    }))
}

/// The links lead to what the records promise: files of their size and their format, behind a signature.
fn check_files(session: &Session, seen: &Value) -> Result<(), Failed> {
    for (record, format) in [(&seen["listed"][2], "rdb"), (&seen["listed"][1], "aof")] {
        let file = &seen["files"][format];
        let name = text(record, "backup_name")?.replace("backup_", "");
        let mut expected = json!({
            "names": [format!("{name}_redis.{format}")],
            "link_starts_with": session.url(),
            "size": record["size"],
            "is_rdb": true,
            "commands": null,
            "status_with_other_signature": 403,
        });
        if format == "aof" {
            expected["is_rdb"] = json!(false);
            expected["commands"] = file["commands"].clone();
            let sets = file["commands"].as_array().is_some_and(|names| names.contains(&json!("SET")));
            same("whether an append-only file sets keys", &sets, &true)?;
        }
        same_json("a downloaded file", file, &expected)?;
    }
    Ok(())
}

fn check_restores(seen: &Value) -> Result<(), Failed> {
    let (created, listed, backup) = (&seen["created"], &seen["listed"], &seen["backup"]);
    id(backup, "backup_id")?;
    let mut expected = Vec::new();
    for (index, (id, remark)) in
        [(&created[1], Value::Null), (&created[0], json!("roll back"))].into_iter().enumerate()
    {
        let created_at = text(&listed[index], "created_at")?;
        is_api_time(created_at)?;
        expected.push(json!({
            "restore_id": id,
            "restore_name": name_of_record("restore", created_at)?,
            "restore_remark": remark,
            "backup_id": backup["backup_id"],
            "backup_name": backup["backup_name"],
            "backup_remark": "to go back to",
            "created_at": created_at,
            "updated_at": created_at,
            "status": "succeed",
            "progress": "100.00",
            "error_code": null,
        }));
    }
    same_json("restores", listed, &json!(expected))?;
    same_json("how many restores there are", &seen["total"], &json!(2))?;
    same_json("the second of two", &seen["second_of_two"], &json!([created[0]]))?;
    same_json("restores until long ago", &seen["until_long_ago"], &json!([]))?;
    same_json("the instance after a restore", &seen["status_of_instance"], &json!("RUNNING"))
}

fn check_refusals(seen: &Value) -> Result<(), Failed> {
    let expected = json!({
        "single_node": bad_request("DCS.4086", "only master standby instance is support this action"),
        "unknown_instance": refusal(404, "DCS.3022", "This DCS instance does not exist."),
        "remark_too_long": bad_request(
            "DCS.4098",
            "The value of the remark parameter must be 0 to 128 characters in length.",
        ),
        "bad_format": bad_request("DCS.4063", "Invalid backup_format parameter in the request."),
        "end_before_begin": bad_request("DCS.4025", "The end time must be after the start time."),
        "links_for_too_short": bad_request("DCS.4063", "Invalid expiration parameter in the request."),
        "delete_of_unknown_backup": bad_request("DCS.4031", "The backup record does not exist."),
        "restore_of_unknown_backup": bad_request("DCS.4063", "Invalid backup_id parameter in the request."),
    });
    same_json("refusals", seen, &expected)
}

fn invalid_token() -> Value {
    refusal(401, "DCS.1001", "Invalid token.")
}

fn bad_request(code: &str, message: &str) -> Value {
    refusal(400, code, message)
}

fn refusal(status: u16, code: &str, message: &str) -> Value {
    json!({
        "type": "ClientRequestException",
        "status": status,
        "code": code,
        "message": message,
        "has_request_id": true,
    })
}
