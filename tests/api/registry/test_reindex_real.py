"""Switching the face network with the real networks, as processes of their own: killed half-way, gone on with.

The new network is SFace looked at once instead of twice, described as a network of the user's own: its signal is
another, its vectors are others, and it needs no second download.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageEnhance

from api.own_networks import OwnFaceNetwork
from data.calibration import read_tables
from detector.faces.sface import SIGNAL
from detector.signals import SignalId

pytestmark = [pytest.mark.weights, pytest.mark.slow]

PER_TALENT = 24
"""References of each of two talents: three batches, so that there is a half-way."""

PEOPLE = {"obama": ("obama2", "obama"), "biden": ("biden", "biden")}
"""The picture that references are drawn from, and the one that is checked."""


class World:
    """Two settings over one state folder."""

    def __init__(self, folder: Path, weights_dir: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")}
        self.old = {
            **kept,
            "LOOKALIKE_STATE_DIR": str(self.state),
            "LOOKALIKE_CACHE_DIR": str(folder / "cache"),
            "LOOKALIKE_WEIGHTS_DIRS": str(weights_dir),
            "LOOKALIKE_OFFLINE": "1",
            "LOOKALIKE_IMAGE_NETWORK": "none",
        }
        file = weights_dir / "face_recognition_sface_2021dec.onnx"
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        described = {"file": str(file), "licence": "Apache-2.0", "commercial": True, "dimension": 128}
        table = {**described, "sha256": digest, "output": "fc1", "mirror": False}
        self.signal = OwnFaceNetwork(**table).network("sface-once", digest).signal
        self.new = {
            **self.old,
            "LOOKALIKE_FACE_NETWORK": "sface-once",
            "LOOKALIKE_FACE_NETWORKS": json.dumps({"sface-once": table}),
        }

    def run(self, environment: dict[str, str], *arguments: object, code: int = 0) -> str:
        done = subprocess.run(
            self.command(*arguments),
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "api.main", *map(str, arguments)]

    def vectors(self, of: SignalId) -> int:
        """How many references have a vector of this signal, read past the application."""
        query = "SELECT COUNT(*) FROM reference_signal JOIN signal ON signal.key = signal_key WHERE name = ?"
        with sqlite3.connect(
            f"file:{self.state / 'lookalike.sqlite3'}?mode=ro", uri=True, timeout=30
        ) as database:
            return int(database.execute(query, [str(of)]).fetchone()[0])

    def faces(self) -> list[tuple[Any, ...]]:
        """What people decided: which face of which picture is whose."""
        with sqlite3.connect(
            f"file:{self.state / 'lookalike.sqlite3'}?mode=ro", uri=True, timeout=30
        ) as database:
            return database.execute(
                "SELECT id, talent_id, sha256, face FROM reference ORDER BY id"
            ).fetchall()

    def found(self, environment: dict[str, str], picture: Path) -> list[str]:
        row = json.loads(self.run(environment, "check", picture, "--json", code=3))
        bands = (who for face in row["faces"] for who in face["candidates"] if who["band"] == "match")
        return [who["talent_ref"] for who in bands]


@pytest.fixture(scope="module")
def world(weights_dir: Path, sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Both talents enrolled with the old network. The looks are near-duplicates by design, so they are confirmed."""
    world = World(tmp_path_factory.mktemp("switch"), weights_dir)
    for ref, (drawn_from, _) in PEOPLE.items():
        world.run(world.old, "talent", "add", ref, ref)
        looks = list(written(world.folder / ref, sample_dir / f"{drawn_from}.jpg"))
        world.run(world.old, "enroll", ref, *looks, "--confirm", "--release-signed-at", "2026-01-01")
    return world


def written(folder: Path, portrait: Path) -> Iterator[Path]:
    """One portrait at many brightnesses, as files."""
    folder.mkdir()
    picture = Image.open(io.BytesIO(portrait.read_bytes())).convert("RGB")
    picture.thumbnail((400, 400))
    for number in range(PER_TALENT):
        path = folder / f"{number:02d}.jpg"
        ImageEnhance.Brightness(picture).enhance(0.7 + 0.025 * number).save(path, quality=90)
        yield path


def killed_half_way(world: World) -> int:
    """Starts a reindex and kills it, as hard as can be, once something was made. Returns how many were made."""
    run = subprocess.Popen(world.command("reindex"), env=world.new, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not world.vectors(world.signal):
        assert run.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait(30)
    return world.vectors(world.signal)


def test_a_switch_that_is_killed_half_way_and_gone_on_with(world: World, sample_dir: Path) -> None:
    total, chosen = 2 * PER_TALENT, world.faces()
    assert world.vectors(SIGNAL) == total
    keep_table(world)

    made = killed_half_way(world)
    assert 0 < made < total
    assert world.vectors(SIGNAL) == total, "old vectors stay beside the new ones"
    refused = subprocess.run(
        world.command("check", sample_dir / "obama.jpg"),
        env=world.new,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert f"{total - made} of {total} references" in refused.stderr
    assert world.found(world.old, sample_dir / "obama.jpg") == ["obama"]

    rest = json.loads(world.run(world.new, "reindex", "--json"))
    assert (rest["done"], rest["failed"]) == (total - made, 0)
    for environment in (world.old, world.new):
        for ref, (_, probe) in PEOPLE.items():
            assert world.found(environment, sample_dir / f"{probe}.jpg") == [ref]
        world.run(environment, "check", sample_dir / "astronaut.png")

    world.run(world.new, "reindex", "--prune")
    assert (world.vectors(SIGNAL), world.vectors(world.signal)) == (0, total)
    assert world.faces() == chosen
    assert json.loads(world.run(world.new, "doctor", "--json"))["healthy"]


def keep_table(world: World) -> None:
    """The shipped table of SFace under the new signal: looked at once, its scores lie nearly the same."""
    table, folder = read_tables().face(SIGNAL), world.state / "calibration"
    folder.mkdir()
    written = {
        "signal": str(world.signal),
        "template_weight": table.template_weight,
        "strength": table.strength.knots,
        "log_false_match": table.log_false_match.knots,
        "made": {"how": "for a test"},
    }
    (folder / "sface-once.json").write_text(json.dumps(written), "utf-8")
