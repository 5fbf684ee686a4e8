"""The queues: messages are JSON and nothing else; what can't be opened is a sentence; rings reach whoever looks next."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from huey import SqliteHuey
from hypothesis import given
from hypothesis import strategies as st

from api.composition import Application
from api.jobs.building import jobs_of
from api.jobs.queues import JsonSerializer, open_queue
from api.settings import load_settings
from detector.errors import StoreError
from tests.api.jobs.conftest import Ordering

ROOT = Path(__file__).resolve().parents[3]


def test_a_message_survives_with_its_moments(tmp_path: Path) -> None:
    queue = SqliteHuey("q", filename=str(tmp_path / "q.sqlite3"), results=False, serializer=JsonSerializer())
    task = queue.task(name="run")(lambda scan_id: None)
    sent = task.s("scn_1")
    sent.eta = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001 - huey's moments are UTC without saying so
    queue.enqueue(sent)
    (raw,) = queue.storage.enqueued_items()
    assert b"scn_1" in bytes(raw)
    got = queue.dequeue()
    assert (got.id, list(got.args), got.eta) == (sent.id, ["scn_1"], sent.eta)
    queue.storage.close()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_values_come_back_as_they_were(value: object) -> None:
    serializer = JsonSerializer()
    assert serializer.deserialize(serializer.serialize(value)) == value


def test_a_pickle_in_the_queue_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    with pytest.raises(ValueError, match="decode"):
        JsonSerializer().deserialize(pickle.dumps(Trap()))
    assert not (tmp_path / "sprung").exists()
    with pytest.raises(TypeError, match="can't hold"):
        JsonSerializer().serialize(Trap())
    assert (
        JsonSerializer().deserialize(JsonSerializer().serialize(datetime(2026, 1, 1, tzinfo=UTC))).year
        == 2026
    )


def test_a_queue_out_of_reach_is_a_sentence(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:1/none"
    environ = {"LOOKALIKE_STORE_URL": url, "LOOKALIKE_STATE_DIR": str(tmp_path)}
    with pytest.raises(StoreError) as refused:
        open_queue(load_settings(environ, tmp_path).settings, "scans")
    assert "hunter2" not in str(refused.value)


def test_a_ring_that_is_lost_comes_again(application: Application, ordering: Ordering) -> None:
    """The queue may be thrown away: it holds nothing that the store does not know."""
    scan = ordering.colours([(1, 1, 1)])
    jobs = jobs_of(application)
    jobs.ring(scan.id)
    assert jobs.rung() == {scan.id}
    jobs.close()
    (application.settings.state_dir / "jobs.sqlite3").unlink()
    again = jobs_of(application)
    assert again.rung() == set()
    again.recover()
    assert again.rung() == {scan.id}
    again.close()


def test_the_queue_is_readable_by_its_owner_only(application: Application) -> None:
    jobs_of(application).close()
    for file in application.settings.state_dir.glob("jobs.sqlite3*"):
        assert file.stat().st_mode & 0o077 == 0


def test_a_worker_without_weights_says_so_and_ends(tmp_path: Path) -> None:
    environ = {"LOOKALIKE_STATE_DIR": str(tmp_path / "s"), "LOOKALIKE_CACHE_DIR": str(tmp_path / "c")}
    command = [sys.executable, "-m", "api.main", "worker"]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **environ, "LOOKALIKE_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode not in (0, None)
    assert "weights" in ended.stderr
