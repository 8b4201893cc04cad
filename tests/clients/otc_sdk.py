"""Drives otcextensions on openstacksdk, unmodified, and prints what it saw as one JSON document.

The address and the login come from the OS_* variables, as users of the SDK give them.
Usage: otc_sdk.py MASTER_STANDBY_ID SINGLE_ID
"""

import json
import sys

import openstack
from openstack import exceptions
from otcextensions import sdk

# 128 characters, the most there may be: counted in code points, since the last one is two UTF-16 units and four bytes.
LONGEST_REMARK = "Nächtlich, 夜間 " + "é" * 113 + "\N{ROCKET}"


def main():
    master_standby, single = sys.argv[1:]
    connection = openstack.connect()
    sdk.register_otc_extensions(connection)
    dcs = connection.dcs
    print(json.dumps({
        "instances": instances(dcs, master_standby),
        "backups": backups(dcs, master_standby),
        "restores": restores(dcs, master_standby),
        "refusals": refusals(dcs, master_standby, single),
    }))


def instances(dcs, master_standby):
    return {
        "in_pages_of_one": [instance.name for instance in dcs.instances(limit=1)],
        "by_id": instance_seen(dcs.get_instance(master_standby)),
        "by_name": instance_seen(dcs.find_instance("dcs-ha")),
    }


def instance_seen(instance):
    return {"id": instance.id, "name": instance.name, "status": instance.status, "capacity": instance.capacity}


def backups(dcs, instance):
    created = [
        dcs.backup_instance(instance, description="nightly"),
        dcs.backup_instance(instance),
        dcs.backup_instance(instance, description=LONGEST_REMARK),
    ]
    listed = list(dcs.backups(instance))
    second = compact(listed[1].created_at)
    seen = {
        "longest_remark": LONGEST_REMARK,
        "created": [backup.id for backup in created],
        "listed": [backup_seen(backup) for backup in listed],
        "second_of_three": ids(dcs.backups(instance, start=2, limit=1)),
        "after_the_last": ids(dcs.backups(instance, start=4)),
        "of_the_second_of_the_second": ids(dcs.backups(instance, begin_time=second, end_time=second)),
        "until_long_ago": ids(dcs.backups(instance, end_time="20000101000000")),
        "from_far_ahead": ids(dcs.backups(instance, begin_time="29991231235959")),
    }
    dcs.delete_instance_backup(instance, created[0].id, ignore_missing=False)
    seen["listed_after_delete"] = [backup_seen(backup) for backup in dcs.backups(instance)]
    # A second time is no error.
    dcs.delete_instance_backup(instance, created[0].id, ignore_missing=False)
    # One that never was is "gone", which the SDK is asked to ignore.
    dcs.delete_instance_backup(instance, "00000000-0000-4000-8000-000000000000")
    return seen


def backup_seen(backup):
    return {
        "id": backup.id,
        "name": backup.name,
        "description": backup.description,
        "status": backup.status,
        "progress": backup.progress,
        "type": backup.type,
        "period": backup.period,
        "error_code": backup.error_code,
        "size": backup.size,
        "created_at": backup.created_at,
        "updated_at": backup.updated_at,
        # The SDK's own kind of boolean, which only compares.
        "is_restorable": backup.is_restorable == True,  # noqa: E712
    }


def restores(dcs, instance):
    deleted = dcs.backup_instance(instance)
    dcs.delete_instance_backup(instance, deleted.id, ignore_missing=False)
    created_backup = dcs.backup_instance(instance, description="to go back to")
    [backup] = dcs.backups(instance, limit=1)
    created = [
        dcs.restore_instance(instance, backup_id=created_backup.id, description="roll back"),
        dcs.restore_instance(instance, backup_id=created_backup.id),
    ]
    return {
        "backup": {"id": created_backup.id, "name": backup.name},
        "created": ids(created),
        "listed": [restore_seen(restore) for restore in dcs.restore_records(instance)],
        "second_of_two": ids(dcs.restore_records(instance, start=2, limit=1)),
        "until_long_ago": ids(dcs.restore_records(instance, end_time="20000101000000")),
        "status_of_instance": dcs.get_instance(instance).status,
        "of_a_deleted_backup": refusal(lambda: dcs.restore_instance(instance, backup_id=deleted.id)),
        # Known quirk: the SDK drops a backup that is not named `backup_id`.
        "of_a_backup_by_position": refusal(lambda: dcs.restore_instance(instance, created_backup)),
    }


def restore_seen(restore):
    return {
        "id": restore.id,
        "name": restore.restore_name,
        "description": restore.restore_description,
        "backup_id": restore.backup_id,
        "backup_name": restore.backup_name,
        "backup_description": restore.backup_description,
        "status": restore.status,
        "progress": restore.progress,
        "error_code": restore.error_code,
        "created_at": restore.created_at,
        "updated_at": restore.updated_at,
    }


def refusals(dcs, master_standby, single):
    unknown = "00000000-0000-4000-8000-000000000000"
    return {
        "single_node": refusal(lambda: dcs.backup_instance(single)),
        "remark_too_long": refusal(lambda: dcs.backup_instance(master_standby, description=LONGEST_REMARK + "x")),
        "unknown_instance": refusal(lambda: dcs.backup_instance(unknown)),
        "unknown_backup": refusal(
            lambda: dcs.delete_instance_backup(master_standby, unknown, ignore_missing=False)
        ),
        "bad_time": refusal(lambda: list(dcs.backups(master_standby, begin_time="2020"))),
    }


def refusal(call):
    """Returns how the SDK presents the error that a call ends in."""
    try:
        call()
    except exceptions.HttpException as error:
        return {
            "type": type(error).__name__,
            "status": error.status_code,
            "message": error.message,
            # The SDK keeps the answer for those who branch on codes.
            "codes": [error.response.json()["error"]["code"], error.response.json()["error_code"]],
            "has_request_id": bool(error.request_id),
        }
    return None


def ids(records):
    return [record.id for record in records]


def compact(time):
    """Turns 2020-03-02T06:15:04.512Z into 20200302061504."""
    return "".join(character for character in time[:19] if character.isdigit())


main()
