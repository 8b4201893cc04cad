"""Fixtures for tests against dcs-emulator: `dcs-emulator run -- pytest`.

`run` starts a server that keeps nothing, on a free port, and says in the environment where it is. All tests share it: each works
in a project of its own, whose id it makes up, so that they may run in any order and side by side.
"""

import json
import os
import urllib.request
import uuid

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdcs.v2 import DcsClient


class Emulator:
    """The control API of the server that `dcs-emulator run` has started."""

    def __init__(self, url, token):
        self.url, self.token = url, token

    def ask(self, method, path, body=None):
        """Asks for what is below `/_emulator` and returns the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("X-Emulator-Token", self.token)
        # No proxy of this machine stands between a test and its server.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return json.load(answer)


class Tenant:
    """A project of one test, with a master/standby instance, and a client for it."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.project_id, self.instance_id = uuid.uuid4().hex, str(uuid.uuid4())
        instance = {"id": self.instance_id, "cache_mode": "ha"}
        emulator.ask("POST", "seed", {"projects": [{"id": self.project_id, "instances": [instance]}]})
        key, secret = os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"]
        self.dcs = (
            DcsClient.new_builder()
            .with_credentials(BasicCredentials(key, secret, self.project_id))
            .with_endpoint(os.environ["DCS_EMULATOR_URL"])
            .build()
        )

    def work_moves_by_hand(self):
        """Lets backups wait for `step`."""
        rule = {"project_id": self.project_id, "progression": "manual"}
        self.emulator.ask("PUT", "transitions/backup", rule)

    def step(self):
        """Moves the project's backups one step on."""
        return self.emulator.ask("POST", "transitions/backup/step", {"project_id": self.project_id})["fired"]

    def fail(self, operation, status):
        """Lets the next call of an operation fail."""
        match = {"project_id": self.project_id, "operation": operation}
        self.emulator.ask("POST", "faults", {"match": match, "times": 1, "effect": {"status": status}})


@pytest.fixture(scope="session")
def emulator():
    """The server that all tests share."""
    if "DCS_EMULATOR_CONTROL_URL" not in os.environ:
        pytest.exit("there is no server: dcs-emulator run -- pytest", returncode=2)
    return Emulator(os.environ["DCS_EMULATOR_CONTROL_URL"], os.environ.get("DCS_EMULATOR_CONTROL_TOKEN"))


@pytest.fixture
def tenant(emulator):
    """A project of the test's own, emptied after it."""
    tenant = Tenant(emulator)
    yield tenant
    emulator.ask("POST", "reset", {"project_id": tenant.project_id, "seed": False})
