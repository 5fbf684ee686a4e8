"""The Python client against the running service, and its patience against one that has no time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from fastapi import FastAPI

from api.client import Client, Patience
from api.composition import Application
from api.http.routes.consents import LICENCE, RELEASE
from data.store.keys import NewKey
from detector.access import Role
from detector.errors import Refused, Unreachable, UnreadableInput, UsageError
from tests.api.colours import GREY, RED, drawn
from tests.serving import served


@pytest.fixture
def lookalike(app: FastAPI, application: Application) -> Iterator[Client]:
    """A client with an admin's key, of a service that is loaded."""
    app.state.service.warm_up()
    _, key = application.store.keys.create(NewKey(Role.ADMIN, "console"))
    with served(app) as address, Client(address, key) as client:
        yield client


def test_a_talents_life_through_the_client(lookalike: Client, tmp_path: Path) -> None:
    talent = lookalike.talents.create(ref="AG-17", name="Ada", agency="North")
    lookalike.consents.create({**RELEASE, "talent_id": talent["id"]})
    (tmp_path / "ada.png").write_bytes(drawn(RED))
    kept = lookalike.references.create(talent["id"], tmp_path / "ada.png")
    assert lookalike.references.create(talent["id"], tmp_path / "ada.png")["status"] == "unchanged"
    assert lookalike.references.picture(kept["id"]) == drawn(RED)
    assert [one["id"] for one in lookalike.references.list(talent["id"])] == [kept["id"]]
    granted = lookalike.consents.create({**LICENCE, "talent_id": talent["id"]})
    assert lookalike.consents.get(granted["consent_id"], as_of="2026-01-20")["status"] == "scheduled"
    lookalike.consents.revoke(granted["consent_id"], reason="withdrawn")
    assert len(lookalike.consents.versions(granted["consent_id"])) == 2
    assert [one["kind"] for one in lookalike.consents.list(status="revoked")] == ["replica_use"]
    assert lookalike.talents.update(talent["id"], name="Eve")["name"] == "Eve"
    lookalike.references.delete(kept["id"])
    assert lookalike.talents.get(talent["id"])["references"] == 0
    assert lookalike.talents.erase(talent["id"])["erased_at"]
    assert list(lookalike.talents.list()) == []


def test_a_list_is_walked_over_its_pages(lookalike: Client) -> None:
    for number in range(5):
        lookalike.talents.create(ref=f"T-{number}", name="Somebody")
    assert sorted(one["ref"] for one in lookalike.talents.list(limit=2)) == [f"T-{n}" for n in range(5)]


def test_rosters_go_as_files_or_as_a_zip(lookalike: Client) -> None:
    roster = ("roster.csv", b"talent_ref,name,image,release_signed_at\nN-1,Ada,a.png,2026-01-01\n")
    answer = lookalike.imports.create(roster, [("a.png", drawn(RED))])
    assert answer["counts"]["accepted"] == 1
    with pytest.raises(Refused, match="no ZIP"):
        lookalike.imports.create(("roster.zip", b"none"))


def test_a_picture_is_checked_with_its_use(lookalike: Client) -> None:
    talent = lookalike.talents.create(ref="AG-17", name="Ada")
    lookalike.consents.create({**RELEASE, "talent_id": talent["id"]})
    lookalike.references.create(talent["id"], ("ada.png", drawn(RED)))
    row = lookalike.checks.create(
        ("shop.png", drawn(RED, seed=5)),
        client="Acme",
        medium="ecommerce",
        declared_ai=True,
        alterations=["hair"],
    )
    assert (row["source"], row["verdict"]) == ("shop.png", "no_consent")
    assert (row["use"]["declared_ai"], row["use"]["alterations"]) == (True, ["hair"])
    with pytest.raises(Refused) as refused:
        lookalike.checks.create("http://127.0.0.1:8000/a.png", medium="ecommerce")
    assert refused.value.status == 422


def test_a_finding_is_decided_on_as_it_was_seen(lookalike: Client) -> None:
    talent = lookalike.talents.create(ref="AG-17", name="Ada")
    lookalike.consents.create({**RELEASE, "talent_id": talent["id"]})
    lookalike.references.create(talent["id"], ("ada.png", drawn(RED)))
    lookalike.checks.create(
        ("shop.png", drawn(RED, seed=5)), client="Acme", medium="ecommerce", declared_ai=True
    )
    (seen,) = lookalike.findings.list(state=["open", "escalated"], sort="newest")
    assert lookalike.findings.counts(talent_id=talent["id"])[0]["findings"] == 1
    assert lookalike.findings.review(seen, "escalated", note="ask her")["version"] == 1
    with pytest.raises(Refused) as refused:
        lookalike.findings.review(seen, "confirmed")
    assert refused.value.code == "stale_version"
    assert [one["outcome"] for one in lookalike.findings.history(seen["id"])] == ["escalated"]
    assert lookalike.findings.picture(seen["id"]) == drawn(RED, seed=5)


def test_a_scan_is_ordered_watched_and_stopped(lookalike: Client) -> None:
    files = lookalike.scans.create(
        [("a.png", drawn(RED)), ("b.png", drawn(GREY))], label="looks", medium="print"
    )
    assert (files["progress"]["total"], files["label"], files["use"]) == (2, "looks", {"medium": "print"})
    addresses = lookalike.scans.create(
        ["http://127.0.0.1:8000/a.png"], client="Acme", as_of="2026-05-01T00:00:00Z"
    )
    assert (addresses["client"], addresses["as_of"]) == ("Acme", "2026-05-01T00:00:00Z")
    with pytest.raises(UsageError):
        lookalike.scans.create(["http://127.0.0.1:8000/a.png", ("a.png", drawn(RED))])
    assert {one["id"] for one in lookalike.scans.list()} == {files["id"], addresses["id"]}
    lookalike.scans.cancel(files["id"])
    assert lookalike.scans.wait(files["id"])["state"] == "cancelled"
    assert list(lookalike.scans.rows(files["id"])) == []
    with pytest.raises(Refused) as refused:
        lookalike.scans.resume(files["id"])
    assert refused.value.code == "scan_not_failed"


def test_webhooks_are_managed(lookalike: Client) -> None:
    hook = lookalike.webhooks.create("https://receiver.example/hooks", ["finding.created"])
    assert lookalike.webhooks.rotate(hook["id"], keep_hours=1)["secret"] != hook["secret"]
    assert lookalike.webhooks.update(hook["id"], enabled=False)["disabled_at"]
    assert list(lookalike.webhooks.deliveries(hook["id"], state="dead")) == []
    with pytest.raises(Refused) as refused:
        lookalike.webhooks.send_again(hook["id"], "dlv_none")
    assert refused.value.status == 404
    lookalike.webhooks.delete(hook["id"])
    assert list(lookalike.webhooks.list()) == []


def test_what_the_service_refuses_is_raised_with_its_code(lookalike: Client, tmp_path: Path) -> None:
    talent = lookalike.talents.create(ref="AG-17", name="Ada")
    with pytest.raises(Refused) as refused:
        lookalike.consents.create({"talent_id": talent["id"], "kind": "training", "grantor": {}, "form": 1})
    assert (refused.value.code, refused.value.status) == ("invalid_consent_record", 422)
    assert len(refused.value.faults) == 2
    assert refused.value.request_id.startswith("req_")
    with pytest.raises(Refused) as refused:
        lookalike.references.create(talent["id"], ("grey.png", drawn(GREY)))
    assert refused.value.code == "no_release"
    with pytest.raises(UnreadableInput):
        lookalike.references.create(talent["id"], tmp_path / "none.png")
    key = lookalike.keys.create("registrar", "desk", agency="North")
    with Client(lookalike.address, key["key"]) as registrar, pytest.raises(Refused) as refused:
        registrar.talents.get(talent["id"])
    assert refused.value.status == 404
    lookalike.keys.revoke(key["id"])
    assert {one["role"] for one in lookalike.keys.list()} == {"admin", "registrar"}


class Reluctant(BaseHTTPRequestHandler):
    """Answers as it is told to: a status, or None for a connection that breaks off."""

    answers: ClassVar[list[int | None]] = []
    keys: ClassVar[list[str | None]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        status = self.answers.pop(0)
        if status is None:
            self.close_connection = True
            return
        body = b'{"items": [], "code": "busy", "detail": "later"}'
        self.send_response(status)
        self.send_header("Retry-After", "7")
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def reluctant() -> Iterator[tuple[Client, list[float]]]:
    """A client of a reluctant service, and how long it has waited each time."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reluctant)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Reluctant.answers, Reluctant.keys, waited = [], [], []
    patience = Patience(tries=3, longest_wait=5, sleep=waited.append)
    with Client(f"http://127.0.0.1:{server.server_port}", "lk_a_b", patience) as client:
        yield client, waited
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_call_is_sent_again_as_the_same_call(reluctant: tuple[Client, list[float]]) -> None:
    client, waited = reluctant
    Reluctant.answers = [503, None, 200]
    client.talents.create(ref="a", name="Ada")
    assert waited == [5, 1]
    assert len(set(Reluctant.keys)) == 1
    assert Reluctant.keys[0]


def test_patience_ends(reluctant: tuple[Client, list[float]]) -> None:
    client, waited = reluctant
    Reluctant.answers = [429, 429, 429, None, None, None]
    with pytest.raises(Refused) as refused:
        client.talents.create(ref="a", name="Ada")
    assert (refused.value.status, refused.value.code) == (429, "busy")
    with pytest.raises(Unreachable, match="is it running"):
        client.talents.create(ref="a", name="Ada")
    assert len(waited) == 4


def test_nothing_of_the_key_is_shown() -> None:
    with Client("http://127.0.0.1:9", "lk_secret_secret") as client:
        assert "secret" not in repr(client) + repr(vars(client))
