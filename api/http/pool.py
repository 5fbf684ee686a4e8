"""The networks' pool: concurrent calls wait in one bounded queue, and each worker takes several of them at once.

    submit ─ full? Overloaded at once ─▶ queue ─ worker: its share of those that go together ─▶ run ─▶ each one's future

Networks do more with several pictures than with one, and the more calls wait, the more go together; a call that waits
alone goes alone, at once. What goes together is decided by `group`. The queue is bounded in calls and in bytes. Workers
are threads, one per core, so the event loop never waits for anything but a future.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from detector.errors import LookalikeError, Overloaded, SignalMismatch

Work = TypeVar("Work")
Answer = TypeVar("Answer")

LONGEST_WAIT = 60
"""Seconds that a caller is told to wait at most."""


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """workers: threads. batch: how many go together at most. capacity: calls that may wait, and max_bytes what all of
    them may hold together (one is always let in)."""

    workers: int = 2
    batch: int = 16
    capacity: int = 64
    max_bytes: int = 512 * 2**20


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Work, Answer]):
    work: Work
    group: Hashable
    size: int
    future: Future[Answer]


class Pool(Generic[Work, Answer]):
    """Runs work in batches. `run` answers a batch in order; `group` says what may be in one. Threads share it."""

    def __init__(
        self,
        run: Callable[[Sequence[Work]], Sequence[Answer]],
        plan: PoolPlan,
        group: Callable[[Work], Hashable] = lambda _work: None,
    ) -> None:
        self._run = run
        self._plan = plan
        self._group = group
        self._queue: deque[_Waiting[Work, Answer]] = deque()
        self._held = 0
        self._seconds_each = 0.0
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"networks-{number}", daemon=True)
            for number in range(plan.workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Calls that no worker has taken yet."""
        return len(self._queue)

    def require_room(self, size: int = 0) -> None:
        """Raise Overloaded when another call of that many bytes would be refused."""
        with self._changed:
            if self._closed:
                raise Overloaded("the service is being stopped", retry_after=1)
            full = len(self._queue) >= self._plan.capacity
            if full or (self._queue and self._held + size > self._plan.max_bytes):
                raise Overloaded(
                    f"{len(self._queue)} checks are waiting already; try again in a moment",
                    retry_after=self._wait(),
                )

    def submit(self, work: Work, size: int = 0) -> Future[Answer]:
        """What `run` will answer for it. `size`: bytes it holds while it waits. Raises Overloaded at once when full."""
        waiting = _Waiting[Work, Answer](work, self._group(work), size, Future())
        with self._changed:
            self.require_room(size)
            self._queue.append(waiting)
            self._held += size
            self._changed.notify()
        return waiting.future

    def close(self) -> None:
        """Let in nothing more, answer what waits, and return when that is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _wait(self) -> int:
        """Seconds until the queue should be half empty."""
        seconds = self._seconds_each * len(self._queue) / 2 / self._plan.workers
        return max(1, min(LONGEST_WAIT, round(seconds)))

    def _work(self) -> None:
        while batch := self._take():
            started = [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]
            if started:
                began = time.monotonic()
                self._answer(started)
                self._seconds_each = (time.monotonic() - began) / len(started)

    def _take(self) -> list[_Waiting[Work, Answer]]:
        """The first that waits and those that go with it: a worker's share, so that the others have work too. Empty
        when the pool is closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            if not self._queue:
                return []
            share = -(-len(self._queue) // self._plan.workers)
            group, most = self._queue[0].group, min(share, self._plan.batch)
            batch = [waiting for waiting in self._queue if waiting.group == group][:most]
            taken = set(map(id, batch))
            self._queue = deque(waiting for waiting in self._queue if id(waiting) not in taken)
            self._held -= sum(waiting.size for waiting in batch)
            return batch

    def _answer(self, batch: Sequence[_Waiting[Work, Answer]]) -> None:
        """What fails in company is tried alone, unless it is nobody's own fault (a lost store fails for all)."""
        try:
            answers = self._run([waiting.work for waiting in batch])
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            shared = isinstance(error, LookalikeError) and not isinstance(error, SignalMismatch)
            if shared or len(batch) == 1:
                for waiting in batch:
                    waiting.future.set_exception(error)
                return
            for waiting in batch:
                self._answer([waiting])
            return
        for waiting, answer in zip(batch, answers, strict=True):
            waiting.future.set_result(answer)
