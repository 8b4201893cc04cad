"""Drives huaweicloudsdkdcs, unmodified, through what only reads, and prints what it saw as one JSON document.

Keys come from HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, where the SDK itself looks for them.
Usage: huawei_catalogue.py URL PROJECT_ID MASTER_STANDBY_ID
"""

import json
import os
import sys

import huaweicloudsdkdcs.v2 as dcs
from huaweicloudsdkcore.auth.credentials import BasicCredentials


def client_of(url, project):
    keys = BasicCredentials(os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"], project)
    return dcs.DcsClient.new_builder().with_credentials(keys).with_endpoint(url).build()


def request_of(operation, arguments):
    request = getattr(dcs, "".join(word.capitalize() for word in operation.split("_")) + "Request")()
    for name, value in arguments.items():
        setattr(request, name, value)
    return request


def differences_in(response):
    """Returns in what a model differs from the answer it was read from: its class, its member and what is wrong."""
    if not response.raw_content:
        return []
    try:
        raw = json.loads(response.raw_content)
    except ValueError:
        raw = response.raw_content.decode()
    if list(response.openapi_types) == ["body"]:
        # Known quirk: of a body that is empty, but there, the SDK makes nothing.
        raw = {"body": raw or None}
    return differences(response, raw)


def differences(model, raw):
    if isinstance(model, list):
        if not isinstance(raw, list) or len(model) != len(raw):
            return [f"{model} is not {raw}"]
        return sum(map(differences, model, raw), [])
    if not hasattr(model, "openapi_types"):
        same = type(model) is type(raw) and model == raw
        return [] if same else [f"{model!r} is not {raw!r}"]
    found = []
    for attribute, member in model.attribute_map.items():
        where = f"{type(model).__name__}.{member}"
        if member not in raw:
            found.append(f"{where} is missing")
        else:
            found += [f"{where}: {problem}" for problem in differences(getattr(model, attribute), raw[member])]
    return found


def main():
    url, project, instance = sys.argv[1:]
    client = client_of(url, project)

    def call(operation, **arguments):
        return getattr(client, operation)(request_of(operation, arguments))

    by_capacity = call("list_flavors", cache_mode="ha", capacity="2", engine_version="6.0")
    zones = call("list_available_zones")
    windows = call("list_maintenance_windows")
    quotas = call("show_quota_of_tenant")
    print(json.dumps({
        "flavors": [flavor.spec_code for flavor in by_capacity.flavors],
        "flavors_of_instance": len(call("list_flavors", instance_id=instance, engine="redis").flavors),
        "zones": [(zone.id, zone.code, zone.port, zone.resource_availability) for zone in zones.available_zones],
        "region": zones.region_id,
        "windows": [(window.seq, window.begin, window.end, window.default) for window in windows.maintain_windows],
        "quotas": [(resource.type, resource.unit, resource.quota, resource.used) for resource in quotas.quotas.resources],
        "differences": sum(map(differences_in, (by_capacity, zones, windows, quotas)), []),
    }))


main()
