"""The latest figures as `docs/benchmarks.md` with its plots: DET curve, recall per edit, time per stage.

A plot is drawn when its benchmark left the series for it; the text names those that are missing. SVG, so that a
change of figures is a change of text in the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.figures import Result
from benchmarks.table import Outcome, lines

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "lookalike"  # ids in the file don't change from run to run
mpl.rcParams["svg.fonttype"] = "none"
mpl.rcParams["font.size"] = 10

from matplotlib import pyplot  # noqa: E402  the back end is chosen first
from matplotlib.axes import Axes  # noqa: E402

HEAD = """# Benchmarks

The latest run of `make bench`, written by `python -m benchmarks.table --report docs/benchmarks.md`: don't edit by
hand. What the figures mean and how choices were made: [thresholds](thresholds.md), [copies](copies.md),
[performance](performance.md), [fairness](fairness.md). The evaluation pictures are for development; the goals are set on
other pictures, which we don't have. `met` compares these figures with those goals.
"""

Drawer = Callable[[Axes, Mapping[str, Any]], None]


def write_report(path: Path, found: Mapping[str, Outcome]) -> None:
    """Write `path` and its plots into the folder `plots` beside it."""
    parts = [HEAD, _table(found), *_plots(path.parent / "plots", found), _commands(found)]
    path.write_text("\n".join(parts), encoding="utf-8")


def _table(found: Mapping[str, Outcome]) -> str:
    head = "| benchmark | figure | measured | goal | met | peer, same run | seed |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(cells)} |\n" for cells in lines(found))


def _commands(found: Mapping[str, Outcome]) -> str:
    rows = [
        f"- {name}: `{result.command}` ({_chosen(result.options)})\n  on {result.machine}"
        for name, result in found.items()
        if isinstance(result, Result)
    ]
    return "## Commands and machine\n\n" + "\n".join(rows) + "\n"


def _chosen(options: Mapping[str, str]) -> str:
    """Options without paths, which are this machine's own."""
    return ", ".join(f"{name} {value}" for name, value in options.items() if "/" not in value)


def _plots(folder: Path, found: Mapping[str, Outcome]) -> Iterator[str]:
    for benchmark, series, title, draw in PLOTS:
        result = found.get(benchmark)
        if not isinstance(result, Result) or series not in result.series:
            yield f"*{title}*: no series from `{benchmark}` in this run.\n"
            continue
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{series}.svg"
        _draw(file, title, lambda axes, draw=draw, data=result.series[series]: draw(axes, data))
        yield f"## {title}\n\n![{title}](plots/{file.name})\n"


def _draw(file: Path, title: str, draw: Callable[[Axes], None]) -> None:
    figure, axes = pyplot.subplots(figsize=(7.2, 4.2), layout="constrained")
    draw(axes)
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def _det(axes: Axes, data: Mapping[str, Any]) -> None:
    """Curves by name: lists `fpir` and `fnir`, shares."""
    for name, curve in data.items():
        axes.plot(curve["fpir"], curve["fnir"], label=name, drawstyle="steps-post")
    axes.set(xscale="log", yscale="log", xlabel="false-positive identification rate", ylabel="missed (FNIR)")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(frameon=False, fontsize=8)


def _bars(axes: Axes, data: Mapping[str, Any]) -> None:
    """Groups by name: a mapping of label to value, one colour a group."""
    labels = list(dict.fromkeys(label for group in data.values() for label in group))
    height = 0.8 / len(data)
    for place, (name, group) in enumerate(data.items()):
        at = [row + place * height for row in range(len(labels))]
        axes.barh(at, [group.get(label, 0.0) for label in labels], height=height * 0.92, label=name)
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(labels))], labels)
    axes.invert_yaxis()
    axes.grid(visible=True, axis="x", alpha=0.25)
    axes.legend(frameon=False, fontsize=8, ncols=len(data), loc="upper center", bbox_to_anchor=(0.5, -0.08))


PLOTS: tuple[tuple[str, str, str, Drawer], ...] = (
    ("identification", "det_real", "DET curve, real photographs", _det),
    ("identification", "det_replicas", "DET curve, photoreal replicas", _det),
    ("copies", "recall_per_edit", "Copies proven per edit, by the product's own thresholds", _bars),
    ("throughput", "stage_ms", "Processor time per stage, milliseconds a picture", _bars),
)
