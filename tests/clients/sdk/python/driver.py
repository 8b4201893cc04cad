"""The DCS client of huaweicloudsdkdcs, unmodified, driven by lines of JSON: {"call": "list_instances", "with": {...}} on standard
input, and for each a line with the answer as it came, and what the SDK's model makes of it."""

import json
import os
import re
import sys

import huaweicloudsdkdcs.v2 as dcs
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import SdkException


def model_of(kind, value):
    """Makes the SDK's model of a kind from plain values."""
    listed = re.fullmatch(r"list\[(.*)\]", kind)
    if listed:
        return [model_of(listed.group(1), item) for item in value]
    if not hasattr(dcs, kind):
        return value
    model = getattr(dcs, kind)
    return model(**{name: model_of(model.openapi_types[name], item) for name, item in value.items()})


def plain(model):
    """Returns a model as the JSON that it stands for, with every member that it has."""
    if isinstance(model, list):
        return [plain(item) for item in model]
    if isinstance(model, dict):
        return {name: plain(item) for name, item in model.items()}
    if hasattr(model, "openapi_types"):
        return {member: plain(getattr(model, name)) for name, member in model.attribute_map.items()}
    return model if isinstance(model, (str, int, float, bool, type(None))) else str(model)


def carry_out(client, call, arguments):
    request = getattr(dcs, "".join(word.capitalize() for word in call.split("_")) + "Request")()
    for name, value in arguments.items():
        setattr(request, name, model_of(request.openapi_types[name], value))
    try:
        response = getattr(client, call)(request)
    except SdkException as error:
        return {"status": getattr(error, "status_code", 0), "raw": "", "error": str(error)}
    if not hasattr(response, "openapi_types"):
        # A file, which the SDK hands on as it comes.
        return {"status": 200, "raw": "", "model": None}
    raw = response.raw_content or b""
    return {"status": response.status_code, "raw": raw.decode(), "model": plain(response)}


def main():
    url, project = sys.argv[1:]
    keys = BasicCredentials(os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"], project)
    client = dcs.DcsClient.new_builder().with_credentials(keys).with_endpoint(url).build()
    calls = [name for name in dir(dcs.DcsClient) if hasattr(dcs, "".join(w.capitalize() for w in name.split("_")) + "Request")]
    print(json.dumps(calls), flush=True)
    for line in sys.stdin:
        step = json.loads(line)
        print(json.dumps(carry_out(client, step["call"], step.get("with") or {})), flush=True)


main()
