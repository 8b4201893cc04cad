"""huaweicloudsdkdcs, unmodified, for the scripts beside it: a client, what it can be asked, and what it made of an answer."""

import json
import os

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
