"""What speed is measured on and how: the same pictures for the same seed, and figures that say what they claim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.catalogue import GARMENTS, PEOPLE, SIDES, make_catalogue
from benchmarks.scan_speed import Scan


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number, name in enumerate((*PEOPLE, *GARMENTS)):
        folder = tmp_path / "source" / name
        folder.mkdir(parents=True)
        pixels = np.random.default_rng(number).integers(0, 256, (60, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "one.png")
    return tmp_path / "source"


def longer_side(path: Path) -> int:
    with Image.open(path) as picture:
        return max(picture.size)


def test_the_catalogue_is_the_same_for_the_same_seed_and_has_a_shops_sizes(
    source: Path, tmp_path: Path
) -> None:
    first = make_catalogue(source, tmp_path / "a", 12, seed=7)
    again = make_catalogue(source, tmp_path / "b", 12, seed=7)
    other = make_catalogue(source, tmp_path / "c", 12, seed=8)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert [path.read_bytes() for path in first] != [path.read_bytes() for path in other]
    longer = [longer_side(path) for path in first]
    assert all(SIDES[0] <= side <= SIDES[1] for side in longer)
    assert len(set(longer)) > 1


def test_bound_rate_and_slope() -> None:
    stages = {"find faces": 0.02, "recognise": 0.03}
    grown = tuple(400.0 + 0.1 * row for row in range(300))
    scan = Scan(300, 0, 250, 7.5, 14.0, stages, grown)
    assert scan.rate == pytest.approx(40)
    assert scan.bound(2) == pytest.approx(40)
    assert scan.bound(4) == pytest.approx(80)
    assert scan.slope == pytest.approx(100)
