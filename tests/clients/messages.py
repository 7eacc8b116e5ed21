"""Is asyncapi.yaml a description as AsyncAPI 3.0 has them, and are the messages in a file as it says, and events as openapi.json says?
usage: messages.py SPECIFICATION MESSAGES; prints the types of commands that it describes."""

import json
import sys
from typing import Any

import yaml
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

specification, messages = sys.argv[1:]
with open("asyncapi.yaml") as file:
    document = yaml.safe_load(file)
with open(specification) as file:
    meta = json.load(file)
with open("openapi.json") as file:
    described = json.load(file)
faults = [f"{list(e.absolute_path)}: {e.message}" for e in Draft7Validator(meta).iter_errors(document)]


def resolved(reference: str) -> Any:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def walk(node: Any, path: str) -> None:
    """Every reference leads somewhere; what a schema does not name is not to come."""
    if isinstance(node, dict):
        if "$ref" in node:
            try:
                resolved(node["$ref"])
            except KeyError:
                faults.append(f"{path}: {node['$ref']} is not there")
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in list(children):
        walk(child, f"{path}/{key}")


walk(document, "")
with open(messages) as file:
    for line in file:
        told = json.loads(line)
        schema = {**document, "$ref": f"#/components/messages/{told['name']}/payload"}
        found = list(Draft7Validator(schema, format_checker=FormatChecker()).iter_errors(told["body"]))
        if told["name"] == "event":
            path = f"#/webhooks/{told['body']['type']}/post/requestBody/content/application~1json/schema"
            schema = {"$ref": path, **{part: described[part] for part in ("webhooks", "components")}}
            found += Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(told["body"])
        faults += [f"{told['name']}: {e.message} in {json.dumps(told['body'])}" for e in found]
if faults:
    sys.exit("\n".join(faults))
commands = resolved("#/components/messages/command/payload/oneOf") + resolved("#/components/messages/stepAnswer/payload/oneOf")
kinds = [(resolved(each["$ref"]) if "$ref" in each else each)["properties"]["type"]["const"] for each in commands]
print(json.dumps(kinds))
