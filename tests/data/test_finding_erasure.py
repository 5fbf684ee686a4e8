"""An erasure reaches what findings say of the talent: rows, pictures, words of decisions; and nothing of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.blobs import Blobs
from data.store import Store
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from data.store.queue import FindingFilter
from detector.access import Role
from detector.errors import NotFound
from detector.review import Judgement, ReviewState
from tests.flagged import copy, face, row

_R = ReviewState


@pytest.fixture
def key(store: Store) -> str:
    return store.keys.create(NewKey(Role.MONITOR, "console"))[0].id


@pytest.fixture
def ada(store: Store) -> str:
    return store.talents.add("AG-1", "Ada").id


@pytest.fixture
def eve(store: Store) -> str:
    return store.talents.add("AG-2", "Eve").id


def kept(
    store: Store, key: str, *faces: object, picture: bytes, copies: tuple[object, ...] = ()
) -> KeptFinding:
    made = row(*faces, picture=picture, copies=copies)
    found = store.findings.add(NewFinding(made, key, "Acme", None, picture))
    assert found is not None
    return found


def test_a_finding_of_nobody_else_goes_with_its_picture_and_its_decisions(
    store: Store, store_url: str, key: str, ada: str
) -> None:
    found = kept(store, key, face(ada), picture=b"Ada at the shop")
    store.findings.review(found.id, 0, Judgement(_R.CONFIRMED, "Ada Example, no doubt"), key)
    store.talents.erase(ada)
    with pytest.raises(NotFound):
        store.findings.get(found.id)
    assert list(store.evidence.names()) == []
    assert store.queue.page(FindingFilter()) == []
    folder = Path(store_url.removeprefix("sqlite:///")).parent
    everything = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    for trace in (b"Ada at the shop", b"Ada Example", b"R-" + ada.encode(), b"/shop/dress-1.jpg"):
        assert trace not in everything
    [erased] = [event for event in store.audit.list(subject=ada) if event.action == "talent.erased"]
    assert erased.details["findings"] == 1
    assert store.audit.verify() == []


def test_of_a_finding_of_two_the_others_part_stays(store: Store, key: str, ada: str, eve: str) -> None:
    both = kept(
        store,
        key,
        face(ada, eve, severity="critical"),
        face(eve, ada, severity="low"),
        picture=b"both",
        copies=(copy(ada), copy(eve, "revoked", "medium")),
    )
    of_eve = kept(store, key, face(eve), picture=b"eve alone")
    store.findings.review(both.id, 0, Judgement(_R.AUTHORISED_OUT_OF_BAND, "Ada said so", "Ada's mail"), key)
    store.talents.erase(ada)
    left = store.findings.get(both.id)
    assert ada not in json.dumps(left.row)
    assert (left.talents, left.verdict, left.severity, left.picture) == ((eve,), "revoked", "medium", False)
    [decided] = store.findings.history(both.id)
    assert (decided.outcome, decided.note, decided.document) == (_R.AUTHORISED_OUT_OF_BAND, None, None)
    assert store.findings.get(of_eve.id) == of_eve
    assert list(store.evidence.names()) == [of_eve.sha256]


def test_what_is_left_and_is_not_flagged_goes_too(store: Store, key: str, ada: str, eve: str) -> None:
    found = kept(store, key, face(ada), face(eve, verdict="authorised", severity="none"), picture=b"both")
    store.talents.erase(ada)
    with pytest.raises(NotFound):
        store.findings.get(found.id)


def test_a_picture_of_two_findings_stays_while_one_needs_it(
    store: Store, key: str, ada: str, eve: str
) -> None:
    first, second = (kept(store, key, face(who), picture=b"same file") for who in (ada, eve))
    store.talents.erase(ada)
    assert store.findings.picture(second.id) == b"same file"
    store.talents.erase(eve)
    assert list(store.evidence.names()) == []
    assert first.sha256 == second.sha256


def test_a_file_that_a_crash_left_is_swept(store: Store, key: str, ada: str) -> None:
    found = kept(store, key, face(ada), picture=b"needed")
    folder = Blobs(store.evidence.folder)
    with folder.stage(b"left behind") as staged:
        staged.keep()
    assert store.sweep() == 1
    assert list(store.evidence.names()) == [found.sha256]
