"""What a command prints: tables and facts for a person, JSON for a program, progress on standard error.

On a terminal, Rich draws and colours. In a pipe the same tables come out as plain aligned text, never
wrapped and without colour codes, so that `grep` and `awk` work on them. Results go to standard output,
everything else to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

PIPE_WIDTH = 100_000
"""Columns of a line in a pipe: wide enough that nothing is ever wrapped or cut."""


NARROWEST = 24
"""Columns that the widest cell of a drawn table keeps at least, so that an id is never folded."""


def console(stream: IO[str] | None = None) -> Console:
    """A console for standard output (or `stream`), looked up now: tests replace the streams."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table: drawn on a terminal, aligned text in a pipe. Line breaks in a cell are shown as blanks."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    if _fits(console(), widths):
        _draw(columns, cells, widths.index(max(widths)))
        return
    for row in (columns, *cells):
        aligned = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(aligned).rstrip() + "\n")


def _fits(out: Console, widths: Sequence[int]) -> bool:
    """Whether a drawn table has room for every column but the widest, which may be folded to NARROWEST."""
    needed = sum(widths) - max(widths) + min(NARROWEST, max(widths)) + 3 * (len(widths) - 1)
    return out.is_terminal and needed <= out.width


def _draw(columns: Sequence[str], cells: Sequence[Sequence[str]], widest: int) -> None:
    """Only the widest column is folded where the terminal is narrow: ids stay whole, to be copied."""
    heads = (Column(name, overflow="fold", no_wrap=at != widest) for at, name in enumerate(columns))
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for row in cells:
        table.add_row(*map(Text, row))
    console().print(table)


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else _plain(value).replace("\n", " ")


def _plain(value: object) -> str:
    """Control characters of a name must not reach the terminal."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(value))


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values, one pair a line."""
    out = console()
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        out.print(Text.assemble((f"{name:<{width}}  ", "bold"), _cell(value)))


def day_of(moment: str | None) -> str | None:
    """The day of an ISO 8601 moment, in the moment's own zone."""
    return None if moment is None else moment[:10]


def print_json(value: Any) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def say(line: str) -> None:
    """One line of result to standard output."""
    sys.stdout.write(_plain(line) + "\n")


def note(line: str) -> None:
    """One line for the person watching, to standard error."""
    sys.stderr.write(_plain(line) + "\n")


class RateColumn(ProgressColumn):
    """Steps a second, once known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, silent unless that is a terminal. Yields what advances it."""
    err = console(sys.stderr)
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)
