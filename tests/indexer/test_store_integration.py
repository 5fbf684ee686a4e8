"""The registry and enrolment over the real store: SQLite on disk, files beside it, several followers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.composition import KeptReferences
from data.store import NewReference, Store
from detector.calibration import FaceCalibration, Monotone
from detector.imagery import DecodedImage
from detector.matching import MatchPolicy
from detector.signals import Box, FaceQuality, Signals
from indexer.enrolment import Enroller, EnrolmentPorts, EnrolmentRequest, EnrolmentResult
from indexer.judging import Release
from indexer.registry import Registry

AT = datetime(2026, 3, 1, tzinfo=UTC)
LINE = Monotone(((-1.0, -13.0), (0.3, 0.0), (1.0, 7.0)))
FALSE_MATCH = Monotone(((-2.0, -2.302585), (4.0, -9.2)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", clock=lambda: AT) as opened:
        yield opened


def keep(
    store: Store, world: Any, talent_id: str, name: str, quality: float = 0.8
) -> tuple[str, dict[Any, Any]]:
    """A reference in the store; returns its id and vectors."""
    vectors = world.vectors()
    judged = FaceQuality(quality, 60, 50, 0)
    new = NewReference(name.encode(), name, Box(1, 2, 3, 4), ((1.0, 1.0),) * 5, judged, vectors, 0.9)
    return store.references.add(talent_id, new).id, vectors


def test_who_follows_the_old_network_answers_as_before_while_a_new_one_is_made(
    store: Store, world: Any
) -> None:
    kept = [keep(store, world, store.talents.add(name, name).id, name) for name in ("a", "b", "c")]
    old = Registry.open(world.made_by, store.changes)
    pictures = [world.seen([vectors[world.face]], like=vectors) for _, vectors in kept]
    before = old.search(pictures, 3)
    made_anew = replace(world.face, model="newer")
    newer = Registry.open(replace(world.made_by, face=made_anew), store.changes)
    for count, (reference_id, _) in enumerate(kept):
        assert newer.registry_size == count
        store.references.put_vectors(reference_id, {made_anew: world.unit(64)})
        assert (old.refresh(), newer.refresh() > 0) == (4, True), (
            "one put for each signal the old one follows"
        )
        assert old.search(pictures, 3) == before
    assert newer.registry_size == 3
    store.coverage.prune([made_anew])
    assert old.search(pictures, 3) == before, "it has them in memory until it is stopped"


def test_the_registry_follows_the_real_store(store: Store, world: Any, tmp_path: Path) -> None:
    ada, bob = store.talents.add("A", "Ada Example"), store.talents.add("B", "Bob Example")
    first, vectors = keep(store, world, ada.id, "a.jpg")
    keep(store, world, bob.id, "b.jpg")
    snapshot = tmp_path / "registry.snapshot"
    registry = Registry.open(world.made_by, store.changes, snapshot)
    other = Registry.open(world.made_by, store.changes)
    picture = world.seen([vectors[world.face]], like=vectors)
    for follower in (registry, other):
        (answer,) = follower.search([picture], 1)
        assert (answer.faces[0][0].talent_id, answer.faces[0][0].reference_id) == (ada.id, first)
        assert answer.faces[0][0].similarity == pytest.approx(1, abs=1e-6)
        best = {
            copy.signal for copy in answer.copies if copy.reference_id == first and copy.similarity > 0.999
        }
        assert best == {world.image, world.phash, world.dhash}
    assert registry.registry_size == 2


def test_an_erased_talent_is_gone_from_every_follower_and_its_snapshot(
    store: Store, world: Any, tmp_path: Path
) -> None:
    ada, bob = store.talents.add("A", "Ada Example"), store.talents.add("B", "Bob Example")
    _, vectors = keep(store, world, ada.id, "a.jpg")
    keep(store, world, bob.id, "b.jpg")
    snapshot = tmp_path / "registry.snapshot"
    followers = [
        Registry.open(world.made_by, store.changes, snapshot),
        Registry.open(world.made_by, store.changes),
    ]
    template = vectors[world.face].tobytes()
    assert template in snapshot.read_bytes()
    store.talents.erase(ada.id)
    picture = world.seen([vectors[world.face]], like=vectors)
    for follower in followers:
        follower.refresh()
        (answer,) = follower.search([picture], 10)
        assert {candidate.talent_id for candidate in answer.faces[0]} == {bob.id}
        assert {copy.talent_id for copy in answer.copies} == {bob.id}
        assert follower.registry_size == 1
    left = snapshot.read_bytes()
    assert template not in left
    assert ada.id.encode() not in left
    reopened = Registry.open(world.made_by, store.changes, snapshot)
    assert reopened.rebuilt_because is None
    assert reopened.registry_size == 1


def test_quality_reaches_the_template(store: Store, world: Any) -> None:
    ada = store.talents.add("A", "Ada Example")
    _, good = keep(store, world, ada.id, "good.jpg", quality=0.9)
    _, poor = keep(store, world, ada.id, "poor.jpg", quality=0.3)
    mean = 0.9 * good[world.face] + 0.3 * poor[world.face]
    registry = Registry.open(world.made_by, store.changes)
    found = registry.compare(good[world.face], ada.id)
    assert found is not None
    expected = float(mean @ good[world.face] / np.linalg.norm(mean))
    assert found.template_similarity == pytest.approx(expected, abs=1e-5)
    assert found.references == 2


class Network:
    """Sees in a file what was said it shows."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.made_by = world.made_by
        self.shows: dict[bytes, Any] = {}

    def decode(self, data: bytes, *, source: str) -> DecodedImage:
        return DecodedImage(np.frombuffer(data, np.uint8).reshape(1, -1, 1), 1, 1, "PNG", source)

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        return [self.world.seen([self.shows[image.pixels.tobytes()]]) for image in images]

    def policy(self, registry_size: int) -> MatchPolicy:
        return MatchPolicy(FaceCalibration(self.world.face, 0.5, LINE, FALSE_MATCH), registry_size)


def import_roster(
    store: Store, network: Network, roster: Mapping[bytes, str], state: Path
) -> list[EnrolmentResult]:
    registry = Registry.open(network.made_by, store.changes, state / "registry.snapshot")
    ports = EnrolmentPorts(network.decode, network, registry, KeptReferences(store), network.policy)
    release = Release(AT - timedelta(days=1))
    requests = [
        EnrolmentRequest(talent, talent, data.decode(), lambda data=data: data, release)
        for data, talent in roster.items()
    ]
    return list(Enroller(ports).enrol(requests, AT))


def test_a_roster_enrolled_twice_is_kept_once(store: Store, world: Any, tmp_path: Path) -> None:
    network, roster = Network(world), {}
    for talent in [store.talents.add(f"T{n}", f"Talent {n}").id for n in range(10)]:
        centre = world.unit()
        for number in range(4):
            data = f"{talent}-{number}".encode()
            network.shows[data] = world.near(centre, 0.5)
            roster[data] = talent
    first = import_roster(store, network, roster, tmp_path)
    assert [result.status for result in first] == ["accepted"] * 40
    assert store.references.counts() == dict.fromkeys(roster.values(), 4)
    assert {result.reference_id for result in first} == {kept.id for kept in store.references.list()}
    head = store.changes.head()
    again = import_roster(store, network, roster, tmp_path)
    assert [(result.status, result.code) for result in again] == [("unchanged", "duplicate_picture")] * 40
    assert store.changes.head() == head


def test_a_talent_erased_meanwhile_costs_its_rows_only(store: Store, world: Any, tmp_path: Path) -> None:
    network = Network(world)
    ada, bob = (store.talents.add(ref, ref).id for ref in ("A", "B"))
    network.shows = {b"a": world.unit(), b"b": world.unit()}
    store.talents.erase(ada)
    results = import_roster(store, network, {b"a": ada, b"b": bob}, tmp_path)
    assert [(result.status, result.code) for result in results] == [
        ("rejected", "conflict"),
        ("accepted", None),
    ]
