"""`lookalike calibrate`: a table from the user's own pictures, which then goes before the one that is shipped."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.calibration import read_tables
from detector.faces.sface import SIGNAL
from detector.signals import SignalId, SignalKind

PEOPLE = [
    (20 * red, 20 * green, 20 * blue)
    for red, green, blue in itertools.product(range(3, 13, 2), repeat=3)
    if max(red, green, blue) - min(red, green, blue) > 1
][:112]
"""Colours that the extractor of these tests takes for different people."""


def population(here: Any, people: int, pictures: int = 2) -> Path:
    """A manifest of so many people."""
    rows = ["person,image"]
    for number, colour in enumerate(PEOPLE[:people]):
        for seed in range(pictures):
            here.picture(f"people/{number}-{seed}.png", colour, seed=1000 * number + seed)
            rows.append(f"p{number},people/{number}-{seed}.png")
    return Path(here.file("people.csv", "\n".join(rows)))


def kept(here: Any) -> list[Path]:
    return list((here.folder / "state" / "calibration").glob("*"))


def test_too_few_pairs_say_how_many_are_missing(here: Any) -> None:
    said = here.run("calibrate", population(here, 10), code=2).stderr
    assert "[too_few_pairs]" in said
    assert "these pictures give 10 and 180, so 90 and 19,820 are missing" in said
    assert kept(here) == []


def test_a_table_is_made_kept_and_used(here: Any, colours: Any) -> None:
    manifest = population(here, 112)
    report = here.json("calibrate", manifest)
    made = report["made"]
    assert (made["people"], made["references"], made["mated"], made["impostor"]) == (
        112,
        112,
        112,
        2 * 112 * 111,
    )
    assert len(made["checks"]) == 2
    assert [path.name for path in kept(here)] == [Path(report["table"]).name]
    table = read_tables(here.folder / "state" / "calibration").face(SIGNAL)
    shipped = read_tables().face(SIGNAL)
    assert table.strength != shipped.strength
    (size, *similarities) = report["thresholds"][0]
    assert size == 100
    assert similarities == sorted(similarities), "a stricter rate needs more"

    here.run("talent", "add", "A", "Ada")
    here.run("enroll", "A", here.picture("a.png", colours["red"]), "--release-signed-at", "2026-01-01")
    row = json.loads(
        here.run("check", here.picture("b.png", colours["red"], seed=5), "--json", code=3).stdout
    )
    applied = row["faces"][0]["decision"]["threshold"]
    assert applied == pytest.approx(table.threshold(0.01, 100), abs=1e-3)
    assert applied != pytest.approx(shipped.threshold(0.01, 100), abs=1e-3)


def test_nothing_of_the_people_is_kept(here: Any) -> None:
    here.run("calibrate", population(here, 112))
    (table,) = kept(here)
    names = [f"p{number}" for number in range(112)]
    text = table.read_text("utf-8")
    assert not any(f'"{name}"' in text for name in names)
    assert not any((here.folder / "state").rglob("blobs/*/*"))


def test_written_elsewhere_it_does_not_count_yet(here: Any) -> None:
    here.run("calibrate", population(here, 112), "--write", here.folder / "mine.json")
    assert kept(here) == []
    assert json.loads((here.folder / "mine.json").read_text("utf-8"))["signal"] == str(SIGNAL)


def test_a_network_that_has_no_table_yet_is_calibrated(here: Any) -> None:
    signal = SignalId(SignalKind.FACE, "better", "2", "aligned")
    extractor = type(here.parts.extractor(None, None))(signal)
    here.parts = replace(here.parts, extractor=lambda settings, weights: extractor)
    manifest = population(here, 112)
    assert "[not_calibrated]" in here.run("check", here.folder / "people/0-0.png", code=2).stderr
    here.run("calibrate", manifest, "--write", here.folder / "mine.json")
    assert "[not_calibrated]" in here.run("check", here.folder / "people/0-0.png", code=2).stderr
    here.run("calibrate", manifest)
    here.run("check", here.folder / "people/0-0.png")


def test_it_never_writes_over_its_manifest(here: Any) -> None:
    manifest = population(here, 2)
    before = manifest.read_bytes()
    here.run("calibrate", manifest, "--write", manifest, code=2)
    assert manifest.read_bytes() == before


def test_what_is_left_out_is_counted_by_why(here: Any, colours: Any) -> None:
    manifest = population(here, 112)
    here.picture("grey.png", colours["grey"])
    here.picture("dark.png", colours["dark"])
    (here.folder / "text.png").write_text("no picture at all, only words")
    with manifest.open("a", encoding="utf-8") as file:
        file.write("\nx,grey.png\nx,dark.png\nx,text.png\nx,absent.png\n")
    said = here.run("calibrate", manifest).stderr
    for code in ("1 no_face", "1 low_quality_too_small", "1 not_an_image", "1 file_missing"):
        assert code in said


@pytest.mark.weights
def test_doctor_shows_where_the_table_comes_from(
    here: Any, weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(weights_dir))
    here.run("calibrate", population(here, 112))
    sections = {section["section"]: section for section in here.json("doctor")["sections"]}
    (row,) = [row for row in sections["calibration"]["rows"] if row["signal"] == str(SIGNAL)]
    assert "state/calibration" in row["table"]
    assert "people: 112" in row["how it was made"]
    rates = [line["strangers who hit somebody"] for line in sections["rates"]["rows"]]
    assert rates == ["5.00%", "1.00%", "0.30%", "0.10%"]
    assert sections["rates"]["remarks"] == ["for 0 talents, judged like 100"]
