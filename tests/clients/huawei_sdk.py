"""Drives huaweicloudsdkdcs, unmodified, and prints what it saw as one JSON document.

Keys come from HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, where the SDK itself looks for them; the address of the
identity service from HUAWEICLOUD_SDK_IAM_ENDPOINT.
Usage: huawei_sdk.py URL PROJECT_ID MASTER_STANDBY_ID SINGLE_ID
"""

import json
import os
import sys
import urllib.error
import urllib.request

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdcs.v2 import (
    BackupInstanceBody,
    CopyInstanceRequest,
    DcsClient,
    DeleteBackupFileRequest,
    DownloadBackupFilesReq,
    ListBackupFileLinksRequest,
    ListBackupRecordsRequest,
    ListInstancesRequest,
    ListRestoreRecordsRequest,
    RestoreInstanceBody,
    RestoreInstanceRequest,
    ShowInstanceRequest,
)

# 128 characters, the most there may be: counted in code points, since the last one is two UTF-16 units and four bytes.
LONGEST_REMARK = "Nächtlich, 夜間 " + "é" * 113 + "\N{ROCKET}"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def main():
    url, project, master_standby, single = sys.argv[1:]
    access_key = os.environ["HUAWEICLOUD_SDK_AK"]
    secret_key = os.environ["HUAWEICLOUD_SDK_SK"]

    def service(access_key=access_key, secret_key=secret_key, project=project):
        keys = BasicCredentials(access_key, secret_key, project)
        return Service(DcsClient.new_builder().with_credentials(keys).with_endpoint(url).build(), master_standby)

    # Knows the name of its region only, and asks the identity service for the project of that name.
    region = Region("eu-de", url)
    keys = BasicCredentials(access_key, secret_key)
    by_region = Service(DcsClient.new_builder().with_credentials(keys).with_region(region).build(), master_standby)

    def for_a_while(key, token):
        keys = BasicCredentials(key["access"], key["secret"], project).with_security_token(token)
        return Service(DcsClient.new_builder().with_credentials(keys).with_endpoint(url).build(), master_standby)

    key = temporary_key(url)
    dcs = service()
    print(json.dumps({
        "instances": instances(dcs),
        "backups": backups(dcs),
        "total_by_region": by_region.backups().total_num,
        "restores": restores(dcs),
        "refusals": refusals(dcs, single),
        "temporary_key": {
            "sees_what_the_user_sees": (
                for_a_while(key, key["securitytoken"]).backup_ids() == dcs.backup_ids()
            ),
            "other_token": refusal(lambda: for_a_while(key, "other").backups()),
        },
        "refused_keys": {
            "wrong_secret": refusal(lambda: service(secret_key="wrong").backups()),
            "unknown_key": refusal(lambda: service(access_key="UNKNOWNACCESSKEY0000").backups()),
        },
    }))


def temporary_key(url):
    """Returns a temporary key of the built-in user, who logs in by password for it."""

    def post(path, identity, headers):
        body = json.dumps({"auth": {"identity": identity}}).encode()
        return urllib.request.urlopen(urllib.request.Request(url + path, body, headers))

    user = {"name": "emulator", "password": "emulator-password"}
    login = post("/v3/auth/tokens", {"methods": ["password"], "password": {"user": user}}, {})
    token = {"X-Auth-Token": login.headers["X-Subject-Token"]}
    answer = post("/v3.0/OS-CREDENTIAL/securitytokens", {"methods": ["token"], "token": {}}, token)
    return json.load(answer)["credential"]


class Service:
    """The calls of the SDK that are tried, on one instance."""

    def __init__(self, client, instance):
        self.client = client
        self.instance = instance

    def back_up(self, body=None, instance=None):
        request = CopyInstanceRequest(instance_id=instance or self.instance, body=body)
        return self.client.copy_instance(request).backup_id

    def backups(self, **query):
        return self.client.list_backup_records(ListBackupRecordsRequest(instance_id=self.instance, **query))

    def backup_ids(self, **query):
        return [record.backup_id for record in self.backups(**query).backup_record_response]

    def links(self, backup, expiration=300):
        return self.client.list_backup_file_links(ListBackupFileLinksRequest(
            instance_id=self.instance,
            backup_id=backup,
            body=DownloadBackupFilesReq(expiration=expiration),
        ))

    def delete(self, backup):
        request = DeleteBackupFileRequest(instance_id=self.instance, backup_id=backup)
        return self.client.delete_backup_file(request)

    def restore(self, backup, remark=None):
        body = RestoreInstanceBody(backup_id=backup, remark=remark)
        request = RestoreInstanceRequest(instance_id=self.instance, body=body)
        return self.client.restore_instance(request).restore_id

    def restores(self, **query):
        return self.client.list_restore_records(ListRestoreRecordsRequest(instance_id=self.instance, **query))

    def restore_ids(self, **query):
        return [record.restore_id for record in self.restores(**query).restore_record_response]


def instances(dcs):
    shown = dcs.client.show_instance(ShowInstanceRequest(instance_id=dcs.instance))
    listed = dcs.client.list_instances(ListInstancesRequest(limit=2, offset=1))
    return {
        "shown": {"id": shown.instance_id, "name": shown.name, "status": shown.status},
        "instance_num": listed.instance_num,
        "second_page": [instance.name for instance in listed.instances],
    }


def backups(dcs):
    created = [
        dcs.back_up(BackupInstanceBody(remark="nightly", backup_format="rdb")),
        dcs.back_up(BackupInstanceBody(remark=LONGEST_REMARK, backup_format="aof")),
        dcs.back_up(),
    ]
    listed = dcs.backups()
    second = compact(listed.backup_record_response[1].created_at)
    seen = {
        "longest_remark": LONGEST_REMARK,
        "created": created,
        "listed": records(listed.backup_record_response),
        "total": listed.total_num,
        "second_of_three": dcs.backup_ids(offset=1, limit=1),
        "total_of_a_page": dcs.backups(offset=1, limit=1).total_num,
        "after_the_last": dcs.backup_ids(offset=3),
        "of_the_second_of_the_second": dcs.backup_ids(begin_time=second, end_time=second),
        "until_long_ago": dcs.backup_ids(end_time="20000101000000"),
        "from_far_ahead": dcs.backup_ids(begin_time="29991231235959"),
        "files": {"rdb": file(dcs, created[0]), "aof": file(dcs, created[1])},
        "status_of_delete": [dcs.delete(created[0]).status_code, dcs.delete(created[0]).status_code],
    }
    seen["listed_after_delete"] = records(dcs.backups().backup_record_response)
    seen["links_after_delete"] = refusal(lambda: dcs.links(created[0]))
    seen["restore_after_delete"] = refusal(lambda: dcs.restore(created[0]))
    return seen


def file(dcs, backup):
    """Returns what a download of a backup's only file brings."""
    links = dcs.links(backup).links
    link = links[0].link
    content = download(link)
    return {
        "names": [link.file_name for link in links],
        "link_starts_with": link.partition("//")[0] + "//" + link.split("/")[2],
        "size": len(content),
        "is_rdb": content.startswith(b"REDIS") and content[5:9].isdigit() and content[-9:-8] == b"\xff",
        "commands": commands(content),
        "status_with_other_signature": status(link[:-1] + ("0" if link[-1] != "0" else "1")),
    }


def download(link):
    with urllib.request.urlopen(link) as answer:
        return answer.read()


def status(link):
    try:
        with urllib.request.urlopen(link) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def commands(content):
    """Returns the names of the commands in an append-only file, or None if it is not one from begin to end."""
    names, position = [], 0

    def number(kind):
        nonlocal position
        end = content.index(b"\r\n", position)
        text = content[position:end]
        if text[:1] != kind:
            raise ValueError(text)
        position = end + 2
        return int(text[1:])

    try:
        while position < len(content):
            arguments = []
            for _ in range(number(b"*")):
                length = number(b"$")
                arguments.append(content[position:position + length])
                if content[position + length:position + length + 2] != b"\r\n":
                    raise ValueError(position)
                position += length + 2
            names.append(arguments[0].decode().upper())
    except ValueError:
        return None
    return names


def restores(dcs):
    backup = dcs.back_up(BackupInstanceBody(remark="to go back to"))
    created = [dcs.restore(backup, "roll back"), dcs.restore(backup)]
    listed = dcs.restores()
    return {
        "backup": records(dcs.backups(limit=1).backup_record_response)[0],
        "created": created,
        "listed": records(listed.restore_record_response),
        "total": listed.total_num,
        "second_of_two": dcs.restore_ids(offset=1, limit=1),
        "until_long_ago": dcs.restore_ids(end_time="20000101000000"),
        "status_of_instance": dcs.client.show_instance(ShowInstanceRequest(instance_id=dcs.instance)).status,
    }


def refusals(dcs, single):
    return {
        "single_node": refusal(lambda: dcs.back_up(instance=single)),
        "unknown_instance": refusal(lambda: dcs.back_up(instance=UNKNOWN)),
        "remark_too_long": refusal(lambda: dcs.back_up(BackupInstanceBody(remark=LONGEST_REMARK + "x"))),
        "bad_format": refusal(lambda: dcs.back_up(BackupInstanceBody(backup_format="csv"))),
        "end_before_begin": refusal(
            lambda: dcs.backups(begin_time="20200302061505", end_time="20200302061504")
        ),
        "links_for_too_short": refusal(lambda: dcs.links(dcs.backup_ids(limit=1)[0], expiration=299)),
        "delete_of_unknown_backup": refusal(lambda: dcs.delete(UNKNOWN)),
        "restore_of_unknown_backup": refusal(lambda: dcs.restore(UNKNOWN)),
    }


def refusal(call):
    """Returns how the SDK presents the error that a call ends in, or None if it succeeds."""
    try:
        call()
    except ServiceResponseException as error:
        return {
            "type": type(error).__name__,
            "status": error.status_code,
            "code": error.error_code,
            "message": error.error_msg,
            "has_request_id": bool(error.request_id),
        }
    return None


def records(models):
    return [model.to_dict() for model in models]


def compact(time):
    """Turns 2020-03-02T06:15:04.512Z into 20200302061504."""
    return "".join(character for character in time[:19] if character.isdigit())


main()
