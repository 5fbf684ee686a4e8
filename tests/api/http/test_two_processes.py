"""Two serving processes on one store: what one registers or erases, the other's very next answer knows."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from api.client import Client
from api.composition import Application
from api.http.routes.consents import RELEASE
from data.store.keys import NewKey
from detector.access import Role
from tests.api.colours import BLUE, RED, Installation, drawn

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("serving_process.py")
PATIENT = 60
"""Seconds after which a process that does not get ready fails the test."""


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process that was started, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(port)], cwd=folder, env=environ, stdout=log, stderr=log
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENT)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + PATIENT
    while time.monotonic() < deadline:
        assert process.poll() is None, "the process ended"
        try:
            if httpx2.get(f"{address}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the process did not get ready")


@pytest.fixture
def both(here: Installation) -> Iterator[tuple[Client, Client]]:
    """An admin's clients of two processes."""
    with Application(here.configured, here.parts) as application:
        _, key = application.store.keys.create(NewKey(Role.ADMIN, "console"))
    with ExitStack() as open_ones:
        processes = [open_ones.enter_context(started(here.folder)) for _ in range(2)]
        for process, address in processes:
            _wait_until_ready(process, address)
        first, second = (open_ones.enter_context(Client(address, key)) for _, address in processes)
        yield first, second


def named_in(client: Client, picture: bytes) -> tuple[list[str | None], list[str]]:
    """Talents of the faces, and of the copies, in the answer to a check."""
    row = client.checks.create(("look.png", picture))
    return [face["talent"] for face in row["faces"]], [copy["talent"] for copy in row["copies"]]


def test_a_registration_and_an_erasure_are_seen_by_the_other_process_at_its_next_check(
    both: tuple[Client, Client],
) -> None:
    for (doing, seeing), colour in zip((both, both[::-1]), (RED, BLUE), strict=True):
        picture, reference = drawn(colour, seed=7), drawn(colour)
        assert named_in(seeing, picture) == ([None], [])
        talent = doing.talents.create(ref=f"T-{colour}", name="Ada")["id"]
        doing.consents.create({**RELEASE, "talent_id": talent})
        doing.references.create(talent, ("ada.png", reference))
        assert named_in(seeing, picture) == ([talent], [])
        assert named_in(seeing, reference) == ([talent], [talent])
        doing.talents.erase(talent)
        assert named_in(seeing, picture) == ([None], [])
        assert named_in(seeing, reference) == ([None], [])
