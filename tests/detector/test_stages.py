"""The stage clock: every thread's processor time under its stage's name, nothing twice, and waiting is free."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from detector.stages import Stages


def work(seconds: float) -> None:
    """Keep this thread's processor busy for so long, by the processor's own count."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_threads_add_up() -> None:
    stages = Stages()

    def one(_: int) -> None:
        with stages.timed("find"):
            work(0.02)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(6)))
    assert stages.seconds["find"] >= 6 * 0.02


def test_a_stage_inside_another_is_not_counted_twice() -> None:
    stages = Stages()
    before = time.thread_time()
    with stages.timed("outer"):
        work(0.01)
        for _ in range(2):
            with stages.timed("inner"):
                work(0.03)
    whole = time.thread_time() - before
    assert stages.seconds["inner"] >= 0.06
    assert stages.seconds["outer"] >= 0.01
    assert sum(stages.seconds.values()) <= whole


def test_waiting_is_free() -> None:
    stages = Stages()
    before = time.thread_time()
    with stages.timed("wait"):
        threading.Event().wait(0.05)
    assert stages.seconds["wait"] <= time.thread_time() - before
    assert stages.seconds["wait"] < 0.05


def test_a_stage_that_fails_is_counted_and_fails() -> None:
    stages = Stages()

    def fail() -> None:
        with stages.timed("decode"):
            work(0.01)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert stages.seconds["decode"] >= 0.01


def test_the_processes_clock_counts_threads_that_work_for_the_stage() -> None:
    stages = Stages(time.process_time)
    with stages.timed("network"):
        helper = threading.Thread(target=work, args=(0.05,))
        helper.start()
        helper.join()
    assert stages.seconds["network"] >= 0.05
