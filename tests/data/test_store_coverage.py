"""Which references lack vectors, and what a change of network leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.store import NewReference, Store
from detector.signals import SignalId, SignalKind

OLD = SignalId(SignalKind.FACE, "sface", "1", "112")
NEW = SignalId(SignalKind.FACE, "better", "1", "112")
HASH = SignalId(SignalKind.HASH, "phash", "1", "64")
MakesReference = Callable[..., NewReference]


@pytest.fixture
def kept(store: Store, new_reference: MakesReference) -> list[str]:
    """Five references of two talents, made by the old network, in the order of their ids."""
    talents = [store.talents.add(ref, ref).id for ref in ("a", "b")]
    added = [store.references.add(talents[n % 2], new_reference(b"%d" % n)) for n in range(5)]
    return sorted(reference.id for reference in added)


def vector() -> dict[SignalId, np.ndarray]:
    return {NEW: np.ones(3, np.float32)}


def lacking(store: Store, *signals: SignalId, after: str = "", limit: int = 100) -> list[str]:
    return [reference.id for reference in store.coverage.lacking(signals, after, limit)]


def test_references_lack_what_was_not_made_yet(store: Store, kept: list[str]) -> None:
    assert lacking(store, OLD, HASH) == []
    assert lacking(store, NEW) == lacking(store, OLD, NEW) == kept
    store.references.put_vectors(kept[1], vector())
    assert lacking(store, NEW, HASH) == [kept[0], *kept[2:]]
    assert store.coverage.counts() == {OLD: 5, HASH: 5, NEW: 1}
    assert sum(store.coverage.lacking_by_talent([NEW]).values()) == 4


def test_pages_go_on_after_the_last_id(store: Store, kept: list[str]) -> None:
    assert lacking(store, NEW, limit=2) == kept[:2]
    assert lacking(store, NEW, after=kept[1], limit=2) == kept[2:4]
    assert lacking(store, NEW, after=kept[4]) == []


def test_the_signals_of_references(store: Store, kept: list[str]) -> None:
    store.references.put_vectors(kept[0], vector())
    found = store.coverage.signals_of(kept[:2])
    assert found == {kept[0]: {OLD, NEW, HASH}, kept[1]: {OLD, HASH}}


def test_prune_takes_the_old_where_the_new_is_and_nothing_else(store: Store, kept: list[str]) -> None:
    for reference_id in kept[:3]:
        store.references.put_vectors(reference_id, vector())
    assert store.coverage.prune([NEW]) == {OLD: 3}
    assert store.coverage.counts() == {HASH: 5, NEW: 3, OLD: 2}
    assert OLD in store.references.vectors(kept[4])
    assert store.coverage.prune([NEW]) == {}
    assert store.audit.verify() == []


def test_prune_waits_for_every_signal_of_a_kind(store: Store, kept: list[str]) -> None:
    other = SignalId(SignalKind.HASH, "other", "1", "64")
    for reference_id in kept:
        store.references.put_vectors(reference_id, vector())
    assert store.coverage.prune([NEW, SignalId(SignalKind.HASH, "x", "1", "64"), other]) == {OLD: 5}


def test_prune_is_on_the_record_and_emits_no_change(store: Store, kept: list[str]) -> None:
    for reference_id in kept:
        store.references.put_vectors(reference_id, vector())
    head = store.changes.head()
    store.coverage.prune([NEW])
    assert store.changes.head() == head
    event = store.audit.list(subject="signals")[-1]
    assert (event.action, event.details) == ("signal.pruned", {"signal": str(OLD), "vectors": 5})
    assert [change.op for change in store.changes.since(0, NEW, 100)] == ["put"] * 10
    assert store.changes.since(0, OLD, 100) == []


def test_pruned_vectors_are_in_no_file(store: Store, new_reference: MakesReference, store_url: str) -> None:
    marked = np.frombuffer(b"MARKED TEMPLATE " * 4, dtype="<f4").copy()
    base = new_reference(b"x")
    talent = store.talents.add("a", "a").id
    added = store.references.add(
        talent, NewReference(b"x", "x", base.box, base.landmarks, base.quality, {OLD: marked})
    )
    folder = Path(store_url.removeprefix("sqlite:///")).parent

    def holds() -> bool:
        return any(marked.tobytes() in file.read_bytes() for file in folder.glob("*.sqlite3*"))

    assert holds()
    store.references.put_vectors(added.id, vector())
    store.coverage.prune([NEW])
    assert not holds()
