"""A scan in a process of its own, stopped from outside: by Ctrl-C, and by force. What it wrote is kept."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = """
import signal, sys, time
from api.commands import app
from api.composition import Parts
from datetime import UTC, datetime
from detector.signals import SignalId, Signals, SignalSet

class Slow:
    made_by = SignalSet(
        SignalId.parse("face/sface@2021dec/yunet-2023mar.similarity-112-area.mirror-sum"), None, (), {}
    )
    def extract(self, images):
        time.sleep(pace)
        return [Signals((), None, {}, self.made_by) for _ in images]
    def close(self):
        pass

signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background passes "ignore" on
pace = float(sys.argv.pop(1))
app(obj=Parts(clock=lambda: datetime(2026, 6, 1, tzinfo=UTC), extractor=lambda settings, weights: Slow()))
"""


@pytest.fixture
def shop(tmp_path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (40, 80, 120)).save(buffer, "JPEG")
    for number in range(40):
        (folder / f"{number:02}.jpg").write_bytes(buffer.getvalue())
    return folder


def scan(folder: Path, out: str, *options: str, pace: float = 0.0) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "LOOKALIKE_STATE_DIR": str(folder / "state"),
        "LOOKALIKE_CACHE_DIR": str(folder / "cache"),
        "LOOKALIKE_BATCH_SIZE": "2",
    }
    command = [sys.executable, "-c", SCRIPT, str(pace), "scan", "shop", "--out", out, *options]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def wait_for_rows(path: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while not (path.exists() and path.read_bytes().count(b"\n") >= count):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=["ctrl-c", "kill -9"]
)
def test_a_stopped_scan_goes_on_where_it_was(shop, tmp_path, how, code):
    assert finished(scan(tmp_path, "whole.jsonl"))[0] == 0
    stopped = scan(tmp_path, "f.jsonl", pace=0.2)
    wait_for_rows(tmp_path / "f.jsonl", 6)
    stopped.send_signal(how)
    ended, said = finished(stopped)
    assert ended == code
    assert ("--resume" in said) == (how == signal.SIGINT)
    kept = (tmp_path / "f.jsonl").read_bytes()
    assert 6 <= kept.count(b"\n") < 40
    assert json.loads((tmp_path / "f.jsonl.run.json").read_text())["complete"] is False
    assert finished(scan(tmp_path, "f.jsonl", "--resume"))[0] == 0
    assert (tmp_path / "f.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
