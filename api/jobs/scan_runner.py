"""One worker's turn at one scan: take the lease, check some pictures, write their rows, give the scan back.

    claim ─▶ [ items ─▶ Scanner (both cores, the same as `lookalike scan`) ─▶ rows ─ record ─▶ uploads deleted ]
          ─▶ succeeded · cancelled · given back for the next turn

A turn ends after `TURN` pictures, so that a small scan waits for no large one. While it lasts a thread holds the lease.
A store that fails in the middle leaves the lease to run out; the scan is taken up again, and after `TRIES` times without
a single row it has failed, with the reason. A picture that kills the worker itself (the system ends it for want of
memory) would come first each time: after `CAREFUL` dead turns pictures go one by one, and after `TRIES` the first one is
given an error of its own and the scan goes on.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from api.jobs.scan_items import Fetch, PictureSource, ScanItems
from api.scanning import Scanner
from api.uses import use_from_options
from data.sources.items import failed
from data.store import Store
from data.store.scan_work import CheckedItem, Lease
from data.store.scans import ScanState
from detector.errors import InputError, LeaseLost, LookalikeError, NotFound
from detector.finding import Row
from detector.naming import is_flagged
from detector.use import Use

log = logging.getLogger("lookalike.jobs")

LEASE_SECONDS = 30.0
TURN = 512
"""Pictures per turn."""

CAREFUL, TRIES = 3, 5
"""Turns without a row, after which pictures are checked one by one; and after which something is given up."""

WORKER_KILLED = "worker_killed"
"""Code of a picture that ended every worker which checked it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a turn goes: pictures per batch, batches at once, and how many pictures it takes on."""

    batch: int
    workers: int
    turn: int = TURN

    @property
    def careful(self) -> Pace:
        """One picture at a time, as many as a turn before it may have had in flight."""
        return Pace(1, 1, 2 * self.batch * self.workers)


@dataclass(frozen=True, slots=True)
class RunnerParts:
    """What a turn works with. `scanner` builds the batch runner for a scan's moment, use and pace."""

    store: Store
    scanner: Callable[[datetime, Use, Pace], Scanner]
    fetch: Fetch
    pace: Pace
    lease_seconds: float = LEASE_SECONDS


class ScanRunner:
    """Works on scans, one turn at a time."""

    def __init__(self, parts: RunnerParts) -> None:
        self.parts = parts
        self.name = f"{socket.gethostname()[:60]}:{secrets.token_hex(4)}"
        self._claims = 0
        self._stopping = threading.Event()

    def run(self, scan_id: str) -> bool:
        """One turn. Whether the scan wants another one soon."""
        try:
            lease = self._claim(scan_id)
            return lease is not None and self._turn(lease)
        except NotFound:
            log.warning("there is no scan %s; its message is dropped", scan_id)
        except LeaseLost as lost:
            log.warning("%s", lost.detail)
        return False

    def stop(self) -> None:
        """End the turn under way after its batch, and every later one; from any thread."""
        self._stopping.set()

    def _claim(self, scan_id: str) -> Lease | None:
        self._claims += 1
        worker = f"{self.name}:{self._claims}"
        return self.parts.store.scan_work.claim(scan_id, worker, self.parts.lease_seconds)

    def _turn(self, lease: Lease) -> bool:
        try:
            with _held(self.parts, lease):
                return self._work(lease)
        except LeaseLost:
            raise
        except LookalikeError as error:
            log.error("scan %s: %s [%s]", lease.scan.id, error.detail, error.code)
            return self._broke_off(lease, error.detail)
        except Exception as error:
            log.exception("scan %s broke", lease.scan.id)
            return self._broke_off(lease, f"it broke with {type(error).__name__}; please report it")

    def _broke_off(self, lease: Lease, why: str) -> bool:
        """The lease runs out, and then somebody tries again; but not for ever."""
        if lease.attempts >= TRIES:
            self._end(lease, ScanState.FAILED, why)
        return False

    def _work(self, lease: Lease) -> bool:
        work = self.parts.store.scan_work
        cancelled = lease.scan.cancel_requested_at is not None
        if not cancelled and lease.attempts > TRIES:
            cancelled = self._give_up_first(lease)
        if not cancelled:
            cancelled = self._check(lease)
        if cancelled:
            self._end(lease, ScanState.CANCELLED)
        elif work.unchecked(lease.scan.id, -1, 1):
            work.release(lease)
            return not self._stopping.is_set()
        else:
            self._end(lease, ScanState.SUCCEEDED)
        return False

    def _check(self, lease: Lease) -> bool:
        """Check the pictures of one turn; whether the scan was cancelled meanwhile."""
        pace = self.parts.pace if lease.attempts < CAREFUL else self.parts.pace.careful
        items = ScanItems(self.parts.store.scan_work, lease.scan, self._source(lease), pace.turn)
        scanner = self.parts.scanner(lease.scan.as_of, use_from_options(lease.scan.use), pace)
        with closing(_rows(scanner, items, pace)) as rows:
            while batch := list(islice(rows, pace.batch)):
                numbers = [items.numbers.popleft() for _ in batch]
                if self._record(lease, dict(zip(numbers, batch, strict=True))):
                    return True
                if self._stopping.is_set():
                    return False
        return False

    def _record(self, lease: Lease, rows: Mapping[int, Row]) -> bool:
        uploads, scan_id = self.parts.store.uploads, lease.scan.id
        checked = [
            CheckedItem(number, row, uploads.read(scan_id, number) if is_flagged(row) else None)
            for number, row in rows.items()
        ]
        cancelled = self.parts.store.scan_work.record(lease, checked)
        uploads.discard(scan_id, rows)
        return cancelled

    def _give_up_first(self, lease: Lease) -> bool:
        """The row of the picture that no worker has survived; it is not read again."""
        first = self.parts.store.scan_work.unchecked(lease.scan.id, -1, 1)
        log.error("scan %s: picture %s ended %d workers", lease.scan.id, [i.number for i in first], TRIES)
        scanner = self.parts.scanner(
            lease.scan.as_of, use_from_options(lease.scan.use), self.parts.pace.careful
        )
        rows = scanner.scan(failed(item.source, _FATAL, item.columns) for item in first)
        return self._record(lease, dict(zip((item.number for item in first), rows, strict=True)))

    def _source(self, lease: Lease) -> PictureSource:
        return PictureSource(lease.scan.id, self.parts.store.uploads, self.parts.fetch)

    def _end(self, lease: Lease, state: ScanState, error: str | None = None) -> None:
        self.parts.store.scan_work.finish(lease, state, error)
        if state is not ScanState.FAILED:  # a failed scan may be resumed
            self.parts.store.uploads.discard_scan(lease.scan.id)
        log.info("scan %s %s", lease.scan.id, state)


def _rows(scanner: Scanner, items: ScanItems, pace: Pace) -> Generator[Row]:
    """The rows of these items; the reading ends with them, however that comes about. Where one item is in flight at
    a time, none is begun before the row of the one before it has been taken."""
    with closing(iter(items)) as reading:
        if pace.batch * pace.workers == 1:
            for item in reading:
                yield from scanner.scan([item])
        else:
            yield from scanner.scan(reading)


_FATAL = InputError(
    "every worker that checked this picture was ended by the system; it is left out", code=WORKER_KILLED
)


@contextmanager
def _held(parts: RunnerParts, lease: Lease) -> Iterator[None]:
    """Renew the lease every third of its time, in a thread. A lease that is lost shows when a row is written."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(parts.lease_seconds / 3):
            try:
                parts.store.scan_work.renew(lease)
            except LookalikeError as error:
                log.warning("the lease of scan %s was not renewed: %s", lease.scan.id, error.detail)

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
