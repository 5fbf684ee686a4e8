"""Scan a list of pictures in this process and measure it: pictures a second, stages, memory. `benchmarks.throughput` and
`benchmarks.enrolment` run it in a process of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil

from api.commands.check_options import FailOn
from api.commands.running import Asked, machinery_of
from api.composition import Application
from api.settings import load_settings
from data.sources import file_item
from detector.pipeline import Submission
from detector.use import Use

ASKED = Asked(use={}, as_of=None, top=0, fail_on=FailOn.NEVER, as_json=False, quiet=True, every_row=False)
ALONE = 160
"""Pictures checked one batch at a time, before the scan, to measure each stage; they warm the networks up as well."""

BATCH = 16


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan took. seconds: wall time; processor: processor seconds of the process; stages: of each stage, a
    picture, when one call runs at a time; memory: resident MiB after each row."""

    pictures: int
    failed: int
    faces: int
    seconds: float
    processor: float
    stages: Mapping[str, float]
    memory: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.pictures / self.seconds

    def bound(self, cores: int) -> float:
        """Pictures a second if nothing but the stages ran and every core were always busy."""
        return cores / sum(self.stages.values())

    @property
    def slope(self) -> float:
        """MiB that the memory grows by over 1,000 pictures, fitted over the last two thirds."""
        tail = np.array(self.memory[len(self.memory) // 3 :])
        return float(np.polyfit(np.arange(len(tail)), tail, 1)[0]) * 1000


def apart(state: Path, pictures: Sequence[Path]) -> Scan:
    """`scan` in a fresh process with the state directory `state`."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(scan, state, list(pictures)).result()


def scan(state: Path, pictures: Sequence[Path]) -> Scan:
    """As `lookalike scan` does it, to rows; they are counted and not kept."""
    environ = {**os.environ, "LOOKALIKE_STATE_DIR": str(state)}
    with Application(load_settings(environ, Path.cwd(), None)) as application:
        machinery = machinery_of(application, Use(), ASKED)
        stages = _stages(application, pictures[:ALONE])
        items = [file_item(path) for path in pictures]
        memory, faces, failed = [], 0, 0
        began, processor, process = time.monotonic(), time.process_time(), psutil.Process()
        for row in machinery.scanner(application.clock()).scan(items):
            memory.append(process.memory_info().rss / 2**20)
            faces += len(row["faces"])
            failed += row["status"] != "ok"
        seconds, processor = time.monotonic() - began, time.process_time() - processor
        return Scan(len(items), failed, faces, seconds, processor, stages, tuple(memory))


def _stages(application: Application, pictures: Sequence[Path]) -> Mapping[str, float]:
    """Processor seconds a picture of each stage, by the clock of the whole process: nothing else runs in it."""
    detector, at = application.detector(), application.clock()
    batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    detector.stages.clock = time.process_time
    submitted = [[Submission(str(path), path.read_bytes()) for path in batch] for batch in batches]
    detector.detect(submitted[0], at)
    before = detector.stages.seconds
    for batch in submitted:
        detector.detect(batch, at)
    spent = detector.stages.seconds
    detector.stages.clock = time.thread_time
    return {name: (spent[name] - before.get(name, 0.0)) / len(pictures) for name in spent}
