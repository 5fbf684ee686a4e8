"""The jobs of one process: rings for workers, and is one itself where asked to.

    ring(scan_id) ─▶ queue ─▶ a worker of any process ─▶ ScanRunner.run ─▶ ring again while there is more
    every few seconds ─▶ recover: rings for scans that nobody works on (a lost message, a worker that died)
                         sweep: uploads that no scan needs · and what else was handed in as chores

Two huey consumers in threads of this process: one for scans (one at a time: a scan keeps all cores busy), one for the
chores, so that a long scan delays no webhook. Every worker process does the chores; each chore settles in the store
who does what. `stop` lets the batch under way finish, gives the scan back, and returns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from huey import Huey
from huey.consumer import Consumer, Scheduler

from api.jobs.queues import CHORES, QUEUE_ERRORS, SCANS, open_queue
from api.jobs.scan_runner import ScanRunner
from api.settings import Settings
from data.store import Store
from data.store.scans import ScanState
from detector.errors import LookalikeError, NotFound

log = logging.getLogger("lookalike.jobs")

CHORE_SECONDS = 5
CHORES_AT_ONCE = 3
"""So that a webhook's slow receiver doesn't keep scans from being recovered."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done every few seconds by every worker, the same whether one does it or two at once."""

    name: str
    run: Callable[[], object]


class Jobs:
    """One process's part in the jobs. Without `start` it only rings."""

    def __init__(
        self, settings: Settings, store: Store, runner: Callable[[], ScanRunner], chores: Sequence[Chore] = ()
    ) -> None:
        """`runner` is called once, by `start`: it loads the networks."""
        self._settings = settings
        self._store = store
        self._make_runner = runner
        self._chores = (Chore("recover", self.recover), Chore("sweep_uploads", self.sweep_uploads), *chores)
        self._consumers: list[Consumer] = []

    def ring(self, scan_id: str) -> None:
        """Have a worker look at a scan. A queue that can't be written to is a line in the log: `recover` rings later."""
        try:
            _, task = self._scans
            task(scan_id)
        except QUEUE_ERRORS as error:
            log.warning("the queue did not take scan %s: %s", scan_id, type(error).__name__)

    def recover(self) -> None:
        """Ring for every scan that nobody works on."""
        for scan_id in self._store.scan_work.waiting():
            if scan_id not in self.rung():
                self.ring(scan_id)

    def sweep_uploads(self) -> None:
        """Delete uploads that no scan will read: of ended scans, and of orders that were never completed."""
        uploads = self._store.uploads
        for scan_id in uploads.scans():
            if self._is_over(scan_id):
                uploads.discard_scan(scan_id)

    @property
    def is_working(self) -> bool:
        """Whether this process is a worker now."""
        return bool(self._consumers)

    def start(self) -> None:
        """Become a worker. Raises what stands in the way of checking anything (WeightsError, StoreError …)."""
        runner = self._runner
        self._consumers = [
            _InThreads(self._scans[0], periodic=False, **_CONSUMING),
            _ForChores(self._chore_queue, **_CONSUMING | {"workers": CHORES_AT_ONCE}),
        ]
        for consumer in self._consumers:
            consumer.start()
        log.info("worker started: %s", runner.name)

    def stop(self) -> None:
        """Finish the batch and the chores under way and stop being a worker. Nothing happens where there is none."""
        if self._consumers:
            self._runner.stop()
        for consumer in self._consumers:
            consumer.stop(graceful=True)
        self._consumers = []

    def close(self) -> None:
        """Stop, and give the queues' connections back."""
        self.stop()
        for queue in (self._scans[0], self._chore_queue):
            queue.storage.close()

    @cached_property
    def _runner(self) -> ScanRunner:
        return self._make_runner()

    @cached_property
    def _scans(self) -> tuple[Huey, Callable[[str], object]]:
        """The queue with its one task: a worker that knew the queue alone would lose every message it takes."""
        queue = open_queue(self._settings, SCANS)
        return queue, queue.task(name="run_scan")(self._turn)

    def _turn(self, scan_id: str) -> None:
        if self._runner.run(scan_id):
            self.ring(scan_id)

    @cached_property
    def _chore_queue(self) -> Huey:
        queue = open_queue(self._settings, CHORES)
        for chore in self._chores:
            every = queue.periodic_task(lambda _: True, expires=2 * CHORE_SECONDS, name=chore.name)
            every(_logged(chore))
        return queue

    def rung(self) -> set[str]:
        """Scans that have a message waiting already."""
        tasks = self._scans[0].pending()
        return {task.args[0] for task in tasks if task.args}

    def _is_over(self, scan_id: str) -> bool:
        try:
            found = self._store.scans.get(scan_id)
        except NotFound:
            return self._store.uploads.is_stale(scan_id, self._store.now())
        return found.state in (ScanState.SUCCEEDED, ScanState.CANCELLED)


def _logged(chore: Chore) -> Callable[[], None]:
    """The chore, whose failure is a line in the log: it comes again in a few seconds."""

    def run() -> None:
        try:
            chore.run()
        except LookalikeError as error:
            log.error("%s: %s [%s]", chore.name, error.detail, error.code)

    return run


class _EveryFewSeconds(Scheduler):  # type: ignore[misc] # huey has no types
    """Looks for what is due more often than once a minute."""

    periodic_task_seconds = CHORE_SECONDS


class _InThreads(Consumer):  # type: ignore[misc] # huey has no types
    """A consumer inside a process that has its own mind about signals."""

    def _set_signal_handlers(self) -> None:
        """Whoever starts the worker decides what ends it."""


class _ForChores(_InThreads):
    scheduler_class = _EveryFewSeconds


_CONSUMING = {"workers": 1, "max_delay": 1.0, "check_worker_health": False}
"""One thread of work; an SQLite queue is looked into at least every second."""
