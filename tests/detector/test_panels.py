"""Panels: what is put together is taken apart, and what is of one piece stays so."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detector.imagery import Pixels
from detector.images.panels import MOST, panels


def scene(seed: int, height: int = 240, width: int = 240) -> Pixels:
    """Soft shapes of strong colours, unlike any other seed's: what a photograph is to a search for seams."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def alike(one: Pixels, other: Pixels) -> float:
    """Mean difference in levels once both have the same size."""
    size = (64, 64)
    return float(np.abs(cv2.resize(one, size).astype(float) - cv2.resize(other, size)).mean())


def test_a_picture_of_one_piece_has_no_panels() -> None:
    assert [len(panels(scene(seed))) for seed in range(20)] == [0] * 20


def test_the_cells_of_a_collage_are_its_panels() -> None:
    cells = [scene(seed) for seed in range(4)]
    found = panels(cv2.vconcat([cv2.hconcat(cells[:2]), cv2.hconcat(cells[2:])]))
    assert len(found) == 4
    assert all(min(alike(cell, panel) for panel in found) < 8 for cell in cells)


def test_cells_of_unequal_size_are_found_one_cut_after_the_other() -> None:
    tall, upper, lower = scene(1, 300, 200), scene(2, 100, 180), scene(3, 200, 180)
    found = panels(cv2.hconcat([tall, cv2.vconcat([upper, lower])]))
    assert [min(alike(cell, panel) for panel in found) < 8 for cell in (tall, upper, lower)] == [True] * 3


@pytest.mark.parametrize("shade", [18, 250])
def test_the_photograph_on_a_page_is_the_only_panel(shade: int) -> None:
    page = np.full((720, 360, 3), shade, np.uint8)
    page[100:400] = scene(5, 300, 360)
    cv2.putText(page, "lorem ipsum dolor", (12, 500), cv2.FONT_HERSHEY_DUPLEX, 0.8, (128, 128, 128))
    (panel,) = panels(page)
    assert alike(panel, scene(5, 300, 360)) < 8


def test_a_frame_around_a_picture_makes_no_panel() -> None:
    framed = cv2.copyMakeBorder(scene(3), 14, 14, 14, 14, cv2.BORDER_CONSTANT, value=(240, 240, 240))
    assert panels(framed) == []


def test_a_blank_picture_has_no_panels() -> None:
    assert panels(np.full((300, 300, 3), 200, np.uint8)) == []


@pytest.mark.weights
def test_a_portrait_has_no_panels(sample_dir: Path) -> None:
    for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png"):
        assert panels(np.asarray(Image.open(sample_dir / name).convert("RGB"))) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_any_picture_gives_a_few_panels_inside_it(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), np.uint8)
    rows, columns = (int(rng.integers(0, size)) for size in (height, width))
    picture[:rows] //= 4
    picture[:, :columns] //= 2
    found = panels(picture)
    assert len(found) <= MOST
    for panel in found:
        assert 0 < panel.shape[0] <= height
        assert 0 < panel.shape[1] <= width
        assert panel.size < picture.size
