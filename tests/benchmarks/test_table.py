"""`make bench`: what a benchmark leaves is read back whole, judged against its goal, and never left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import Figure, Result
from benchmarks.report import write_report
from benchmarks.table import lines, shown

DET = {"ours": {"fpir": [0.001, 0.01, 0.1], "fnir": [0.02, 0.01, 0.005]}}


def result(*figures: Figure, **series: object) -> Result:
    return Result("python -m benchmarks.copies", {"edited": "25"}, 7, figures, series)


def test_a_result_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    kept = result(Figure("recall", 0.98, "share", "at least", 0.97, 0.9, "SSCD"), det_real=DET)
    kept.write(tmp_path / "copies.json")
    assert Result.read(tmp_path / "copies.json") == Result(
        kept.command, kept.options, kept.seed, list(kept.figures), kept.series, kept.machine
    )


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("recall", 0.97, "share", "at least", 0.97), True),
        (Figure("recall", 0.96, "share", "at least", 0.97), False),
        (Figure("start", 2.0, "s", "at most", 2.0), True),
        (Figure("start", 2.1, "s", "at most", 2.0), False),
        (Figure("memory", 800, "MiB"), None),
    ],
)
def test_a_figure_is_judged_in_its_direction(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


def test_a_benchmark_without_figures_has_its_line_with_the_reason() -> None:
    found = {
        "copies": result(Figure("recall", 0.98, "share", "at least", 0.97)),
        "clip_speed": "ended with 2",
    }
    assert [line[:3] for line in lines(found)] == [
        ("copies", "recall", "98.00%"),
        ("clip_speed", "ended with 2", ""),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0035, "share", "0.35%"),
        (123.4, "pictures/s", "123 pictures/s"),
        (4.567, "ms", "4.57 ms"),
        (2, "", "2"),
    ],
)
def test_numbers_are_shown_with_their_unit(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_the_report_has_the_table_the_plots_there_are_and_names_those_there_are_not(tmp_path: Path) -> None:
    report = tmp_path / "benchmarks.md"
    found = {"identification": result(Figure("FNIR", 0.004, "share", "at most", 0.005), det_real=DET)}
    write_report(report, found)
    text = report.read_text()
    assert "| identification | FNIR | 0.40% | at most 0.50% | yes |" in text
    assert (tmp_path / "plots" / "det_real.svg").read_text().startswith("<?xml")
    assert "no series from `copies`" in text


def test_the_same_figures_draw_the_same_file(tmp_path: Path) -> None:
    found = {"identification": result(det_real=DET)}
    drawn = []
    for _ in range(2):
        write_report(tmp_path / "benchmarks.md", found)
        drawn.append((tmp_path / "plots" / "det_real.svg").read_bytes())
    assert drawn[0] == drawn[1]


def test_a_kept_file_is_taken_without_running_anything(tmp_path: Path) -> None:
    result(Figure("recall", 0.98, "share", "at least", 0.97)).write(tmp_path / "copies.json")
    command = [sys.executable, "-m", "benchmarks.table", "/nowhere", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--keep", "--only", "copies"], capture_output=True, text=True, check=True
    )
    assert "98.00%" in done.stdout
    assert "==" not in done.stdout
