"""Progress is read off a folder in which somebody else is working."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from data.fetching import watched


def test_progress_survives_folders_that_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"x" * 10)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for at in range(20):
                folder = tmp_path / f"build-{at}" / "deep"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "file").write_bytes(b"y")
            for at in range(20):
                shutil.rmtree(tmp_path / f"build-{at}", ignore_errors=True)

    reports: list[int] = []
    enough = threading.Event()

    def report(count: int) -> None:
        reports.append(count)
        if len(reports) >= 200:
            enough.set()

    worker = threading.Thread(target=churn, daemon=True)
    worker.start()
    try:
        with watched(tmp_path, report, every=0.001):
            assert enough.wait(20)
    finally:
        stop.set()
        worker.join()
    assert min(reports) >= 10
