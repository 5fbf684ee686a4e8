"""Things for the operations of the document to be done to: each is made when it is first asked for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import cached_property
from itertools import count, product
from typing import Any, ClassVar
from uuid import uuid4

from starlette.testclient import TestClient

from api.composition import Application
from api.http.routes.consents import RELEASE
from data.store.findings import NewFinding
from data.store.outbox import Failed
from data.store.scans import ScanState
from tests.api.colours import drawn
from tests.flagged import face, row

EXAMPLE_ID = "06f3k9x2c4abcdefghjk"
"""Ids in examples end like this; the test puts in that of the thing it has made."""

EXAMPLE_SITE = "https://shop.example"
"""Where pictures of examples are fetched from; the test puts in a site of its own."""

PREFIXES = {
    "tal": "talent_id",
    "ref": "reference_id",
    "con": "consent_id",
    "key": "key_id",
    "fnd": "finding_id",
    "scn": "scan_id",
    "whk": "webhook_id",
    "dlv": "delivery_id",
}

PEOPLE = [colour for colour in product((40, 100, 160, 220), repeat=3) if max(colour) - min(colour) > 60]
"""Each world has a person of its own: pictures of one person are one talent's."""

SEEN = {"talents.update": "*", "findings.review": '"v0"'}
"""Versions that changes are made in view of."""

Call = tuple[str, dict[str, Any]]
"""What a call is called in a failure, and what is sent."""


class World:
    """One talent with a reference, and so on, each new for this world."""

    _worlds: ClassVar[Iterator[int]] = count()

    def __init__(self, client: TestClient, application: Application, web: str) -> None:
        """`web`: the address of a site that may be fetched from and has a picture at every path."""
        self.client = client
        self.application = application
        self.web = web
        self.picture = drawn(PEOPLE[next(self._worlds) % len(PEOPLE)])

    def id_of(self, parameter: str) -> str:
        """The id that a path's parameter names."""
        return str(getattr(self, parameter))

    def headers_for(self, operation: str) -> dict[str, str]:
        """Changes are made in view of a version."""
        return {name: tag for name, tag in {"If-Match": SEEN.get(operation)}.items() if tag}

    @cached_property
    def talent_id(self) -> str:
        person = {"ref": f"T-{uuid4()}", "name": "Ada Example"}
        talent_id = str(self._made("/v1/talents", json=person)["id"])
        self._made("/v1/consents", json={**RELEASE, "talent_id": talent_id})
        return talent_id

    @cached_property
    def reference_id(self) -> str:
        files = {"picture": ("ada.png", self.picture)}
        return str(self._made(f"/v1/talents/{self.talent_id}/references", files=files)["id"])

    @cached_property
    def consent_id(self) -> str:
        return str(self._made("/v1/consents", json={**RELEASE, "talent_id": self.talent_id})["consent_id"])

    @cached_property
    def key_id(self) -> str:
        return str(self._made("/v1/keys", json={"role": "monitor", "name": "visitor"})["id"])

    @cached_property
    def finding_id(self) -> str:
        """A flagged picture of the talent."""
        made = row(face(self.talent_id), picture=self.picture)
        kept = self.application.store.findings.add(NewFinding(made, self.key_id, picture=self.picture))
        assert kept is not None
        return kept.id

    @cached_property
    def scan_id(self) -> str:
        return str(self._made("/v1/scans", files={"pictures": ("a.png", self.picture)})["id"])

    def ready_for(self, operation: str) -> None:
        """Bring things into the state that an operation needs."""
        if operation == "scans.resume":
            work = self.application.store.scan_work
            lease = work.claim(self.scan_id, "tests", 30)
            assert lease is not None
            work.finish(lease, ScanState.FAILED, "the store went away")

    @cached_property
    def webhook_id(self) -> str:
        hook = {"url": "https://receiver.example/hooks", "events": ["finding.created"]}
        return str(self._made("/v1/webhooks", json=hook)["id"])

    @cached_property
    def delivery_id(self) -> str:
        """A message that was given up."""
        outbox, hook = self.application.store.outbox, self.webhook_id
        assert self.finding_id
        outbox.fan_out()
        for due in outbox.claim(100):
            outbox.settle(due, Failed("the receiver answered 500", 500))
        return outbox.deliveries(hook)[0].id

    def _made(self, path: str, **call: Any) -> dict[str, Any]:
        answer = self.client.post(path, **call)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


def filled(value: Any, world: World) -> Any:
    """The example with real ids, and with a reference that no other example has taken."""
    if isinstance(value, dict):
        return {name: filled(each, world) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, world) for each in value]
    if isinstance(value, str) and value.endswith(EXAMPLE_ID):
        return world.id_of(PREFIXES[value.partition("_")[0]])
    if isinstance(value, str) and value.startswith(EXAMPLE_SITE):
        return value.replace(EXAMPLE_SITE, world.web, 1)
    return f"T-{uuid4()}" if value == "AG-17" else value


class Forms:
    """The forms that an operation with a multipart body is tried with."""

    def __init__(self, operation: str, body: dict[str, Any], schemas: dict[str, Any]) -> None:
        self._imports = operation == "imports.create"
        schema = body["schema"]
        whole = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        self._properties: dict[str, Any] = whole["properties"]
        self._examples = {
            name: each["examples"][0] for name, each in self._properties.items() if "examples" in each
        }

    def __len__(self) -> int:
        return 2 if self._imports or self._examples else 1

    def call(self, number: int, world: World) -> Call:
        """First the picture alone, then every field that has an example as well."""
        if self._imports:
            return _archive(world.picture) if number else _files(world.picture)
        files = {
            name: ("a.png", world.picture)
            for name in ("picture", "pictures", "files")
            if name in self._properties
        }
        fields = filled(self._examples, world) if number else {}
        return f"form {number}", {"files": files, "data": fields}


def _roster() -> bytes:
    return f"talent_ref,name,image,release_signed_at\nT-{uuid4()},Ada,ada.png,2026-01-15\n".encode()


def _files(picture: bytes) -> Call:
    return "files", {"files": [("roster", ("roster.csv", _roster())), ("files", ("ada.png", picture))]}


def _archive(picture: bytes) -> Call:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("roster.csv", _roster())
        archive.writestr("ada.png", picture)
    return "archive", {"files": {"archive": ("roster.zip", packed.getvalue())}}
