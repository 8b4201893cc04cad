"""Reads the description of the API with openapi-spec-validator, unmodified, and prints what is wrong with it as one JSON document."""

import json
import sys
from urllib.request import urlopen

from openapi_spec_validator import OpenAPIV31SpecValidator


def main():
    with urlopen(sys.argv[1] + "/_emulator/openapi.json") as answer:
        document = json.load(answer)
    wrong = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    print(json.dumps({"version": document["openapi"].rpartition(".")[0], "wrong": wrong}))


main()
