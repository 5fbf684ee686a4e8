"""`make bench`: run every benchmark, then print one table: goal, figure, peer, command, machine, seed.

    python -m benchmarks.table ../shared/eval --out FOLDER [--only NAME …] [--report docs/benchmarks.md]

Each benchmark is a process of its own and leaves `NAME.json` in FOLDER. One that needs something this machine hasn't got
(another program beside it, the clip extra, a network's file) is listed with what it said, never left out. `--keep`
takes the files that are there instead of running again. `--report` writes the table as Markdown, with the plots.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Result

LIMIT_S = 3600


@dataclass(frozen=True, slots=True)
class Run:
    """One benchmark: its name in the table and its command line after `python -m`; {eval} is the pictures' folder."""

    name: str
    arguments: tuple[str, ...]


RUNS = (
    Run("identification", ("benchmarks.identification", "{eval}")),
    Run("end_to_end", ("benchmarks.end_to_end", "{eval}")),
    Run("fairness", ("benchmarks.fairness", "{eval}")),
    Run("copies", ("benchmarks.copies", "--eval-dir", "{eval}", "--sscd", "--tower", "data/tower")),
    Run("throughput", ("benchmarks.throughput", "{eval}")),
    Run("clip_speed", ("benchmarks.clip_speed",)),
    Run("enrolment", ("benchmarks.enrolment", "{eval}")),
    Run("load", ("benchmarks.load", "{eval}")),
    Run("index", ("benchmarks.index_bench",)),
)

Outcome = Result | str
"""What a benchmark gave, or why it gave nothing."""


def main() -> None:
    asked = _options()
    asked.out.mkdir(parents=True, exist_ok=True)
    chosen = [run for run in RUNS if not asked.only or run.name in asked.only]
    extra = {name: shlex.split(words) for name, _, words in (each.partition(":") for each in asked.options)}
    found = {run.name: _outcome(run, asked, extra.get(run.name, [])) for run in chosen}
    print_table(found)
    if asked.report:
        from benchmarks.report import write_report  # noqa: PLC0415  draws, so needs the bench extra

        write_report(asked.report, found)


def _outcome(run: Run, asked: argparse.Namespace, extra: Sequence[str]) -> Outcome:
    path = asked.out / f"{run.name}.json"
    if asked.keep and path.exists():
        return Result.read(path)
    path.unlink(missing_ok=True)
    words = [word.format(eval=asked.folder) for word in run.arguments]
    command = [sys.executable, "-m", *words, *extra, "--json", str(path)]
    print(f"== {shlex.join(command[1:])}", flush=True)
    try:
        code = subprocess.run(command, timeout=LIMIT_S, check=False).returncode
    except subprocess.TimeoutExpired:
        return f"took longer than {LIMIT_S} s"
    return Result.read(path) if path.exists() else f"ended with {code} and no figures; see above"


def print_table(found: Mapping[str, Outcome]) -> None:
    """One line per figure, on standard output."""
    table = Table("benchmark", "figure", "measured", "goal", "met", "peer", "seed", title="Benchmarks")
    for cells in lines(found):
        table.add_row(*cells)
    console = Console(width=max(Console().width, 150))
    console.print(table)
    for name, result in found.items():
        if isinstance(result, Result):
            console.print(f"{name}: {result.command}  [{result.machine}]", soft_wrap=True, markup=False)


def lines(found: Mapping[str, Outcome]) -> Iterator[tuple[str, ...]]:
    """The table's cells as text; one line for a benchmark that gave no figure."""
    for name, result in found.items():
        if isinstance(result, str):
            yield (name, result, "", "", "", "", "")
            continue
        for figure in result.figures:
            seed = "" if result.seed is None else str(result.seed)
            yield (name, figure.name, shown(figure.value, figure.unit), *_judged(figure), seed)


def _judged(figure: Figure) -> tuple[str, str, str]:
    goal = "" if figure.goal is None else f"{figure.direction} {shown(figure.goal, figure.unit)}"
    met = {None: "", True: "yes", False: "no"}[figure.met]
    peer = "" if figure.peer is None else f"{shown(figure.peer, figure.unit)} {figure.peer_name}".strip()
    return goal, met, peer


def shown(value: float, unit: str) -> str:
    """A number with its unit: shares as per cent, others with three significant digits."""
    if unit == "share":
        return f"{value:.2%}"
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.table", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/eval"))
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder of the JSON files")
    parser.add_argument("--only", nargs="*", default=[], choices=[run.name for run in RUNS])
    parser.add_argument("--keep", action="store_true", help="take the files that are there")
    parser.add_argument("--report", type=Path, help="Markdown file to write, plots in a folder beside it")
    parser.add_argument(
        "--options",
        nargs="*",
        default=[],
        metavar="NAME:OPTIONS",
        help='more options for one benchmark: "throughput:--deepface /path/to/python"',
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
