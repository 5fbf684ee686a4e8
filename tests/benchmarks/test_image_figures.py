"""What the figures of the image networks come from: similarities by views, the table, ranks among distractors."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.calibrate_images import Measured, copies_of, similarities, table_of
from benchmarks.copy_edits import EDITS
from benchmarks.shortlist import nearer, ranks_among, stops
from data.calibration import parse_table
from detector.signals import SignalId, SignalKind

SIGNAL = SignalId(SignalKind.IMAGE, "net", "1", "square8.area")


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    matrix = np.array(rows, np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_two_pictures_are_as_alike_as_their_most_alike_views() -> None:
    queries = [unit((1, 0, 0)), unit((0, 1, 0), (0, 0, 1))]
    references = [unit((0, 1, 0), (1, 1, 0)), unit((0, 0, 1))]
    found = similarities(queries, references)
    assert found == pytest.approx(np.array([[np.sqrt(0.5), 0], [1, 1]]), abs=1e-6)


def test_the_table_keeps_99_of_100_copies_and_can_be_read_back() -> None:
    rng = np.random.default_rng(5)
    unrelated = rng.normal(0.1, 0.1, (300, 1500)).astype(np.float32)
    own = rng.normal(0.7, 0.1, (len(EDITS), 60)).astype(np.float32)
    written = table_of(str(SIGNAL), Measured(unrelated, own, np.zeros(own.shape, np.int64)))
    assert (own >= written["shortlist"]).mean() == pytest.approx(0.99, abs=0.003)
    table = parse_table(written)
    assert table.signal == SIGNAL
    assert table.near <= table.very_near
    for share in (1e-2, 1e-3, 1e-4):
        at = float(np.quantile(unrelated, 1 - share))
        assert table.strength(at) == pytest.approx(-np.log(share), abs=0.02)


def test_distractors_nearer_than_the_original_push_its_rank() -> None:
    references = [unit((1, 0, 0)), unit((0, 1, 0))]
    copies = [[unit((1, 0.2, 0)), unit((0, 1, 0.6))]]
    assert ranks_among(copies, references).tolist() == [[0, 0]]
    distractors = [unit((1, 0.2, 0)), unit((0, 1, 0.5)), unit((0, 0, 1))]
    assert nearer(copies, references, distractors).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(0, 10, [5, 10]), (10, 20, [20]), (8, 12, [10, 12]), (4, 5, [5])]
)
def test_a_chunk_of_twenty_distractors_is_cut_where_figures_are_printed(
    first: int, last: int, expected: list[int]
) -> None:
    assert stops(first, last, 20) == expected


def test_every_edit_gives_a_copy_of_every_picture() -> None:
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (90, 70, 3), np.uint8) for _ in range(5)]
    made = list(copies_of(pictures[:2], pictures[2:], 3))
    assert [len(copies) for copies in made] == [2] * len(EDITS)
    again = list(copies_of(pictures[:2], pictures[2:], 3))
    assert all(
        np.array_equal(a, b)
        for one, other in zip(made, again, strict=True)
        for a, b in zip(one, other, strict=True)
    )
