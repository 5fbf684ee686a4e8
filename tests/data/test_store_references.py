from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.store import NewReference, Store
from detector.errors import Conflict, NotFound, StoreError
from detector.signals import SignalId, SignalKind

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")
HASH = SignalId(SignalKind.HASH, "phash", "1", "64")
OTHER = SignalId(SignalKind.FACE, "other", "2", "112")

Make = Callable[..., NewReference]


def test_a_reference_comes_back_whole(store: Store, new_reference: Make) -> None:
    talent = store.talents.add("a", "Ada")
    new = new_reference(b"bytes of a picture")
    added = store.references.add(talent.id, new)
    assert store.references.get(added.id) == added
    assert (added.box, added.landmarks, added.quality) == (new.box, new.landmarks, new.quality)
    assert (added.detection_score, added.source) == (new.detection_score, new.source)
    assert added.sha256 == hashlib.sha256(b"bytes of a picture").hexdigest()
    assert store.references.picture(added.id) == b"bytes of a picture"


def test_vectors_come_back_with_their_type_and_shape(store: Store, new_reference: Make) -> None:
    talent = store.talents.add("a", "Ada")
    codes = np.arange(64, dtype=np.uint8).reshape(8, 8)
    new = replace(new_reference(), signals={FACE: np.array([0.25, -1], dtype=np.float64), HASH: codes})
    kept = store.references.vectors(store.references.add(talent.id, new).id)
    assert kept[FACE].dtype == np.float32
    np.testing.assert_array_equal(kept[FACE], [0.25, -1])
    assert kept[HASH].dtype == np.uint8
    np.testing.assert_array_equal(kept[HASH], codes)


@pytest.mark.parametrize(
    "bad",
    [
        np.array([np.nan]),
        np.array([np.inf]),
        np.array([1, 2]),
        np.array([], dtype=np.float32),
        np.array([1e300]),
    ],
)
def test_a_vector_that_cannot_be_compared_is_refused(
    store: Store, new_reference: Make, bad: np.ndarray
) -> None:
    talent = store.talents.add("a", "Ada")
    with pytest.raises(ValueError, match="a signal"):
        store.references.add(talent.id, replace(new_reference(), signals={FACE: bad}))
    assert store.references.list() == []


def test_the_same_picture_twice_is_one_reference(store: Store, new_reference: Make) -> None:
    ada, bea = store.talents.add("a", "Ada"), store.talents.add("b", "Bea")
    first = store.references.add(ada.id, new_reference(b"group"))
    with pytest.raises(Conflict, match=first.id):
        store.references.add(ada.id, new_reference(b"group"))
    second = store.references.add(bea.id, new_reference(b"group"))
    assert store.references.references_of_files([first.sha256, "0" * 64]) == {
        first.sha256: [(ada.id, first.id), (bea.id, second.id)]
    }
    assert store.references.by_sha256(first.sha256, bea.id) == [second]
    assert store.references.counts() == {ada.id: 1, bea.id: 1}


def test_a_shared_picture_stays_until_its_last_reference_goes(
    store: Store, new_reference: Make, tmp_path: Path
) -> None:
    ada, bea = store.talents.add("a", "Ada"), store.talents.add("b", "Bea")
    first = store.references.add(ada.id, new_reference(b"group"))
    second = store.references.add(bea.id, new_reference(b"group"))
    store.references.remove(first.id)
    assert store.references.picture(second.id) == b"group"
    store.references.remove(second.id)
    assert _files(tmp_path) == []
    with pytest.raises(NotFound):
        store.references.remove(second.id)


def test_a_refused_reference_leaves_nothing(store: Store, new_reference: Make, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="'tal_x'"):
        store.references.add("tal_x", new_reference())
    assert (store.changes.head(), store.audit.list(), _files(tmp_path)) == (0, [], [])


def test_changes_are_replayed_in_order_with_what_is_there_now(store: Store, new_reference: Make) -> None:
    talent = store.talents.add("a", "Ada")
    first, second = (store.references.add(talent.id, new_reference(bytes([n]), n)) for n in (1, 2))
    store.references.remove(first.id)
    changes = store.changes.since(0, FACE, 10)
    assert [(c.number, c.op, c.reference_id, c.quality) for c in changes] == [
        (2, "put", second.id, 0.75),
        (3, "remove", first.id, None),
    ]
    np.testing.assert_array_equal(changes[0].vector, [2, 0, 0, 0.5])
    assert changes[1].vector is None
    assert store.changes.head() == 3
    assert [c.number for c in store.changes.since(2, FACE, 10)] == [3]
    assert [c.number for c in store.changes.since(0, FACE, 1)] == [2]
    assert store.changes.since(3, FACE, 10) == []
    assert [c.op for c in store.changes.since(0, OTHER, 10)] == ["remove"]


def test_vectors_of_another_network_lie_beside_the_first(store: Store, new_reference: Make) -> None:
    talent = store.talents.add("a", "Ada")
    kept = store.references.add(talent.id, new_reference())
    store.references.put_vectors(kept.id, {OTHER: np.ones(3, dtype=np.float32)})
    store.references.put_vectors(kept.id, {OTHER: np.zeros(3, dtype=np.float32)})
    assert set(store.references.vectors(kept.id)) == {FACE, HASH, OTHER}
    newest = store.changes.since(2, OTHER, 10)
    assert [(c.number, c.op) for c in newest] == [(3, "put")]
    np.testing.assert_array_equal(newest[0].vector, [0, 0, 0])
    with pytest.raises(NotFound):
        store.references.put_vectors("ref_x", {})
    with pytest.raises(NotFound):
        store.references.vectors("ref_x")


def test_erasure_reaches_every_file(store: Store, new_reference: Make, tmp_path: Path) -> None:
    gone = store.talents.add("AGENCY-GONE", "Gone Person", agency="Gone Agency")
    stays = store.talents.add("stays", "Stays")
    vector = np.frombuffer(b"BIOMETRICVECTOR!", dtype=np.float32)
    codes = np.frombuffer(b"HASHCODE", dtype=np.uint8)
    new = replace(
        new_reference(b"THE PICTURE", 7), source="GONE-SOURCE.jpg", signals={FACE: vector, HASH: codes}
    )
    removed = store.references.add(gone.id, new)
    kept = store.references.add(stays.id, new_reference(b"another"))

    tombstone = store.talents.erase(gone.id)

    assert (tombstone.ref, tombstone.name, tombstone.agency) == (gone.id, gone.id, None)
    assert tombstone.erased_at is not None
    assert store.talents.list() == [stays]
    assert store.talents.list(erased=True)[-1] == tombstone
    assert store.references.list() == [kept]
    assert [(c.op, c.reference_id) for c in store.changes.since(2, FACE, 9)] == [("remove", removed.id)]
    assert store.audit.verify() == []
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"another" in everything
    for trace in (
        b"AGENCY-GONE",
        b"Gone Person",
        b"Gone Agency",
        b"BIOMETRICVECTOR!",
        b"HASHCODE",
        b"THE PICTURE",
    ):
        assert trace not in everything
    assert b"GONE-SOURCE" not in everything


def test_the_erased_take_nothing_new(store: Store, new_reference: Make) -> None:
    talent = store.talents.add("a", "Ada")
    store.talents.erase(talent.id)
    for attempt in (
        lambda: store.talents.erase(talent.id),
        lambda: store.references.add(talent.id, new_reference()),
        lambda: store.talents.update(talent.id, name="Ada"),
    ):
        with pytest.raises(Conflict, match="erased"):
            attempt()
    assert store.talents.add("a", "Ada again").id != talent.id


def test_an_altered_or_missing_picture_is_an_error(store: Store, new_reference: Make, tmp_path: Path) -> None:
    talent = store.talents.add("a", "Ada")
    kept = store.references.add(talent.id, new_reference())
    (file,) = _files(tmp_path)
    file.write_bytes(b"something else")
    with pytest.raises(StoreError, match="altered"):
        store.references.picture(kept.id)
    file.unlink()
    with pytest.raises(StoreError, match="can't be read"):
        store.references.picture(kept.id)


def test_what_a_crash_leaves_is_swept(store: Store, new_reference: Make, tmp_path: Path) -> None:
    talent = store.talents.add("a", "Ada")
    kept = store.references.add(talent.id, new_reference(b"kept"))
    orphan = tmp_path / "state" / "blobs" / "ab" / ("ab" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"its row never committed")
    staged = tmp_path / "state" / "blobs" / ".staging" / "tmp1"
    staged.write_bytes(b"half")
    assert store.sweep() == 1
    assert not orphan.exists()
    assert store.references.picture(kept.id) == b"kept"


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in (folder / "state" / "blobs").rglob("*") if file.is_file())


def test_one_signal_of_many_references_is_read_at_once_and_goes_with_its_reference(
    store: Store, new_reference: Make
) -> None:
    talent = store.talents.add("a", "Ada")
    pictures = (replace(new_reference(), picture=data) for data in (b"one", b"two"))
    first, second = (store.references.add(talent.id, new).id for new in pictures)
    store.references.put_vectors(first, {OTHER: np.arange(3, dtype=np.uint8)})
    found = store.references.vectors_of([first, second, "ref_x"], OTHER)
    assert found.keys() == {first}
    np.testing.assert_array_equal(found[first], [0, 1, 2])
    store.references.remove(first)
    assert store.references.vectors_of([first, second], OTHER) == {}
    assert store.references.vectors_of([], OTHER) == {}
