"""Are the answers in a file as openapi.json says, and without anything that it does not say?
usage: answers.py ANSWERS"""

import json
import sys
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

with open("openapi.json") as file:
    document = json.load(file)


def close(node: Any, whole: bool = True) -> Any:
    """The schema without room for what it does not name; parts of an allOf are only whole together."""
    if isinstance(node, list):
        return [close(each, whole) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {}
    for key, value in node.items():
        if key == "properties":
            closed[key] = {name: close(property) for name, property in value.items()}
        elif key in ("allOf", "oneOf", "anyOf"):
            closed[key] = close(value, False)
        elif key in ("items", "additionalProperties"):
            closed[key] = close(value)
        else:
            closed[key] = value
    if whole and {"properties", "allOf", "$ref", "oneOf"} & node.keys() and "additionalProperties" not in node:
        closed["unevaluatedProperties"] = False
    return closed


schemas = {name: close(schema, False) for name, schema in document["components"]["schemas"].items()}
faults = []
with open(sys.argv[1]) as file:
    for line in file:
        told = json.loads(line)
        responses = document["paths"][told["path"]]["get"]["responses"]
        content = responses.get(str(told["status"]), responses["default"])["content"]
        schema = close(next(iter(content.values()))["schema"])
        schema["components"] = {"schemas": schemas}
        for fault in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(told["body"]):
            place = "/".join(map(str, fault.absolute_path))
            faults.append(f"{told['path']} {told['status']} at {place}: {fault.message[:300]}")
if faults:
    sys.exit("\n".join(faults))
