"""Reindexing over a whole installation: what is to do, doing it, and clearing up after it.

Application ─▶ plan (what each signal lacks) ─▶ Reindexer ─▶ results ─▶ prune
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from numpy.typing import NDArray

from api.composition import Application
from data.store import Reference, Store
from detector.errors import StoreError, UnreadableInput, UsageError
from detector.signals import SignalId, SignalKind
from indexer.judging import Objection, judge_release
from indexer.registry import Registry
from indexer.reindexing import Reindexer, ReindexPorts

GONE = frozenset({"picture_missing", "picture_altered"})
"""Codes of the store's errors that are about one picture."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one signal needs: how many of all references have no vector of it."""

    signal: SignalId
    lacking: int
    references: int


def wanted(application: Application, kinds: str | None) -> tuple[SignalId, ...]:
    """The signals in use, or those of the kinds named, separated by commas. Raises UsageError."""
    signals = application.kept_signals
    if kinds is None:
        return signals
    named = {kind.strip() for kind in kinds.split(",")}
    known = {str(kind) for kind in SignalKind}
    if not named <= known:
        raise UsageError(
            f"--signals takes {', '.join(sorted(known))}, not {', '.join(sorted(named - known))}"
        )
    chosen = tuple(signal for signal in signals if signal.kind in named)
    if not chosen:
        raise UsageError(f"no signal of --signals {kinds} is in use; `lookalike doctor` says why")
    return chosen


def plan(store: Store, signals: Sequence[SignalId]) -> list[Plan]:
    """Of every signal, in order."""
    total = sum(store.references.counts().values())
    return [
        Plan(signal, sum(store.coverage.lacking_by_talent([signal]).values()), total) for signal in signals
    ]


def reindexer(application: Application) -> Reindexer:
    """Raises WeightsError where faces are off."""
    ports = ReindexPorts(
        store=_Stored(application.store),
        extractor=application.extractor,
        decode=application.decoder,
        may_keep=_release_of(application),
        local=application.reference_features,
        map_decode=application.pool.map,
    )
    return Reindexer(ports)


def prune(application: Application, signals: Sequence[SignalId]) -> Mapping[SignalId, int]:
    """Delete the vectors that these signals replace, from the store and from the index snapshot."""
    gone = application.store.coverage.prune(signals)
    made_by, changes = application.extractor.made_by, application.store.changes
    # a registry of its own: that of the application serves verdicts, and those need a calibration
    Registry.open(made_by, changes, application.snapshot_path).save()
    return gone


def _release_of(application: Application) -> Callable[[str], Objection | None]:
    """The objection to making a template of a talent now; looked up once per talent."""

    @cache
    def objection(talent_id: str) -> Objection | None:
        talent = application.store.talents.get(talent_id)
        return judge_release(application.registration.release_of(talent), application.clock())

    return objection


class _Stored:
    """The store as reindexing asks for it: indexer and data never meet."""

    def __init__(self, store: Store) -> None:
        self._references = store.references
        self._coverage = store.coverage

    def lacking(self, signals: Collection[SignalId], after: str, limit: int) -> Sequence[Reference]:
        return self._coverage.lacking(signals, after, limit)

    def signals_of(self, reference_ids: Sequence[str]) -> Mapping[str, Collection[SignalId]]:
        return self._coverage.signals_of(reference_ids)

    def picture(self, reference_id: str) -> bytes:
        try:
            return self._references.picture(reference_id)
        except StoreError as error:
            if error.code not in GONE:
                raise
            raise UnreadableInput(error.detail, code=error.code) from error

    def put_vectors(self, reference_id: str, signals: Mapping[SignalId, NDArray[Any]]) -> None:
        self._references.put_vectors(reference_id, signals)
