"""Checks over HTTP: the three ways to send a picture, its use, limits, and what is kept of the flagged ones."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from api.composition import Application
from api.http.service import Service
from detector.errors import Overloaded
from detector.imagery import DecodedImage
from detector.signals import Signals
from tests.api.colours import ColourExtractor, Installation, drawn
from tests.data.sites import Site, running, saying

Calls = Callable[..., TestClient]
Enrols = Callable[[str, str], str]
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "finding.schema.json").read_text("utf-8"))


@pytest.fixture
def scanner(call_as: Calls) -> TestClient:
    return call_as("scanner", client="Acme")


@pytest.fixture
def red(enrolled: Enrols, colours: dict[str, Any]) -> bytes:
    """A picture of a registered person who has granted nothing."""
    enrolled("ana", "red")
    return drawn(colours["red"], seed=5)


def checked(by: TestClient, picture: bytes, **fields: str) -> dict[str, Any]:
    answer = by.post("/v1/checks", files={"picture": ("look.png", picture)}, data=fields)
    assert answer.status_code == 200, answer.text
    row: dict[str, Any] = answer.json()
    return row


def problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


# The three ways


def test_a_picture_in_a_form_is_answered_with_its_row(red: bytes, scanner: TestClient) -> None:
    row = checked(scanner, red, medium="ecommerce", territory="GB")
    finding_id = row.pop("finding_id")
    jsonschema.validate(row, SCHEMA)
    assert (row["source"], row["sha256"]) == ("look.png", hashlib.sha256(red).hexdigest())
    assert row["verdict"] == "no_consent"
    assert row["use"] == {"client": "Acme", "medium": "ecommerce", "territory": "GB"}
    assert finding_id.startswith("fnd_")


def test_raw_bytes_with_the_use_in_the_query_get_the_same_row(red: bytes, scanner: TestClient) -> None:
    sent = checked(scanner, red, territory="GB", declared_ai="false")
    raw = scanner.post(
        "/v1/checks?territory=GB&declared_ai=false&source=look.png",
        content=red,
        headers={"Content-Type": "image/png"},
    ).json()
    for row in (sent, raw):
        del row["finding_id"]
    assert raw == sent


def test_an_address_of_a_private_network_is_not_asked(red: bytes, scanner: TestClient) -> None:
    with running(Site("127.0.0.1", saying(red))) as site:
        url = f"http://127.0.0.1:{site.port}/look.png"
        body = {"url": url, "use": {"medium": "ecommerce"}}
        answer = scanner.post("/v1/checks", json=body)
        assert problem(answer) == (422, "address_refused")
        assert site.paths == []


class TestNetworksOfOnesOwn:
    @pytest.fixture(autouse=True)
    def allowed(self, here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOOKALIKE_WEB_NETWORKS", "127.0.0.1/32")

    def test_they_may_be_fetched_from(self, red: bytes, scanner: TestClient) -> None:
        with running(Site("127.0.0.1", saying(red))) as site:
            url = f"http://127.0.0.1:{site.port}/look.png"
            row = scanner.post("/v1/checks", json={"url": url, "use": {"medium": "ecommerce"}}).json()
        assert (row["source"], row["verdict"]) == (url, "no_consent")
        assert site.paths == ["/robots.txt", "/look.png"]

    def test_a_finding_keeps_how_the_site_answered(
        self, red: bytes, scanner: TestClient, application: Application
    ) -> None:
        with running(Site("127.0.0.1", saying(red, ETag='"17"', Set_Cookie="a=b"))) as site:
            url = f"http://127.0.0.1:{site.port}/look.png"
            row = scanner.post("/v1/checks", json={"url": url}).json()
        fetched = application.store.findings.get(row["finding_id"]).row["fetched"]
        assert (fetched["url"], fetched["final_url"]) == (url, url)
        assert fetched["headers"]["etag"] == '"17"'
        assert "set-cookie" not in fetched["headers"]

    def test_what_is_no_picture_there_is_an_error_of_the_call(self, scanner: TestClient) -> None:
        with running(Site("127.0.0.1", saying(b"hello"))) as site:
            answer = scanner.post("/v1/checks", json={"url": f"http://127.0.0.1:{site.port}/"})
        assert problem(answer) == (422, "not_an_image")

    def test_a_redirect_elsewhere_is_refused(self, scanner: TestClient) -> None:
        with running(Site("127.0.0.1", saying(b"", 302, Location="http://127.0.0.2:8000/"))) as site:
            answer = scanner.post("/v1/checks", json={"url": f"http://127.0.0.1:{site.port}/"})
        assert problem(answer) == (422, "address_refused")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://[fe80::1]/",
    ],
)
def test_addresses_of_private_places_are_refused(scanner: TestClient, url: str) -> None:
    status, code = problem(scanner.post("/v1/checks", json={"url": url}))
    assert (status, code) in {(422, "address_refused"), (422, "bad_url")}


# What is kept


def test_a_flagged_picture_is_kept_for_review_and_a_clean_one_leaves_nothing(
    red: bytes, scanner: TestClient, application: Application, colours: dict[str, Any]
) -> None:
    kept = application.store.findings.get(checked(scanner, red)["finding_id"])
    assert (kept.client, kept.verdict, kept.picture) == ("Acme", "no_consent", True)
    assert application.store.findings.picture(kept.id) == red
    clean = drawn(colours["grey"])
    assert checked(scanner, clean)["finding_id"] is None
    assert not [
        path
        for path in (application.settings.state_dir).rglob("*")
        if path.is_file() and clean in path.read_bytes()
    ]


def test_the_answer_to_a_client_holds_nothing_of_other_clients(
    red: bytes, scanner: TestClient, admin: TestClient, here: Installation
) -> None:
    here.run(
        "consent",
        "add",
        "--talent",
        "ana",
        "--kind",
        "photo_use",
        "--client",
        "Rival",
        "--signed-at",
        "2026-01-01",
    )
    assert "Rival" in json.dumps(checked(admin, red, client="Acme"))
    assert "Rival" not in json.dumps(checked(scanner, red))


def test_a_client_s_key_asks_of_its_own_uses_alone(
    red: bytes, scanner: TestClient, admin: TestClient
) -> None:
    answer = scanner.post("/v1/checks?client=Rival", content=red, headers={"Content-Type": "image/png"})
    assert problem(answer) == (403, "forbidden")
    assert checked(scanner, red, client="ACME")["use"]["client"] == "ACME"
    assert checked(admin, red, client="Rival")["use"]["client"] == "Rival"


# Limits and wrong calls


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"territory": "UK"}, "bad_use"),
        ({"medium": "radio"}, "bad_use"),
        ({"teritory": "GB"}, "usage"),
        ({"as_of": "yesterday"}, "usage"),
        ({"published_at": "\x00"}, "bad_use"),
    ],
)
def test_a_use_that_cannot_be_read_is_told(
    red: bytes, scanner: TestClient, fields: dict[str, str], code: str
) -> None:
    answer = scanner.post("/v1/checks", files={"picture": ("look.png", red)}, data=fields)
    assert problem(answer) == (422, code)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/body/url"),
        ({"url": 1}, "/body/url"),
        ({"url": "http://x/", "use": {"medium": "radio"}}, "/body/use/medium"),
    ],
)
def test_a_document_that_cannot_be_read_is_told_by_pointer(
    scanner: TestClient, body: dict[str, Any], pointer: str
) -> None:
    answer = scanner.post("/v1/checks", json=body)
    assert problem(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_other_bodies_are_refused(red: bytes, scanner: TestClient) -> None:
    assert problem(scanner.post("/v1/checks", content=b"x", headers={"Content-Type": "text/csv"}))[0] == 415
    assert problem(scanner.post("/v1/checks", files={"file": red})) == (422, "invalid_request")
    assert problem(scanner.post("/v1/checks", data={"picture": "a text"}))[0] in (415, 422)
    damaged = scanner.post(
        "/v1/checks", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert problem(damaged)[0] in (400, 422)
    assert (
        problem(scanner.post("/v1/checks", content=b"{", headers={"Content-Type": "application/json"}))[0]
        == 422
    )


def test_a_picture_that_cannot_be_decoded_is_the_caller_s_error(scanner: TestClient) -> None:
    for data, code in (
        (b"", "empty"),
        (b"not a picture", "not_an_image"),
        (drawn((1, 2, 3))[:-40], "truncated"),
    ):
        answer = scanner.post("/v1/checks", content=data, headers={"Content-Type": "image/png"})
        assert problem(answer) == (422, code)


class TestSmallLimits:
    @pytest.fixture(autouse=True)
    def small(self, here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOOKALIKE_DECODE_MAX_BYTES", "20000")
        monkeypatch.setenv("LOOKALIKE_DECODE_MAX_PIXELS", "5000")

    def test_bytes_and_pixels_are_bounded(self, scanner: TestClient) -> None:
        large, bomb = b"x" * 20001, io.BytesIO()
        Image.new("1", (100, 100)).save(bomb, "PNG")
        for send in (
            lambda data: scanner.post("/v1/checks", files={"picture": ("a.png", data)}),
            lambda data: scanner.post("/v1/checks", content=data, headers={"Content-Type": "image/png"}),
        ):
            assert problem(send(large)) == (413, "too_large")
            assert problem(send(bomb.getvalue())) == (422, "too_many_pixels")


class Gate(ColourExtractor):
    """Looks at pictures once it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.begun = threading.Event(), threading.Event()

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        self.begun.set()
        assert self.open.wait(20)
        return super().extract(images)


class TestFullQueue:
    @pytest.fixture(autouse=True)
    def gate(self, here: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
        """One worker, which waits, and room for one more call."""
        monkeypatch.setenv("LOOKALIKE_THREADS", "1")
        monkeypatch.setenv("LOOKALIKE_CHECK_QUEUE", "1")
        gate = Gate()
        here.parts = replace(here.parts, extractor=lambda settings, weights: gate)
        yield gate
        gate.open.set()

    def test_the_answer_comes_at_once_and_who_waits_is_answered(
        self, scanner: TestClient, app: FastAPI, gate: Gate
    ) -> None:
        checks = app.state.service.checks
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(checked, scanner, drawn((128, 128, 128)))
            assert gate.begun.wait(20)
            second = threads.submit(checked, scanner, drawn((128, 128, 128), seed=1))
            _until(lambda: checks.waiting == 1)
            answer = scanner.post("/v1/checks", content=b"never read", headers={"Content-Type": "image/png"})
            assert problem(answer) == (503, "busy")
            assert int(answer.headers["Retry-After"]) >= 1
            assert scanner.get("/v1/keys/self").status_code == 200
            gate.open.set()
            assert [call.result(20)["verdict"] for call in (first, second)] == ["not_applicable"] * 2


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_before_the_networks_are_loaded_the_caller_is_told_to_wait(application: Application) -> None:
    service = Service(application)
    with pytest.raises(Overloaded) as raised:
        service.require_loaded()
    assert raised.value.code == "index_not_loaded"


# Company


def test_concurrent_calls_each_get_their_own_answer(
    enrolled: Enrols, scanner: TestClient, colours: dict[str, Any]
) -> None:
    """People without consent and strangers, sent at once by many threads, are answered as one after the other."""
    talents = {name: enrolled(name, name) for name in ("red", "blue", "green")}
    names = [("red", "blue", "green", "grey")[number % 4] for number in range(48)]
    pictures = [drawn(colours[name], seed=number) for number, name in enumerate(names)]
    gate = threading.Barrier(8)

    def ask(number: int) -> dict[str, Any]:
        if number < 8:
            gate.wait(20)
        return checked(scanner, pictures[number], asset=f"asset-{number}")

    alone = [checked(scanner, picture, asset=f"asset-{number}") for number, picture in enumerate(pictures)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(len(pictures))))
    for rows in (alone, together):
        assert [row["use"]["asset"] for row in rows] == [f"asset-{number}" for number in range(48)]
        for row, name in zip(rows, names, strict=True):
            assert {face["talent"] for face in row["faces"]} == (
                {talents[name]} if name in talents else set()
            )
            del row["finding_id"]
    for one, other in zip(alone, together, strict=True):
        assert dict(_facts(other)) == {path: _near(value) for path, value in _facts(one)}


def _facts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a document by its path."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if items is None:
        yield path, value
        return
    for name, part in items:
        yield from _facts(part, f"{path}/{name}")


def _near(value: Any) -> Any:
    """Numbers are rounded at the fifth place: what a batch adds up in another order may fall on either side."""
    return pytest.approx(value, abs=2e-5) if isinstance(value, float) else value
