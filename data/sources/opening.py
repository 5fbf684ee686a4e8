"""One door for every kind of source: what the path is decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data.sources.feed import Feed
from data.sources.files import file_item
from data.sources.folder import walk_folder
from data.sources.items import Item
from data.sources.manifest import Manifest
from detector.errors import UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """Items, in the same order each time it is iterated (as long as the files stay)."""

    path: Path
    _items: Callable[[], Iterable[Item]]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items())

    def count(self) -> int:
        """How many items there are: one pass over names or rows, no picture is read."""
        return sum(1 for _ in self)


def open_source(path: Path) -> Source:
    """A folder, a manifest (`.csv`), a feed (`.jsonl`, `.ndjson`) or one picture.

    Raises UsageError when there is nothing at the path, or its columns are wrong.
    """
    if path.is_dir():
        return Source(path, partial(walk_folder, path))
    if not path.exists():
        raise UsageError(f"there is no file or folder {path}")
    match path.suffix.lower():
        case ".csv":
            return Source(path, partial(iter, Manifest.open(path)))
        case ".jsonl" | ".ndjson":
            return Source(path, partial(iter, Feed.open(path)))
        case _:
            return Source(path, lambda: [file_item(path)])
