"""Reindexing over a store in memory: batches, a run that dies half-way, references that vanish meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from detector.errors import NotFound, UnreadableInput, WeightsError
from detector.imagery import DecodedImage
from detector.signals import Box, Face, FacePlace, FaceQuality, SignalId, SignalKind, Signals, SignalSet
from indexer.judging import Objection
from indexer.reindexing import BATCH, Made, Reindexed, Reindexer, ReindexPorts

FACE = SignalId(SignalKind.FACE, "new", "1", "aligned")
HASH = SignalId(SignalKind.HASH, "phash", "1", "grey")
PLACE = Box(1, 2, 3, 4)
POINTS = ((1.0, 1.0), (2.0, 1.0), (1.5, 2.0), (1.0, 3.0), (2.0, 3.0))


@dataclass(frozen=True)
class Kept:
    id: str
    talent_id: str = "t"
    source: str = "a.jpg"
    box: Box = PLACE
    landmarks: tuple[tuple[float, float], ...] = POINTS
    detection_score: float | None = None


@dataclass
class MemoryStore:
    """References by id, and the vectors of each. `broken`: pictures that can't be read."""

    references: dict[str, Kept]
    vectors: dict[str, dict[SignalId, Any]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    asked: list[int] = field(default_factory=list)

    def lacking(self, signals: Collection[SignalId], after: str, limit: int) -> Sequence[Kept]:
        self.asked.append(limit)
        later = (name for name in sorted(self.references) if name > after)
        return [self.references[name] for name in later if not self._has(name, signals)][:limit]

    def _has(self, name: str, signals: Collection[SignalId]) -> bool:
        return set(signals) <= self.vectors.get(name, {}).keys()

    def signals_of(self, reference_ids: Sequence[str]) -> Mapping[str, Collection[SignalId]]:
        return {name: self.vectors.get(name, {}).keys() for name in reference_ids}

    def picture(self, reference_id: str) -> bytes:
        if reference_id in self.broken:
            raise UnreadableInput("its picture is gone", code="picture_missing")
        if reference_id not in self.references:
            raise NotFound("no such reference")
        return reference_id.encode()

    def put_vectors(self, reference_id: str, signals: Mapping[SignalId, Any]) -> None:
        if reference_id not in self.references:
            raise NotFound("no such reference")
        self.vectors.setdefault(reference_id, {}).update(signals)


class Numbers:
    """An extractor whose vectors say which picture and place they are of; dies after so many batches."""

    def __init__(self, batches: int | None = None, made_by: SignalSet | None = None) -> None:
        self.made_by = made_by or SignalSet(FACE, None, (HASH,))
        self.left = batches
        self.places: list[FacePlace] = []

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        raise AssertionError("the faces of references are known")

    def extract_known(self, images: Sequence[DecodedImage], places: Sequence[FacePlace]) -> list[Signals]:
        if self.left == 0:
            raise MemoryError
        self.left = None if self.left is None else self.left - 1
        self.places += places
        return [self._one(image, place) for image, place in zip(images, places, strict=True)]

    def _one(self, image: DecodedImage, place: FacePlace) -> Signals:
        vector = np.array([int(image.sha256), place.box.x], np.float32)
        face = Face(place.box, place.landmarks, place.detection_score, FaceQuality(1, 40, 9, 0), vector)
        return Signals((face,), None, {HASH: np.zeros((8, 8), np.uint8)}, self.made_by)


def decode(data: bytes, *, source: str) -> DecodedImage:
    return DecodedImage(np.zeros((4, 4, 3), np.uint8), 4, 4, "PNG", data.decode())


def nobody_objects(talent_id: str) -> Objection | None:
    return None


def filled(count: int, **options: Any) -> MemoryStore:
    names = [f"{number:03d}" for number in range(count)]
    return MemoryStore({name: Kept(name, f"t{number % 3}") for number, name in enumerate(names)}, **options)


def reindexer(store: MemoryStore, extractor: Numbers | None = None, **options: Any) -> Reindexer:
    ports = ReindexPorts(store, extractor or Numbers(), decode, options.get("may_keep", nobody_objects))
    return Reindexer(ports)


def test_every_reference_is_made_anew_in_batches() -> None:
    store = filled(BATCH * 2 + 3)
    results = list(reindexer(store).run([FACE, HASH]))
    assert [result.reference_id for result in results] == sorted(store.references)
    assert {result.status for result in results} == {Made.DONE}
    assert all(store.vectors[name][FACE].tolist() == [int(name), 1.0] for name in store.references)
    assert len(store.asked) == 4


def test_the_stored_face_is_handed_on() -> None:
    extractor = Numbers()
    list(reindexer(filled(1), extractor).run([FACE]))
    assert extractor.places == [FacePlace(Box(1, 2, 3, 4), POINTS, 1.0)]


def test_a_run_that_died_goes_on_where_it_was() -> None:
    store = filled(BATCH * 3)
    with pytest.raises(MemoryError):
        list(reindexer(store, Numbers(batches=1)).run([FACE]))
    assert len(store.vectors) == BATCH
    extractor = Numbers()
    assert len(list(reindexer(store, extractor).run([FACE]))) == BATCH * 2
    assert len(extractor.places) == BATCH * 2
    assert len(store.vectors) == BATCH * 3


def test_a_result_is_given_out_after_its_vectors_are_kept() -> None:
    store = filled(3)
    results: Iterator[Reindexed] = reindexer(store).run([FACE])
    assert FACE in store.vectors[next(results).reference_id]


def test_one_broken_picture_costs_only_itself() -> None:
    store = filled(5, broken=frozenset({"001", "004"}))
    results = {result.reference_id: result for result in reindexer(store).run([FACE])}
    assert [name for name, result in results.items() if result.status is Made.FAILED] == ["001", "004"]
    assert results["001"].code == "picture_missing"
    assert store.vectors.keys() == {"000", "002", "003"}


def test_what_is_there_already_is_not_written_again() -> None:
    store = filled(1, vectors={"000": {HASH: "as it was"}})
    list(reindexer(store).run([FACE, HASH]))
    assert store.vectors["000"][HASH] == "as it was"
    assert FACE in store.vectors["000"]


def test_only_the_wanted_signals_are_written() -> None:
    store = filled(2)
    list(reindexer(store).run([HASH]))
    assert [vectors.keys() for vectors in store.vectors.values()] == [{HASH}, {HASH}]


def test_a_talent_whose_template_may_not_be_kept_is_skipped_unopened() -> None:
    store = filled(4, broken=frozenset({"001"}))
    objection = Objection("no_release", "nothing was signed")
    results = list(
        reindexer(store, may_keep=lambda talent: objection if talent == "t1" else None).run([FACE])
    )
    assert [result.code for result in results] == [None, "no_release", None, None]
    assert results[1].status is Made.SKIPPED
    assert "001" not in store.vectors


def test_a_reference_removed_meanwhile_is_skipped() -> None:
    store = filled(3)
    real = store.picture

    def removed_meanwhile(reference_id: str) -> bytes:
        store.references.pop("001", None)
        return real(reference_id)

    store.picture = removed_meanwhile  # type: ignore[method-assign] # another process, at the worst moment
    results = list(reindexer(store).run([FACE]))
    assert [result.status for result in results] == [Made.DONE, Made.SKIPPED, Made.DONE]
    assert "001" not in store.vectors


def test_a_signal_that_the_picture_does_not_give_is_said() -> None:
    image = SignalId(SignalKind.IMAGE, "tower", "1", "square")
    extractor = Numbers(made_by=SignalSet(FACE, image, (HASH,)))
    (result,) = reindexer(filled(1), extractor).run([FACE, image])
    assert (result.status, result.code) == (Made.FAILED, "signal_missing")
    assert str(image) in str(result.detail)


def test_without_faces_nothing_can_be_made() -> None:
    off = SignalSet(None, None, (HASH,), {SignalKind.FACE: "sface.onnx is missing"})
    with pytest.raises(WeightsError, match=r"sface\.onnx is missing"):
        reindexer(filled(1), Numbers(made_by=off))
