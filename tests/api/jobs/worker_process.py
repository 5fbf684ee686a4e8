"""Runs as a process of its own: `lookalike worker` where people are colours, at a pace and with a lease of the test's.

    python worker_process.py SECONDS_PER_PICTURE LEASE_SECONDS

Every picture's number goes to standard output when it is looked at: what a test kills, and then counts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from api.composition import Application, Parts
from api.jobs.building import jobs_of
from api.jobs.process import work
from api.settings import load_settings
from detector.imagery import DecodedImage
from detector.signals import Signals
from tests.api.colours import ColourExtractor


class SlowColours(ColourExtractor):
    """Takes its time, and says whose picture it has before it."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        for image in images:
            print(image.sha256, flush=True)  # noqa: T201 - read by the test
            time.sleep(self._seconds)
        return super().extract(images)


def main(seconds: float, lease_seconds: float) -> None:
    configured = load_settings(os.environ, Path.cwd())
    with Application(configured, Parts(extractor=lambda *_: SlowColours(seconds))) as application:
        print("ready", flush=True)  # noqa: T201 - read by the test
        work(jobs_of(application, lease_seconds=lease_seconds))


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
