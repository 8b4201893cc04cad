"""Drives otcextensions on openstacksdk, unmodified, through the catalogue, and prints what it saw as one JSON document.

The address and the login come from the OS_* variables, as users of the SDK give them.
"""

import json

import openstack
from otcextensions import sdk


def main():
    connection = openstack.connect()
    sdk.register_otc_extensions(connection)
    dcs = connection.dcs
    products = list(dcs.service_specifications())
    print(json.dumps({
        "products": len(products),
        "first_generation": [product_seen(product) for product in products if product.spec_code.startswith("dcs.m")],
        "zones": [(zone.id, zone.code, zone.port, zone.resource_availability) for zone in dcs.availability_zones()],
        "windows": [(window.seq, window.begin, window.end, window.default) for window in dcs.maintenance_time_windows()],
        "quotas": [(quota.type, quota.unit, quota.quota, quota.used, quota.min, quota.max) for quota in dcs.quotas()],
    }))


def product_seen(product):
    return [product.spec_code, product.product_id, product.engine, product.engine_versions]


main()
