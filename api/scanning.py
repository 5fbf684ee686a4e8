"""The batch runner: items of a source, in batches through the detector, to rows in the order of the items.

    items ─ batches ─▶ pool of workers (read the bytes, detect) ─▶ rows in input order ─▶ whoever iterates

Each worker reads and checks one whole batch on its own core, so that no stage of one waits for another's: while
one decodes, another is in the networks. As many batches again stand ready and are not yet read, so that a slow
one holds nobody up; memory doesn't grow with the source. Rows come out as plain values: the
caller writes them where it wants. Every item yields exactly one row, whatever is wrong with it. An error
that is not about one picture (a lost store, changed weights) ends the run; the rows before it have been
handed out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from api.uses import USE_COLUMNS, readable_use, use_of
from detector.errors import InputError, LookalikeError
from detector.finding import Finding, Row, to_row
from detector.pipeline import Submission
from detector.use import Use


class Item(Protocol):
    """One input of a source: where it is, the columns it came with, and how to get its bytes."""

    @property
    def source(self) -> str: ...

    @property
    def row(self) -> Mapping[str, str]: ...

    def read(self) -> bytes:
        """The encoded picture. Raises InputError."""
        ...


class Detects(Protocol):
    """What the runner asks of the detector; `detector.pipeline.Detector` is it."""

    def detect(self, batch: Sequence[Submission], at: datetime) -> list[Finding]: ...


LEAST_BATCH = 4
"""Pictures that go through the networks together, however many cores share them: fewer waste the processor's caches."""


class Scans(Protocol):
    """What a run asks of whatever does the work; `Scanner` is it."""

    def scan(self, items: Iterable[Item]) -> Iterator[Row]:
        """One row per item, in order."""
        ...


RefsOf = Callable[[Collection[str]], Mapping[str, str]]
"""Talent ids to the references their agencies use."""

INTERNAL_ERROR = "internal_error"
"""Code of a picture whose check failed in a way nobody foresaw; it costs this picture only."""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """How a run goes: the moment its verdicts speak of, the use claimed unless a row says otherwise, and
    how much is in flight (pictures per batch, batches at once: as many as cores)."""

    at: datetime
    use: Use = field(default_factory=Use)
    batch: int = 16
    workers: int = 2


class Scanner:
    """Runs items through a detector. `refs` translates talent ids to the references their agencies use."""

    def __init__(self, detector: Detects, refs: RefsOf, plan: ScanPlan) -> None:
        self._detector = detector
        self._refs = refs
        self._plan = plan

    def scan(self, items: Iterable[Item]) -> Iterator[Row]:
        """One row per item, in order. Closing the iterator (or an interrupt) drops what is in flight and
        stops."""
        pool = ThreadPoolExecutor(self._plan.workers, thread_name_prefix="scan")
        flight: deque[Future[list[Row]]] = deque()
        try:
            for batch in _batches(items, self._plan.batch):
                flight.append(pool.submit(self._rows, batch))
                if len(flight) >= 2 * self._plan.workers:
                    yield from flight.popleft().result()
            while flight:
                yield from flight.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _rows(self, batch: Sequence[Item]) -> list[Row]:
        return rows_of(self._detect([self._submission(item) for item in batch]), self._refs)

    def _submission(self, item: Item) -> Submission:
        extra = {name: text for name, text in item.row.items() if name not in USE_COLUMNS}
        try:
            use = use_of(item.row, self._plan.use)
        except InputError as error:
            return Submission(item.source, error, readable_use(item.row, self._plan.use), extra)
        try:
            return Submission(item.source, item.read(), use, extra)
        except InputError as error:
            return Submission(item.source, error, use, extra)

    def _detect(self, batch: Sequence[Submission]) -> list[Finding]:
        try:
            return self._detector.detect(batch, self._plan.at)
        except LookalikeError:
            raise
        except Exception:  # noqa: BLE001 - one picture may have broken the batch: each is tried alone
            return [self._detect_alone(submission) for submission in batch]

    def _detect_alone(self, submission: Submission) -> Finding:
        try:
            return self._detector.detect([submission], self._plan.at)[0]
        except LookalikeError:
            raise
        except Exception as error:  # noqa: BLE001 - the row records it, the batch goes on
            broken = InputError(
                f"checking this picture broke with {type(error).__name__}; please report it.",
                code=INTERNAL_ERROR,
            )
            return self._detector.detect([replace(submission, data=broken)], self._plan.at)[0]


def batch_for(most: int, workers: int) -> int:
    """Pictures per batch where so many workers each check one: with many of them less, so that memory stays the same."""
    return min(most, max(LEAST_BATCH, 2 * most // workers))


def rows_of(findings: Sequence[Finding], refs: RefsOf) -> list[Row]:
    """Their rows, with the talents' references."""
    known = refs(frozenset().union(*(finding.talent_ids for finding in findings)))
    return [to_row(finding, known) for finding in findings]


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
