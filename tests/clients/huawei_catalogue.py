"""Drives huaweicloudsdkdcs, unmodified, through what only reads, and prints what it saw as one JSON document.

Keys come from HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, where the SDK itself looks for them.
Usage: huawei_catalogue.py URL PROJECT_ID MASTER_STANDBY_ID
"""

import json
import sys

from huawei_client import client_of, differences_in, request_of


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
