"""Progress bars of downloads, one per file, on standard error; nothing where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from api.terminal import console

if TYPE_CHECKING:
    from data.weights import Progress


@contextmanager
def download_bars() -> Iterator[Callable[[Progress], None]]:
    """What a cache of weights reports to. A bar appears with the first report of its file."""
    err = console(sys.stderr)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    bars = Bars(*columns, console=err, disable=not err.is_terminal, transient=True)
    tasks: dict[tuple[str, str], TaskID] = {}

    def report(progress: Progress) -> None:
        if progress.source == "cache":  # the file is here: leave the terminal to whatever comes next
            clear()
            return
        key = (progress.name, progress.source)
        if key not in tasks:
            bars.start()
            tasks[key] = bars.add_task(f"{progress.name} from the {progress.source}", total=progress.total)
        bars.update(tasks[key], completed=progress.done, total=progress.total)

    def clear() -> None:
        for task in tasks.values():
            bars.remove_task(task)
        tasks.clear()
        bars.stop()

    try:
        yield report
    finally:
        clear()
