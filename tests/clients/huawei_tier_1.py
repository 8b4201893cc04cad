"""Drives huaweicloudsdkdcs, unmodified, through every operation that is emulated in full, and prints what it saw as one JSON document.

Keys come from HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, where the SDK itself looks for them.
Usage: huawei_tier_1.py URL PROJECT_ID
"""

import io
import json
import re
import sys
import urllib.request
import zipfile

import huaweicloudsdkdcs.v2 as dcs

from huawei_client import client_of, differences_in, operations, request_class

# What the emulator calls otherwise than the SDK does.
NAMES = {
    "create_backup": "copy_instance",
    "list_backups": "list_backup_records",
    "delete_backup": "delete_backup_file",
    "create_backup_links": "list_backup_file_links",
    "create_restore": "restore_instance",
    "list_restores": "list_restore_records",
    "create_instances": "create_instance",
    "get_instance": "show_instance",
    "delete_instance": "delete_single_instance",
    "delete_instances": "batch_delete_instances",
    "change_instance_statuses": "restart_or_flush_instances",
    "show_quota": "show_quota_of_tenant",
}
# What the SDK does not send.
OUTSIDE_THE_SDK = {"show_version", "list_rename_commands", "switch_subnet", "add_replica", "remove_replica"}
PASSWORD, NEW_PASSWORD = "Huawei_sdk_1", "Huawei_sdk_2"
ZONES = ["d573142f24894ef3bd3664de068b44b0", "ae04cf9d61544df3806a3feeb401b204"]


def main():
    url, project = sys.argv[1:]
    emulated = {
        NAMES.get(operation["name"], operation["name"])
        for operation in operations(url)
        if operation["emulation"] == "full" and is_on_v2(operation)
    }
    service = Service(client_of(url, project), emulated)
    catalogue(service)
    instance = create(service)
    for part in (instances, parameters, templates, tags, access, encryption, scans, nodes, sizes, records):
        part(service, instance)
    remove(service, instance)
    print(json.dumps({
        "never_called": sorted(emulated - service.called - OUTSIDE_THE_SDK),
        "not_in_the_sdk": sorted(name for name in service.called if not hasattr(dcs.DcsClient, name)),
        "called": len(service.called),
        "differences": sorted(set(service.differences)),
        "unlike": service.unlike,
    }))


def is_on_v2(operation):
    return any(route["api"] == "v2" for route in operation["routes"])


class Service:
    """The SDK's client: what it is asked, how its models differ from the answers, and what is not as it should be."""

    def __init__(self, client, emulated):
        self.client = client
        self.emulated = emulated
        self.called = set()
        self.differences = []
        self.unlike = []

    def call(self, operation, body=None, **arguments):
        request = request_class(operation)(**arguments)
        if body is not None:
            request.body = model_of(request.openapi_types["body"], body)
        response = getattr(self.client, operation)(request)
        self.called.add(operation)
        self.differences += differences_in(response)
        return response

    def expect(self, what, seen, expected):
        if seen != expected:
            self.unlike.append([what, plain(seen), plain(expected)])


def plain(value):
    return json.loads(json.dumps(value, default=lambda model: model.to_dict() if hasattr(model, "to_dict") else str(model)))


def model_of(kind, value):
    """Makes the SDK's model of a kind from plain values."""
    listed = re.fullmatch(r"list\[(.*)\]", kind)
    if listed:
        return [model_of(listed.group(1), item) for item in value]
    if not hasattr(dcs, kind):
        return value
    model = getattr(dcs, kind)
    return model(**{name: model_of(model.openapi_types[name], item) for name, item in value.items()})


def catalogue(service):
    zones = service.call("list_available_zones").available_zones
    service.expect("zones", len(zones), 3)
    service.expect("windows", len(service.call("list_maintenance_windows").maintain_windows), 30)
    flavors = service.call("list_flavors", spec_code="redis.ha.xu1.large.r2.1").flavors
    service.expect("flavors", [flavor.spec_code for flavor in flavors], ["redis.ha.xu1.large.r2.1"])
    used = {resource.type: resource.used for resource in service.call("show_quota_of_tenant").quotas.resources}
    service.expect("what is used", used, {"instance": 3, "ram": 8})


def create(service):
    made = service.call("create_instance", {
        "name": "sdk_instance", "engine": "Redis", "engine_version": "6.0", "capacity": 1,
        "spec_code": "redis.ha.xu1.large.r2.1", "az_codes": ["eu-de-01", "eu-de-02"], "vpc_id": "v", "subnet_id": "s",
        "password": PASSWORD, "description": "by the SDK", "port": 6380, "maintain_begin": "22:00:00",
        "maintain_end": "02:00:00", "tags": [{"key": "made", "value": "by the SDK"}], "instance_num": 1,
        "rename_commands": {"keys": "k"}, "bss_param": {"charging_mode": "postPaid"},
        "instance_backup_policy": {
            "backup_type": "auto", "save_days": 2,
            "periodical_backup_plan": {
                "begin_at": "01:00-02:00", "period_type": "weekly", "backup_at": [1, 7], "timezone_offset": "+0000",
            },
        },
    })
    return made.instances[0].instance_id


def show(service, instance):
    return service.call("show_instance", instance_id=instance)


def instances(service, instance):
    shown = show(service, instance)
    service.expect("an instance", [
        shown.name, shown.engine, shown.engine_version, shown.capacity, shown.spec_code, shown.az_codes, shown.vpc_id,
        shown.subnet_id, shown.description, shown.port, shown.maintain_begin, shown.maintain_end, shown.status,
        shown.no_password_access, [(tag.key, tag.value) for tag in shown.tags],
        shown.instance_backup_policy.policy.periodical_backup_plan.backup_at,
    ], [
        "sdk_instance", "Redis", "6.0", 1, "redis.ha.xu1.large.r2.1", ["eu-de-01", "eu-de-02"], "v", "s", "by the SDK",
        6380, "22:00:00", "02:00:00", "RUNNING", "false", [("made", "by the SDK")], [1, 7],
    ])
    listed = service.call("list_instances", name="sdk_", status="RUNNING", tags="made=by the SDK")
    service.expect("a list", [listed.instance_num, listed.instances[0].instance_id], [1, instance])
    service.call("update_instance", {"name": "sdk_renamed", "description": "changed", "port": 6381}, instance_id=instance)
    shown = show(service, instance)
    service.expect("an update", [shown.name, shown.description, shown.port], ["sdk_renamed", "changed", 6381])
    restarted = service.call("restart_or_flush_instances", {"instances": [instance], "action": "restart"})
    service.expect("a restart", [(one.instance, one.result) for one in restarted.results], [(instance, "success")])
    if "list_statistics_of_running_instances" in service.emulated:
        statistics = service.call("list_statistics_of_running_instances").statistics
        service.expect("statistics", instance in [one.instance_id for one in statistics], True)
    if "list_number_of_instances_in_different_status" in service.emulated:
        counts = service.call("list_number_of_instances_in_different_status", include_failure="true")
        service.expect("counts", [counts.running_count, counts.redis.running_count, counts.memcached.running_count], [4, 4, 0])


def parameters(service, instance):
    for operation, value in (("update_configurations", "100"), ("update_instance_config", "200")):
        done = service.call(operation, {
            "redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": value}],
        }, instance_id=instance)
        shown = service.call("list_configurations", instance_id=instance)
        service.expect(operation, shown.redis_config[0].param_value, value)
    job(service, done.job_id, "modifyConfigJob")
    histories = service.call("list_config_histories", instance_id=instance)
    service.expect("histories", histories.history_num, 2)
    newest = histories.histories[0].history_id
    service.call("show_config_history_detail", instance_id=instance, history_id=newest)


def job(service, job_id, kind):
    shown = service.call("show_job_info", job_id=job_id)
    service.expect("a job", [shown.job_id, shown.status, shown.job_type, shown.fail_reason], [job_id, "SUCCESS", kind, None])


def templates(service, _):
    shipped = service.call("list_config_templates", type="sys", engine_version="6.0", cache_mode="ha").templates[0]
    made = service.call("create_custom_template", {
        "template_id": shipped.template_id, "name": "sdk_template", "type": "user", "params": {"timeout": "300"},
    }).id
    service.call("update_config_template", {"name": "sdk_template_2"}, template_id=made)
    shown = service.call("show_config_template", template_id=made, type="user")
    service.expect("a template", [shown.name, shown.engine_version, shown.cache_mode], ["sdk_template_2", "6.0", "ha"])
    service.call("delete_config_template", template_id=made)
    service.expect("templates", service.call("list_config_templates", type="user").template_num, 0)


def tags(service, instance):
    service.call("batch_create_or_delete_tags", {"action": "create", "tags": [{"key": "a", "value": "1"}]}, instance_id=instance)
    shown = [(tag.key, tag.value) for tag in service.call("show_tags", instance_id=instance).tags]
    service.expect("tags", shown, [("made", "by the SDK"), ("a", "1")])
    of_all = {tag.key: tag._values for tag in service.call("list_tags_of_tenant").tags}
    service.expect("tags of all", of_all, {"a": ["1"], "made": ["by the SDK"]})


def access(service, instance):
    for operation, address in (("update_ip_whitelist", "10.0.0.1"), ("update_ip_whitelist_async", "10.0.0.2")):
        done = service.call(operation, {
            "enable_whitelist": True, "whitelist": [{"group_name": "office", "ip_list": [address]}],
        }, instance_id=instance)
        shown = service.call("show_ip_whitelist", instance_id=instance)
        seen = [shown.enable_whitelist, shown.whitelist[0].group_name, shown.whitelist[0].ip_list]
        service.expect(operation, seen, [True, "office", [address]])
    job(service, done.job_id, "modifyWhitelistJob")
    wrong = service.call("update_password", {"old_password": "Wrong_1234", "new_password": NEW_PASSWORD}, instance_id=instance)
    service.expect("a wrong password", [wrong.result, wrong.retry_times_left], ["passwordFailed", "4"])
    right = service.call("update_password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}, instance_id=instance)
    service.expect("a right password", right.result, "success")
    service.call("reset_password", {"no_password_access": True}, instance_id=instance)
    service.expect("access", show(service, instance).no_password_access, "true")
    hidden = service.call("update_client_ip_transparent_transmission", {"transparent_client_ip_enable": False}, instance_id=instance)
    job(service, hidden.job_id, "modifyClientIpTransJob")
    service.expect("addresses of clients", show(service, instance).transparent_client_ip_enable, False)


def encryption(service, instance):
    service.expect("encryption", service.call("show_instance_ssl_detail", instance_id=instance).enabled, False)
    job(service, service.call("update_ssl_switch", {"enabled": True}, instance_id=instance).job_id, "modifySslJob")
    shown = service.call("show_instance_ssl_detail", instance_id=instance)
    service.expect("encryption", [shown.enabled, shown.port, shown.ssl_validated], [True, "6381", True])
    service.expect("encryption of the instance", show(service, instance).enable_ssl, True)
    link = service.call("download_ssl_cert", instance_id=instance).link
    with urllib.request.urlopen(link) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    first = archive.infolist()[0]
    service.expect("the archive", [archive.testzip(), archive.read(first)[:27]], [None, b"-----BEGIN CERTIFICATE-----"])


def scans(service, instance):
    for change, look in (
        ("update_bigkey_autoscan_config", "show_bigkey_autoscan_config"),
        ("update_hotkey_auto_scan_config", "show_hotkey_autoscan_config"),
    ):
        service.call(change, {"enable_auto_scan": True, "schedule_at": ["03:00"]}, instance_id=instance)
        shown = service.call(look, instance_id=instance)
        service.expect(look, [shown.enable_auto_scan, shown.schedule_at], [True, ["03:00"]])
    scan = {
        "enable_auto_scan": True, "first_scan_at": "2023-07-07T15:00:05.000", "interval": 600, "timeout": 1200,
        "scan_keys_count": 20000,
    }
    service.call("update_expire_auto_scan_config", scan, instance_id=instance)
    shown = service.call("show_expire_auto_scan_config", instance_id=instance)
    service.expect("the scan for expired keys", {name: getattr(shown, name) for name in scan}, scan)
    policy = {
        "window_size": 5, "bandwidth_usage_upper_threshold": 80, "scale_out_cooldown": 60, "scale_in_enabled": True,
        "bandwidth_usage_lower_threshold": 20, "scale_in_cooldown": 120,
    }
    service.call("update_instance_bandwidth_auto_scaling_policy", policy, instance_id=instance)
    shown = service.call("show_instance_bandwidth_auto_scaling_policy", instance_id=instance)
    service.expect("the policy of bandwidth", {name: getattr(shown, name) for name in policy}, policy)
    service.call("delete_instance_bandwidth_auto_scaling_policy", instance_id=instance)


def nodes(service, instance):
    group = service.call("list_group_replication_info", instance_id=instance).group_list[0]
    ids = [node.node_id for node in group.replication_list]
    shown = service.call("show_nodes_information", instance_id=instance)
    service.expect("nodes", [shown.total, [node.node_id for node in shown.nodes]], [2, ids])
    pages = service.call("batch_show_nodes_information", limit=100)
    service.expect("nodes of all", [one.node_count for one in pages.instances if one.instance_id == instance], [2])
    service.expect("topology", len(service.call("show_instance_topology", instance_id=instance).redis_server), 2)
    if "change_nodes_start_stop_status" not in service.emulated:
        return
    for action, status in (("stop", "Inactive"), ("start", "Active")):
        answer = service.call("change_nodes_start_stop_status", {"action": action, "node_ids": ids[1:]}, instance_id=instance)
        shown = service.call("show_nodes_information", instance_id=instance)
        service.expect(action, [node.status for node in shown.nodes], ["Active", status])
        service.call("show_job_info", job_id=answer.body.removeprefix("job_id:"))


def sizes(service, instance):
    service.call("resize_instance", {"spec_code": "redis.ha.xu1.large.r2.2", "new_capacity": 2}, instance_id=instance)
    shown = show(service, instance)
    service.expect("a resize", [shown.spec_code, shown.capacity, shown.status], ["redis.ha.xu1.large.r2.2", 2, "RUNNING"])
    listed = service.call("list_background_task", instance_id=instance)
    task = listed.tasks[0]
    seen = [task.name, task.status, task.details.old_capacity, task.details.new_capacity]
    service.expect("a task", seen, ["ChangeInstanceSpec", "SUCCESS", "1", "2"])
    if "show_background_task_progress" in service.emulated:
        progress = service.call("show_background_task_progress", instance_id=instance, task_id=task.id)
        service.expect("progress", progress.progress, 100)
    if "list_center_task" in service.emulated:
        of_all = service.call("list_center_task").tasks
        service.expect("tasks of all", task.id in [one.id for one in of_all], True)
    if "delete_center_task" in service.emulated:
        service.call("resize_instance", {"spec_code": "redis.ha.xu1.large.r2.4", "new_capacity": 4}, instance_id=instance)
        newest = service.call("list_background_task", instance_id=instance).tasks[0].id
        service.call("delete_center_task", task_id=newest)
    service.call("delete_background_task", instance_id=instance, task_id=task.id)
    left = [one.id for one in service.call("list_background_task", instance_id=instance).tasks]
    service.expect("a deleted task", task.id in left, False)
    service.call("migrate_az", {"new_available_zones": ZONES, "execute_immediately": True}, instance_id=instance)
    service.expect("zones", show(service, instance).az_codes, ["eu-de-02", "eu-de-01"])


def records(service, instance):
    made = service.call("copy_instance", {"remark": "by the SDK", "backup_format": "rdb"}, instance_id=instance).backup_id
    listed = service.call("list_backup_records", instance_id=instance)
    service.expect("backups", [one.backup_id for one in listed.backup_record_response], [made])
    links = service.call("list_backup_file_links", {"expiration": 300}, instance_id=instance, backup_id=made)
    service.expect("links", len(links.links), 1)
    restored = service.call("restore_instance", {"backup_id": made}, instance_id=instance).restore_id
    listed = service.call("list_restore_records", instance_id=instance)
    service.expect("restores", [one.restore_id for one in listed.restore_record_response], [restored])
    service.call("delete_backup_file", instance_id=instance, backup_id=made)


def remove(service, instance):
    service.call("delete_single_instance", instance_id=instance)
    both = service.call("create_instance", {
        "name": "sdk_several", "engine": "Redis", "engine_version": "5.0", "capacity": 0.125, "instance_num": 2,
        "spec_code": "redis.single.xu1.tiny.128", "az_codes": ["eu-de-01"], "vpc_id": "v", "subnet_id": "s",
        "no_password_access": True,
    }).instances
    ids = [one.instance_id for one in both]
    service.expect("names", [one.instance_name for one in both], ["sdk_several-000", "sdk_several-001"])
    gone = service.call("batch_delete_instances", {"instances": ids})
    service.expect("a deletion", [(one.instance, one.result) for one in gone.results], [(one, "success") for one in ids])
    service.expect("what is left", service.call("list_instances").instance_num, 3)


main()
