"""What a test of a program that makes backups may look like."""

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ServerResponseException
from huaweicloudsdkdcs.v2 import BackupInstanceBody, CopyInstanceRequest, ListBackupRecordsRequest


def back_up(tenant, remark):
    """The program under test: asks for a backup and returns its id."""
    body = BackupInstanceBody(remark=remark, backup_format="rdb")
    return tenant.dcs.copy_instance(CopyInstanceRequest(tenant.instance_id, body)).backup_id


def backups(tenant):
    request = ListBackupRecordsRequest(tenant.instance_id)
    return tenant.dcs.list_backup_records(request).backup_record_response


def test_a_backup_is_listed_with_its_remark(tenant):
    backup_id = back_up(tenant, "nightly")
    assert [(backup.backup_id, backup.remark, backup.status) for backup in backups(tenant)] == [
        (backup_id, "nightly", "succeed")
    ]


def test_a_project_holds_only_what_its_own_test_has_made(tenant):
    assert backups(tenant) == []


def test_a_backup_waits_then_runs_then_succeeds(tenant):
    tenant.work_moves_by_hand()
    back_up(tenant, "slow")
    seen = [backups(tenant)[0].status]
    while tenant.step():
        seen.append(backups(tenant)[0].status)
    assert seen == ["waiting", "backuping", "succeed"]


def test_a_call_that_failed_succeeds_when_it_is_made_again(tenant):
    tenant.fail("create_backup", 503)
    with pytest.raises(ServerResponseException) as failure:
        back_up(tenant, "nightly")
    assert failure.value.status_code == 503
    back_up(tenant, "nightly")
    assert len(backups(tenant)) == 1
