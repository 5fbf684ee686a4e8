"""A stage clock: how much processor time each stage of the pipeline has taken, whatever thread it ran in.

Wall time says how long a stage was waited for, also while something else had the processor; processor time says what it
costs. The sum over the stages, divided by the cores, is the least time that a scan can take: the stage bound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Stages:
    """Seconds by stage. Safe to share between threads. A stage inside another counts as itself only."""

    def __init__(self) -> None:
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
        started = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - started
            with self._lock:
                self._seconds[stage] = self._seconds.get(stage, 0.0) + spent - self._thread.inside
            self._thread.inside = outer + spent
