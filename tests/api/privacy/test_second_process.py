"""A process that runs all the while answers for nobody who was erased in another, and leaves nothing of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.colours import BLUE, RED, Installation

ASKING = Path(__file__).with_name("asking.py")
ROOT = Path(__file__).parents[3]
Ask = Callable[[Path], str]


@pytest.fixture
def start(here: Installation) -> Iterator[Callable[[], Ask]]:
    """Starts a process that answers."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> Ask:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(ASKING)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )
        started.append(process)
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None
        assert stdout.readline() == "ready\n"

        def ask(path: Path) -> str:
            stdin.write(f"{path}\n")
            stdin.flush()
            return stdout.readline().strip()

        return ask

    yield begin
    for process in started:
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_an_erasure_and_a_registration_count_in_a_running_process(
    here: Installation, enrolled: Callable[[str, str], str], start: Callable[[], Ask]
) -> None:
    talent = enrolled("AG-7", "red")
    reds, blues = here.picture("red.png", RED, seed=9), here.picture("blue.png", BLUE, seed=9)
    ask = start()
    assert (ask(reds), ask(blues)) == ("needs_review", "no_match")
    enrolled("AG-8", "blue")
    assert ask(blues) == "needs_review"
    here.run("talent", "erase", "AG-7", "--yes")
    assert (ask(reds), ask(blues)) == ("no_match", "needs_review")
    snapshot = here.folder / "state" / "index.snapshot"
    assert talent.encode() not in snapshot.read_bytes(), "it wrote the snapshot anew"
