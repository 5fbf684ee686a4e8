"""docs/openapi.json is the program's document, and what the document says works when it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from api.composition import Application
from api.http.document import document_text
from data.checkpoints import write_new_key
from tests.api.colours import GREY, Installation, drawn
from tests.api.http.world import Call, Forms, World, filled
from tests.data.sites import Site, running, saying

SNAPSHOT = Path(__file__).parents[3] / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.facts["operationId"])

    @property
    def bodies(self) -> dict[str, Any]:
        body: dict[str, Any] = self.facts.get("requestBody", {})
        found: dict[str, Any] = body.get("content", {})
        return found


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, facts in methods.items():
            if method in METHODS:
                yield Operation(method, path, facts)


def outline(document: dict[str, Any]) -> dict[str, Any]:
    """What programs rely on; how FastAPI spells a schema differs from version to version."""
    schemas = document["components"]["schemas"]
    return {
        "operations": {one.name: _outline(one) for one in operations(document)},
        "schemas": {name: sorted(schema.get("properties", {})) for name, schema in schemas.items()},
    }


def _outline(one: Operation) -> dict[str, Any]:
    parameters = [(each["in"], each["name"], each["required"]) for each in one.facts.get("parameters", [])]
    examples = {kind: body.get("examples") for kind, body in one.bodies.items()}
    return {
        "call": f"{one.method} {one.path}",
        "parameters": sorted(parameters),
        "statuses": sorted(one.facts["responses"]),
        "examples": examples,
    }


@pytest.fixture
def web(here: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A site with a picture at every path, which this installation may fetch from; evidence can be signed."""
    write_new_key(here.folder / "audit.pem")
    monkeypatch.setenv("LOOKALIKE_AUDIT_KEY_FILE", str(here.folder / "audit.pem"))
    monkeypatch.setenv("LOOKALIKE_WEB_NETWORKS", "127.0.0.0/8")
    with running(Site("127.0.0.1", _picture_or_no_rules)) as site:
        yield f"http://127.0.0.1:{site.port}"


def _picture_or_no_rules(handler: BaseHTTPRequestHandler) -> None:
    answer = saying(b"", 404) if handler.path == "/robots.txt" else saying(drawn(GREY))
    answer(handler)


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_the_document_on_file_is_the_programs() -> None:
    written, made = (json.loads(text) for text in (SNAPSHOT.read_text("utf-8"), document_text()))
    assert outline(written) == outline(made), "the API changed: `make openapi` writes the document anew"


def test_every_operation_is_named_told_and_answers_problems(document: dict[str, Any]) -> None:
    found = [one for one in operations(document) if one.path.startswith("/v1/")]
    assert len({one.name for one in found}) == len(found) > 20
    for one in found:
        noun, _, verb = one.name.partition(".")
        assert noun.isidentifier(), one.name
        assert verb.isidentifier(), one.name
        assert one.facts["summary"], one.name
        assert {"401", "403", "429"} <= set(one.facts["responses"]), one.name
        assert "{" not in one.path or "404" in one.facts["responses"], one.name


def test_every_example_is_answered_as_the_document_says(
    web: str, document: dict[str, Any], admin: TestClient, application: Application
) -> None:
    """Each operation on things made for it, with each of its examples."""
    wrong: dict[str, str] = {}
    for one in operations(document):
        for make in _calls(one, document["components"]["schemas"]):
            world = World(admin, application, web)
            label, call = make(world)
            answer = _done(world, one, call)
            if not (answer.is_success and str(answer.status_code) in one.facts["responses"]):
                wrong[f"{one.name} {label}"] = f"{answer.status_code} {answer.text[:300]}"
    assert wrong == {}


def _calls(one: Operation, schemas: dict[str, Any]) -> Iterator[Callable[[World], Call]]:
    """What makes the label and the body of each example of an operation."""
    if not one.bodies:
        yield lambda _: ("", {})
    for kind, body in one.bodies.items():
        if kind == "multipart/form-data":
            forms = Forms(one.name, body, schemas)
            yield from (partial(forms.call, number) for number in range(len(forms)))
        elif kind == "application/json":
            assert body.get("examples"), f"{one.name} has no example"
            yield from (partial(_json, name, each["value"]) for name, each in body["examples"].items())
        else:
            yield partial(_raw, kind)


def _json(name: str, value: object, world: World) -> Call:
    return name, {"json": filled(value, world)}


def _raw(kind: str, world: World) -> Call:
    if kind == "application/x-ndjson":
        line = json.dumps({"image": f"{world.web}/17.jpg", "medium": "print"})
        return kind, {"content": line, "headers": {"Content-Type": kind}}
    return kind, {"content": world.picture, "headers": {"Content-Type": "image/png"}}


def _done(world: World, one: Operation, call: dict[str, Any]) -> Response:
    world.ready_for(one.name)
    parameters = one.facts.get("parameters", [])
    path = one.path.format(**{p["name"]: world.id_of(p["name"]) for p in parameters if p["in"] == "path"})
    query = {
        p["name"]: p["schema"]["examples"][0] for p in parameters if p["in"] == "query" and p["required"]
    }
    headers = {**call.pop("headers", {}), **world.headers_for(one.name)}
    return world.client.request(one.method, path, params=query, headers=headers, **call)
