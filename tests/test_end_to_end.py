"""The whole evaluation through the real commands: the floor below which a change may not land.

The bounds are what the plainest use of the same networks reaches (the cosine to the best reference), as issue 2
asks. How much better it is, and against which peer, is for `benchmarks` to print.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.end_to_end import EndToEnd, measure


@pytest.fixture(scope="module")
def done(eval_dir: Path, weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> EndToEnd:
    return measure(eval_dir, tmp_path_factory.mktemp("evaluation"))


@pytest.mark.evaluation
@pytest.mark.slow
@pytest.mark.weights
def test_the_gallery_is_enrolled_and_every_probe_has_its_row(done: EndToEnd) -> None:
    assert sum(done.enrolled.values()) == 766
    assert done.enrolled["rejected"] < 0.03 * 766
    assert len(done.rows) == len(done.probes)
    assert done.missing == 0


@pytest.mark.evaluation
@pytest.mark.slow
@pytest.mark.weights
def test_talents_are_found_and_strangers_are_not(done: EndToEnd) -> None:
    at_1_percent, at_03_percent = done.reports()
    assert at_1_percent.missed_real <= 0.007
    assert at_03_percent.missed_real <= 0.012
    assert at_1_percent.photoreal_found >= 0.85
    assert at_03_percent.photoreal_found >= 0.78
