"""What the batch under way has accepted: later rows of it are judged against that as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detector.commonness import Commonness
from detector.signals import SignalId, SignalSet
from indexer.ports import Vectors
from indexer.registry import Registry

if TYPE_CHECKING:
    from indexer.enrolment import AcceptedReference


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """A put of the batch under way, as `indexer.ports.Change` has it."""

    number: int
    reference_id: str
    talent_id: str
    vector: Vectors
    quality: float | None
    op: str = "put"


class Accepted:
    """What this batch has accepted so far: its files, and a small registry that follows it as a feed."""

    def __init__(self, made_by: SignalSet, commonness: Commonness | None) -> None:
        self.files: dict[str, list[tuple[str, str]]] = {}
        self._changes: dict[SignalId, list[_Change]] = {signal: [] for signal in made_by.ids}
        self._head = 0
        self.registry = Registry(made_by, self, commonness=commonness)

    def head(self) -> int:
        return self._head

    def since(self, number: int, signal_id: SignalId, limit: int) -> list[_Change]:
        return [change for change in self._changes[signal_id] if change.number > number][:limit]

    def add(self, talent_id: str, reference_id: str, reference: AcceptedReference) -> None:
        self._head += 1
        self.files.setdefault(reference.sha256, []).append((talent_id, reference_id))
        for signal, vector in reference.signals.items():
            if signal not in self._changes:  # kept and not searched
                continue
            change = _Change(self._head, reference_id, talent_id, vector, reference.quality.score)
            self._changes[signal].append(change)
        self.registry.refresh()
