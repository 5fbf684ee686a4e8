"""Processes that are killed or write at the same time: what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from data.store import Store
from data.store.database import Database
from detector.errors import NotFound
from detector.signals import SignalId, SignalKind
from tests.data.crashing import TURNS, run

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")
WRITER = Path(__file__).with_name("store_writer.py")
ROUNDS = 4

Clock = Callable[[], datetime]


def start(url: str, prefix: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), url, prefix, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_until_killed(process: subprocess.Popen[str], acknowledgements: int, patience: float) -> list[str]:
    """Lines until so many have come, then a moment longer, then SIGKILL; and what had been written by
    then."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledgements)]
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=patience)
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return [line for line in lines if line.endswith("\n")]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_import_loses_nothing_that_was_acknowledged(store_url: str, clock: Clock) -> None:
    chance = random.Random(20260301)  # noqa: S311 - when to kill is no secret
    acknowledged: list[list[str]] = []
    for number in range(ROUNDS):
        process = start(store_url, f"round{number}", 100_000)
        lines = read_until_killed(process, chance.randint(2, 25), chance.uniform(0, 0.03))
        acknowledged += [line.split() for line in lines]
        with Store.open(store_url, clock=clock) as store:
            require_all(store, acknowledged)
        require_whole(store_url, clock)
    assert len(acknowledged) > 2 * ROUNDS


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("rounds", "sealed"), [(len(TURNS), True), pytest.param(6 * len(TURNS), False, marks=pytest.mark.slow)]
)
def test_killed_imports_scans_reviews_and_erasures_keep_what_they_promised(
    tmp_path: Path, rounds: int, sealed: bool
) -> None:
    """`python -m tests.data.crashing --rounds 200` does the same for longer, from a seed of its own."""
    crashes = run(tmp_path, rounds, seed=20260301, sealed=sealed)
    assert sum(crashes.kills.values()) == rounds
    assert crashes.promised.refs


def require_all(store: Store, acknowledged: list[list[str]]) -> None:
    """Every acknowledged row is there, with its vectors and its picture; the chain and the pictures are
    whole."""
    removed = {words[1] for words in acknowledged if words[0] == "removed"}
    for kind, *ids in acknowledged:
        if kind == "talent":
            assert store.talents.get(ids[0]).name.startswith("Person")
        for reference_id in ids if kind == "references" else ():
            if not removed_by_audit(store, reference_id):
                assert store.references.vectors(reference_id)[FACE].shape == (128,)
    for reference_id in removed:
        assert removed_by_audit(store, reference_id)
        with pytest.raises(NotFound):
            store.references.get(reference_id)
    for reference in store.references.list():
        assert store.references.picture(reference.id)
    assert store.audit.verify() == []


def removed_by_audit(store: Store, reference_id: str) -> bool:
    """A removal may have been committed just before the kill, and not acknowledged any more."""
    return any(event.action == "reference.removed" for event in store.audit.list(subject=reference_id))


def require_whole(url: str, clock: Clock) -> None:
    """Change numbers are 1, 2, 3, … and follow the references; no picture is left without a reference."""
    database = Database(url, clock)
    with database.reading() as connection:
        numbers = connection.execute(text("SELECT number FROM change ORDER BY number")).scalars().all()
        alive = set(connection.execute(text("SELECT id FROM reference")).scalars())
        rows = connection.execute(text("SELECT op, reference_id FROM change ORDER BY number")).all()
    database.close()
    assert numbers == list(range(1, len(numbers) + 1))
    replayed: set[str] = set()
    for op, reference_id in rows:
        (replayed.add if op == "put" else replayed.remove)(reference_id)
    assert replayed == alive


def test_two_processes_that_write_at_once_lose_nothing(store_url: str, clock: Clock, tmp_path: Path) -> None:
    processes = [start(store_url, prefix, 12) for prefix in ("left", "right")]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    with Store.open(store_url, clock=clock) as store:
        require_all(store, [line.split() for output in outputs for line in output.splitlines()])
        refs = {talent.ref for talent in store.talents.list()}
        assert refs == {f"{prefix}-{number}" for prefix in ("left", "right") for number in range(12)}
        assert len(store.references.list()) == 2 * (12 * 2 - 4)
        assert store.changes.head() == 2 * (12 * 2 + 4)
        assert store.sweep() == 0
    require_whole(store_url, clock)
    kept = [path for path in (tmp_path / "state" / "blobs").glob("??/*") if path.is_file()]
    assert len(kept) == 2 * (12 * 2 - 4)
