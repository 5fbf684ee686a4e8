"""Runs as a process of its own: a detector where people are colours, that stays open and answers one picture a line.

python asking.py      a path on standard input ─▶ its verdict on standard output
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from api.composition import Application, Parts
from api.settings import load_settings
from detector.pipeline import Submission
from detector.use import Use
from tests.api.colours import NOW, ColourExtractor


def main() -> None:
    configured = load_settings(os.environ, Path.cwd())
    with Application(
        configured, Parts(clock=lambda: NOW, extractor=lambda *_: ColourExtractor())
    ) as application:
        detector = application.detector()
        print("ready", flush=True)  # noqa: T201 - read by the test
        for line in sys.stdin:
            data = Path(line.strip()).read_bytes()
            [finding] = detector.detect([Submission("asked", data, Use())], NOW)
            print(finding.verdict, flush=True)  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
