"""Of people who are not registered nothing stays: neither vector nor crop nor picture, however many are looked at."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from api.composition import Application
from detector.decoding import DecodeLimits, decode
from detector.faces.sface import SIGNAL
from tests.api.colours import RED, ColourExtractor, Installation, drawn

HUES = [colour for colour in product(range(20, 240, 20), repeat=3) if max(colour) - min(colour) > 60]
"""Several hundred people."""

KEPT_OF_A_SCAN = {"scan", "scan_item", "audit_event", "api_key", "event"}
"""Tables that a scan may write to: the job, its rows, that it ran, and for whom."""


def strangers(count: int) -> list[bytes]:
    """Pictures of that many people, none of them near red."""
    people = [hue for hue in HUES if abs(hue[0] - RED[0]) + abs(hue[1] - RED[1]) + abs(hue[2] - RED[2]) > 150]
    return [drawn(people[at % len(people)], seed=at, size=48) for at in range(count)]


def rows(database: Path) -> dict[str, int]:
    with sqlite3.connect(database) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        counted = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608 - names of its own tables
    connection.close()
    return counted


def traces(pictures: list[bytes], vectors: list[bytes], crops: list[bytes]) -> list[bytes]:
    """Pieces of each that no other has: from the middle of a file, the beginning of a vector, a row of a crop.
    A black row is no trace."""
    pieces = [
        *(picture[len(picture) // 2 :][:24] for picture in pictures),
        *(vector[:16] for vector in vectors),
        *(crop[len(crop) // 2 :][:32] for crop in crops),
    ]
    return [piece for piece in pieces if len(set(piece)) > 8]


@pytest.mark.parametrize("count", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_strangers_of_a_scan_leave_nothing(
    here: Installation,
    enrolled: Callable[[str, str], str],
    application: Application,
    scan: Callable[[list[bytes]], list[str]],
    state: Any,
    count: int,
) -> None:
    enrolled("AG-1", "red")
    pictures = strangers(count)
    assert scan([drawn(RED, seed=1, size=48)]) == ["needs_review"]
    before, kept = rows(here.folder / "state" / "lookalike.sqlite3"), set(state.files())
    verdicts = scan(pictures)
    assert len(verdicts) == count
    assert set(verdicts) == {"no_match"}
    after = rows(here.folder / "state" / "lookalike.sqlite3")
    assert {name for name in after if after[name] != before[name]} <= KEPT_OF_A_SCAN
    assert set(state.files()) - kept == set()
    decoded = [decode(picture, source="stranger", limits=DecodeLimits()) for picture in pictures]
    faces = [one.faces[0].vector.tobytes() for one in ColourExtractor(SIGNAL).extract(decoded)]
    pixels = [image.pixels.tobytes() for image in decoded]
    assert state.where(*traces(pictures, faces, pixels)) == {}


@pytest.mark.slow
@pytest.mark.evaluation
@pytest.mark.weights
def test_a_thousand_photographs_of_strangers_leave_nothing(
    eval_dir: Path, sample_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with the real networks, through the command that a user scans a folder with."""
    from typer.testing import CliRunner

    from api.commands import app
    from api.settings import load_settings

    people = sorted(path for path in (eval_dir / "lfw").iterdir() if path.is_dir())
    chosen = np.random.default_rng(7).permutation(len(people))[:1000]
    photographs = [min(people[at].glob("*.jpg")) for at in chosen]
    folder = tmp_path / "crawl"
    folder.mkdir()
    for number, path in enumerate(photographs):
        with Image.open(path) as image:
            image.resize((125, 125)).save(folder / f"{number}.jpg", quality=90)
    monkeypatch.setenv("LOOKALIKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LOOKALIKE_IMAGE_NETWORK", "none")

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(one) for one in arguments])

    run("talent", "add", "AG-1", "Ada Example")
    enrolled = run("enroll", "AG-1", sample_dir / "obama.jpg", "--release-signed-at", "2026-01-01")
    assert enrolled.exit_code == 0, enrolled.output
    found = sample_dir / "obama2.jpg"
    assert run("check", found).exit_code == 3
    files = {path for path in (tmp_path / "state").rglob("*") if path.is_file()}
    before = rows(tmp_path / "state" / "lookalike.sqlite3")
    scanned = run("scan", folder, "--out", tmp_path / "rows.jsonl")
    assert scanned.exit_code in (0, 3), scanned.output
    assert rows(tmp_path / "state" / "lookalike.sqlite3") == before
    assert {path for path in (tmp_path / "state").rglob("*") if path.is_file()} <= files
    with Application(
        load_settings({"LOOKALIKE_STATE_DIR": str(tmp_path / "state")}, tmp_path)
    ) as application:
        sample = [
            decode(path.read_bytes(), source="stranger", limits=DecodeLimits())
            for path in sorted(folder.iterdir())[:60]
        ]
        faces = [face.vector.tobytes() for one in application.extractor.extract(sample) for face in one.faces]
    assert len(faces) > 40
    everything = b"\0".join(path.read_bytes() for path in files if path.exists())
    pictures = [path.read_bytes() for path in folder.iterdir()]
    found_again = [
        t for t in traces(pictures, faces, [i.pixels.tobytes() for i in sample]) if t in everything
    ]
    assert found_again == []
