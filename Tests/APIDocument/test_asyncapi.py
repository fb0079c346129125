"""The AsyncAPI document of the events is well-formed, and golden payloads match it."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

GOLDEN = Path(__file__).parent.parent / "ContractsTests" / "Golden"


@pytest.fixture(scope="session")
def events(platform) -> dict:
    status, document = platform.call("GET", "/asyncapi.json")
    assert status == 200
    return document


def objects(value):
    """All objects in a JSON value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from objects(inner)


def resolved(document: dict, reference: str):
    assert reference.startswith("#/"), reference
    for name in reference[2:].split("/"):
        document = document[name]
    return document


# What the document uses of AsyncAPI 3.0.0, each object with the members that the specification allows.
TEXT = {"type": "string", "minLength": 1}
REFERENCE = {
    "type": "object", "required": ["$ref"], "additionalProperties": False,
    "properties": {"$ref": {"type": "string", "pattern": "^#/"}}}
SCHEMA = {"type": "object"}


def each(schema: dict) -> dict:
    return {"type": "object", "minProperties": 1, "propertyNames": {"pattern": r"^[a-zA-Z0-9_-]+$"},
            "additionalProperties": schema}


def having(required: list, **members: dict) -> dict:
    return {"type": "object", "required": required, "properties": members, "additionalProperties": False}


DOCUMENT = having(
    ["asyncapi", "info", "defaultContentType", "channels", "operations", "components"],
    asyncapi={"const": "3.0.0"},
    info=having(["title", "version"], title=TEXT, version=TEXT, description=TEXT),
    defaultContentType={"const": "application/json"},
    channels=each(having(["address", "messages"], address=TEXT, title=TEXT, description=TEXT, messages=each(REFERENCE))),
    operations=each(having(
        ["action", "channel", "messages"], action={"enum": ["send", "receive"]}, channel=REFERENCE, summary=TEXT,
        messages={"type": "array", "minItems": 1, "items": REFERENCE})),
    components=having(
        ["messages", "schemas"], schemas=each(SCHEMA),
        messages=each(having(
            ["name", "title", "contentType", "headers", "payload"], name=TEXT, title=TEXT, summary=TEXT,
            contentType={"const": "application/json"}, headers=SCHEMA, payload=SCHEMA))))


def test_the_document_is_asyncapi(events):
    jsonschema_rs.Draft202012Validator(DOCUMENT).validate(events)


def test_references_lead_somewhere_and_stand_alone(events):
    references = [value for value in objects(events) if "$ref" in value]
    assert len(references) > 20
    for value in references:
        assert list(value) == ["$ref"]
        assert resolved(events, value["$ref"])


def test_operations_send_messages_of_their_channel(events):
    assert set(events["channels"]) == {"accounts", "catalog"}
    for name, channel in events["channels"].items():
        operation = events["operations"][f"publish_{name}"]
        assert operation["channel"] == {"$ref": f"#/channels/{name}"}
        assert [one["$ref"] for one in operation["messages"]] == [
            f"#/channels/{name}/messages/{message}" for message in channel["messages"]]
        for message in channel["messages"]:
            event = events["components"]["messages"][message]["name"]
            assert event.startswith(f"{name}.") and message == event.replace(".", "-")


def message(events: dict, name: str) -> dict:
    return next(one for one in events["components"]["messages"].values() if one["name"] == name)


def validator(events: dict, schema: dict):
    """Schemas of AsyncAPI are of draft 7. The references need the whole document."""
    jsonschema_rs.Draft7Validator({"$ref": "http://json-schema.org/draft-07/schema#"}).validate(schema)
    return jsonschema_rs.Draft7Validator({**events, "allOf": [schema]}, validate_formats=True)


def test_every_message_has_a_golden_payload(events):
    types = {path.name.split(".v")[0] for path in GOLDEN.iterdir()}
    assert types == {one["name"] for one in events["components"]["messages"].values()}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_payloads_match_their_schema(events, path):
    name, version = path.stem.split(".v")
    described = message(events, name)
    if described["headers"]["properties"]["dataversion"]["const"] != version.split(".")[0]:
        return  # The document describes the current version.
    schema, payload = validator(events, described["payload"]), json.loads(path.read_text())
    schema.validate(payload)
    schema.validate({**payload, "added_later": 1})
    for member in payload:
        optional = payload[member] is None
        without = {other: value for other, value in payload.items() if other != member}
        assert schema.is_valid(without) == (optional or member == "sku"), member
        assert not schema.is_valid({**payload, member: {}}), member


def test_attributes_are_those_of_cloudevents(events):
    attributes = {
        "specversion": "1.0", "id": "5a6e", "source": "accounts", "type": "accounts.user_deleted", "subject": "users/7",
        "time": "2026-11-27T08:00:00.123456Z", "datacontenttype": "application/json", "dataversion": "1",
        "sequence": "12"}
    headers = validator(events, message(events, "accounts.user_deleted")["headers"])
    headers.validate(attributes)
    for name, wrong in (("type", "accounts.user_changed"), ("dataversion", "2"), ("sequence", "0"), ("specversion", "0.3"),
                        ("time", "yesterday")):
        assert not headers.is_valid({**attributes, name: wrong}), name
    for name in ("specversion", "id", "source", "type"):
        assert not headers.is_valid({other: value for other, value in attributes.items() if other != name}), name
