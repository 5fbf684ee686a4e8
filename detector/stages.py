"""A stage clock: how much processor time each stage of the pipeline has taken, whatever thread it ran in.

Wall time says how long a stage was waited for, also while something else had the processor; processor time says what it
costs. The sum over the stages, divided by the cores, is the least time that a scan can take: the stage bound.

The clock is the calling thread's. OpenVINO runs networks in threads of its own, which that misses: to have their time
too, give it the whole process's (`time.process_time`) and run one call at a time; `benchmarks.scan_speed` does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Stages:
    """Seconds by stage. Safe to share between threads. A stage inside another counts as itself only."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._thread = threading.local()

    @property
    def seconds(self) -> Mapping[str, float]:
        """Processor time so far, in seconds, by stage."""
        with self._lock:
            return dict(self._seconds)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count what this thread does inside as that stage's."""
        outer, self._thread.inside = getattr(self._thread, "inside", 0.0), 0.0
        started = self.clock()
        try:
            yield
        finally:
            spent = self.clock() - started
            with self._lock:
                self._seconds[stage] = self._seconds.get(stage, 0.0) + spent - self._thread.inside
            self._thread.inside = outer + spent
