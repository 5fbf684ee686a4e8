"""A worker as a process of its own: works until it is told to stop, then finishes its batch and gives the scan back.

The first SIGINT or SIGTERM stops it so; a second one ends it at once, which loses nothing either: the lease of its scan
passes, and another worker goes on.
"""

from __future__ import annotations

import logging.config
import signal
import threading
from types import FrameType

from api.jobs.jobs import Jobs
from api.logs import log_config

LOG_LEVELS = {"lookalike": "INFO", "huey": "WARNING"}
"""One line per scan and per chore that fails; huey's own lines only where something is wrong."""

LOOK_SECONDS = 0.5
"""How long a signal may go unnoticed."""


def work(jobs: Jobs) -> None:
    """Be a worker until a signal comes. Raises what `Jobs.start` raises."""
    logging.config.dictConfig(log_config(LOG_LEVELS))
    told = threading.Event()

    def tell(signum: int, _frame: FrameType | None) -> None:
        told.set()
        signal.signal(signum, signal.SIG_DFL)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, tell)
    jobs.start()
    try:
        while not told.wait(LOOK_SECONDS):
            pass  # Python runs the handler in this thread alone, which a signal that another thread took doesn't wake
    finally:
        jobs.close()
