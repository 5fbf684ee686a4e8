"""Checks without the picture: the document of signals, the service's answer, and `check --remote`, also with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.testclient import TestClient

from api.composition import Application
from api.signal_document import SignalDocument, document_of, require_same
from data.store.keys import NewKey
from detector.access import Role
from detector.decoding import DecodeLimits, decode
from detector.errors import InputError, SignalMismatch
from detector.faces.sface import SIGNAL
from detector.signals import Box, Face, FaceQuality, SignalId, SignalKind, Signals, SignalSet
from detector.use import Use
from tests.api.colours import ColourExtractor, Installation, drawn
from tests.serving import served

Calls = Callable[..., TestClient]
Enrols = Callable[[str, str], str]
HASH = SignalId(SignalKind.HASH, "phash", "1", "64")
IMAGE = SignalId(SignalKind.IMAGE, "sscd", "1", "160")
KNOWN = {"source": "look.png", "sha256": "ab" * 32, "width": 640, "height": 480}


def unit(seed: int, length: int = 8) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=length).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def face(seed: int, faults: tuple[str, ...] = ()) -> Face:
    points = tuple((10.0 * at, 5.5) for at in range(5))
    vector = np.zeros(8, np.float32) if faults else unit(seed)
    return Face(Box(1.5, 2, 30, 40), points, 0.9, FaceQuality(0.8, 40.0, 12.0, -0.1, faults), vector)


def signals(*faces: Face) -> Signals:
    codes = np.arange(64, dtype=np.uint8).reshape(8, 8)
    views = np.stack([unit(7), unit(8)])
    return Signals(faces, views, {HASH: codes}, SignalSet(SIGNAL, IMAGE, (HASH,), {SignalKind.LOCAL: "off"}))


def sent(made: Signals, **changes: Any) -> SignalDocument:
    return SignalDocument.model_validate_json(json.dumps({**KNOWN, **document_of(made), **changes}))


# The document


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from([(), ("blurred",)])), max_size=4))
def test_signals_come_back_as_they_were_sent(faces: list[tuple[int, tuple[str, ...]]]) -> None:
    made = signals(*(face(seed, faults) for seed, faults in faces))
    back = sent(made).sighting(Use(client="Acme"))
    assert (back.source, back.sha256, back.width, back.height) == tuple(KNOWN.values())
    assert back.use.client == "Acme"
    assert back.signals.made_by == made.made_by
    assert made.image is not None
    assert np.array_equal(back.signals.image, made.image)
    assert np.array_equal(back.signals.hashes[HASH], made.hashes[HASH])
    for one, other in zip(back.signals.faces, made.faces, strict=True):
        assert replace(one, vector=other.vector).quality == other.quality
        assert (one.box, one.landmarks, one.detection_score) == (
            other.box,
            other.landmarks,
            other.detection_score,
        )
        assert not other.quality.usable or np.array_equal(one.vector, other.vector)


def test_no_picture_and_no_vector_of_an_unusable_face_is_in_it() -> None:
    document = document_of(signals(face(1, ("blurred",))))
    assert document["faces"][0]["vector"] is None
    assert set(document) == {"signals", "faces", "image", "hashes"}


def _with_vector(vector: np.ndarray) -> dict[str, Any]:
    text = base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return {"faces": [{**document_of(signals(face(1)))["faces"][0], "vector": text}]}


@pytest.mark.parametrize(
    "changes",
    [
        _with_vector(2 * unit(1)),
        _with_vector(np.full(8, np.nan)),
        {"faces": [{**document_of(signals(face(1)))["faces"][0], "vector": "?"}]},
        {"faces": [{**document_of(signals(face(1)))["faces"][0], "vector": None}]},
        {"faces": [{**document_of(signals(face(1, ("blurred",))))["faces"][0], "vector": "AAAA"}]},
        {"faces": [*document_of(signals(face(1)))["faces"], *_with_vector(unit(1, 9))["faces"]]},
        {"image": None},
        {"image": {"views": 3, "vectors": base64.b64encode(unit(1).tobytes()).decode()}},
        {"hashes": {}},
        {"hashes": {str(HASH): base64.b64encode(b"seven").decode()}},
        {"hashes": {"hash/other@1/x": base64.b64encode(bytes(64)).decode()}},
        {"signals": {"face": "nonsense"}},
        {"signals": {"face": None, "image": str(IMAGE), "hashes": [str(HASH)]}},
    ],
)
def test_signals_that_are_none_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as raised:
        sent(signals(face(1)), **changes).sighting(Use())
    assert raised.value.code == "bad_signals"


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "xx"},
        {"width": 0},
        {"source": ""},
        {"picture": "AAAA"},
        {"faces": [{}]},
        {"faces": [{**document_of(signals(face(1)))["faces"][0], "landmarks": [[1, 2]]}]},
    ],
)
def test_a_document_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sent(signals(face(1)), **changes)


def test_only_what_is_searched_by_can_be_compared() -> None:
    ours = SignalSet(SIGNAL, IMAGE, (HASH,))
    require_same(ours, SignalSet(SIGNAL, None, ()))
    require_same(ours, ours)
    other = SignalId(SignalKind.FACE, "other", "1", "x")
    for theirs in (SignalSet(other, None, ()), SignalSet(None, IMAGE, (HASH,)), SignalSet(SIGNAL, other, ())):
        with pytest.raises(SignalMismatch):
            require_same(ours, theirs)


# Over HTTP


@pytest.fixture
def scanner(call_as: Calls) -> TestClient:
    return call_as("scanner", client="Acme")


def seen(picture: bytes, extractor: ColourExtractor | None = None) -> dict[str, Any]:
    """What a caller computes of a picture, with the networks of the service."""
    image = decode(picture, DecodeLimits())
    (made,) = (extractor or ColourExtractor()).extract([image])
    size = {"sha256": image.sha256, "width": image.width, "height": image.height}
    return {"source": "look.png", **size, **document_of(made)}


def test_signals_are_answered_as_the_picture_and_the_finding_has_none(
    enrolled: Enrols, colours: dict[str, Any], scanner: TestClient, application: Application
) -> None:
    enrolled("ana", "red")
    picture = drawn(colours["red"], colours["dark"], seed=3)
    whole = scanner.post("/v1/checks", files={"picture": ("look.png", picture)}).json()
    apart = scanner.post("/v1/checks/signals", json=seen(picture)).json()
    assert apart["signals"]["absent"].pop("local").startswith("the signals were computed elsewhere")
    kept = application.store.findings.get(apart.pop("finding_id"))
    assert (kept.picture, kept.client) == (False, "Acme")
    assert apart["unsearched_faces"] == [{"face": 1, "reasons": ["too_small"]}]
    del whole["finding_id"], whole["as_of"], apart["as_of"]
    ours = {name: value for name, value in apart.items() if name not in ("credentials", "signals")}
    assert ours == {name: whole[name] for name in ours}


def test_other_signals_are_a_conflict_and_too_many_faces_an_error(
    scanner: TestClient, colours: dict[str, Any]
) -> None:
    foreign = ColourExtractor(SignalId(SignalKind.FACE, "other", "1", "x"))
    answer = scanner.post("/v1/checks/signals", json=seen(drawn(colours["red"]), foreign))
    assert (answer.status_code, answer.json()["code"]) == (409, "signal_mismatch")
    document = seen(drawn(colours["red"]))
    many = scanner.post("/v1/checks/signals", json={**document, "faces": document["faces"] * 201})
    assert (many.status_code, many.json()["code"]) == (422, "too_many_faces")
    large = scanner.post("/v1/checks/signals", json={**document, "width": 100_000, "height": 100_000})
    assert (large.status_code, large.json()["code"]) == (422, "too_many_pixels")


def test_a_vector_of_another_length_costs_its_sender_alone(
    enrolled: Enrols, colours: dict[str, Any], scanner: TestClient
) -> None:
    enrolled("ana", "red")
    document = seen(drawn(colours["red"]))
    short = {
        **document,
        "faces": [{**document["faces"][0], "vector": _with_vector(unit(1))["faces"][0]["vector"]}],
    }
    answer = scanner.post("/v1/checks/signals", json=short)
    assert (answer.status_code, answer.json()["code"]) == (409, "dimension_mismatch")
    assert scanner.post("/v1/checks/signals", json=document).status_code == 200


def test_the_ids_that_are_searched_by_are_told(scanner: TestClient) -> None:
    said = scanner.get("/v1/checks/signals").json()
    assert (said["face"], said["image"], said["hashes"]) == (str(SIGNAL), None, [])


# From the command line


@pytest.fixture
def service(app: FastAPI) -> Iterator[str]:
    app.state.service.warm_up()
    with served(app) as address:
        yield address


@pytest.fixture
def elsewhere(here: Installation, application: Application, tmp_path: Path, monkeypatch: Any) -> Installation:
    """Another installation, without a registry, that holds a key of the service."""
    _, key = application.store.keys.create(NewKey(Role.SCANNER, "shop", client="Acme"))
    monkeypatch.setenv("LOOKALIKE_STATE_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("LOOKALIKE_API_KEY", key)
    return here


@pytest.mark.parametrize("private", [False, True])
def test_check_remote_gives_the_rows_of_the_service(
    enrolled: Enrols, service: str, elsewhere: Installation, private: bool
) -> None:
    red = elsewhere.picture("look.png", (200, 40, 40), seed=9)
    grey = elsewhere.picture("grey.png", (128, 128, 128))
    broken = elsewhere.file("broken.png", "no picture")
    options = ["--remote", service, *(["--private"] if private else []), "--medium", "ecommerce"]
    page = elsewhere.folder / "report.html"
    rows = elsewhere.run("check", red, broken, grey, *options, "--json", "--html", page, code=1).stdout
    first, second, third = map(json.loads, rows.splitlines())
    assert [row["source"] for row in (first, second, third)] == [str(red), str(broken), str(grey)]
    assert first["use"] == {"client": "Acme", "medium": "ecommerce"}
    assert second["error"]["code"] == "not_an_image"
    assert ("local" in first["signals"]["absent"]) is private
    assert page.exists()
    assert not (elsewhere.folder / "other" / "lookalike.sqlite3").exists()


def test_what_concerns_the_caller_ends_the_run(
    service: str, elsewhere: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = elsewhere.picture("look.png", (200, 40, 40))
    for options in (["--private"], ["--remote", "example"], ["--remote", service, "--top", "3"]):
        elsewhere.run("check", picture, *options, code=2)
    monkeypatch.setenv("LOOKALIKE_API_KEY", "lk_wrong")
    refused = elsewhere.run("check", picture, "--remote", service, code=1)
    assert "[unauthenticated]" in refused.stderr
    monkeypatch.delenv("LOOKALIKE_API_KEY")
    elsewhere.run("check", picture, "--remote", service, code=2)
    key_file = elsewhere.file("key.txt", "lk_wrong\n")
    elsewhere.run("check", picture, "--remote", service, "--key-file", key_file, code=1)
