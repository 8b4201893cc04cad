//! otcextensions on openstacksdk, on v1.0: what `otc_sdk.py` saw.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::expect::{is_api_time, name_of_record, same, same_json, text};
use crate::session::{MASTER_STANDBY, SINGLE, Session};

/// Backups are created, listed, restored and deleted, instances are found, and refusals arrive as the SDK's own errors.
pub(crate) fn backups_and_restores(session: &Session) -> Result<(), Failed> {
    let seen = session.script("otc_sdk.py", &[MASTER_STANDBY, SINGLE])?;
    check_instances(&seen["instances"])?;
    check_backups(&seen["backups"])?;
    check_restores(&seen["restores"])?;
    check_refusals(&seen["refusals"])
}

fn check_instances(seen: &Value) -> Result<(), Failed> {
    let instance = json!({"id": MASTER_STANDBY, "name": "dcs-ha", "status": "RUNNING", "capacity": 2});
    same_json(
        "instances",
        seen,
        &json!({
            "in_pages_of_one": ["dcs-single", "dcs-ha", "dcs-cluster"],
            "by_id": instance,
            "by_name": instance,
        }),
    )
}

fn check_backups(seen: &Value) -> Result<(), Failed> {
    let created = &seen["created"];
    let listed = &seen["listed"];
    let remarks = [&seen["longest_remark"], &Value::Null, &json!("nightly")];
    let mut expected = Vec::new();
    for (index, remark) in remarks.into_iter().enumerate() {
        let created_at = text(&listed[index], "created_at")?;
        is_api_time(created_at)?;
        expected.push(json!({
            // Newest first.
            "id": created[2 - index],
            "name": name_of_record("backup", created_at)?,
            "description": remark,
            "status": "succeed",
            "progress": "100.00",
            "type": "manual",
            "period": null,
            "error_code": null,
            "size": listed[index]["size"],
            "created_at": created_at,
            // A backup that takes no time is finished as it begins.
            "updated_at": created_at,
            "is_restorable": true,
        }));
    }
    same_json("backups", listed, &json!(expected))?;
    for backup in &expected {
        let size = backup["size"].as_u64();
        same("whether a backup has a size", &size.is_some_and(|bytes| bytes > 0), &true)?;
    }

    same_json("the second of three", &seen["second_of_three"], &json!([created[1]]))?;
    same_json("the page after the last", &seen["after_the_last"], &json!([]))?;
    let second = &text(&listed[1], "created_at")?[..19];
    let same_second: Vec<&Value> = expected
        .iter()
        .filter(|backup| backup["created_at"].as_str().is_some_and(|time| time.starts_with(second)))
        .map(|backup| &backup["id"])
        .collect();
    same_json("backups of one second", &seen["of_the_second_of_the_second"], &json!(same_second))?;
    same_json("backups until long ago", &seen["until_long_ago"], &json!([]))?;
    same_json("backups from far ahead", &seen["from_far_ahead"], &json!([]))?;

    expected[2]["status"] = json!("deleted");
    expected[2]["is_restorable"] = json!(false);
    same_json("backups after a deletion", &seen["listed_after_delete"], &json!(expected))
}

fn check_restores(seen: &Value) -> Result<(), Failed> {
    let (created, listed, backup) = (&seen["created"], &seen["listed"], &seen["backup"]);
    let made = [(&created[1], Value::Null), (&created[0], json!("roll back"))];
    let mut expected = Vec::new();
    for (index, (id, remark)) in made.into_iter().enumerate() {
        let created_at = text(&listed[index], "created_at")?;
        is_api_time(created_at)?;
        expected.push(json!({
            "id": id,
            "name": name_of_record("restore", created_at)?,
            "description": remark,
            "backup_id": backup["id"],
            "backup_name": backup["name"],
            "backup_description": "to go back to",
            "status": "succeed",
            "progress": "100.00",
            "error_code": null,
            "created_at": created_at,
            "updated_at": created_at,
        }));
    }
    same_json("restores", listed, &json!(expected))?;
    same_json("the second of two", &seen["second_of_two"], &json!([created[0]]))?;
    same_json("restores until long ago", &seen["until_long_ago"], &json!([]))?;
    same_json("the instance after a restore", &seen["status_of_instance"], &json!("RUNNING"))?;
    same_json(
        "a restore of a deleted backup",
        &seen["of_a_deleted_backup"],
        &bad_request("111400087", "DCS.4087", "the backup record status is err when restore this instance"),
    )?;
    same_json(
        "a restore of a backup that the SDK drops",
        &seen["of_a_backup_by_position"],
        &bad_request("111400063", "DCS.4063", "Invalid backup_id parameter in the request."),
    )
}

fn check_refusals(seen: &Value) -> Result<(), Failed> {
    same_json(
        "refusals",
        seen,
        &json!({
            "single_node": bad_request(
                "111400086", "DCS.4086", "only master standby instance is support this action",
            ),
            "remark_too_long": bad_request(
                "111400098",
                "DCS.4098",
                "The value of the remark parameter must be 0 to 128 characters in length.",
            ),
            "bad_time": bad_request("111400062", "DCS.4062", "Invalid beginTime parameter in the request."),
            "unknown_instance": not_found("111404022", "DCS.3022", "This DCS instance does not exist."),
            "unknown_backup": not_found("111404001", "DCS.4001", "The requested URL does not exist."),
        }),
    )
}

fn bad_request(legacy: &str, dcs: &str, message: &str) -> Value {
    refusal("BadRequestException", 400, legacy, dcs, message)
}

fn not_found(legacy: &str, dcs: &str, message: &str) -> Value {
    refusal("NotFoundException", 404, legacy, dcs, message)
}

fn refusal(kind: &str, status: u16, legacy: &str, dcs: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": status,
        "message": message,
        "codes": [legacy, dcs],
        "has_request_id": true,
    })
}
