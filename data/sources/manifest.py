"""A manifest: a CSV file with the column `image` and any others.

    header ─ checked once, a wrong one is a usage error ─▶ rows ─▶ one item each, also for the broken ones

Paths are relative to the manifest. A name is taken exactly as written, with its blanks and line breaks; bytes
that are no UTF-8 are kept, since file names may hold them. Empty lines are no rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from data.sources.files import bad_row, named_item
from data.sources.items import Item, shown
from detector.errors import UsageError

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose header is right."""

    path: Path
    columns: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> Manifest:
        """Raises UsageError when the file can't be read or its header is wrong."""
        try:
            with _opened(path) as file:
                header = next(csv.reader(file, strict=True), [])
        except OSError as error:
            raise UsageError(f"the manifest {path} can't be read: {error.strerror}") from error
        except csv.Error as error:
            raise UsageError(f"the manifest {path} is no CSV: {error}") from error
        return cls(path, _checked(path, header))

    def __iter__(self) -> Iterator[Item]:
        with _opened(self.path) as file:
            lines = csv.reader(file, strict=True)
            next(lines)
            while True:
                place = f"{self.path}:{lines.line_num + 1}"
                try:
                    cells = next(lines, None)
                except csv.Error as error:
                    yield bad_row(place, f"the row is no valid CSV ({error})")
                    continue
                if cells is None:
                    return
                if cells:
                    yield self._item(cells, place)

    def _item(self, cells: Sequence[str], place: str) -> Item:
        row = {name: shown(cell) for name, cell in zip(self.columns, cells, strict=False) if name != IMAGE}
        if len(cells) > len(self.columns):
            why = f"the row has {len(cells)} cells, but there are {len(self.columns)} columns"
            return bad_row(place, why, row)
        at = self.columns.index(IMAGE)
        return named_item(cells[at] if at < len(cells) else None, row, self.path.parent, place)


def _opened(path: Path) -> IO[str]:
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _checked(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(shown(name).strip() for name in header)
    if any("\x00" in name for name in columns):
        raise UsageError(f"the manifest {path} is no UTF-8 text; save it as CSV in UTF-8")
    if IMAGE not in columns:
        found = ", ".join(name for name in columns if name) or "none"
        raise UsageError(
            f"the manifest {path} lacks the column `image` (its columns, split at commas: {found}); "
            "the first line must name the columns"
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise UsageError(f"the manifest {path} has the column `{'`, `'.join(twice)}` more than once")
    return columns
