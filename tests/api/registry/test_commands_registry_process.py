"""The command as a process of its own: what an installed `lookalike` does, with the real networks where marked."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

Environment = dict[str, str]


def lookalike(environment: Environment, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.main", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")}
    mine = {
        "LOOKALIKE_STATE_DIR": str(tmp_path / "state"),
        "LOOKALIKE_CACHE_DIR": str(tmp_path / "cache"),
        "LOOKALIKE_OFFLINE": "1",
    }
    return {**kept, **mine}


@pytest.fixture
def networked(environment: Environment, weights_dir: Path) -> Environment:
    return {**environment, "LOOKALIKE_WEIGHTS_DIRS": str(weights_dir)}


def test_help_brings_in_nothing_heavy() -> None:
    code = (
        "import sys, api.commands\n"
        "heavy = {'numpy', 'cv2', 'openvino', 'faiss', 'sqlalchemy', 'pydantic', 'PIL', 'alembic', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_output_of_a_process_is_plain(environment: Environment, tmp_path: Path) -> None:
    assert lookalike(environment, "talent", "add", "A", "Ada").returncode == 0
    listed = lookalike(environment, "talent", "list")
    assert listed.returncode == 0
    assert listed.stdout.splitlines()[1].split("  ")[0] == "A"
    assert "\x1b" not in listed.stdout
    failed = lookalike(environment, "talent", "show", "B")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "Traceback" not in failed.stderr
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_a_closed_pipe_leaves_no_traceback(environment: Environment) -> None:
    lookalike(environment, "talent", "add", "A", "Ada")
    command = f"{sys.executable} -m api.main talent list --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr


@pytest.mark.weights
def test_portraits_are_enrolled_and_judged(networked: Environment, sample_dir: Path) -> None:
    lookalike(networked, "talent", "add", "BO", "Barack Obama")
    pictures = [sample_dir / name for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
    release = ("--release-signed-at", "2025-01-01")
    done = lookalike(networked, "enroll", "BO", *pictures, *release)
    assert done.returncode == 1
    statuses = [line.split()[1] for line in done.stdout.splitlines()[1:]]
    assert statuses == ["accepted", "accepted", "rejected"]
    assert "inconsistent" in done.stdout
    again = lookalike(networked, "enroll", "BO", *pictures[:2])
    assert again.returncode == 0
    assert again.stdout.count("unchanged") == 2


def rows_of(path: Path) -> list[dict[str, str]]:
    """Complete rows only: the last line of a killed process may be half written."""
    whole = path.read_text("utf-8").rpartition("\n")[0] if path.exists() else ""
    return list(csv.DictReader(whole.splitlines()))


@pytest.mark.weights
def test_a_killed_import_has_kept_every_row_it_acknowledged(
    networked: Environment, sample_dir: Path, tmp_path: Path
) -> None:
    portraits = [sample_dir / "obama.jpg", sample_dir / "obama2.jpg", sample_dir / "biden.jpg"]
    roster = tmp_path / "roster.csv"
    people = 40
    lines = [f"T{number},Person {number},{portraits[number % 3]},2025-01-01" for number in range(people)]
    roster.write_text("\n".join(["talent_ref,name,image,release_signed_at", *lines]) + "\n", "utf-8")
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "api.main", "import", str(roster), "--out", str(out)]
    with subprocess.Popen(command, env=networked, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while len(rows_of(out)) < 3 and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    acknowledged = rows_of(out)
    assert acknowledged
    done = lookalike(networked, "import", roster, "--out", out)
    finished = rows_of(out)
    assert len(finished) == people, done.stderr
    for before, after in zip(acknowledged, finished, strict=False):
        expected = "unchanged" if before["status"] == "accepted" else before["status"]
        assert (after["talent_ref"], after["status"]) == (before["talent_ref"], expected)
